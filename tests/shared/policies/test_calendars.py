"""Scottish bank holidays as the library gives them, checked against what is known of them."""

from __future__ import annotations

from datetime import date

import pytest

from shared.policies.calendars import calendars, council_calendar, scot_bank_holidays


@pytest.mark.parametrize(
    "day",
    [
        date(2026, 1, 1),
        date(2026, 1, 2),
        date(2026, 4, 3),  # Good Friday
        date(2026, 5, 4),
        date(2026, 5, 25),
        date(2026, 6, 15),  # proclaimed for one year
        date(2026, 8, 3),
        date(2026, 11, 30),
        date(2026, 12, 25),
        date(2026, 12, 28),  # for Saturday 26 December
        date(2022, 1, 3),  # for Saturday 1 January
        date(2022, 1, 4),  # for Sunday 2 January
        date(2023, 1, 3),  # 1 January is Sunday, so its substitute takes the 2nd and the 2nd moves on
        date(2025, 12, 1),  # for Sunday 30 November
        date(2022, 9, 19),  # state funeral
    ],
)
def test_bank_holidays(day: date) -> None:
    """Scotland's nine bank holidays, their substitutes and proclaimed days are no working days."""
    assert not scot_bank_holidays().is_working_day(day)


@pytest.mark.parametrize(
    "day",
    [
        date(2026, 4, 6),  # Easter Monday
        date(2026, 8, 31),  # last Monday of August
        date(2026, 3, 17),
        date(2026, 7, 13),
        date(2026, 5, 18),  # Edinburgh's own
        date(2026, 12, 29),
    ],
)
def test_holidays_of_elsewhere(day: date) -> None:
    """Holidays of England, of Northern Ireland or of one council are working days in Scotland."""
    assert scot_bank_holidays().is_working_day(day)


def test_the_calendar_knows_its_bounds() -> None:
    """Bank holidays are known from 2000 to 2100, in every year, and the calendar says so."""
    calendar = scot_bank_holidays()
    assert {day.year for day in calendar.holidays} == set(range(2000, 2101))
    assert calendar.covers(date(2000, 1, 1))
    assert calendar.covers(date(2100, 12, 31))
    assert not calendar.covers(date(1999, 12, 31))
    assert not calendar.covers(date(2101, 1, 1))


def test_a_council_adds_its_own_days() -> None:
    """A council's calendar is the bank holidays and the days it closes, and nothing else."""
    closed = date(2026, 5, 18)
    assert council_calendar([closed]).holidays == scot_bank_holidays().holidays | {closed}


def test_calendars_are_built_once() -> None:
    """Asking again gives the same calendars, not new ones."""
    assert calendars() is calendars()
    assert calendars()["scot_bank_holidays"] is scot_bank_holidays()
    assert calendars()["weekdays_only"].is_working_day(date(2026, 12, 25))
