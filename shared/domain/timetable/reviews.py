"""What the timetable requires of one child: reviews owed, and why on that date.

A *meeting* is held; a *review* is owed.  A review stays on the record when it was late,
missed or withdrawn: lateness never disappears.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from shared.domain.catalogue.roles import Role


class Basis(StrEnum):
    """What obliges the council to hold the review."""

    STATUTE = "statute"
    COURT_RULE = "court_rule"
    GUIDANCE = "guidance"
    NATIONAL_AIM = "national_aim"
    LOCAL_POLICY = "local_policy"


class What(StrEnum):
    """What is owed by a day, or runs out on it."""

    REVIEW = "review"
    VISIT = "visit"
    ASSESSMENT = "assessment"
    DIRECTION = "direction"
    DECISION = "decision"
    AGREEMENT = "agreement"
    NOTIFICATION = "notification"
    HEARING = "hearing"
    EXPIRY = "expiry"


class Certainty(StrEnum):
    """Whether the anchor of a due date has happened (firm) or is itself projected (provisional)."""

    FIRM = "firm"
    PROVISIONAL = "provisional"


class Outcome(StrEnum):
    """What became of an owed review, apart from any calendar.

    ``missed`` means it can no longer be held: the home or the episode ended after the due
    date without it.  ``withdrawn`` means it stopped being owed before its due date.
    """

    OPEN = "open"
    HELD = "held"
    MISSED = "missed"
    WITHDRAWN = "withdrawn"


class Status(StrEnum):
    """How an owed review stands on a given day."""

    FREQUENCY_NOT_AGREED = "frequency_not_agreed"
    PROVISIONAL = "provisional"
    UPCOMING = "upcoming"
    APPROACHING = "approaching"
    SCHEDULED = "scheduled"
    DUE = "due"
    OVERDUE = "overdue"
    HELD_EARLY = "held_early"
    HELD_ON_TIME = "held_on_time"
    HELD_LATE = "held_late"
    MISSED = "missed"
    WITHDRAWN = "withdrawn"


#: ``Review.episode_id`` where a home is recorded without an episode of care: an identifier, so that it
#: can stand wherever one can.
EPISODE_NOT_RECORDED = "episode-not-recorded"

#: From this many days before it is due, a review is approaching.
APPROACHING_DAYS = 14

#: A review that was held more than so many days before it was due was held early.
EARLY_DAYS = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """The fact, or the earlier owed review, from which a due date is counted.

    ``position`` is the log position of the fact's present wording; None when the anchor
    is itself only projected.
    """

    description: str
    occurred_on: date
    event_type: str | None = None
    position: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a review is owed on its date, so that it can be read aloud and checked."""

    rule: str
    rule_title: str
    pack: str
    pack_edition: str
    basis: Basis
    citation: str
    #: Who checked the rule against its source, and when; None where nobody has.
    verified_by: str | None
    verified_on: date | None
    anchor: Anchor
    #: The arithmetic in words, for instance "6 weeks from 15 January 2026 is 26 February 2026."
    arithmetic: str
    notes: tuple[str, ...] = ()
    #: The same in a few short sentences for whoever is told of it; empty where an earlier release wrote the row.
    plain: str = ""

    @property
    def verified(self) -> bool:
        """Whether somebody checked the rule against its source."""
        return self.verified_by is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """One review owed to one child, or another deadline: ``what`` tells, and ``roles`` whose work it is.

    ``review_id`` is derived from child, rule, anchor and ordinal, so projecting again
    gives the same one.  ``due_on`` is the last lawful civil day (None only where the law
    asks for an agreed frequency and none is recorded); ``due_at`` is the instant where the
    rule counts hours.  ``last_working_day_on`` is the last working day on or before the
    due day.  ``recorded_on`` is the civil day on which the meeting that was this review was first
    recorded; None where none was, or where an earlier release wrote the row and nothing projected
    the review since.  ``shown_on`` is the civil day from which the record could show the review,
    because what it is counted from had been recorded; None as before.  ``position`` is that of
    the latest fact that shaped this review.
    """

    review_id: UUID
    child_id: str
    episode_id: str
    team: str | None
    kind: str
    title: str
    ordinal: int
    due_on: date | None
    due_at: datetime | None
    last_working_day_on: date | None
    certainty: Certainty
    outcome: Outcome
    held_on: date | None
    held_meeting_id: str | None
    recorded_on: date | None
    shown_on: date | None
    #: The day from which a missed or withdrawn review was no longer open, and why.
    closed_on: date | None
    closed_because: str | None
    booked_on: date | None
    booked_meeting_id: str | None
    position: int
    explanation: Explanation
    what: What = What.REVIEW
    roles: tuple[Role, ...] = ()

    @property
    def rests_on_projection(self) -> bool:
        """Whether the due date is counted from a review that is itself not held yet."""
        return self.explanation.anchor.position is None

    @property
    def forecast(self) -> bool:
        """Whether it rests on what is not recorded: a review not held yet, or a home; and was not held.

        One that no longer follows from the facts is not kept as withdrawn.
        """
        return self.certainty is Certainty.PROVISIONAL and self.held_on is None

    @property
    def days_late(self) -> int | None:
        """By how many days the review was held late; 0 if on time; None if not held."""
        if self.held_on is None or self.due_on is None:
            return None
        return max((self.held_on - self.due_on).days, 0)

    @property
    def days_early(self) -> int | None:
        """By how many days the review was held before it was due; 0 if it was not; None if not held."""
        if self.held_on is None or self.due_on is None:
            return None
        return max((self.due_on - self.held_on).days, 0)

    @property
    def days_recorded_late(self) -> int | None:
        """For how many days the record showed the review as overdue although it had been held; None if not held.

        They are counted from the due day, the day of the meeting, or the day from which the record
        could show the review, whichever is last: a history that is brought in at once was never
        shown otherwise.  ``days_late`` is what the law asks about, and these come on top.
        """
        if self.held_on is None or self.due_on is None or self.recorded_on is None:
            return None
        since = max(self.held_on, self.due_on, self.shown_on or self.due_on)
        return max((self.recorded_on - since).days, 0)

    @property
    def booked_late_by_days(self) -> int | None:
        """By how many days the meeting booked for it is later than it is due; 0 if in time; None if none is booked."""
        if self.booked_on is None or self.due_on is None or self.outcome is not Outcome.OPEN:
            return None
        return max((self.booked_on - self.due_on).days, 0)

    def awaits_meeting(self, on: date) -> bool:
        """Tell whether the meeting booked for it is in time and, on this civil day, has not gone by."""
        return self.booked_on is not None and self.booked_late_by_days == 0 and self.booked_on >= on


_CLOSED = {Outcome.MISSED: Status.MISSED, Outcome.WITHDRAWN: Status.WITHDRAWN}


def status(review: Review, *, as_of: date) -> Status:
    """Return how ``review`` stands on the civil day ``as_of``.

    A review due today is not yet overdue: it may be held today.  One that is counted from
    a review not held yet is provisional and nothing else: it cannot be late before the
    review in front of it, and the alarm belongs to that one.  Scheduled is only what a meeting
    is booked for that is in time and has not gone by: any other booking reassures nobody.
    """
    if review.outcome is Outcome.HELD:
        return _held(review)
    if review.outcome in _CLOSED:
        return _CLOSED[review.outcome]
    if review.due_on is None:
        return Status.FREQUENCY_NOT_AGREED
    return Status.PROVISIONAL if review.rests_on_projection else _firm(review, review.due_on, as_of)


def _firm(review: Review, due_on: date, as_of: date) -> Status:
    if due_on <= as_of:
        return Status.DUE if due_on == as_of else Status.OVERDUE
    if review.awaits_meeting(as_of):
        return Status.SCHEDULED
    return Status.APPROACHING if due_on <= as_of + timedelta(days=APPROACHING_DAYS) else Status.UPCOMING


def _held(review: Review) -> Status:
    if review.days_late:
        return Status.HELD_LATE
    return Status.HELD_EARLY if (review.days_early or 0) > EARLY_DAYS else Status.HELD_ON_TIME
