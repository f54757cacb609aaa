"""The single values that stand in a pack file: texts, days, calendars, intervals, and events by name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

from shared.domain.catalogue import CATALOGUE
from shared.domain.timetable.intervals import Interval, Unit
from shared.policies.calendars import CALENDAR_NAMES

#: What a calendar's name is refused with; its message is written where the file is known.
CALENDAR_UNKNOWN: Final = "calendar_unknown"
#: What a list that says something twice is refused with.
SAID_TWICE: Final = "said_twice"
#: What is refused that no event type is called.
EVENT_UNKNOWN: Final = "event_unknown"
#: What an event type is refused with that tells no fact about a child.
EVENT_NOT_OF_A_CHILD: Final = "event_not_of_a_child"
#: No interval of any law comes near it, and no date counted with it leaves the calendar.
INTERVAL_MAX: Final = 10_000
_MONTHS_A_YEAR = 12

_AMENDS = {"record.corrected", "record.retracted"}
#: The event types that tell facts about a child: those of the council's own stream, and amendments, tell none.
CHILD_EVENTS = frozenset(each.name for each in CATALOGUE.values() if not each.about_authority) - _AMENDS


class IntervalUnit(StrEnum):
    """In what an interval is written; years are counted as twelve months each."""

    HOURS = "hours"
    DAYS = "days"
    WORKING_DAYS = "working_days"
    WEEKS = "weeks"
    MONTHS = "months"
    YEARS = "years"


class PhaseUnit(StrEnum):
    """In what the length of a phase is written."""

    DAYS = "days"
    WEEKS = "weeks"
    MONTHS = "months"
    YEARS = "years"


class Table(BaseModel):
    """A table of a pack file: unchanging, and closed to unknown members."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _known_calendar(name: str) -> str:
    if name not in CALENDAR_NAMES:
        raise PydanticCustomError(CALENDAR_UNKNOWN, "there is no such calendar")
    return name


def _told_of_a_child(name: str) -> str:
    if name not in CATALOGUE:
        raise PydanticCustomError(EVENT_UNKNOWN, "there is no such event type")
    if name not in CHILD_EVENTS:
        raise PydanticCustomError(EVENT_NOT_OF_A_CHILD, "it tells nothing about a child")
    return name


def each_once(listed: tuple[Any, ...]) -> tuple[Any, ...]:
    """Pass on a list that says nothing twice."""
    if len(set(listed)) != len(listed):
        raise PydanticCustomError(SAID_TWICE, "the list says something twice")
    return listed


Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True, pattern=r"\S")]
CalendarName = Annotated[
    str, AfterValidator(_known_calendar), WithJsonSchema({"type": "string", "enum": sorted(CALENDAR_NAMES)})
]
#: An event type by its name, of those that tell facts about a child.
EventName = Annotated[
    str, AfterValidator(_told_of_a_child), WithJsonSchema({"type": "string", "enum": sorted(CHILD_EVENTS)})
]
Count = Annotated[int, Field(strict=True, ge=1, le=INTERVAL_MAX)]
IntervalTable = Annotated[dict[IntervalUnit, Count], Field(min_length=1, max_length=1)]
PhaseTable = Annotated[dict[PhaseUnit, Count], Field(min_length=1, max_length=1)]
Day = Annotated[date, Field(strict=True)]
#: For lists of codes, whose order means nothing.
EachOnce = Field(json_schema_extra={"uniqueItems": True})
#: Year and month, so that the latest edition is the greatest.
Edition = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$")]


def interval_of(table: Mapping[IntervalUnit, int] | Mapping[PhaseUnit, int] | None) -> Interval | None:
    """Return the domain's value of an interval; None for none."""
    for unit, count in (table or {}).items():
        if unit.value == IntervalUnit.YEARS:
            return Interval(count * _MONTHS_A_YEAR, Unit.MONTHS)
        return Interval(count, Unit(unit.value))
    return None
