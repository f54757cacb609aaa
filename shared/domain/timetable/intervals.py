"""Counting time as Scots law counts it.

The day of the event is excluded (Dodds v Walker); a month ends on the day of the same
number, or on the last day of a month that has no such day; weekends and holidays move
nothing unless the rule counts working days.  Always count from the real anchor: adding
months is neither reversible nor associative.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache

from shared.domain.clock import civil_date
from shared.domain.timetable.working_days import WorkingCalendar

_HOURS_A_DAY = 24
_ONE_DAY = timedelta(days=1)
_DAYS_A_WEEK = 7


class Counting(StrEnum):
    """Whether the day from which a period is counted belongs to it ("beginning with"), or not ("from")."""

    FROM = "from"
    BEGINNING_WITH = "beginning_with"


class Unit(StrEnum):
    """What an interval counts."""

    HOURS = "hours"
    DAYS = "days"
    WORKING_DAYS = "working_days"
    WEEKS = "weeks"
    MONTHS = "months"


@dataclass(frozen=True, slots=True)
class Moment:
    """When something is: its civil day, and its instant (aware) where that is known."""

    on: date
    at: datetime | None = None

    def precedes(self, other: Moment) -> bool:
        """Tell whether this is surely before ``other``: by instant if both are known, else by day."""
        if self.at is not None and other.at is not None:
            return self.at < other.at
        return self.on < other.on


@dataclass(frozen=True, slots=True)
class Interval:
    """A length of time as a rule states it, for instance 6 weeks; ``count`` is at least 1."""

    count: int
    unit: Unit

    def __post_init__(self) -> None:
        """Raise ValueError for a count below 1: such a period would end before it began."""
        if self.count < 1:
            raise ValueError("an interval counts at least 1")

    def after(self, anchor: Moment, calendar: WorkingCalendar) -> Moment:
        """Return the last lawful moment of the period that ``anchor`` starts.

        Only hours give an instant, and only if the anchor's is known; otherwise the end
        of the civil day is meant.
        """
        match self.unit:
            case Unit.HOURS:
                return self._hours_after(anchor)
            case Unit.DAYS:
                return Moment(anchor.on + timedelta(days=self.count))
            case Unit.WORKING_DAYS:
                return Moment(calendar.days_after(anchor.on, self.count)[-1])
            case Unit.WEEKS:
                return Moment(anchor.on + timedelta(days=_DAYS_A_WEEK * self.count))
            case Unit.MONTHS:
                return Moment(add_months(anchor.on, self.count))

    def ending(self, anchor: Moment, calendar: WorkingCalendar, counting: Counting) -> Moment:
        """Return the last lawful moment of the period that ``anchor`` starts, which is counted so.

        A period of months that begins with a day ends on the day before the corresponding one; where a month
        has no such day its last day ends it, as it does otherwise.  Hours are counted from the instant.
        """
        if counting is Counting.FROM or self.unit is Unit.HOURS:
            return self.after(anchor, calendar)
        if self.unit is Unit.MONTHS:
            last = add_months(anchor.on, self.count)
            return Moment(last - _ONE_DAY if last.day == anchor.on.day else last)
        return self.after(Moment(anchor.on - _ONE_DAY), calendar)

    def _hours_after(self, anchor: Moment) -> Moment:
        if anchor.at is None:
            return Moment(anchor.on + timedelta(days=self.count // _HOURS_A_DAY))
        # Elapsed hours are added in UTC, so that a change of the clocks adds or loses none.
        due_at = anchor.at.astimezone(UTC) + timedelta(hours=self.count)
        return Moment(civil_date(due_at), due_at)

    @property
    def words(self) -> str:
        """The interval in English, for instance "3 working days" or "1 month"."""
        unit = self.unit.value.replace("_", " ")
        return f"{self.count} {unit if self.count != 1 else unit.removesuffix('s')}"


@lru_cache(maxsize=100_000)
def add_months(day: date, months: int) -> date:
    """Return the corresponding day ``months`` calendar months later.

    Where that month has no such day, its last day: 30 November and 3 months is the end of February.
    """
    index = day.year * 12 + day.month - 1 + months
    year, month = index // 12, index % 12 + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))
