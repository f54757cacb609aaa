"""What is agreed about a child's reviews, where the law leaves it to agreement."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from shared.domain.catalogue.base import MAX_ITEMS, AtMeeting
from shared.domain.catalogue.identifiers import HomeId
from shared.domain.catalogue.roles import Role
from shared.domain.ids import Code


class FrequencyUnit(StrEnum):
    """In what an agreed interval is counted."""

    DAYS = "days"
    WEEKS = "weeks"
    MONTHS = "months"


class ReviewFrequencyAgreed(AtMeeting):
    """How often the case of a child is reviewed was agreed, where the law leaves it to agreement.

    For a child who lives with parents it has to be agreed with the child, the parents and
    others (SSI 2009/210 reg 44(5)).

    Timetable: reviews whose frequency a rule leaves to agreement are counted by it from this
    day on, until another is agreed or the home ends.
    """

    interval_count: int = Field(ge=1, le=120, description="How many of the unit lie between two reviews at most.")
    interval_unit: FrequencyUnit
    agreed_with: tuple[Role, ...] = Field(
        max_length=MAX_ITEMS,
        description="With whom it was agreed, by role; empty if with nobody outside the council.",
        examples=[["child", "parent"]],
    )
    review_kind: Code | None = Field(
        default=None, description="The kind of reviews (key of a rule), where it is about one of several."
    )
    home_id: HomeId | None = Field(default=None, description="The home for which it was agreed, if for one only.")
