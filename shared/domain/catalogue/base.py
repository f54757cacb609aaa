"""What all event data share: strict shapes, and when the fact occurred."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StringConstraints,
    ValidationInfo,
    field_validator,
)
from pydantic_core import core_schema

from shared.domain.catalogue.identifiers import MeetingId
from shared.domain.catalogue.roles import Role
from shared.domain.clock import civil_date

FIRST_CIVIL_DATE = date(1900, 1, 1)
LAST_CIVIL_DATE = date(2199, 12, 31)
#: More than a meeting can have of anything; bounds what one event can make us check.
MAX_ITEMS = 100

_CIVIL_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_NO_CIVIL_TEXT = "a civil date is written as YYYY-MM-DD"
_RFC3339 = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,6})?([Zz]|[+-]\d{2}:\d{2})")


def rfc3339(value: Any) -> Any:
    """Pass on an instant, or text written as one in RFC 3339 with its zone; refuse all else.

    Without this a number, or a string of digits, would be read as seconds since 1970.
    """
    if isinstance(value, datetime) or (isinstance(value, str) and _RFC3339.fullmatch(value)):
        return value
    raise ValueError("an instant is written as in RFC 3339, with its zone: 2026-01-15T16:30:00Z")


def civil_text(value: Any) -> Any:
    """Pass on a date, or text written as YYYY-MM-DD; refuse all else.

    Without this a string of digits would be read as seconds since 1970.
    """
    if isinstance(value, str) and _CIVIL_DATE.fullmatch(value):
        return value
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    raise ValueError(_NO_CIVIL_TEXT)


class _CivilText:
    """Has pydantic hold dates to :func:`civil_text`, in JSON text by an expression of its own, which says the same.

    Nearly every event that is posted has several, and a call of Python takes four times as long.
    """

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        day = handler(source)
        text = core_schema.custom_error_schema(
            core_schema.str_schema(pattern=r"^\d{4}-\d{2}-\d{2}$", strict=True),
            custom_error_type="value_error",
            custom_error_context={"error": ValueError(_NO_CIVIL_TEXT)},
        )
        return core_schema.json_or_python_schema(
            json_schema=core_schema.chain_schema([text, day]),
            python_schema=core_schema.no_info_before_validator_function(civil_text, day),
        )

    def __get_pydantic_json_schema__(self, schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        del schema  # The expression stands there, which is no part of what senders are told.
        return handler(core_schema.date_schema())


# Lax inside, because what stands in front is the strict part and strict mode would take no text behind it.
Instant = Annotated[AwareDatetime, Field(strict=False), BeforeValidator(rfc3339)]
CivilDate = Annotated[date, Field(strict=False, ge=FIRST_CIVIL_DATE, le=LAST_CIVIL_DATE), _CivilText()]
#: Free text is short and optional by design: third parties' data leaks in through it.
ShortText = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]


def _falls_on(instant: datetime, day: date) -> bool:
    return FIRST_CIVIL_DATE.year <= instant.year <= LAST_CIVIL_DATE.year and civil_date(instant) == day


def hour_on(day: str, instant: datetime | None, info: ValidationInfo) -> datetime | None:
    """Return ``instant`` if it is None, or falls in Europe/London on the day that the member ``day`` gives.

    For field validators; raises ValueError otherwise, also if that day is not given.
    """
    # Absent here if it is itself at fault, which is then told.
    if instant is None or day not in info.data:
        return instant
    on: date | None = info.data[day]
    if on is None or not _falls_on(instant, on):
        raise ValueError(f"the hour does not fall on {day} in Europe/London")
    return instant


class Part(BaseModel):
    """A part of an event's data: immutable, strict, and closed to unknown members."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class EventData(Part):
    """The data of any event: when the fact occurred, and in subclasses what it was."""

    occurred_on: CivilDate = Field(
        description="The civil date (Europe/London) on which the fact occurred. The law counts days from it.",
        examples=["2026-01-15"],
    )
    occurred_at: Instant | None = Field(
        default=None,
        description="The instant, where it is known; its Europe/London date must be `occurred_on`.",
        examples=["2026-01-15T16:30:00Z"],
    )
    actor_role: Role | None = Field(
        default=None,
        description="The role, never the name, of the person on whose word the council's system records this.",
        examples=["social_worker"],
    )

    @field_validator("occurred_at")
    @classmethod
    def _instant_lies_on_date(cls, occurred_at: datetime | None, info: ValidationInfo) -> datetime | None:
        return hour_on("occurred_on", occurred_at, info)


class AtMeeting(EventData):
    """The data of what may have occurred at a meeting."""

    meeting_id: MeetingId | None = Field(default=None, description="The meeting at which it occurred, if at one.")
