"""Notices as JSON: what webhooks send, and what is held back.  Answers have no defaults: every member is there."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.scheduler.schemas import NoticeKindName, View
from shared.domain.ids import ChildId, Code
from shared.domain.timetable.reviews import Certainty, What

HoldStateName = Literal["waiting", "released", "dismissed"]


class NoticeCauseView(View):
    """The event because of which something is told."""

    position: int
    type: str


class NoticeData(View):
    """The review that a notice is about; ids only, so that reading more needs a key.

    Members with a default are left out where they do not apply.
    """

    review_id: UUID
    child_id: str
    what: What = Field(description="What is owed; notices of what is no review are `deadline.*`.")
    kind: str = Field(description="Kind of the review, or of the other deadline.")
    title: str
    due_on: date | None
    certainty: Certainty
    verified: bool = Field(description="Whether somebody checked the rule that owes it against its source.")
    href: str = Field(examples=["/v1/reviews/5f0e7d0a-3c1b-5d1e-9c2a-8b6f4e2d1a00"])
    moved_from: date | None = Field(default=None, description="The due date before; only in `review.moved`.")
    cause: NoticeCauseView | None = Field(
        default=None, description="The event because of which it is told, where there is one."
    )
    held_on: date | None = Field(default=None, description="When the review was held.")
    days_late: int | None = Field(default=None, description="Days by which it was held late; 0 if on time.")
    days_early: int | None = Field(default=None, description="Days by which it was held before it was due.")
    recorded_on: date | None = Field(default=None, description="When the meeting that was held was first recorded.")
    days_recorded_late: int | None = Field(
        default=None, description="Days for which the record showed it as overdue although it had been held."
    )
    booked_on: date | None = Field(default=None, description="The day for which a meeting is booked.")
    booked_late_by_days: int | None = Field(
        default=None, description="Days by which the booked meeting is later than the due day; 0 if it is in time."
    )
    threshold: int | None = Field(
        default=None,
        description="Days from the due day at which this is told: negative before it, 0 on it. Only in "
        "`*.approaching`, `*.due`, `*.missed` and `*.overdue`.",
    )
    crossed_on: date | None = Field(
        default=None, description="The day on which that threshold was crossed, however late the notice is."
    )
    held_back_on: date | None = Field(
        default=None, description="The day on which the notice was held back, as one about the past; since released."
    )


class NoticePayload(View):
    """The body of a webhook."""

    type: NoticeKindName
    timestamp: datetime = Field(description="When the notice was made (UTC).")
    data: NoticeData


class HeldBackView(View):
    """A notice about the past that was held back until a person decides."""

    notice_id: UUID = Field(description="The id that the notice has when it is released.")
    kind: NoticeKindName
    about_on: date = Field(description="The day that it is about.")
    held_back_at: datetime
    state: HoldStateName
    decided_at: datetime | None = Field(description="When it was released or dismissed; null while it waits.")
    decided_by: str | None = Field(description="Id of the API key whose holder did; null while it waits.")
    data: dict[str, Any] = Field(description="What it says of its review; see the webhooks.")


class HeldBackCount(View):
    """How many notices of a kind wait that are about one month."""

    kind: NoticeKindName
    month: str = Field(examples=["2020-11"])
    waiting: int


class HeldBackPage(View):
    """A page of the notices held back, in the order in which they were; all are counted."""

    waiting: int = Field(description="How many wait, on all pages.")
    counts: list[HeldBackCount]
    items: list[HeldBackView]
    next_cursor: str | None = Field(description="Send as `cursor` for the next page; null on the last one.")


class HeldBackDecision(BaseModel):
    """Which of the notices held back are released, or dismissed: all of those that every member given names."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    everything: bool = Field(default=False, description="Has to be true where no other member is given.")
    children: Annotated[list[ChildId], Field(min_length=1, max_length=50)] | None = None
    teams: Annotated[list[Code], Field(min_length=1, max_length=50)] | None = None
    kinds: Annotated[list[NoticeKindName], Field(min_length=1, max_length=14)] | None = None
    review_kinds: Annotated[list[Code], Field(min_length=1, max_length=50)] | None = Field(
        default=None, description="Kinds of reviews: keys of rules."
    )


class HeldBackDecided(View):
    """What came of a decision."""

    decided: int = Field(description="How many notices it was about; 0 if all had been decided on before.")
    waiting: int = Field(description="How many still wait.")
