"""From one child's events to its owed reviews, and to the notices that each change is worth.

Pure: the same events give the same reviews and notices however they are cut into pages,
because every event is folded by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime, timedelta
from hashlib import sha256
from types import MappingProxyType
from typing import Any
from uuid import UUID

import orjson

from services.scheduler.model import Notice, NoticeKind, StoredReview
from services.scheduler.projection.council import Council
from services.scheduler.projection.stepping import Stepping
from services.scheduler.projection.thresholds import LOOKS_AHEAD
from services.scheduler.projection.whole import Whole
from shared.domain.envelope import RecordedEvent
from shared.domain.ids import AUTHORITY_STREAM, child_of_stream
from shared.domain.timetable.causes import Cause, Change, of_edition
from shared.domain.timetable.engine import Timetable
from shared.domain.timetable.reviews import Certainty, Outcome, Review
from shared.domain.timetable.trace import Kept, Step, let_go

_ONE_DAY = timedelta(days=1)


#: The fields in which a stored review says how the record keeps it.
_KEPT = tuple(each.name for each in fields(Kept))


@dataclass(slots=True)
class ChildFold:
    """One child's reviews, brought up to date event by event.

    ``reviews`` is the state and ``known`` the events that led to it, with those of the council up to
    ``position``; ``awaits`` is the next day on which a fact told ahead begins to count.  ``changed`` collects
    the ids to write, or to delete where there is no such review any more, ``changes`` what to write into the
    change log, and ``notices`` what to tell, each in the order of its causes.  The tick looks at a review
    ``looks_ahead`` days before it is due.
    """

    child_id: str
    reviews: dict[UUID, StoredReview]
    known: list[RecordedEvent]
    changed: set[UUID] = field(default_factory=set)
    notices: list[tuple[int, Notice]] = field(default_factory=list)
    looks_ahead: int = LOOKS_AHEAD
    position: int = 0
    awaits: date | None = None
    changes: list[Change] = field(default_factory=list)
    awaited: date | None = field(init=False)
    _stepping: Stepping = field(init=False)

    def __post_init__(self) -> None:
        """Go on behind what is known; ``awaited`` is what was awaited then."""
        self.awaited = self.awaits
        self._stepping = Stepping(
            self.child_id, self.reviews, self._keep, known=self.known, position=self.position, awaits=self.awaits
        )

    def take(self, event: RecordedEvent, council: Council) -> None:
        """Fold the next event in log order that concerns the child, of its own or of the council."""
        if event.stream != AUTHORITY_STREAM:
            self.known.append(event)
        self._stepping.take(event, council)
        self.position, self.awaits = event.position, self._stepping.awaits

    def begin_days(self, until: date, council: Council) -> None:
        """Let the facts count that were told ahead for a day up to ``until``."""
        self._stepping.begin_days(until, council)
        self.awaits = self._stepping.awaits

    def judge_anew(self, council: Council, now: datetime) -> None:
        """Bring the record up to other rules at hand."""
        position = max((event.position for event in self.known), default=0)
        self._stepping.judge(of_edition(now, position), council)
        self.awaits = self._stepping.awaits

    def take_over(self, whole: Whole, now: datetime) -> None:
        """Put what the whole history leaves in the place of what an earlier release left."""
        cause = of_edition(now, self.position)
        present = {each.review.review_id for each in whole.reviews}
        for stored in [each for key, each in self.reviews.items() if each.owed and key not in present]:
            self._keep(let_go(stored, cause), cause)
        for kept in whole.reviews:
            self._put(kept, cause)
        self.changes += whole.changes
        self.awaits = whole.awaits

    def _keep(self, done: Step, cause: Cause) -> None:
        for kept in done.put.values():
            self._put(kept, cause)
        for review_id in done.dropped - done.put.keys():
            del self.reviews[review_id]
            self.changed.add(review_id)
        self.changes += done.changes

    def _put(self, kept: Kept, cause: Cause) -> None:
        review, known = kept.review, self.reviews.get(kept.review.review_id)
        self.changed.add(review.review_id)
        if not kept.owed:
            self.reviews[review.review_id] = stored_as(kept)
            return
        before = known if known is not None and known.owed else None
        # The countdown of a review goes on with one that takes its place and is due on the same day.
        counting = before if before is not None or kept.told_as is None else self.reviews.get(kept.told_as)
        stored = planned(review, counting, cause, self.looks_ahead)
        stored = stored_as(kept, next_notice_on=stored.next_notice_on, known_on=stored.known_on)
        self.reviews[review.review_id] = stored
        told = (replace(notice, known_on=stored.known_on) for notice in notices_of(review, before, cause))
        position = cause.position or max((event.position for event in self.known), default=0)
        self.notices.extend((position, notice) for notice in told)

    def to_write(self) -> list[StoredReview]:
        """Return the reviews that changed."""
        return [self.reviews[each] for each in sorted(self.changed & self.reviews.keys())]

    def to_delete(self) -> list[UUID]:
        """Return the ids of the forecasts that vanished; not all of them were ever written."""
        return sorted(self.changed - self.reviews.keys())


def stored_as(kept: Kept, *, next_notice_on: date | None = None, known_on: date | None = None) -> StoredReview:
    """Return what the record keeps as the table holds it."""
    fields_kept = {name: getattr(kept, name) for name in _KEPT}
    return StoredReview(**fields_kept, next_notice_on=next_notice_on, known_on=known_on)


def planned_anew(kept: Kept) -> StoredReview:
    """Return what a whole history leaves, with when the tick has to look at it for the first time."""
    if not kept.owed:
        return stored_as(kept)
    known_on = kept.review.shown_on
    return stored_as(kept, next_notice_on=next_notice_on(kept.review, known_on), known_on=known_on)


def fold_events(
    folds: Mapping[str, ChildFold],
    new: Sequence[RecordedEvent],
    council: Council,
    spent: Callable[[], bool],
) -> int:
    """Fold ``new`` events, at least one, in log order into the children they concern.

    An event of the authority concerns every child of ``folds``, any other the child in whose
    stream it is.  ``council`` knows at least the events of the authority up to the last of them.
    ``spent`` is asked between two events whether to leave the rest for later; returned is the
    position of the last event folded, which holds for all the children.
    """
    done = 0
    for event in new:
        if done and spent():
            break
        child = child_of_stream(event.stream)
        for fold in folds.values() if child is None else (folds[child],):
            fold.take(event, council)
        done = event.position
    return done


def notices_of(review: Review, before: StoredReview | None, cause: Cause) -> list[Notice]:
    """Return what the change from ``before`` (None: not owed until now) is worth telling."""
    found: list[Notice] = []
    by = cause.position or cause.on
    if review.outcome is Outcome.HELD and (before is None or before.review.outcome is not Outcome.HELD):
        key = f"{NoticeKind.HELD}|{review.review_id}|{by}"
        found.append(Notice(kind=NoticeKind.HELD, dedupe_key=key, review=review, cause=cause))
    if before is not None and _moved(before.review, review):
        key = f"{NoticeKind.MOVED}|{review.review_id}|{by}|{before.review.due_on}|{review.due_on}"
        moved_from = before.review.due_on
        found.append(Notice(kind=NoticeKind.MOVED, dedupe_key=key, review=review, moved_from=moved_from, cause=cause))
    if _is_booked_late(review, cause.on):
        # Told for these two days once, whatever else of the review changes: the log takes each key once.
        key = f"{NoticeKind.BOOKED_LATE}|{review.review_id}|{review.due_on}|{review.booked_on}"
        found.append(Notice(kind=NoticeKind.BOOKED_LATE, dedupe_key=key, review=review, cause=cause))
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
    """Tell whether a day moved on which people rely: one that is firm now, or for which a meeting is booked.

    The change log has every other.
    """
    both_open = before.outcome is Outcome.OPEN and after.outcome is Outcome.OPEN
    booked = before.booked_on is not None or after.booked_on is not None
    return both_open and before.due_on != after.due_on and (after.certainty is Certainty.FIRM or booked)


def planned(review: Review, before: StoredReview | None, cause: Cause, looks_ahead: int) -> StoredReview:
    """Return ``review`` with the day on which the tick has to look at it, if it has to.

    A review that stays open with the same due date keeps its day.  Any other is looked at
    ``looks_ahead`` days before it is due, and not before it was known.
    """
    if before is not None and _same_clock(before.review, review):
        return StoredReview(review, before.next_notice_on, known_on=before.known_on)
    # What became of a review makes it no news; None is that of an earlier release.
    settled = before is not None and review.outcome is not Outcome.OPEN
    known_on = before.known_on if before is not None and settled else cause.on
    return StoredReview(review, next_notice_on(review, known_on, looks_ahead), known_on=known_on)


def next_notice_on(review: Review, known_on: date | None, looks_ahead: int = LOOKS_AHEAD) -> date | None:
    """Return the first day on which the tick has to look at ``review``, or None.

    One whose home or episode ended after the due date without it is still told as missed.  One
    that is counted from a review not held yet is not looked at: the alarm belongs to that one.
    """
    if review.due_on is None or review.rests_on_projection:
        return None
    if review.outcome not in {Outcome.OPEN, Outcome.MISSED}:
        return None
    first = review.due_on + (_ONE_DAY if review.outcome is Outcome.MISSED else timedelta(days=-looks_ahead))
    return first if known_on is None else max(first, known_on)


def _same_clock(before: Review, after: Review) -> bool:
    counted_alike = before.rests_on_projection == after.rests_on_projection
    both_open = before.outcome is Outcome.OPEN and after.outcome is Outcome.OPEN
    return both_open and before.due_on == after.due_on and counted_alike


def still_shown(stored: StoredReview, *, as_of: date, known_at: datetime | None) -> bool:
    """Tell whether a review that vanished belongs to the answer for these two times.

    It shows as withdrawn from the day and the recording that withdrew it; before, the
    facts of then decide.
    """
    if stored.vanished_at is None or stored.review.closed_on is None:
        return False
    return stored.review.closed_on <= as_of and (known_at is None or stored.vanished_at <= known_at)


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
