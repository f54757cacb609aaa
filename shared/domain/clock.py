"""Time as an argument: the clock, and the one civil time zone of the product."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

#: Civil dates of the product are dates in this zone; instants are kept in UTC.
CIVIL_ZONE = ZoneInfo("Europe/London")


class Clock(Protocol):
    """Tells the present instant; injected wherever "now" matters."""

    def now(self) -> datetime:
        """Return the present instant, aware and in UTC."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        """Return the machine's present instant in UTC."""
        return datetime.now(UTC)


def civil_date(instant: datetime) -> date:
    """Return the Europe/London date of an aware instant.

    23:30 UTC in July is the next civil day, because London is an hour ahead then.
    """
    if instant.tzinfo is None:
        raise ValueError("a civil date is taken of an aware instant")
    return instant.astimezone(CIVIL_ZONE).date()


def next_civil_day(instant: datetime) -> datetime:
    """Return the instant at which the next Europe/London day begins, in UTC.

    Midnight exists on every day: clocks there change at one in the morning, UTC.
    """
    tomorrow = civil_date(instant) + timedelta(days=1)
    return datetime.combine(tomorrow, time.min, CIVIL_ZONE).astimezone(UTC)
