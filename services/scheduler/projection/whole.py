"""A child's whole history in one go: the reviews that folding it event by event would leave, for less.

Of a fold event by event two things remain.  The reviews owed at last follow from the facts at
last.  The reviews that were owed once and are not any more remain as they were told just before
the event because of which they vanished: so for each event it is enough to know *which* reviews
are owed, and only what vanishes is worked out in full.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from heapq import merge

from services.scheduler.model import StoredReview
from services.scheduler.projection import Cause, next_notice_on, vanished
from shared.domain.envelope import RecordedEvent
from shared.domain.history import Fact, apply
from shared.domain.timetable.engine import (
    SHAPING,
    KnownChains,
    ReviewKey,
    Timetable,
    owed_keys,
    project_reviews,
    reviews_by_key,
)


@dataclass(frozen=True, slots=True)
class Change:
    """An event of the authority, and the timetable that holds from then on."""

    event: RecordedEvent
    timetable: Timetable


def fold_history(
    child_id: str, events: Sequence[RecordedEvent], first: Timetable, changes: Sequence[Change], today: date
) -> list[StoredReview]:
    """Return what :func:`services.scheduler.projection.fold_events` leaves of a child, event by event, on ``today``.

    ``events`` are those of the child's stream and ``changes`` those of the authority's, both
    in log order; ``first`` holds before them.  All changes up to the child's first event
    hold from the beginning.
    """
    fold = _Fold(child_id, first, today)
    steps: Iterator[RecordedEvent | Change] = merge(events, changes, key=_position)
    for step in steps:
        if isinstance(step, Change):
            fold.change(step)
        else:
            fold.add(step)
    return fold.finished()


def _position(step: RecordedEvent | Change) -> int:
    return step.event.position if isinstance(step, Change) else step.position


@dataclass(slots=True)
class _Fold:
    """``told`` are the facts that count, in order, and ``shaping`` those among them that decide what is owed.

    ``owed`` are the keys of what is owed, ``gone`` is what was owed once and is not any more.
    """

    child_id: str
    timetable: Timetable
    today: date
    held: dict[tuple[str, str], Fact] = field(default_factory=dict)
    told: list[Fact] = field(default_factory=list)
    shaping: list[Fact] = field(default_factory=list)
    owed: frozenset[ReviewKey] = frozenset()
    gone: dict[ReviewKey, StoredReview] = field(default_factory=dict)
    chains: KnownChains = field(default_factory=dict)

    def add(self, event: RecordedEvent) -> None:
        """Take the child's next event."""
        before, after = apply(self.held, event)
        changed = [fact for fact in (before, after) if fact is not None and fact.occurred_on <= self.today]
        if not changed:
            return
        was, self.told = self.told, _exchanged(self.told, before, after, self.today)
        if any(isinstance(fact.data, SHAPING) for fact in changed):
            self.shaping = _exchanged(self.shaping, before, after, self.today)
            self._compare(was, self.timetable, event)

    def change(self, change: Change) -> None:
        """Go on by another timetable."""
        former, self.timetable = self.timetable, change.timetable
        self.chains.clear()
        self._compare(self.told, former, change.event)

    def _compare(self, was: Sequence[Fact], former: Timetable, by: RecordedEvent) -> None:
        """Work out in full what was owed and is not any more because of the event ``by``."""
        owed = owed_keys(self.shaping, self.timetable, self.chains)
        lost = self.owed - owed
        if lost:
            cause = Cause(by.position, by.recorded_at)
            for key, review in reviews_by_key(self.child_id, was, former, lost).items():
                self.gone[key] = vanished(review, cause)
        for key in self.gone.keys() & owed:
            del self.gone[key]
        self.owed = owed

    def finished(self) -> list[StoredReview]:
        """Return everything that is owed, and was."""
        reviews = project_reviews(self.child_id, self.told, self.timetable)
        return [*(StoredReview(each, next_notice_on(each, None)) for each in reviews), *self.gone.values()]


def _exchanged(told: Sequence[Fact], before: Fact | None, after: Fact | None, today: date) -> list[Fact]:
    """Put ``after`` in place of ``before``, as far as it counts by ``today``."""
    found = [fact for fact in told if fact is not before]
    if after is not None and after.occurred_on <= today:
        insort(found, after, key=_order)
    return found


def _order(fact: Fact) -> tuple[date, int]:
    return (fact.occurred_on, fact.position)
