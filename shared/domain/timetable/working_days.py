"""Working days on a named calendar, and what a council decided about its days.

The regulations do not define "working day" (SSI 2009/210 reg 2 has no such term), so a
working day is never a constant: each rule names the calendar it is counted on, and a
council declares days of its own on it.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date, timedelta

_ONE_DAY = timedelta(days=1)
_SATURDAY = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class CouncilDay:
    """A day of which the council itself decided whether it is worked.

    ``worked`` is True for a holiday that was removed.  ``decided_on`` is the civil day of the
    decision, ``position`` that of the event which gave it its present wording.
    """

    day: date
    worked: bool
    decided_on: date
    position: int
    reason: str | None = None

    @property
    def at_weekend(self) -> bool:
        """Whether the decision changes nothing, because nobody counts the day."""
        return self.day.weekday() >= _SATURDAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """The calendar from which another takes its holidays, because the council decided so."""

    calendar: str
    decided_on: date
    position: int


@dataclass(frozen=True, slots=True)
class WorkingCalendar:
    """Which days are not worked: Saturdays, Sundays and ``holidays``.

    ``title`` completes the sentence "not counted are ...".  ``first_on`` and ``last_on``
    bound the days whose holidays are known; None where there is no such bound.  ``source``
    says where the holidays come from; ``council_days``, in order, and ``follows`` are what a
    council decided, and ``holidays`` has that in it.
    """

    name: str
    title: str
    holidays: frozenset[date] = frozenset()
    first_on: date | None = None
    last_on: date | None = None
    source: str = ""
    council_days: tuple[CouncilDay, ...] = ()
    follows: Followed | None = None

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

    def decided_between(self, first_on: date, last_on: date) -> tuple[CouncilDay, ...]:
        """Return the council's own days from ``first_on`` to ``last_on``, both included, but for weekends."""
        return tuple(each for each in self.council_days if first_on <= each.day <= last_on and not each.at_weekend)


@dataclass(frozen=True, slots=True)
class CouncilCalendar:
    """A calendar through everything that a council decided about it.

    ``states[n]`` holds from log position ``since[n]`` on; the first holds from position 0.
    What is still open is counted by the present state.  What was held, or can no longer be,
    is judged by what was known at the position that said so, and a later decision leaves it alone.
    """

    since: tuple[int, ...]
    states: tuple[WorkingCalendar, ...]

    @property
    def present(self) -> WorkingCalendar:
        """The calendar with everything decided so far."""
        return self.states[-1]

    def known_by(self, position: int | None) -> WorkingCalendar:
        """Return the calendar as the log told it up to ``position``; None asks for the present."""
        if position is None or len(self.states) == 1:
            return self.states[-1]
        return self.states[max(bisect_right(self.since, position) - 1, 0)]


def undecided(calendar: WorkingCalendar) -> CouncilCalendar:
    """Return a calendar about which no council decided anything."""
    return CouncilCalendar((0,), (calendar,))
