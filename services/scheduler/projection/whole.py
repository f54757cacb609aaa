"""A child's whole history in one go: what folding it event by event leaves.

With the change log it takes the same steps (:mod:`services.scheduler.projection.stepping`).  Where only the
reviews are asked for, it takes fewer: most events surely take nothing off the record
(:mod:`shared.domain.timetable.additions`), and what is owed follows from the facts at last.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from heapq import merge
from uuid import UUID

from services.scheduler.projection.council import Council
from services.scheduler.projection.stepping import Stepping
from shared.domain.catalogue.child import ChildAccommodated, EpisodeEnded, HomeEnded, HomeStarted
from shared.domain.catalogue.governance import RecordCorrected, RecordRetracted
from shared.domain.clock import civil_date
from shared.domain.envelope import RecordedEvent
from shared.domain.history import Fact, apply, in_order
from shared.domain.ids import AUTHORITY_STREAM
from shared.domain.timetable.additions import only_adds
from shared.domain.timetable.causes import Cause, Change
from shared.domain.timetable.engine import SHAPING
from shared.domain.timetable.trace import Kept, Step

_LIVING = (ChildAccommodated, HomeStarted, HomeEnded)


@dataclass(frozen=True, slots=True)
class Whole:
    """What a history leaves: the reviews on the record, the change log, and when to look again, if ever."""

    reviews: Sequence[Kept]
    changes: Sequence[Change]
    awaits: date | None


def fold_history(
    child_id: str, events: Sequence[RecordedEvent], council: Council, today: date, *, forecasts: bool = False
) -> Whole:
    """Return what :func:`services.scheduler.projection.fold_events` leaves of a child, event by event, by ``today``.

    ``events`` are those of the child's stream in log order, and ``council`` knows those of the authority
    as far.  With ``forecasts`` those that vanished are returned, too, which nobody stores.
    """
    fold = _Fold()
    stepping = Stepping(child_id, fold.rows, fold.keep, forecasts=forecasts)
    for event in _together(events, council):
        stepping.take(event, council)
    stepping.begin_days(today, council)
    return Whole(list(fold.rows.values()), fold.changes, stepping.awaits)


def fold_reviews(child_id: str, events: Sequence[RecordedEvent], council: Council) -> Whole:
    """Return what :func:`fold_history` does up to the last event, without the changes, for a fraction of the work."""
    fold = _Fold()
    stepping = _Sparse(child_id, fold)
    for event in _together(events, council):
        stepping.take(event, council)
    stepping.catch_up(council)
    return Whole(list(fold.rows.values()), (), stepping.awaits)


def _together(events: Sequence[RecordedEvent], council: Council) -> Iterator[RecordedEvent]:
    """Yield the child's events and, from the first of them on, the council's, in log order."""
    later = [event for event in council.events if events and event.position > events[0].position]
    return merge(events, later, key=lambda event: event.position)


@dataclass(slots=True)
class _Fold:
    rows: dict[UUID, Kept] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)

    def keep(self, done: Step, _: Cause) -> None:
        for review_id in done.dropped:
            self.rows.pop(review_id, None)
        self.rows.update(done.put)
        self.changes += done.changes


class _Sparse(Stepping):
    """Steps that pass over what surely takes nothing off the record that was owed in earnest.

    ``behind`` is the day up to which the record was not brought, if there is one.
    """

    def __init__(self, child_id: str, fold: _Fold) -> None:
        super().__init__(child_id, fold.rows, fold.keep)
        self._fold = fold
        self._behind: date | None = None
        self._shaping: list[Fact] = []

    def take(self, event: RecordedEvent, council: Council) -> None:
        """Fold the next event, or pass over it."""
        cause = self.cause_of(event, council)
        if self._passes_over(event, cause.on, council):
            self.note(event, cause)
            self.plan(cause.on, council)
            self._behind = cause.on
            return
        self.catch_up(council)
        super().take(event, council)
        counted = (fact for fact in self._held.values() if fact.occurred_on <= cause.on)
        self._shaping = list(in_order(fact for fact in counted if isinstance(fact.data, SHAPING)))

    def judge(self, cause: Cause, council: Council) -> None:
        """Bring the record up to what is owed, from what was owed before."""
        self.catch_up(council)
        super().judge(cause, council)

    def catch_up(self, council: Council) -> None:
        """Put on the record what is owed by the facts passed over: none of them took anything off it."""
        if self._behind is not None:
            owed = self.owed(self._behind, council)
            self._fold.rows.clear()
            self._fold.rows.update((each.review_id, Kept(each, clock=key[2])) for key, each in owed.items())
            self._behind = None

    def _passes_over(self, event: RecordedEvent, on: date, council: Council) -> bool:
        """Tell whether an event surely takes nothing off the record; what it tells is noted if so."""
        # What was withdrawn once, or only a forecast stands for, is followed step by step from then on.
        # So is everything where a rule goes by other facts than those about homes, episodes and meetings.
        if self._is_marked() or not council.counts_simply(on, self._position):
            return False
        if self.awaits is not None and self.awaits <= on:
            return False
        if event.stream == AUTHORITY_STREAM:
            since = council.differs_since(on, self._position, event.position)
            return since is None or all(fact.occurred_on < since for fact in self._held.values())
        if isinstance(event.data, RecordCorrected | RecordRetracted) or event.data.occurred_on > on:
            return False
        return not isinstance(event.data, SHAPING) or self._surely_adds(event, on, council)

    def _is_marked(self) -> bool:
        return any(not _is_plain(each) for each in self._fold.rows.values())

    def _surely_adds(self, event: RecordedEvent, on: date, council: Council) -> bool:
        _, new = apply({}, event)
        soonest = council.soonest_without_home(on, self._position)
        if new is None or _lacks_home(self._shaping, on, soonest) or not only_adds(self._shaping, new):
            return False
        self._shaping.append(new)
        return True


def _is_plain(kept: Kept) -> bool:
    """Tell whether all that is kept of a review follows from the facts at last."""
    beside = (kept.once, kept.vanished_at, kept.replaces, kept.replaced_by, kept.told_as, kept.overdue)
    return all(each is None for each in beside)


def _lacks_home(told: Sequence[Fact], on: date, soonest: timedelta) -> bool:
    """Tell whether reviews may stand overdue on a day that are counted because no home is recorded.

    None falls due before ``soonest``.  They go, and stay on the record, when a home is told.
    """
    running: set[str] = set()
    for fact in told:
        if isinstance(fact.data, ChildAccommodated):
            running.add(fact.data.episode_id)
        elif isinstance(fact.data, EpisodeEnded):
            running.discard(fact.data.episode_id)
    last = next((fact for fact in reversed(told) if isinstance(fact.data, _LIVING)), None)
    if last is None or isinstance(last.data, HomeStarted) or not running:
        return False
    # What was recorded on that very day was never shown as overdue.
    return on - last.occurred_on > soonest and civil_date(last.recorded_at) < on
