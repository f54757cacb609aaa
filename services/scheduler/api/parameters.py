"""Query parameters and bodies that several operations share, each bounded."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import Query, Request
from pydantic import BeforeValidator

from services.scheduler.model import ReviewFilter
from shared.domain.catalogue.base import CivilDate
from shared.domain.errors import BodyTooLarge, Fault, UnsupportedMedia
from shared.domain.ids import Code, Identifier
from shared.domain.timetable.reviews import Status
from shared.wire import strict_json
from shared.wire.cursor import foreign_cursor

MAX_VALUES = 50
MAX_BODY_BYTES = 16_384
MAX_POSITION = 2**63 - 1

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _written_date(value: Any) -> Any:
    # Without this a string of digits would be read as seconds since 1970.
    if isinstance(value, str) and not _DATE.fullmatch(value):
        raise ValueError("Write a civil date of the years 1900 to 2199 as YYYY-MM-DD.")
    return value


QueryDate = Annotated[CivilDate, BeforeValidator(_written_date)]
Limit = Annotated[int, Query(ge=1, le=1000, description="Most items on a page.")]
Cursor = Annotated[
    str | None, Query(max_length=500, description="`next_cursor` of the page before, with the same filters.")
]

#: What is listed unless statuses are named: a home that ends withdraws every review projected for it.
LISTED = frozenset(Status) - {Status.WITHDRAWN}


async def asked_reviews(
    *,
    child: Annotated[list[Identifier] | None, Query(max_length=MAX_VALUES, description="Only these children.")] = None,
    team: Annotated[list[Code] | None, Query(max_length=MAX_VALUES, description="Only these teams.")] = None,
    kind: Annotated[
        list[Code] | None, Query(max_length=MAX_VALUES, description="Only these kinds of reviews (keys of rules).")
    ] = None,
    status: Annotated[
        list[Status] | None,
        Query(max_length=MAX_VALUES, description="Only these statuses; when left out, all but `withdrawn`."),
    ] = None,
    due_from: Annotated[QueryDate | None, Query(description="Due on this day or later.")] = None,
    due_to: Annotated[QueryDate | None, Query(description="Due on this day or earlier.")] = None,
) -> ReviewFilter:
    """Read which reviews are asked for; a FastAPI dependency."""
    return ReviewFilter(
        children=_distinct(child),
        teams=_distinct(team),
        kinds=_distinct(kind),
        statuses=tuple(sorted(set(status or LISTED))),
        due_from=due_from,
        due_to=due_to,
    )


def _distinct(values: list[str] | None) -> tuple[str, ...]:
    return tuple(sorted(set(values or ())))


def cursor_position(part: Any) -> int:
    """Return a log position from a cursor; raises InvalidInput if it is none."""
    if not isinstance(part, int) or isinstance(part, bool) or not 0 <= part <= MAX_POSITION:
        raise foreign_cursor()
    return part


async def json_body(request: Request) -> Any:
    """Return the decoded JSON body.

    Raises UnsupportedMedia for another media type, BodyTooLarge, or MalformedBody.
    """
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/json":
        message = "Send the body as application/json."
        raise UnsupportedMedia(message, faults=[Fault(":content-type", "media_type_unsupported", message)])
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise BodyTooLarge(f"The body of this operation has at most {MAX_BODY_BYTES} bytes.")
    return strict_json.decode(bytes(body))
