"""What is agreed, asked for or decided about a child's reviews, and the visits between them.

The meetings themselves are in :mod:`shared.domain.catalogue.meeting`.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from shared.domain.catalogue.base import MAX_ITEMS, AtMeeting, CivilDate, EventData
from shared.domain.catalogue.identifiers import HomeId, VisitId
from shared.domain.catalogue.roles import Role
from shared.domain.ids import Code

_ORDINAL = "Which one of its kind, from 1; without it the earliest one that is open on that day is meant."


class FrequencyUnit(StrEnum):
    """In what an agreed interval is counted."""

    DAYS = "days"
    WEEKS = "weeks"
    MONTHS = "months"


class ReviewFrequencyAgreed(AtMeeting):
    """How often the case of a child is reviewed was agreed, where the law leaves it to agreement.

    For a child who lives with parents it has to be agreed with the child, the parents and
    others (SSI 2009/210 reg 44(5)).  It holds from this day until another is agreed.
    Neither review dates nor milestones rest on it today.
    """

    interval_count: int = Field(ge=1, le=120, description="How many of the unit lie between two reviews at most.")
    interval_unit: FrequencyUnit
    agreed_with: tuple[Role, ...] = Field(
        max_length=MAX_ITEMS,
        description="With whom it was agreed, by role; empty if with nobody outside the council.",
        examples=[["child", "parent"]],
    )
    home_id: HomeId | None = Field(default=None, description="The home for which it was agreed, if for one only.")


class WaiverDecided(EventData):
    """It was decided that an owed review need not be held by its date, or at all.

    Whether the role may decide so, and what is owed instead, is for the rule that owes the
    review (for instance SSI 2009/210 reg 38(3A) as it was in 2020 and 2021).
    Neither review dates nor milestones rest on it today.
    """

    review_kind: Code = Field(description="The kind of review: the key of the rule that owes it.")
    ordinal: int | None = Field(default=None, ge=1, le=1000, description=_ORDINAL)
    waived_by: Role
    reason: Code = Field(description="A code from the council's own list.")


class DeferralDecided(EventData):
    """It was decided that an owed review may be held until a later day.

    Whether the role may decide so, and until when at most, is for the rule that owes the
    review.  Neither review dates nor milestones rest on it today.
    """

    review_kind: Code = Field(description="The kind of review: the key of the rule that owes it.")
    ordinal: int | None = Field(default=None, ge=1, le=1000, description=_ORDINAL)
    until_on: CivilDate = Field(description="The last day on which it may be held.")
    deferred_by: Role
    reason: Code = Field(description="A code from the council's own list.")


class ReviewRequested(EventData):
    """Somebody who may asked for a review before it falls due.

    Neither review dates nor milestones rest on it today.
    """

    requested_by: Role
    review_kind: Code | None = Field(default=None, description="The key of the rule that owes it, if it is of a kind.")


class VisitMade(EventData):
    """The child was visited in the home, and the carer (SSI 2009/210 reg 46).

    Neither review dates nor milestones rest on it today.
    """

    visit_id: VisitId
    home_id: HomeId | None = Field(default=None, description="The home, where several could be meant.")
    visited: tuple[Role, ...] = Field(
        min_length=1, max_length=MAX_ITEMS, description="Who was seen, by role.", examples=[["child", "foster_carer"]]
    )
    report_written_on: CivilDate | None = Field(
        default=None, description="The day on which the report of the visit was written, once it is."
    )


class VisitRequested(EventData):
    """Somebody reasonably asked for a visit (SSI 2009/210 reg 46: then one is owed as well).

    Neither review dates nor milestones rest on it today.
    """

    requested_by: Role
