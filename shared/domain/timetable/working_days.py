"""Working days on a named calendar.

The regulations do not define "working day" (SSI 2009/210 reg 2 has no such term), so a
working day is never a constant: each rule names the calendar it is counted on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

_ONE_DAY = timedelta(days=1)
_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class WorkingCalendar:
    """Which days are not worked: Saturdays, Sundays and ``holidays``.

    ``title`` completes the sentence "not counted are ...".  ``first_on`` and ``last_on``
    bound the days whose holidays are known; None where there is no such bound.
    """

    name: str
    title: str
    holidays: frozenset[date] = frozenset()
    first_on: date | None = None
    last_on: date | None = None

    def is_working_day(self, day: date) -> bool:
        """Tell whether ``day`` is neither at a weekend nor a holiday."""
        return day.weekday() < _SATURDAY and day not in self.holidays

    def days_after(self, day: date, count: int) -> tuple[date, ...]:
        """Return the first ``count`` working days after ``day``, which itself is not counted."""
        found: list[date] = []
        while len(found) < count:
            day += _ONE_DAY
            if self.is_working_day(day):
                found.append(day)
        return tuple(found)

    def last_on_or_before(self, day: date) -> date:
        """Return ``day`` if it is a working day, else the nearest working day before it."""
        while not self.is_working_day(day):
            day -= _ONE_DAY
        return day

    def covers(self, day: date) -> bool:
        """Tell whether the holidays around ``day`` are known to this calendar."""
        return (self.first_on is None or self.first_on <= day) and (self.last_on is None or day <= self.last_on)
