"""Calendars of working days, read from the TOML files in the folder ``calendars``.

The files are made once from the ``holidays`` library (``make calendars``), so that an upgrade
of the library moves no child's date: a test tells the difference.  A council changes the days
of its own calendars by event.

Scottish bank holidays are the subdivision ``SCT`` of ``GB``: 2 January, the first Monday
of August and 30 November with their substitutes, and no Easter Monday or late-August
Monday.  Days proclaimed for one year, such as 15 June 2026, are there as far as the library
knew them when the files were made; a later one is declared by the council.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from types import MappingProxyType

from shared.domain.timetable.working_days import CouncilCalendar, WorkingCalendar, undecided

SCOT_BANK_HOLIDAYS = "scot_bank_holidays"
#: A council's own calendar, for local policy: Scottish bank holidays until it follows another.
COUNCIL = "council"

#: The calendars that are shipped as files.
SHIPPED = frozenset(
    {
        SCOT_BANK_HOLIDAYS,
        "england_bank_holidays",
        "wales_bank_holidays",
        "northern_ireland_bank_holidays",
        "ireland_public_holidays",
        "weekdays_only",
    }
)
#: The names that a rule, or a decision of a council, may give as its calendar.
CALENDAR_NAMES = SHIPPED | {COUNCIL}

_FOLDER = Path(__file__).parent / "calendars"


@cache
def calendars() -> Mapping[str, WorkingCalendar]:
    """Return every calendar by name, as it is before a council decides anything."""
    shipped = {name: _read(_FOLDER / f"{name}.toml") for name in sorted(SHIPPED)}
    return MappingProxyType({**shipped, COUNCIL: replace(shipped[SCOT_BANK_HOLIDAYS], name=COUNCIL)})


def closed_on(days: frozenset[date]) -> Mapping[str, CouncilCalendar]:
    """Return every calendar by name as if a council had always been closed on ``days`` besides."""
    return MappingProxyType({name: undecided(_closed(each, days)) for name, each in calendars().items()})


def _closed(calendar: WorkingCalendar, days: frozenset[date]) -> WorkingCalendar:
    if not days:
        return calendar
    title = f"{calendar.title} and days on which the council is closed"
    return replace(calendar, title=title, holidays=calendar.holidays | days)


def _read(path: Path) -> WorkingCalendar:
    said = tomllib.loads(path.read_text(encoding="utf-8"))
    first, last = said.get("first_year"), said.get("last_year")
    days = (f"{year}-{day}" for year, of_year in said.get("days", {}).items() for day in of_year.split())
    return WorkingCalendar(
        name=said["calendar"],
        title=said["title"],
        holidays=frozenset(map(date.fromisoformat, days)),
        first_on=first and date(first, 1, 1),
        last_on=last and date(last, 12, 31),
        source=said["source"],
    )
