"""The two times that every read takes: ``as_of`` and ``known_at``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated

from fastapi import Depends, Query
from pydantic import TypeAdapter

from shared.domain.catalogue.base import CivilDate, Instant
from shared.domain.clock import civil_date
from shared.domain.errors import Fault, InvalidInput
from shared.runtime.resources import Opened

_instant = TypeAdapter(Instant)
_date = TypeAdapter(CivilDate)


@dataclass(frozen=True, slots=True)
class Times:
    """The day the question is about, and the instant up to which records count (None: all).

    ``today`` is the civil day of the question itself.
    """

    as_of: date
    known_at: datetime | None
    today: date


async def known_instant(
    known_at: Annotated[
        str | None,
        Query(
            description="Count only what had been recorded by this instant (RFC 3339 with zone; write `+` as `%2B`).",
            max_length=40,
        ),
    ] = None,
) -> datetime | None:
    """Read ``known_at`` from the query; a FastAPI dependency for reads that know no ``as_of``.

    Raises InvalidInput as :func:`times` does.
    """
    return None if known_at is None else _read_instant(known_at)


async def times(
    opened: Opened,
    as_of: Annotated[
        str | None,
        Query(description="The civil day the question is about, as YYYY-MM-DD; today when left out.", max_length=40),
    ] = None,
    known: Annotated[datetime | None, Depends(known_instant)] = None,
) -> Times:
    """Read both times from the query; a FastAPI dependency.

    Raises InvalidInput for a date without its form, an instant without its zone, or years
    outside 1900 to 2199.
    """
    today = civil_date(opened.clock.now())
    return Times(today if as_of is None else _read_date(as_of), known, today)


When = Annotated[Times, Depends(times)]


def _read_date(text: str) -> date:
    try:
        return _date.validate_strings(text)
    except ValueError:
        message = "Write a civil date of the years 1900 to 2199 as YYYY-MM-DD."
        raise InvalidInput(faults=[Fault("?as_of", "date_parsing", message)]) from None


def _read_instant(text: str) -> datetime:
    message = "Write an instant as in RFC 3339, with its zone; in a URL `+` is written `%2B`."
    try:
        instant = _instant.validate_strings(text)
    except ValueError:
        raise InvalidInput(faults=[Fault("?known_at", "datetime_parsing", message)]) from None
    if not 1900 <= instant.year <= 2199:  # noqa: PLR2004 - as for every date of the product
        raise InvalidInput(faults=[Fault("?known_at", "datetime_range", "The years 1900 to 2199 are known here.")])
    return instant
