"""The shipped calendars, checked against what is known of them and against the library that made them."""

from __future__ import annotations

import tomllib
from datetime import date

import pytest

from shared.policies.calendars import CALENDAR_NAMES, COUNCIL, SHIPPED, calendars, closed_on
from tests.meta import calendars as made

SCOTLAND = calendars()["scot_bank_holidays"]


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
    assert not SCOTLAND.is_working_day(day)


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
    assert SCOTLAND.is_working_day(day)


@pytest.mark.parametrize(
    ("name", "holiday", "worked"),
    [
        ("england_bank_holidays", date(2026, 8, 31), date(2026, 1, 2)),
        ("wales_bank_holidays", date(2026, 4, 6), date(2026, 11, 30)),
        ("northern_ireland_bank_holidays", date(2026, 7, 13), date(2026, 8, 3)),
        ("ireland_public_holidays", date(2026, 10, 26), date(2026, 8, 31)),
        ("weekdays_only", date(2026, 12, 26), date(2026, 12, 25)),
        (COUNCIL, date(2026, 11, 30), date(2026, 8, 31)),
    ],
)
def test_each_calendar_has_its_own_days(name: str, holiday: date, worked: date) -> None:
    """A day that tells each calendar from its neighbour; a council's own begins as the Scottish one."""
    calendar = calendars()[name]
    assert not calendar.is_working_day(holiday)
    assert calendar.is_working_day(worked)
    assert calendar.name == name


def test_the_calendar_knows_its_bounds() -> None:
    """Bank holidays are known from 2000 to 2100, in every year, and the calendar says so."""
    assert {day.year for day in SCOTLAND.holidays} == set(range(2000, 2101))
    assert SCOTLAND.covers(date(2000, 1, 1))
    assert SCOTLAND.covers(date(2100, 12, 31))
    assert not SCOTLAND.covers(date(1999, 12, 31))
    assert not SCOTLAND.covers(date(2101, 1, 1))


@pytest.mark.parametrize("of", made.SHIPPED, ids=lambda of: of.name)
def test_the_files_hold_what_the_library_says(of: made.Shipped) -> None:
    """An upgrade of the library moves no date silently: what it would change is named here, day by day."""
    apart = calendars()[of.name].holidays ^ frozenset(of.days())
    assert sorted(apart) == [], "look at each day, then `make calendars`"


@pytest.mark.parametrize("of", made.SHIPPED, ids=lambda of: of.name)
def test_the_files_are_written_by_their_command(of: made.Shipped) -> None:
    """Nothing in a file was written by hand: the command gives it again, but for the library's version."""
    text = (made.FOLDER / f"{of.name}.toml").read_text(encoding="utf-8")
    assert text.replace(tomllib.loads(text)["source"], of.source) == made.document(of)


def test_every_shipped_calendar_has_its_file() -> None:
    """The names that may be given are those of the files, and the council's own."""
    assert {each.name for each in made.SHIPPED} == SHIPPED == {path.stem for path in made.FOLDER.glob("*.toml")}
    assert calendars().keys() == CALENDAR_NAMES == SHIPPED | {COUNCIL}


def test_closures_are_added_to_every_calendar() -> None:
    """For the calculator, days on which a council is closed are no working days, and nothing else is changed."""
    closed = date(2026, 5, 18)
    shipped = calendars()
    assert {name: each.present.holidays for name, each in closed_on(frozenset({closed})).items()} == {
        name: each.holidays | {closed} for name, each in shipped.items()
    }
    assert {name: each.present for name, each in closed_on(frozenset()).items()} == shipped


def test_calendars_are_read_once() -> None:
    """Asking again gives the same calendars, not new ones."""
    assert calendars() is calendars()
