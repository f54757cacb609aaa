"""Dates and counts in English, the same on every machine whatever its locale."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from shared.domain.clock import CIVIL_ZONE

_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def date_words(day: date) -> str:
    """Return for instance "15 January 2026"."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def weekday_words(day: date) -> str:
    """Return for instance "Thursday"."""
    return _WEEKDAYS[day.weekday()]


def instant_words(instant: datetime) -> str:
    """Return the civil time of an aware instant, for instance "18:00 on 27 March 2026"."""
    local = instant.astimezone(CIVIL_ZONE)
    return f"{local:%H:%M} on {date_words(local.date())}"


def listed(words: Sequence[str]) -> str:
    """Join at least one word with commas and a last "and"."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
