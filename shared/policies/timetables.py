"""The timetable of a council, from the packs and calendars shipped with Homeward."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime

from shared.domain.envelope import RecordedEvent
from shared.domain.history import Fact, apply
from shared.domain.timetable.council_calendars import CouncilCalendars
from shared.domain.timetable.engine import Timetable, adopted_timetable
from shared.policies.calendars import calendars
from shared.policies.loader import known_packs


def council_timetable(
    council: Iterable[RecordedEvent], *, known_at: datetime | None = None, as_of: date | None = None
) -> Timetable:
    """Return the timetable that a council's own events make, with the packs and calendars at hand.

    ``council`` are the events of the authority's stream in any order.  Only what had been recorded by
    ``known_at``, and had occurred by ``as_of``, counts.
    """
    read = _Council(as_of)
    for event in sorted(council, key=lambda each: each.position):
        if known_at is None or event.recorded_at <= known_at:
            read.take(event)
    return read.timetable()


def council_timetables(
    council: Iterable[RecordedEvent], *, as_of: date | None = None
) -> Iterator[tuple[RecordedEvent, Timetable]]:
    """Yield each of a council's own events, in log order, with the timetable that holds from it on."""
    read = _Council(as_of)
    for event in council:
        read.take(event)
        yield event, read.timetable()


class _Council:
    """A council's own events, read in log order."""

    def __init__(self, as_of: date | None) -> None:
        self._as_of = as_of
        self._held: dict[tuple[str, str], Fact] = {}
        self._calendars = CouncilCalendars(calendars())

    def take(self, event: RecordedEvent) -> None:
        before, after = apply(self._held, event)
        self._calendars.take(event.position, self._counted(before), self._counted(after))

    def timetable(self) -> Timetable:
        return adopted_timetable(
            [fact for fact in self._held.values() if self._counted(fact)],
            packs=known_packs(),
            calendars=self._calendars.calendars(),
            unknown_calendars=self._calendars.unknown,
        )

    def _counted(self, fact: Fact | None) -> Fact | None:
        if fact is None or (self._as_of is not None and fact.occurred_on > self._as_of):
            return None
        return fact
