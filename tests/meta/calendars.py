"""Writes the shipped calendars of holidays from the ``holidays`` library: ``make calendars``.

They are committed, so that an upgrade of the library shows as a difference, and moves no
child's date by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from itertools import groupby

from holidays import country_holidays

from tests.meta.repository import ROOT

FOLDER = ROOT / "shared/policies/calendars"
FIRST_YEAR = 2000
LAST_YEAR = 2100

_HEAD = """\
# Made by `make calendars`, and compared with the library by a test; a council changes its days by event.

calendar = "{name}"
title = "{title}"
source = "{source}"
"""


@dataclass(frozen=True, slots=True)
class Shipped:
    """One calendar to write; ``country`` is None where only weekends are left out."""

    name: str
    title: str
    country: str | None = None
    subdivision: str | None = None

    @property
    def source(self) -> str:
        """Where its days come from."""
        if self.country is None:
            return "Saturdays and Sundays alone"
        part = f", subdivision {self.subdivision}" if self.subdivision else ""
        return f"Python library holidays {version('holidays')}: country {self.country}{part}"

    def days(self) -> list[date]:
        """Return the library's holidays, in order."""
        if self.country is None:
            return []
        return sorted(
            country_holidays(self.country, subdiv=self.subdivision, years=range(FIRST_YEAR, LAST_YEAR + 1)).keys()
        )


SHIPPED = (
    Shipped("scot_bank_holidays", "weekends and Scottish bank holidays", "GB", "SCT"),
    Shipped("england_bank_holidays", "weekends and bank holidays of England", "GB", "ENG"),
    Shipped("wales_bank_holidays", "weekends and bank holidays of Wales", "GB", "WLS"),
    Shipped("northern_ireland_bank_holidays", "weekends and bank holidays of Northern Ireland", "GB", "NIR"),
    Shipped("ireland_public_holidays", "weekends and public holidays of Ireland", "IE"),
    Shipped("weekdays_only", "weekends"),
)


def document(of: Shipped) -> str:
    """Return the TOML of one calendar: a line for each year."""
    text = _HEAD.format(name=of.name, title=of.title, source=of.source)
    days = of.days()
    if not days:
        return text
    years = groupby(days, key=lambda day: day.year)
    lines = (f'{year} = "{" ".join(f"{day:%m-%d}" for day in of_year)}"' for year, of_year in years)
    return f"{text}first_year = {FIRST_YEAR}\nlast_year = {LAST_YEAR}\n\n[days]\n" + "\n".join(lines) + "\n"


if __name__ == "__main__":
    for each in SHIPPED:
        (FOLDER / f"{each.name}.toml").write_text(document(each), encoding="utf-8")
