"""A council's own events, as far as they are read: by which timetable its children are judged, and when."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from itertools import accumulate

from shared.domain.catalogue.governance import RecordCorrected
from shared.domain.clock import civil_date
from shared.domain.envelope import RecordedEvent
from shared.domain.history import corrected_data
from shared.domain.timetable.engine import Timetable
from shared.domain.timetable.intervals import Interval, Unit
from shared.domain.timetable.rules import AnchorKind
from shared.policies.timetables import council_timetable

_LEAST_DAYS = {Unit.DAYS: 1, Unit.WORKING_DAYS: 1, Unit.WEEKS: 7, Unit.MONTHS: 28}


class Council:
    """The events of an authority's own stream, in log order; what follows from them is worked out once."""

    def __init__(self, events: Iterable[RecordedEvent]) -> None:
        """Read ``events``, in any order."""
        self.events = sorted(events, key=lambda event: event.position)
        self._positions = [event.position for event in self.events]
        self._latest = list(accumulate((event.recorded_at for event in self.events), max))
        self._ahead = sorted((day, event.position) for event in self.events for day in days_ahead(event))
        self._timetables: dict[tuple[int, int], Timetable] = {}
        self._since: dict[tuple[int, int], date | None] = {}
        #: By identity: the timetables above are kept.
        self._soonest: dict[int, timedelta] = {}
        self._simple: dict[int, bool] = {}

    def at(self, position: int) -> datetime | None:
        """Return when the last of those up to ``position`` was recorded; None if there is none."""
        count = bisect_right(self._positions, position)
        return self._latest[count - 1] if count else None

    def timetable(self, on: date, position: int) -> Timetable:
        """Return the timetable that those up to ``position`` make, as far as they have occurred ``on`` that day."""
        count = bisect_right(self._positions, position)
        begun = sum(day <= on for day, _ in self._ahead)
        if (count, begun) not in self._timetables:
            counted = on if begun < len(self._ahead) else None
            self._timetables[count, begun] = council_timetable(self.events[:count], as_of=counted)
        return self._timetables[count, begun]

    def present(self, on: date) -> Timetable:
        """Return the timetable that all of them make, as far as they have occurred ``on`` that day."""
        return self.timetable(on, self._positions[-1] if self._positions else 0)

    def differs_since(self, on: date, former: int, position: int) -> date | None:
        """Return the first day on which a clock may start that is judged otherwise than up to ``former``, or None."""
        asked = (bisect_right(self._positions, former), bisect_right(self._positions, position))
        if asked not in self._since:
            self._since[asked] = self.timetable(on, former).differs_from(self.timetable(on, position))
        return self._since[asked]

    def counts_simply(self, on: date, position: int) -> bool:
        """Tell whether what is owed rests on homes, episodes and meetings alone (:attr:`Timetable.counts_simply`)."""
        timetable = self.timetable(on, position)
        if id(timetable) not in self._simple:
            self._simple[id(timetable)] = timetable.counts_simply
        return self._simple[id(timetable)]

    def soonest_without_home(self, on: date, position: int) -> timedelta:
        """Return a time in which no review falls due that is counted from a day without a recorded home."""
        timetable = self.timetable(on, position)
        if id(timetable) not in self._soonest:
            rules = (rule for each in timetable.adopted for rule in each.pack.rules)
            counted = (rule for rule in rules if rule.anchor is AnchorKind.HOME_STARTED and not rule.emergency_only)
            days = (_least_days(step.within) for rule in counted for step in rule.steps if step.within is not None)
            self._soonest[id(timetable)] = timedelta(days=min(days, default=0))
        return self._soonest[id(timetable)]

    def next_day(self, after: date, position: int) -> date | None:
        """Return the next day on which something told ahead, up to ``position``, begins to count, or None."""
        return next((day for day, told in self._ahead if day > after and told <= position), None)


def _least_days(within: Interval) -> int:
    if within.unit in _LEAST_DAYS:
        return within.count * _LEAST_DAYS[within.unit]
    return 0


def days_ahead(event: RecordedEvent) -> Iterator[date]:
    """Yield the day of what an event tells, or in place of what it corrects tells, if that is after its recording."""
    recorded_on, told = civil_date(event.recorded_at), [event.data]
    if isinstance(event.data, RecordCorrected):
        told.append(corrected_data(event.data.corrects_type, event.data))
    return (data.occurred_on for data in told if data.occurred_on > recorded_on)
