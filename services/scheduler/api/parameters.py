"""Query parameters and bodies that several operations share, each bounded."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Annotated, Any

from fastapi import Depends, Query, Request
from pydantic import BeforeValidator

from services.scheduler.model import ReviewFilter
from shared.domain.catalogue.base import CivilDate
from shared.domain.catalogue.roles import Role
from shared.domain.errors import BodyTooLarge, Fault, InvalidInput, UnsupportedMedia
from shared.domain.ids import ChildId, Code
from shared.domain.timetable.reviews import Status, What
from shared.wire import strict_json

MAX_VALUES = 50
MAX_BODY_BYTES = 16_384

#: How a client can say that JSON is in UTF-8, which it is anyway.
_CHARSETS = frozenset({"charset=utf-8", 'charset="utf-8"'})

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

#: What is listed unless statuses are named: a home that ends withdraws the review owed next for it.
LISTED = frozenset(Status) - {Status.WITHDRAWN}


async def asked_reviews(
    *,
    child: Annotated[
        list[ChildId] | None,
        Query(max_length=MAX_VALUES, description="Only these children, who have to be known; not their streams."),
    ] = None,
    team: Annotated[list[Code] | None, Query(max_length=MAX_VALUES, description="Only these teams.")] = None,
    kind: Annotated[
        list[Code] | None, Query(max_length=MAX_VALUES, description="Only these kinds of reviews (keys of rules).")
    ] = None,
    status: Annotated[
        list[Status] | None,
        Query(max_length=MAX_VALUES, description="Only these statuses; when left out, all but `withdrawn`."),
    ] = None,
    role: Annotated[
        list[Role] | None,
        Query(
            max_length=MAX_VALUES,
            description="Only the work of these roles; what a rule leaves to nobody in particular is everybody's.",
        ),
    ] = None,
    due_from: Annotated[QueryDate | None, Query(description="Due on this day or later.")] = None,
    due_to: Annotated[QueryDate | None, Query(description="Due on this day or earlier.")] = None,
) -> ReviewFilter:
    """Read which reviews are asked for; a FastAPI dependency.  Raises InvalidInput for a period that ends early."""
    if due_from is not None and due_to is not None and due_to < due_from:
        raise InvalidInput(faults=[Fault("?due_to", "period_reversed", "The period ends before it begins.")])
    return ReviewFilter(
        whats=(What.REVIEW,),
        roles=tuple(sorted(set(role or ()))),
        children=_distinct(child),
        teams=_distinct(team),
        kinds=_distinct(kind),
        statuses=tuple(sorted(set(status or LISTED))),
        due_from=due_from,
        due_to=due_to,
    )


async def asked_deadlines(
    asked: Annotated[ReviewFilter, Depends(asked_reviews)],
    what: Annotated[
        list[What] | None, Query(max_length=MAX_VALUES, description="Only this is owed; when left out, everything is.")
    ] = None,
) -> ReviewFilter:
    """Read which deadlines are asked for, as ``asked_reviews`` does; a FastAPI dependency."""
    return replace(asked, whats=tuple(sorted(set(what or ()))))


def _distinct(values: list[str] | None) -> tuple[str, ...]:
    return tuple(sorted(set(values or ())))


async def json_body(request: Request, most_bytes: int = MAX_BODY_BYTES) -> Any:
    """Return the decoded JSON body of at most so many bytes.

    Raises UnsupportedMedia for another media type, charset or content coding, BodyTooLarge,
    or MalformedBody.
    """
    media, *parameters = [part.strip().lower() for part in request.headers.get("content-type", "").split(";")]
    if media != "application/json":
        raise _unsupported(":content-type", "media_type_unsupported", "Send the body as application/json.")
    if any(part.startswith("charset") and part not in _CHARSETS for part in parameters):
        raise _unsupported(":content-type", "charset_unsupported", "Send the body in UTF-8.")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        message = "Send the body as it is, without Content-Encoding."
        raise _unsupported(":content-encoding", "content_encoding_unsupported", message)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most_bytes:
            raise BodyTooLarge(f"The body of this operation has at most {most_bytes} bytes.")
    return strict_json.decode(bytes(body))


def _unsupported(pointer: str, code: str, message: str) -> UnsupportedMedia:
    return UnsupportedMedia(message, faults=[Fault(pointer, code, message)])
