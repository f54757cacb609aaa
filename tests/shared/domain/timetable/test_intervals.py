"""Counting days, weeks, months, working days and hours."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.timetable.intervals import Interval, Moment, Unit, add_months
from shared.domain.timetable.working_days import WorkingCalendar

WEEKDAYS = WorkingCalendar("weekdays_only", "weekends")
days = st.dates(date(1990, 1, 1), date(2150, 12, 31))


def after(count: int, unit: Unit, anchor: date) -> date:
    return Interval(count, unit).after(Moment(anchor), WEEKDAYS).on


@pytest.mark.parametrize(
    ("anchor", "months", "expected"),
    [
        (date(2025, 11, 30), 3, date(2026, 2, 28)),
        (date(2025, 8, 31), 6, date(2026, 2, 28)),
        (date(2023, 8, 31), 6, date(2024, 2, 29)),
        (date(2026, 2, 28), 3, date(2026, 5, 28)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2026, 10, 15), 3, date(2027, 1, 15)),
        (date(2025, 12, 31), 1, date(2026, 1, 31)),
    ],
)
def test_corresponding_date(anchor: date, months: int, expected: date) -> None:
    """A month ends on the day of the same number, or on the last day of a month without one."""
    assert add_months(anchor, months) == expected


def test_clamped_months_are_not_chained() -> None:
    """Two single months from 31 January are not two months from it: always count from the real anchor."""
    assert add_months(add_months(date(2026, 1, 31), 1), 1) == date(2026, 3, 28)
    assert add_months(date(2026, 1, 31), 2) == date(2026, 3, 31)


@given(days, st.integers(1, 60))
def test_months_follow_the_law_of_corresponding_dates(anchor: date, months: int) -> None:
    """Months are told by the calendar: the same day of the month, or the last one there is."""
    found = add_months(anchor, months)
    assert (found.year * 12 + found.month) - (anchor.year * 12 + anchor.month) == months
    clamped = (found + timedelta(days=1)).day == 1
    assert found.day == anchor.day or (found.day < anchor.day and clamped)


@given(days, st.integers(1, 30), st.sampled_from(Unit))
def test_the_day_of_the_event_is_not_counted(anchor: date, count: int, unit: Unit) -> None:
    """A period of days ends after its anchor; a period of hours not before it."""
    found = after(count, unit, anchor)
    assert found >= anchor if unit is Unit.HOURS else found > anchor


@given(days, st.integers(1, 30))
def test_weeks_are_seven_days(anchor: date, count: int) -> None:
    """Six weeks are forty-two days: a week ends on the weekday it began on."""
    assert after(count, Unit.WEEKS, anchor) == after(7 * count, Unit.DAYS, anchor)


@given(days, st.integers(1, 15))
def test_working_days_end_on_a_working_day(anchor: date, count: int) -> None:
    """Exactly ``count`` working days lie after the anchor and up to the end of the period."""
    found = after(count, Unit.WORKING_DAYS, anchor)
    between = [anchor + timedelta(days=n) for n in range(1, (found - anchor).days + 1)]
    assert sum(WEEKDAYS.is_working_day(day) for day in between) == count
    assert WEEKDAYS.is_working_day(found)


def test_six_months_are_not_twenty_six_weeks() -> None:
    """From 15 January 2026 six months end on 15 July, 26 weeks on 16 July."""
    assert after(6, Unit.MONTHS, date(2026, 1, 15)) == date(2026, 7, 15)
    assert after(26, Unit.WEEKS, date(2026, 1, 15)) == date(2026, 7, 16)


def test_hours_from_a_day_alone() -> None:
    """Where the hour is not known, 72 hours end with the third day after, at no stated instant."""
    assert Interval(72, Unit.HOURS).after(Moment(date(2026, 3, 27)), WEEKDAYS) == Moment(date(2026, 3, 30))


def test_hours_near_midnight_fall_on_the_civil_day() -> None:
    """72 hours from 23:30 UTC in July end at 00:30 in London, on the next civil day."""
    placed_at = datetime(2026, 7, 1, 23, 30, tzinfo=UTC)
    due = Interval(72, Unit.HOURS).after(Moment(date(2026, 7, 2), placed_at), WEEKDAYS)
    assert due == Moment(date(2026, 7, 5), datetime(2026, 7, 4, 23, 30, tzinfo=UTC))


def test_an_interval_is_never_empty() -> None:
    """A period of no length would be over before it began, so there is none."""
    with pytest.raises(ValueError, match="at least 1"):
        Interval(0, Unit.WEEKS)


@pytest.mark.parametrize(
    ("interval", "words"),
    [
        (Interval(6, Unit.WEEKS), "6 weeks"),
        (Interval(1, Unit.MONTHS), "1 month"),
        (Interval(3, Unit.WORKING_DAYS), "3 working days"),
        (Interval(72, Unit.HOURS), "72 hours"),
    ],
)
def test_intervals_in_words(interval: Interval, words: str) -> None:
    """An interval reads as English, in the singular for one."""
    assert interval.words == words


@given(days)
def test_last_working_day_is_the_nearest(day: date) -> None:
    """The last working day on or before a day is a working day with none between."""
    last = WEEKDAYS.last_on_or_before(day)
    assert WEEKDAYS.is_working_day(last)
    assert not any(WEEKDAYS.is_working_day(last + timedelta(days=n)) for n in range(1, (day - last).days + 1))
