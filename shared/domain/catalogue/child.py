"""The child, the episode of care, and the homes in which the child lives."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from pydantic import Field, ValidationInfo, field_validator

from shared.domain.catalogue.base import CivilDate, EventData
from shared.domain.ids import Code, Identifier


class LegalReason(StrEnum):
    """On what legal footing the child is cared for away from home."""

    SECTION_25 = "section_25"
    COMPULSORY_SUPERVISION_ORDER = "compulsory_supervision_order"
    INTERIM_COMPULSORY_SUPERVISION_ORDER = "interim_compulsory_supervision_order"
    CHILD_PROTECTION_ORDER = "child_protection_order"
    CHILD_ASSESSMENT_ORDER = "child_assessment_order"
    PERMANENCE_ORDER = "permanence_order"
    PERMANENCE_ORDER_WITH_AUTHORITY_TO_ADOPT = "permanence_order_with_authority_to_adopt"
    CRIMINAL_COURT_ORDER = "criminal_court_order"
    WARRANT = "warrant"
    OTHER = "other"


class HomeKind(StrEnum):
    """Where a child lives; statute calls all but ``parents`` a placement."""

    PARENTS = "parents"
    KINSHIP = "kinship"
    FOSTER = "foster"
    RESIDENTIAL = "residential"
    SECURE = "secure"
    PROSPECTIVE_ADOPTERS = "prospective_adopters"
    OTHER = "other"


class HomeEndReason(StrEnum):
    """Why a child left a home."""

    PLANNED_MOVE = "planned_move"
    UNPLANNED_MOVE = "unplanned_move"
    RETURNED_TO_PARENTS = "returned_to_parents"
    CARE_ENDED = "care_ended"
    OTHER = "other"


class Destination(StrEnum):
    """Where a child is when an episode of care ends."""

    PARENTS = "parents"
    KINSHIP_CARE_ORDER = "kinship_care_order"
    ADOPTION = "adoption"
    CONTINUING_CARE = "continuing_care"
    INDEPENDENT_LIVING = "independent_living"
    OTHER_AUTHORITY = "other_authority"
    CUSTODY = "custody"
    DIED = "died"
    OTHER = "other"
    NOT_KNOWN = "not_known"


class ChildRegistered(EventData):
    """The council began a record of this child."""

    born_on: CivilDate | None = Field(
        default=None, description="Date of birth, not after `occurred_on`; absent for an unborn child."
    )
    team: Code | None = Field(default=None, description="Code of the team that works with the child.")

    @field_validator("born_on")
    @classmethod
    def _born_by_then(cls, born_on: date | None, info: ValidationInfo) -> date | None:
        # Absent here if it is itself at fault, which is then told.
        known_on: date | None = info.data.get("occurred_on")
        if born_on is not None and known_on is not None and born_on > known_on:
            raise ValueError("born_on lies after occurred_on; an unborn child has no date of birth yet")
        return born_on


class ChildTeamAssigned(EventData):
    """Another team works with the child from this day."""

    team: Code


class ChildAccommodated(EventData):
    """The child came to be cared for away from home: an episode of care began."""

    episode_id: Identifier
    legal_reason: LegalReason


class HomeStarted(EventData):
    """The child began to live in this home."""

    home_id: Identifier
    home_kind: HomeKind
    emergency: bool = Field(
        default=False,
        description="An emergency placement (SSI 2009/210 reg 36), which owes a review within three working days.",
    )
    short_break_series: bool = Field(
        default=False,
        description="One of a series of short placements treated as one (regs 14, 30): no six-week review is owed.",
    )


class HomeEnded(EventData):
    """The child no longer lives in this home."""

    home_id: Identifier
    reason: HomeEndReason


class EpisodeEnded(EventData):
    """The child stopped being cared for away from home under this episode."""

    episode_id: Identifier
    destination: Destination
