"""What all event data share: strict shapes, and when the fact occurred."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated, Any, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from shared.domain.clock import civil_date

FIRST_CIVIL_DATE = date(1900, 1, 1)
LAST_CIVIL_DATE = date(2199, 12, 31)

_CIVIL_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
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
    raise ValueError("a civil date is written as YYYY-MM-DD")


# Lax inside, because rfc3339 is the strict part and strict mode would take no text behind a validator.
Instant = Annotated[AwareDatetime, Field(strict=False), BeforeValidator(rfc3339)]
CivilDate = Annotated[date, Field(strict=False, ge=FIRST_CIVIL_DATE, le=LAST_CIVIL_DATE), BeforeValidator(civil_text)]
#: Free text is short and optional by design: third parties' data leaks in through it.
ShortText = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]


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

    @model_validator(mode="after")
    def _instant_lies_on_date(self) -> Self:
        instant: datetime | None = self.occurred_at
        if instant is None:
            return self
        if not FIRST_CIVIL_DATE.year <= instant.year <= LAST_CIVIL_DATE.year:
            raise ValueError("occurred_at lies outside the years 1900 to 2199")
        if civil_date(instant) != self.occurred_on:
            raise ValueError("occurred_at does not fall on occurred_on in Europe/London")
        return self
