"""What Homeward asks of an event beyond its schema."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from shared.domain.catalogue import EventData
from shared.domain.catalogue.governance import TimetableAdopted
from shared.domain.envelope import NewEvent
from shared.domain.errors import Fault
from shared.wire.cloudevents import corrected_wording

#: A fact may be told on the day before: clocks differ, and some systems write at midnight.
DAYS_AHEAD = 1


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules on one day, with the editions of timetable packs that are known, as (pack, edition)."""

    today: date
    editions: frozenset[tuple[str, str]]

    def faults(self, event: NewEvent) -> Sequence[Fault]:
        """Name what is wrong with an event that is valid by its schema; pointers lead into the event."""
        faults = list(self._faults(event.data, "/data"))
        replacement = corrected_wording(event.data)
        if replacement is not None:
            faults += self._faults(replacement, "/data/replacement")
        return faults

    def _faults(self, data: EventData, pointer: str) -> Iterable[Fault]:
        if data.occurred_on > self.today + timedelta(days=DAYS_AHEAD):
            message = "What has occurred lies in the past; a booking says in scheduled_for when it is for."
            yield Fault(f"{pointer}/occurred_on", "in_the_future", message)
        if isinstance(data, TimetableAdopted) and (data.pack, data.edition) not in self.editions:
            known = ", ".join(f"{pack} {edition}" for pack, edition in sorted(self.editions))
            yield Fault(f"{pointer}/pack", "unknown_pack", f"No such timetable pack is known; known are: {known}")
