"""The child, the episode of care, and the homes in which the child lives."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from shared.domain.catalogue.base import CivilDate, EventData
from shared.domain.catalogue.identifiers import AbsenceId, EpisodeId, HomeId, LegalReasonId
from shared.domain.ids import Code


class LegalReason(StrEnum):
    """On what legal footing the child is looked after."""

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


class LegalReasonEnd(StrEnum):
    """Why a legal reason no longer holds."""

    EXPIRED = "expired"
    ENDED_BY_HEARING_OR_COURT = "ended_by_hearing_or_court"
    AGREEMENT_ENDED = "agreement_ended"
    REPLACED = "replaced"
    OTHER = "other"


class TransferDirection(StrEnum):
    """Which way responsibility for a child passed between authorities."""

    TO_OTHER_AUTHORITY = "to_other_authority"
    FROM_OTHER_AUTHORITY = "from_other_authority"


class AbsenceKind(StrEnum):
    """Why a child was for a time not where the child lives."""

    HOLIDAY = "holiday"
    HOSPITAL = "hospital"
    WITH_FAMILY = "with_family"
    SHORT_BREAK = "short_break"
    MISSING = "missing"
    OTHER = "other"


class ChildRegistered(EventData):
    """The council began a record of this child.

    Timetable and journeys show the team, and journeys the date of birth; no date rests on it.
    """

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
    """Another team works with the child from this day.

    Timetable and journeys show the team; no date rests on it.
    """

    team: Code = Field(description="Code of the team that works with the child from this day.")


class ChildBecameLookedAfter(EventData):
    """The child became looked after by the council, be it at home or away from home.

    It begins neither an episode of care nor a review clock: `child.accommodated` and
    `home.started` do, and are recorded as well.  A journey keeps it with the child, not
    with an episode.  Neither review dates nor milestones rest on it today.
    """

    legal_reason: LegalReason
    home_kind: HomeKind | None = Field(
        default=None, description="Where the child lived on that day: `parents` is being looked after at home."
    )


class ChildAccommodated(EventData):
    """The child came to be cared for away from home: an episode of care began.

    Timetable: reviews counted from the accommodation begin.  Journeys: begins an episode.
    """

    episode_id: EpisodeId
    legal_reason: LegalReason


class HomeStarted(EventData):
    """The child began to live in this home.

    Timetable: reviews counted from the start of a home begin (SSI 2009/210 reg 45).
    Journeys: the first one of an episode reaches a milestone.
    """

    home_id: HomeId
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
    """The child no longer lives in this home.

    Timetable: reviews of this home stop being owed.
    """

    home_id: HomeId
    reason: HomeEndReason


class CareSettingChanged(EventData):
    """The home in which the child lives became one of another kind, though the child did not move.

    For instance kinship carers were approved as foster carers.  A move is told by
    `home.ended` and `home.started`, on which reviews rest; without one the regulations go on
    as before, since they treat every home away from parents alike, and living with parents
    is always another home.  Neither review dates nor milestones rest on it today.
    """

    home_id: HomeId
    home_kind: Literal[
        HomeKind.KINSHIP,
        HomeKind.FOSTER,
        HomeKind.RESIDENTIAL,
        HomeKind.SECURE,
        HomeKind.PROSPECTIVE_ADOPTERS,
        HomeKind.OTHER,
    ] = Field(description="What kind of home it is from this day on.")


class LegalReasonStarted(EventData):
    """A legal reason for which the child is looked after began to hold; several may hold at once.

    Reviews are counted from homes and episodes, not from it.  Timetable: where an adopted pack
    asks for that, the day on which it expires is shown as a deadline.
    """

    legal_reason_id: LegalReasonId
    legal_reason: LegalReason
    expires_on: CivilDate | None = Field(
        default=None, description="The day on which it ends unless it is continued, where one is set."
    )


class LegalReasonEnded(EventData):
    """A legal reason for which the child was looked after no longer holds.

    It ends no review, not even the last one that held: `home.ended` and `episode.ended` do.
    Timetable: its own expiry, where an adopted pack shows that, is no deadline any more.
    """

    legal_reason_id: LegalReasonId
    reason: LegalReasonEnd


class CaseTransferred(EventData):
    """Responsibility for the child passed to another authority, or came from one.

    The child's clocks go on wherever responsibility lies, so no review moves or ends with it;
    where this council's care ended, `episode.ended` says so.  A change of team within the
    council is `child.team_assigned`.  A journey keeps it with the child, not with an episode.
    Neither review dates nor milestones rest on it today.
    """

    direction: TransferDirection
    other_authority: Code | None = Field(default=None, description="A code from the council's own list.")


class AbsenceStarted(EventData):
    """The child is for a time not where the child lives, without having left that home.

    No Scottish rule pauses reviews for it, so they stay owed as they were.  A move is told by
    `home.ended` and `home.started`.  Neither review dates nor milestones rest on it today.
    """

    absence_id: AbsenceId
    absence_kind: AbsenceKind
    home_id: HomeId | None = Field(default=None, description="The home in which the child lives.")
    expected_back_on: CivilDate | None = Field(default=None, description="The day on which the child is expected back.")


class AbsenceEnded(EventData):
    """An absence is over.

    Where the child did not come back, `home.ended` says that the child left that home.
    Neither review dates nor milestones rest on it today.
    """

    absence_id: AbsenceId
    returned: bool = Field(description="Whether the child came back to the home.")


class EpisodeEnded(EventData):
    """The child stopped being cared for away from home under this episode.

    Timetable: reviews of the episode and its homes stop being owed; with `died`, all reviews.
    Journeys: ends the episode.
    """

    episode_id: EpisodeId
    destination: Destination
