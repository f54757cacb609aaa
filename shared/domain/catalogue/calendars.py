"""What a council decides about its own working days."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from shared.domain.catalogue.base import CivilDate, EventData
from shared.domain.ids import Code


class HolidayReason(StrEnum):
    """Why a day is, or is not, worked otherwise than the calendar says."""

    LOCAL_HOLIDAY = "local_holiday"
    PROCLAIMED = "proclaimed"
    COUNCIL_DAY = "council_day"
    MOVED = "moved"
    OTHER = "other"


class _AboutCalendar(EventData):
    """The data of any decision about a calendar of working days."""

    calendar: Code = Field(
        description="The calendar, as `GET /v1/timetables` names it and as rules name theirs.",
        examples=["scot_bank_holidays"],
    )


class HolidayDeclared(_AboutCalendar):
    """On this day the council does not work: it is no working day of the calendar.

    `occurred_on` is the day on which that was decided. Timetable: reviews still open that are owed within a number of
    working days move with it, and no others. What was held, or can no longer be, keeps the date by which it was judged.
    """

    holiday_on: CivilDate = Field(description="The day that is not worked.", examples=["2026-05-18"])
    reason: HolidayReason | None = Field(default=None, description="Why it is not worked.")


class HolidayRemoved(_AboutCalendar):
    """On this day the council works, though the calendar or an earlier declaration has it as a holiday.

    `occurred_on` is the day on which that was decided; of several decisions about a day the last counts. Timetable:
    as for a day declared, only open reviews owed within working days move. Saturdays and Sundays are never worked.
    """

    holiday_on: CivilDate = Field(description="The day that is worked.", examples=["2026-11-30"])
    reason: HolidayReason | None = Field(default=None, description="Why it is worked.")


class WorkingCalendarSet(_AboutCalendar):
    """From now on the calendar has the holidays of another that Homeward ships.

    `occurred_on` is the day on which that was decided. Days that the council declared or removed on the calendar itself
    stay as they are; those that it declared on the one it follows do not come with it. A calendar that follows itself
    has its own holidays again. Timetable: as for a day declared, only open reviews owed within working days move.
    """

    follows: Code = Field(description="The calendar whose holidays it has.", examples=["england_bank_holidays"])
