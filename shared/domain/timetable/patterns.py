"""Which facts a pack's patterns mean: the only place that asks event data for members by name."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from enum import Enum

from shared.domain.catalogue.base import EventData
from shared.domain.history import Fact
from shared.domain.timetable.intervals import Moment
from shared.domain.timetable.record import moment
from shared.domain.timetable.rules import Pattern

_OCCURRED_ON = "occurred_on"


def matches(pattern: Pattern, fact: Fact, started_by: EventData | None = None) -> bool:
    """Tell whether ``pattern`` means ``fact``; ``started_by`` is what started the clock that asks.

    A member that holds several codes has to hold one of those asked for.
    """
    if fact.type != pattern.event or any(_codes(fact.data, name).isdisjoint(codes) for name, codes in pattern.where):
        return False
    return all(_same(member, fact.data, started_by) for member in pattern.same)


def any_matches(patterns: Iterable[Pattern], fact: Fact, started_by: EventData | None = None) -> bool:
    """Tell whether one of ``patterns`` means ``fact``."""
    return any(matches(pattern, fact, started_by) for pattern in patterns)


def day_told(data: EventData, member: str) -> Moment | None:
    """Return the day, or the instant, that ``member`` tells; None where it is left out."""
    told = getattr(data, member, None)
    if isinstance(told, date) and not isinstance(told, datetime):
        return Moment(told)
    return None


def started_at(fact: Fact, member: str) -> Moment | None:
    """Return when a clock starts by ``fact``: when ``member`` tells, with the hour where that is the fact's own."""
    return moment(fact) if member == _OCCURRED_ON else day_told(fact.data, member)


def _codes(data: EventData, member: str) -> frozenset[str]:
    told = getattr(data, member, None)
    if told is None:
        return frozenset()
    several = told if isinstance(told, (tuple, list, frozenset)) else (told,)
    return frozenset(map(_code, several))


def _code(told: object) -> str:
    if isinstance(told, bool):
        return "true" if told else "false"
    return str(told.value) if isinstance(told, Enum) else str(told)


def _same(member: str, data: EventData, started_by: EventData | None) -> bool:
    told = getattr(data, member, None)
    return told is not None and started_by is not None and told == getattr(started_by, member, None)
