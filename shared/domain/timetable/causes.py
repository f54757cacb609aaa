"""What changed of a review, from what to what, and because of what.

The change log is a function of the log of events: the same events give the same changes, whether
they are read as they come, days late, or all at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from uuid import UUID

from shared.domain.clock import CIVIL_ZONE, civil_date
from shared.domain.envelope import RecordedEvent
from shared.domain.timetable.reviews import Certainty, Outcome, Review


class CauseKind(StrEnum):
    """What makes a review change: an event, a day on which a fact told ahead begins to count, other rules at hand."""

    EVENT = "event"
    DAY = "day"
    EDITION = "edition"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why reviews change at a moment.

    ``at`` is the instant from which the change holds: that of recording, the beginning of the day, or
    when the rules at hand were found to be others.  ``position`` and ``type`` are those of the event; a day
    has neither.
    """

    kind: CauseKind
    at: datetime
    position: int | None = None
    type: str | None = None

    @property
    def on(self) -> date:
        """The fold day: the civil day from which the record is seen at this moment."""
        return civil_date(self.at)

    @property
    def recorded_at(self) -> datetime | None:
        """When the event was recorded; None for the other kinds."""
        return self.at if self.kind is CauseKind.EVENT else None


def of_event(event: RecordedEvent, before: datetime | None = None) -> Cause:
    """Return the cause that an event is; ``before`` is the instant of the cause in front of it.

    A log's instants never go back; where one does, because a clock was set back, the fold day stays.
    """
    at = event.recorded_at if before is None else max(event.recorded_at, before)
    return Cause(kind=CauseKind.EVENT, at=at, position=event.position, type=event.type)


def of_day(day: date) -> Cause:
    """Return the cause that the beginning of a civil day is."""
    return Cause(kind=CauseKind.DAY, at=datetime.combine(day, time.min, CIVIL_ZONE))


def of_edition(now: datetime, position: int | None = None) -> Cause:
    """Return the cause that other packs or calendars at hand are; ``position`` is that of the log by then."""
    return Cause(kind=CauseKind.EDITION, at=now, position=position)


class Aspect(StrEnum):
    """What of a review changed."""

    APPEARED = "appeared"
    DUE_ON = "due_on"
    CERTAINTY = "certainty"
    OUTCOME = "outcome"
    BOOKING = "booking"
    TEAM = "team"
    RULE = "rule"
    ANCHOR = "anchor"
    REPLACED = "replaced"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What was true of a review from one cause to the next, as far as the change log tells it.

    ``counted_from`` is the day of the anchor.
    """

    due_on: date | None
    due_at: datetime | None
    certainty: Certainty
    outcome: Outcome
    held_on: date | None
    closed_on: date | None
    booked_on: date | None
    team: str | None
    edition: str
    counted_from: date


def standing(review: Review) -> Standing:
    """Return what is true of ``review`` now."""
    return Standing(
        due_on=review.due_on,
        due_at=review.due_at,
        certainty=review.certainty,
        outcome=review.outcome,
        held_on=review.held_on,
        closed_on=review.closed_on,
        booked_on=review.booked_on,
        team=review.team,
        edition=review.explanation.pack_edition,
        counted_from=review.explanation.anchor.occurred_on,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One review, changed because of one cause.

    ``before`` is None where the record did not show the review until then.  ``sentence`` says what
    changed and why, in words without anything that names the child.
    """

    review_id: UUID
    child_id: str
    team: str | None
    kind: str
    title: str
    ordinal: int
    aspects: frozenset[Aspect]
    before: Standing | None
    after: Standing
    cause: Cause
    sentence: str


def aspects(before: Review, after: Review) -> frozenset[Aspect]:
    """Return what differs between two readings of a review, both on the record."""
    differs = {
        Aspect.DUE_ON: (before.due_on, before.due_at) != (after.due_on, after.due_at),
        Aspect.CERTAINTY: before.certainty is not after.certainty,
        Aspect.OUTCOME: _ended(before) != _ended(after),
        Aspect.BOOKING: (before.booked_on, before.booked_meeting_id) != (after.booked_on, after.booked_meeting_id),
        Aspect.TEAM: before.team != after.team,
        Aspect.RULE: before.explanation.pack_edition != after.explanation.pack_edition,
        Aspect.ANCHOR: _anchored(before) != _anchored(after),
    }
    return frozenset(aspect for aspect, changed in differs.items() if changed)


def _ended(review: Review) -> tuple[object, ...]:
    return (review.outcome, review.held_on, review.held_meeting_id, review.closed_on, review.closed_because)


def _anchored(review: Review) -> tuple[object, ...]:
    anchor = review.explanation.anchor
    return (anchor.occurred_on, anchor.event_type, anchor.description)
