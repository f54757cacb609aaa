"""What this service answers and takes, as JSON.  Answers have no defaults: every member is always there."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shared.domain.catalogue.base import ShortText
from shared.domain.catalogue.roles import Role
from shared.domain.timetable.reviews import Basis, Certainty, Outcome, Status, What

#: The kinds of notices, as they stand in requests and payloads.
NoticeKindName = Literal[
    "review.approaching",
    "review.due",
    "review.missed",
    "review.overdue",
    "review.held",
    "review.moved",
    "review.booked_late",
    "deadline.approaching",
    "deadline.due",
    "deadline.missed",
    "deadline.overdue",
    "deadline.held",
    "deadline.moved",
    "deadline.booked_late",
]
DeliveryStateName = Literal["pending", "delivered", "exhausted"]
AttemptErrorName = Literal[
    "timeout", "name_not_resolved", "target_forbidden", "connection_failed", "tls_failed", "not_http", "interrupted"
]


class View(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(frozen=True)


class AnchorView(View):
    """The fact, or the earlier owed review, from which the due date is counted."""

    event_type: str | None = Field(description="Type of the event; null when the anchor is itself only projected.")
    description: str
    occurred_on: date
    position: int | None = Field(description="Log position of the fact's present wording.")


class ExplanationView(View):
    """Why the review is owed on its date."""

    rule: str
    rule_title: str
    pack: str
    edition: str
    basis: Basis
    citation: str
    verified: bool = Field(description="Whether somebody checked the rule against its source.")
    verified_by: str | None
    verified_on: date | None
    anchor: AnchorView
    plain: str = Field(
        description="What is owed by when and why, in short sentences for whoever is told of it.",
        examples=["This review must be held by Thursday 26 February 2026: 6 weeks after 15 January 2026, ..."],
    )
    arithmetic: str = Field(examples=["6 weeks from 15 January 2026 is 26 February 2026."])
    notes: list[str]


class ReviewView(View):
    """One review owed to one child, and how it stands on the day asked about."""

    review_id: UUID
    child_id: str
    episode_id: str
    team: str | None
    what: What = Field(description="What is owed: a review, or another deadline.")
    kind: str
    title: str
    ordinal: int
    roles: list[Role] = Field(description="Whose work it is, by the rule; empty where the rule says nothing of that.")
    status: Status
    due_on: date | None = Field(description="Last lawful civil day; null where the law asks for an agreed frequency.")
    due_at: datetime | None = Field(description="The instant, where the rule counts hours.")
    last_working_day_on: date | None = Field(description="Last working day on or before `due_on`.")
    certainty: Certainty
    outcome: Outcome
    held_on: date | None
    held_meeting_id: str | None
    days_late: int | None = Field(description="Days by which it was held late; 0 if on time; null if not held.")
    days_early: int | None = Field(description="Days by which it was held before it was due; null if not held.")
    recorded_on: date | None = Field(description="Civil day on which the meeting that was held was first recorded.")
    days_recorded_late: int | None = Field(
        description=(
            "Days for which the record showed it as overdue although it had been held: those from the due day, the "
            "meeting, or the day from which the record could show the review, whichever is last, to that of "
            "recording. They are not among `days_late`."
        )
    )
    closed_on: date | None
    closed_because: str | None
    booked_on: date | None
    booked_meeting_id: str | None
    booked_late_by_days: int | None = Field(
        description=(
            "Days by which the booked meeting is later than the due day; 0 if it is in time; null if none is booked."
        )
    )
    position: int = Field(description="Log position of the latest fact that shaped this review.")
    explanation: ExplanationView


class ReviewAnswer(View):
    """One review, and the two times of the answer."""

    as_of: date
    known_at: datetime | None
    projection_position: int
    review: ReviewView


class StatusCounts(View):
    """How many reviews have each status, over all pages.

    `child`, `team` and `kind` narrow what is counted; `status`, `due_from` and `due_to` do not.
    """

    frequency_not_agreed: int
    provisional: int
    upcoming: int
    approaching: int
    scheduled: int
    due: int
    overdue: int
    held_early: int
    held_on_time: int
    held_late: int
    missed: int
    withdrawn: int


class ReviewPage(View):
    """A page of reviews, by due date; those without a due date come last."""

    as_of: date
    known_at: datetime | None = Field(description="Only what was recorded by then is counted; null: everything.")
    projection_position: int = Field(description="Position of the log up to which reviews are projected.")
    counts: StatusCounts = Field(description="By status, whichever statuses and due dates are asked for.")
    items: list[ReviewView]
    next_cursor: str | None = Field(description="Send as `cursor` for the next page; null on the last one.")


class RuleView(View):
    """One rule of a pack."""

    key: str = Field(description="The kind of the reviews it owes.")
    title: str
    basis: Basis
    citation: str
    verified: bool = Field(description="Whether somebody checked the rule against its source.")
    verified_by: str | None
    verified_on: date | None
    effective_from: date | None
    effective_to: date | None


class PackView(View):
    """An edition of a timetable pack at hand."""

    pack: str
    edition: str
    title: str
    jurisdiction: str
    source: str
    rules: list[RuleView]


class AdoptedPackView(View):
    """A pack to which the council works."""

    pack: str
    edition: str
    effective_on: date | None = Field(description="Null for the statutory pack, which has always been in force.")
    position: int | None = Field(description="Log position of the adoption; null for the statutory pack.")
    available: bool = Field(description="False if this installation lacks the edition: its rules are not applied.")


class CouncilDayView(View):
    """A day of which the council itself decided whether it is worked."""

    holiday_on: date
    worked: bool = Field(description="True for a holiday that was removed, false for one that was declared.")
    reason: str | None
    decided_on: date
    position: int = Field(
        description="Log position of the decision in its present wording. What was held, or could no longer be, "
        "before it is judged without it."
    )


class FollowedView(View):
    """The calendar from which another takes its holidays, because the council decided so."""

    calendar: str
    decided_on: date
    position: int = Field(description="Log position of the decision.")


class CalendarView(View):
    """A calendar of working days, as the council has changed it."""

    calendar: str = Field(description="The name that rules and events give.")
    title: str = Field(description="What is not counted.")
    source: str = Field(description="Where its holidays come from.")
    holidays_from: date | None = Field(description="The first day whose holidays are known; null: without bound.")
    holidays_to: date | None = Field(description="The last day whose holidays are known; null: without bound.")
    follows: FollowedView | None = Field(description="Null where the calendar has its own holidays.")
    council_days: int = Field(description="How many days the council declared or removed.")
    changed: list[CouncilDayView] = Field(description="Those days, in order.")


class TimetablesAnswer(View):
    """The packs at hand, those to which the council works, and the calendars on which they count."""

    as_of: date
    known_at: datetime | None
    projection_position: int
    adopted: list[AdoptedPackView]
    calendars: list[CalendarView] = Field(
        description="The calendars in use: those of adopted rules, and those about which the council decided something."
    )
    unknown_calendars: list[str] = Field(
        description="Calendars that decisions name and this installation lacks: those decisions are not applied."
    )
    known: list[PackView]


class NewEndpoint(BaseModel):
    """An address to which notices are sent."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    url: Annotated[str, StringConstraints(min_length=1, max_length=2_000)] = Field(
        description="Where to send notices: https, without user name, password or fragment.",
        examples=["https://receiver.example.org/homeward"],
        json_schema_extra={"format": "uri"},
    )
    kinds: Annotated[list[NoticeKindName], Field(min_length=1, max_length=14)] | None = Field(
        default=None, description="Kinds of notices wanted; all of them when left out."
    )
    description: ShortText | None = Field(default=None, description="A note for people; put nothing personal into it.")


class EndpointView(View):
    """A webhook endpoint, without its secret."""

    endpoint_id: UUID
    url: str
    kinds: list[NoticeKindName] | None
    description: str | None
    enabled: bool
    created_at: datetime
    disabled_at: datetime | None
    disabled_because: str | None


class EndpointCreated(EndpointView):
    """A new webhook endpoint, with its secret, which is shown this once."""

    secret: str = Field(
        description="Signing secret of Standard Webhooks: `whsec_` and base64.",
        examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    )


class EndpointPage(View):
    """A page of endpoints, the oldest first."""

    items: list[EndpointView]
    next_cursor: str | None


class DeliveryView(View):
    """One notice owed to one endpoint."""

    notice_id: UUID
    webhook_id: str = Field(description="The `webhook-id` header of every attempt.")
    kind: NoticeKindName
    review_id: UUID
    created_at: datetime
    state: DeliveryStateName
    attempts: int
    next_attempt_at: datetime | None = Field(description="Null when no further attempt is planned.")


class DeliveryPage(View):
    """A page of deliveries, the newest first."""

    items: list[DeliveryView]
    next_cursor: str | None


class AttemptView(View):
    """One try at a delivery."""

    number: int
    started_at: datetime
    duration_ms: int | None = Field(description="Null where the sender was stopped in the middle.")
    status: int | None = Field(description="HTTP status of the answer, if there was one.")
    error: AttemptErrorName | None = Field(description="Why there was no answer.")
    excerpt: str | None = Field(description="The beginning of the answer, as text without control characters.")


class DeliveryDetail(View):
    """One delivery, what it sends, and every attempt."""

    delivery: DeliveryView
    payload: dict[str, Any]
    attempts: list[AttemptView]
