"""The council's days: its working week, its months, its office hours.

The closures are the council's own and deliberately few.  This is not the timetable's
arithmetic and must not become it: the council is a witness against which that is checked.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from shared.domain.clock import CIVIL_ZONE

_SATURDAY = 5
_CLOSED = {(12, 25), (12, 26), (1, 1), (1, 2)}
#: The change of practice lies this long before the day of loading: about eighteen months.
_CHANGE_BEFORE_LOADING = timedelta(days=548)
#: The council's story runs on this long after the day of loading, for bookings already made.
_STORY_AFTER_LOADING = timedelta(days=240)


@dataclass(frozen=True, slots=True)
class Span:
    """The days the story covers.

    Children are accommodated from ``begins_on``; practice changes on ``changed_on``; the
    record is as it stood on the morning of ``loaded_on``; the story is told to
    ``horizon_on``, and what lies behind ``loaded_on`` is known only as truth.
    """

    begins_on: date
    changed_on: date
    loaded_on: date
    horizon_on: date

    @classmethod
    def ending(cls, loaded_on: date, years: int) -> Span:
        """Return the span of ``years`` (at least one) that ends on the day of loading."""
        if years < 1:
            raise ValueError("the story covers at least one year")
        return cls(
            begins_on=months_after(loaded_on, -12 * years),
            changed_on=(loaded_on - _CHANGE_BEFORE_LOADING).replace(day=1),
            loaded_on=loaded_on,
            horizon_on=loaded_on + _STORY_AFTER_LOADING,
        )


def is_working_day(day: date) -> bool:
    """Tell whether the council's offices are open on ``day``."""
    return day.weekday() < _SATURDAY and (day.month, day.day) not in _CLOSED


def working_day_from(day: date) -> date:
    """Return ``day``, or the first working day after it."""
    while not is_working_day(day):
        day += timedelta(days=1)
    return day


def working_day_until(day: date) -> date:
    """Return ``day``, or the last working day before it."""
    while not is_working_day(day):
        day -= timedelta(days=1)
    return day


def working_days_after(day: date, count: int) -> date:
    """Return the working day that is ``count`` working days after ``day``."""
    for _ in range(count):
        day = working_day_from(day + timedelta(days=1))
    return day


def months_after(day: date, months: int) -> date:
    """Return the same day of another month, or that month's last day if it has no such day."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def instant(day: date, hour: int, minute: int = 0, second: int = 0) -> datetime:
    """Return the UTC instant of a London wall-clock time on ``day``."""
    return datetime.combine(day, time(hour, minute, second), CIVIL_ZONE).astimezone(UTC)
