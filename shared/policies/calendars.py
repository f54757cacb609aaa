"""Calendars of working days, built once from the ``holidays`` library.

Scottish bank holidays are the subdivision ``SCT`` of ``GB``: 2 January, the first Monday
of August and 30 November with their substitutes, and no Easter Monday or late-August
Monday.  Days proclaimed for one year, such as 15 June 2026, are in the library's data as
far as its release knows them, so a new release can move open working-day deadlines.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache
from types import MappingProxyType

from holidays import country_holidays

from shared.domain.timetable.working_days import WorkingCalendar

SCOT_BANK_HOLIDAYS = "scot_bank_holidays"
WEEKDAYS_ONLY = "weekdays_only"
COUNCIL = "council"

FIRST_YEAR = 2000
LAST_YEAR = 2100

#: The names that a rule may give as its calendar.
CALENDAR_NAMES = frozenset({SCOT_BANK_HOLIDAYS, WEEKDAYS_ONLY, COUNCIL})


@cache
def scot_bank_holidays() -> WorkingCalendar:
    """Return the calendar of Scottish bank holidays for the years 2000 to 2100."""
    days = country_holidays("GB", subdiv="SCT", years=range(FIRST_YEAR, LAST_YEAR + 1))
    return WorkingCalendar(
        name=SCOT_BANK_HOLIDAYS,
        title="weekends and Scottish bank holidays",
        holidays=frozenset(days),
        first_on=date(FIRST_YEAR, 1, 1),
        last_on=date(LAST_YEAR, 12, 31),
    )


@cache
def calendars(closures: frozenset[date] = frozenset()) -> Mapping[str, WorkingCalendar]:
    """Return every calendar by name; ``closures`` are the council's own days besides bank holidays."""
    bank = scot_bank_holidays()
    return MappingProxyType(
        {
            SCOT_BANK_HOLIDAYS: bank,
            WEEKDAYS_ONLY: WorkingCalendar(name=WEEKDAYS_ONLY, title="weekends"),
            COUNCIL: council_calendar(closures),
        }
    )


def council_calendar(closures: Iterable[date]) -> WorkingCalendar:
    """Return Scottish bank holidays and, besides, the days on which one council is closed."""
    bank = scot_bank_holidays()
    return WorkingCalendar(
        name=COUNCIL,
        title="weekends, Scottish bank holidays and days on which the council is closed",
        holidays=bank.holidays | frozenset(closures),
        first_on=bank.first_on,
        last_on=bank.last_on,
    )
