"""What changed of reviews, as JSON."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from pydantic import Field

from services.scheduler.model import StoredReview
from services.scheduler.schemas import ReviewAnswer, View
from shared.domain.timetable.causes import Aspect, Cause, CauseKind, Change, Standing
from shared.domain.timetable.reviews import Certainty, Outcome


class CauseView(View):
    """Because of what something changed."""

    kind: CauseKind = Field(
        description=(
            "`event`: an event was recorded. `day`: a day began on which a fact counts that was recorded ahead of it. "
            "`edition`: other packs or calendars were at hand."
        )
    )
    position: int | None = Field(description="Log position of the event; null for a day.")
    type: str | None = Field(description="Type of the event; null for the other kinds.")
    recorded_at: datetime | None = Field(description="When the event was recorded; null for the other kinds.")
    on: date = Field(description="The civil day from which the record was seen then.")


class StandingView(View):
    """What was true of the review, as far as the change log tells it."""

    due_on: date | None
    due_at: datetime | None
    certainty: Certainty
    outcome: Outcome
    held_on: date | None
    closed_on: date | None
    booked_on: date | None
    team: str | None
    edition: str = Field(description="Edition of the pack that owes it.")
    counted_from: date = Field(description="The day from which the due day is counted.")


class ReviewChangeView(View):
    """One review, changed because of one cause."""

    review_id: UUID
    child_id: str
    team: str | None
    kind: str
    title: str
    ordinal: int
    changed_at: datetime = Field(description="The instant of the cause.")
    aspects: list[Aspect] = Field(description="What differs between the two.")
    from_: StandingView | None = Field(
        serialization_alias="from", description="Null where the record did not show the review before."
    )
    to: StandingView
    cause: CauseView
    sentence: str = Field(
        examples=["Moved from 26 May to 10 May 2026, because of what was recorded (record.corrected, position 41)."]
    )


class ReviewChangePage(View):
    """Changes in order of their causes; those of forecasts that nobody could rely on yet are left out."""

    projection_position: int = Field(description="Position of the log up to which reviews are projected.")
    items: list[ReviewChangeView]
    next_after: str | None = Field(
        description="Send as `after` for the changes behind these, also when there are none yet; null before the first."
    )
    at_end: bool = Field(description="Whether there was nothing behind these.")


class RecordView(View):
    """How the record keeps the review at present, whatever times are asked about."""

    replaces: UUID | None = Field(description="The review, counted while no home was recorded, whose place it takes.")
    replaced_by: UUID | None = Field(description="The review of a home, recorded late, that takes its place.")
    stood_overdue_from: date | None = Field(
        description="First day on which the record showed it, or the one it replaces, as overdue, though it is not so."
    )
    stood_overdue_until: date | None = Field(description="The day on which that ended.")
    changes: int = Field(description="How many changes the change log has of it.")
    changed_at: datetime | None = Field(description="The instant of the last of them.")


class ReviewOnRecord(ReviewAnswer):
    """One review, the two times of the answer, and how the record keeps it."""

    record: RecordView | None = Field(description="Null for a forecast that is not made any more.")


def record_view(stored: StoredReview, changes: tuple[int, datetime | None]) -> RecordView:
    """Return the view of how the record keeps a review, with the number and the last of its changes."""
    first, last = stored.overdue or (None, None)
    return RecordView(
        replaces=stored.replaces,
        replaced_by=stored.replaced_by,
        stood_overdue_from=first,
        stood_overdue_until=last,
        changes=changes[0],
        changed_at=changes[1],
    )


def change_view(change: Change) -> ReviewChangeView:
    """Return the view of a change."""
    return ReviewChangeView(
        review_id=change.review_id,
        child_id=change.child_id,
        team=change.team,
        kind=change.kind,
        title=change.title,
        ordinal=change.ordinal,
        changed_at=change.cause.at,
        aspects=sorted(change.aspects),
        from_=None if change.before is None else _standing(change.before),
        to=_standing(change.after),
        cause=_cause(change.cause),
        sentence=change.sentence,
    )


def _standing(standing: Standing) -> StandingView:
    return StandingView(**{name: getattr(standing, name) for name in StandingView.model_fields})


def _cause(cause: Cause) -> CauseView:
    return CauseView(
        kind=cause.kind, position=cause.position, type=cause.type, recorded_at=cause.recorded_at, on=cause.on
    )
