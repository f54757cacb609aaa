"""From one child's events to its owed reviews, and to the notices that each change is worth.

Pure: the same events give the same reviews and notices however they are cut into pages,
because every event is folded by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from hashlib import sha256
from types import MappingProxyType
from typing import Any
from uuid import UUID

import orjson

from services.scheduler.model import Notice, NoticeKind, StoredReview
from shared.domain.clock import civil_date
from shared.domain.envelope import RecordedEvent
from shared.domain.history import facts
from shared.domain.ids import child_of_stream
from shared.domain.timetable.engine import Timetable, project_reviews
from shared.domain.timetable.reviews import APPROACHING_DAYS, Outcome, Review

_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Cause:
    """The event, by position and instant of recording, because of which reviews change."""

    position: int
    recorded_at: datetime


@dataclass(slots=True)
class ChildFold:
    """One child's reviews, brought up to date event by event.

    ``reviews`` is the state and ``known`` the events that led to it; ``changed`` collects
    the ids to write, or to delete where there is no such review any more, and ``notices``
    what to tell, in the order of their causes.
    """

    child_id: str
    reviews: dict[UUID, StoredReview]
    known: list[RecordedEvent]
    changed: set[UUID] = field(default_factory=set)
    notices: list[tuple[int, Notice]] = field(default_factory=list)

    def project(self, timetable: Timetable, today: date, cause: Cause) -> None:
        """Take over what the known events, as far as they occurred by ``today``, now make owed."""
        self._apply(project_reviews(self.child_id, facts(self.known, as_of=today), timetable), cause)

    def _apply(self, projected: Sequence[Review], cause: Cause) -> None:
        for review in projected:
            self._take(review, cause)
        owed = {review.review_id for review in projected}
        for stored in [each for key, each in self.reviews.items() if key not in owed and each.vanished_at is None]:
            self._let_go(stored.review, cause)

    def _take(self, review: Review, cause: Cause) -> None:
        before = self.reviews.get(review.review_id)
        if before is not None and before.vanished_at is None and before.review == review:
            return
        earlier = None if before is None or before.vanished_at is not None else before
        self._put(StoredReview(review, next_notice_on(review, earlier)))
        self.notices.extend((cause.position, notice) for notice in notices_of(review, earlier, cause))

    def _let_go(self, review: Review, cause: Cause) -> None:
        """Keep what was owed, with why it is not any more; a forecast was never owed."""
        if review.forecast:
            del self.reviews[review.review_id]
            self.changed.add(review.review_id)
        else:
            self._put(vanished(review, cause))

    def _put(self, stored: StoredReview) -> None:
        self.reviews[stored.review.review_id] = stored
        self.changed.add(stored.review.review_id)

    def to_write(self) -> list[StoredReview]:
        """Return the reviews that changed."""
        return [self.reviews[each] for each in sorted(self.changed & self.reviews.keys())]

    def to_delete(self) -> list[UUID]:
        """Return the ids of the forecasts that vanished; not all of them were ever written."""
        return sorted(self.changed - self.reviews.keys())


def fold_events(
    folds: Mapping[str, ChildFold],
    new: Sequence[RecordedEvent],
    timetable: Timetable,
    today: date,
    spent: Callable[[], bool],
) -> int:
    """Fold ``new`` events, at least one, in log order into the children they concern.

    An event of the authority concerns every child of ``folds``, any other the child in whose
    stream it is.  ``timetable`` holds throughout.  Facts that occur after ``today`` do not
    count yet.  ``spent`` is asked between two events whether to leave the rest for later;
    returned is the position of the last event folded, which holds for all the children.
    """
    done = 0
    for event in new:
        if done and spent():
            break
        child = child_of_stream(event.stream)
        for fold in folds.values() if child is None else (folds[child],):
            if child is not None:
                fold.known.append(event)
            fold.project(timetable, today, Cause(event.position, event.recorded_at))
        done = event.position
    return done


def reproject(fold: ChildFold, timetable: Timetable, today: date, now: datetime) -> None:
    """Bring a child up to date without a new event: a fact's day came, or the rules at hand changed.

    The cause is the latest event among those that count.
    """
    counted = [event.position for event in fold.known if event.data.occurred_on <= today]
    fold.project(timetable, today, Cause(max(counted, default=0), now))


def notices_of(review: Review, before: StoredReview | None, cause: Cause) -> list[Notice]:
    """Return what the change from ``before`` (None: not owed until now) is worth telling."""
    found: list[Notice] = []
    if review.outcome is Outcome.HELD and (before is None or before.review.outcome is not Outcome.HELD):
        key = f"{NoticeKind.HELD}|{review.review_id}|{cause.position}"
        found.append(Notice(kind=NoticeKind.HELD, dedupe_key=key, review=review))
    if before is not None and _moved(before.review, review):
        key = f"{NoticeKind.MOVED}|{review.review_id}|{cause.position}|{before.review.due_on}|{review.due_on}"
        found.append(Notice(kind=NoticeKind.MOVED, dedupe_key=key, review=review, moved_from=before.review.due_on))
    if _is_booked_late(review, civil_date(cause.recorded_at)):
        # Told for these two days once, whatever else of the review changes: the log takes each key once.
        key = f"{NoticeKind.BOOKED_LATE}|{review.review_id}|{review.due_on}|{review.booked_on}"
        found.append(Notice(kind=NoticeKind.BOOKED_LATE, dedupe_key=key, review=review))
    return found


def _is_booked_late(review: Review, on: date) -> bool:
    """Tell whether its meeting is booked too late, as far as can be said on this day.

    What is counted from a review that should have been held by now is due later than that, nobody
    knows when: that review is told of, and this one once it is held.  A meeting whose day has gone
    by cannot be moved any more.
    """
    passed = review.rests_on_projection and review.explanation.anchor.occurred_on < on
    gone_by = review.booked_on is not None and review.booked_on < on
    return bool(review.booked_late_by_days) and not passed and not gone_by


def _moved(before: Review, after: Review) -> bool:
    both_open = before.outcome is Outcome.OPEN and after.outcome is Outcome.OPEN
    return both_open and before.due_on != after.due_on


def next_notice_on(review: Review, before: StoredReview | None) -> date | None:
    """Return the day on which the tick has to look at ``review``, or None.

    A review that stays open with the same due date keeps its day.  One whose home or
    episode ended after the due date without it is still told as missed.  One that is
    counted from a review not held yet is not looked at: the alarm belongs to that one.
    """
    if review.due_on is None or review.rests_on_projection:
        return None
    if review.outcome is Outcome.MISSED:
        return review.due_on + _ONE_DAY
    if review.outcome is not Outcome.OPEN:
        return None
    if before is not None and _same_clock(before.review, review):
        return before.next_notice_on
    return review.due_on - timedelta(days=APPROACHING_DAYS)


def _same_clock(before: Review, after: Review) -> bool:
    counted_alike = before.rests_on_projection == after.rests_on_projection
    return before.outcome is Outcome.OPEN and before.due_on == after.due_on and counted_alike


def timed_notice(review: Review, today: date) -> tuple[Notice | None, date | None]:
    """Return what the calendar says of a review on ``today``, and when to look again.

    Once the due date has passed, "approaching" would be untrue: only "missed" is told.
    """
    due_on = review.due_on
    if due_on is None or review.outcome not in {Outcome.OPEN, Outcome.MISSED}:
        return None, None
    if due_on < today:
        return _dated(NoticeKind.MISSED, review), None
    if review.outcome is Outcome.MISSED:
        return None, due_on + _ONE_DAY
    if today < due_on - timedelta(days=APPROACHING_DAYS):
        return None, due_on - timedelta(days=APPROACHING_DAYS)
    return _dated(NoticeKind.APPROACHING, review), due_on + _ONE_DAY


def _dated(kind: NoticeKind, review: Review) -> Notice:
    return Notice(kind=kind, dedupe_key=f"{kind}|{review.review_id}|{review.due_on}", review=review)


def vanished(review: Review, cause: Cause) -> StoredReview:
    """Return a review that the facts no longer make owed, because of ``cause``."""
    gone = replace(
        review,
        outcome=Outcome.WITHDRAWN,
        closed_on=civil_date(cause.recorded_at),
        closed_because=f"The record no longer makes this review owed: see the event at position {cause.position}.",
        position=max(review.position, cause.position),
    )
    return StoredReview(gone, vanished_at=cause.recorded_at)


def still_shown(stored: StoredReview, *, as_of: date, known_at: datetime | None) -> bool:
    """Tell whether a review that vanished belongs to the answer for these two times.

    It shows as withdrawn from the day and the recording that withdrew it; before, the
    facts of then decide.
    """
    if stored.vanished_at is None or stored.review.closed_on is None:
        return False
    return stored.review.closed_on <= as_of and (known_at is None or stored.vanished_at <= known_at)


def revisit_on(events: Iterable[RecordedEvent], today: date) -> date | None:
    """Return the next day on which a fact recorded ahead of its day begins to count, or None."""
    return min((event.data.occurred_on for event in events if event.data.occurred_on > today), default=None)


def timetable_digest(timetable: Timetable) -> str:
    """Return a digest of all rules and calendars, by which a change of the installed packs is noticed."""
    text = orjson.dumps(timetable, default=_plain, option=orjson.OPT_SORT_KEYS)
    return sha256(text).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, (MappingProxyType, Mapping)):
        return dict(value)
    raise TypeError(type(value).__name__)
