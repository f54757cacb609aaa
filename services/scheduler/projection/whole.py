"""A child's whole history in one go: the reviews that folding it event by event would leave, for less.

Of a fold event by event two things remain.  The reviews owed at last follow from the facts at
last.  The reviews that were owed once and are not any more remain as they were told just before
the event because of which they vanished, but for forecasts.  Most events surely take nothing
back (:mod:`shared.domain.timetable.additions`), and are passed over; for the others it is
enough to know *which* reviews are owed, and only what vanishes is worked out in full.
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
from shared.domain.timetable.additions import only_adds
from shared.domain.timetable.engine import (
    SHAPING,
    KnownChains,
    OwedKeys,
    ReviewKey,
    Timetable,
    owed_keys,
    reviews_by_key,
)
from shared.policies.timetables import council_timetable, council_timetables


@dataclass(frozen=True, slots=True)
class Change:
    """An event of the authority, and the timetable that holds from then on.

    ``since`` is the first day on which a clock may start that is judged otherwise than before
    the event; None if there is none.
    """

    event: RecordedEvent
    timetable: Timetable
    since: date | None


@dataclass(frozen=True, slots=True)
class Rules:
    """By which timetables a council's children are folded: ``first`` holds before all changes."""

    first: Timetable
    changes: Sequence[Change]


def rules(council: Sequence[RecordedEvent], today: date) -> Rules:
    """Return the timetables that the authority's own events, in log order, make by ``today``."""
    first = former = council_timetable(())
    changes = []
    for event, timetable in council_timetables(council, as_of=today):
        changes.append(Change(event, timetable, former.differs_from(timetable)))
        former = timetable
    return Rules(first, changes)


def fold_history(
    child_id: str, events: Sequence[RecordedEvent], by: Rules, today: date, *, forecasts: bool = False
) -> list[StoredReview]:
    """Return what :func:`services.scheduler.projection.fold_events` leaves of a child, event by event, on ``today``.

    ``events`` are those of the child's stream in log order.  All changes of the rules up to the
    child's first event hold from the beginning.  With ``forecasts`` those that vanished are
    returned too, which nobody stores.
    """
    fold = _Fold(child_id, by.first, today, forecasts)
    steps: Iterator[RecordedEvent | Change] = merge(events, by.changes, key=_position)
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

    ``gone`` is what was owed once, and was not any more at some event since.  ``owed`` is what
    is owed by the shaping facts, where that had to be worked out.
    """

    child_id: str
    timetable: Timetable
    today: date
    forecasts: bool
    held: dict[tuple[str, str], Fact] = field(default_factory=dict)
    told: list[Fact] = field(default_factory=list)
    shaping: list[Fact] = field(default_factory=list)
    owed: OwedKeys | None = None
    gone: dict[ReviewKey, StoredReview] = field(default_factory=dict)
    chains: KnownChains = field(default_factory=dict)

    def add(self, event: RecordedEvent) -> None:
        """Take the child's next event."""
        before, after = apply(self.held, event)
        before, after = self._counted(before), self._counted(after)
        if before is None and after is None:
            return
        # What a correction brings forward from a day to come counts only now, and was told before others all the same.
        if before is None and after is not None and not after.amended_position and self._surely_adds(after):
            insort(self.told, after, key=_order)
            return
        was, former = self.told, self.shaping
        self.told = _exchanged(was, before, after)
        if any(fact is not None and isinstance(fact.data, SHAPING) for fact in (before, after)):
            owed = self._owed()
            self.shaping, self.owed = _exchanged(former, _shaping(before), _shaping(after)), None
            self._compare(owed, was, self.timetable, event)

    def change(self, change: Change) -> None:
        """Go on by another timetable."""
        judged_alike = not self.shaping or change.since is None or self.shaping[-1].occurred_on < change.since
        former, owed = self.timetable, None if judged_alike else self._owed()
        self.timetable = change.timetable
        self.chains.clear()
        if owed is not None:
            self.owed = None
            self._compare(owed, self.told, former, change.event)

    def finished(self) -> list[StoredReview]:
        """Return everything that is owed, and was."""
        owed = reviews_by_key(self.child_id, self.told, self.timetable)
        stored = [StoredReview(each, next_notice_on(each, None)) for each in owed.values()]
        return [*stored, *(each for key, each in self.gone.items() if key not in owed)]

    def _counted(self, fact: Fact | None) -> Fact | None:
        return fact if fact is not None and fact.occurred_on <= self.today else None

    def _surely_adds(self, new: Fact) -> bool:
        """Tell whether a new fact takes back nothing that is kept; if it decides what is owed, it is noted."""
        if not isinstance(new.data, SHAPING):
            return True
        # A forecast may stand under the key of what was owed once: when it goes, neither remains.
        if self.forecasts or self.gone or not only_adds(self.shaping, new):
            return False
        self.shaping.append(new)
        self.owed = None
        return True

    def _owed(self) -> OwedKeys:
        if self.owed is None:
            self.owed = owed_keys(self.shaping, self.timetable, self.chains)
        return self.owed

    def _compare(self, was_owed: OwedKeys, was: Sequence[Fact], former: Timetable, by: RecordedEvent) -> None:
        """Keep what was owed and is not any more because of the event ``by``, worked out in full."""
        lost = was_owed.keys() - self._owed().keys()
        for key in lost & self.gone.keys():
            del self.gone[key]
        kept = [key for key in lost if self.forecasts or was_owed[key]]
        if kept:
            cause = Cause(by.position, by.recorded_at)
            for key, review in reviews_by_key(self.child_id, was, former, kept).items():
                self.gone[key] = vanished(review, cause)


def _shaping(fact: Fact | None) -> Fact | None:
    return fact if fact is not None and isinstance(fact.data, SHAPING) else None


def _exchanged(told: Sequence[Fact], before: Fact | None, after: Fact | None) -> list[Fact]:
    """Put ``after`` in place of ``before``."""
    found = [fact for fact in told if fact is not before]
    if after is not None:
        insort(found, after, key=_order)
    return found


def _order(fact: Fact) -> tuple[date, int]:
    return (fact.occurred_on, fact.position)
