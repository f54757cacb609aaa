"""Reading the log: the feed of an authority, its single streams, and single events."""

from __future__ import annotations

import asyncio
import re
from base64 import b64encode
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request, Response

from services.events.api.disconnecting import disconnected
from services.events.api.documents import KEYED, problem_document
from services.events.api.parameters import (
    After,
    InTurn,
    KnownAt,
    Limit,
    Log,
    OneStream,
    Only,
    Position,
    Reader,
    Wait,
    Wakes,
)
from services.events.api.views import event_text, page_text
from services.events.store.connection import Pool
from services.events.store.read import Page, read_event, read_log, read_stream
from services.events.wake import Wake
from shared.domain.errors import NotFound, NotReady
from shared.identity.keys import Scope
from shared.runtime.auth import Principal
from shared.runtime.plain_operation import PlainOperation
from shared.wire.content_modes import STRUCTURED
from shared.wire.feed import FeedPage, RecordedEventView
from shared.wire.limits import PAGE_EVENTS_DEFAULT

#: How long whoever has waited may be kept for one more look at the log.
LAST_LOOK_SECONDS = 1.0

_JSON = "application/json"
_TEXT = {"schema": {"type": "string"}}
#: What whoever follows a log asks, over and over: nothing in it can be wrong.
_PLAIN_QUERY = re.compile(rb"(?:after=(?P<after>[0-9]{1,18})(?:&|\Z))?(?:limit=(?P<limit>[1-9][0-9]{0,2}|1000))?")


async def _plainly(request: Request, principal: Principal, asked: re.Match[bytes]) -> Response:
    """Answer with the page behind a position."""
    after, limit = int(asked["after"] or 0), int(asked["limit"] or PAGE_EVENTS_DEFAULT)
    pool: Pool = request.app.state.pool
    async with pool.connection() as connection:
        page = await read_log(connection, principal.authority_id, after=after, limit=limit)
    return Response(page_text(page), media_type=_JSON)


PLAIN = PlainOperation("GET", "/v1/events", Scope.EVENTS_READ, _plainly, _PLAIN_QUERY)
router = APIRouter(tags=["events"], responses=KEYED)


@router.get(
    PLAIN.path,
    summary="Read the feed",
    response_model=FeedPage,
    responses={429: problem_document("Too many readers of this authority wait already.")},
)
async def read_feed(
    *,
    request: Request,
    principal: Reader,
    pool: Log,
    wake: Wakes,
    turns: InTurn,
    known_at: KnownAt,
    only: Only,
    after: After = 0,
    limit: Limit = PAGE_EVENTS_DEFAULT,
    wait: Wait = 0.0,
) -> Response:
    """Read the authority's log in commit order, page by page.

    Positions have no gaps, and once an event can be read, every event before it could be
    read too: a reader that goes on from `next_after` misses nothing. With a filter a page
    may be empty before the end is reached: go on from `next_after` until `at_head`.
    """

    async def read(behind: int) -> Page:
        async with pool.connection() as connection:
            return await read_log(
                connection, principal.authority_id, after=behind, limit=limit, known_at=known_at, only=only
            )

    async def read_in_turn(behind: int) -> Page:
        async with turns.turn(principal.authority_id):
            return await read(behind)

    if wait and known_at is None:
        # The product's own services are few, and nobody may be in their way.
        reading = read if principal.is_sister else read_in_turn
        page = await _awaited(request, wake, principal, reading, after=after, seconds=wait)
    else:
        page = await read(after)
    return Response(page_text(page), media_type=_JSON)


async def _awaited(
    request: Request,
    wake: Wake,
    principal: Principal,
    read: Callable[[int], Awaitable[Page]],
    *,
    after: int,
    seconds: float,
) -> Page:
    """Return the first page that holds an event, or the one after which there is no more time.

    Raises NotReady when the log could not be looked at for the first time.  Later the page in
    hand is answered: it is true of when it was looked at, and does not say that nothing came
    since, unless somebody has seen that.  Whoever comes back is told what is wrong.
    """
    now = asyncio.get_running_loop().time
    deadline = now() + seconds
    with wake.waiter(principal.authority_id, bounded=not principal.is_sister) as waiter:
        async with disconnected(request.receive, waiter.wake) as gone:
            waiter.watch()
            page = await read(after)
            while not (page.rows or gone.done() or wake.stopping):
                is_last = now() >= deadline
                if page.at_head:
                    waiter.saw(page.head)
                    # Looked at when the wait is over, too: so the answer tells of now, and not of when the wait began.
                    is_last = not await waiter.wait(deadline - now())
                    if wake.stopping:
                        # All who wait are let go at once, and could not all look again in time.
                        break
                elif is_last:
                    break
                if not is_last:
                    waiter.watch()
                looked = await _in_time(read(page.next_after), deadline + LAST_LOOK_SECONDS)
                if looked is None:
                    # Somebody looks each second on behalf of all who wait: that may tell as much about now.
                    return replace(page, at_head=page.at_head and is_last and wake.vouches_for(waiter))
                page = looked
                if is_last:
                    break
            return page


async def _in_time(reading: Awaitable[Page], deadline: float) -> Page | None:
    """Return the page that is being read; None when it is not there in time, or the log cannot be looked at now."""
    try:
        async with asyncio.timeout_at(deadline) as limit:
            return await reading
    except NotReady:
        return None
    except TimeoutError:
        if limit.expired():
            return None
        raise


@router.get(
    "/v1/events/{position}",
    summary="Read one event",
    response_model=RecordedEventView,
    responses={
        200: {
            "content": {STRUCTURED: {"schema": {"type": "object"}}},
            "headers": {
                "ETag": {"description": "Of the posted bytes, where these are sent.", **_TEXT},
                "Repr-Digest": {
                    "description": "SHA-256 of the posted bytes (RFC 9530), where these are sent.",
                    **_TEXT,
                },
            },
        },
        404: problem_document("The authority's log has no such position, or had none then."),
    },
)
async def read_one_event(
    *,
    principal: Reader,
    pool: Log,
    known_at: KnownAt,
    position: Position,
    accept: Annotated[str, Header(include_in_schema=False)] = "",
) -> Response:
    """Read the event at a position of the authority's log.

    With `Accept: application/cloudevents+json` the CloudEvent comes as the very bytes that
    were posted, whose digest is in the log.
    """
    async with pool.connection() as connection:
        row = await read_event(connection, principal.authority_id, position)
    if row is None or (known_at is not None and row["recorded_at"] > known_at):
        raise NotFound("This authority's log has no such position.")
    if not _wants_cloud_event(accept):
        return Response(event_text(row), media_type=_JSON, headers={"vary": "accept"})
    headers = {
        "vary": "accept",
        "etag": f'"sha256:{row["digest"].hex()}"',
        "repr-digest": f"sha-256=:{b64encode(row['digest']).decode()}:",
    }
    return Response(row["body"], media_type=STRUCTURED, headers=headers)


def _wants_cloud_event(accept: str) -> bool:
    """Tell whether the caller names the format of CloudEvents; whoever takes anything gets the usual JSON."""
    ranges = (part.partition(";") for part in accept.lower().split(","))
    return any(name.strip() == STRUCTURED and "q=0" not in rest.split(";") for name, _, rest in ranges)


_STREAM_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "headers": {
            "ETag": {
                "description": "Position of the stream's end, for If-Match when appending.",
                "schema": {"type": "string", "pattern": '^"[0-9]+"$'},
            }
        }
    },
    404: problem_document("The authority has no such stream."),
}


@router.get(
    "/v1/streams/{stream}/events", summary="Read one stream", response_model=FeedPage, responses=_STREAM_ANSWERS
)
async def read_one_stream(
    *,
    principal: Reader,
    pool: Log,
    known_at: KnownAt,
    stream: OneStream,
    after: After = 0,
    limit: Limit = PAGE_EVENTS_DEFAULT,
) -> Response:
    """Read the events of one stream; `after`, `next_after` and `head` are positions in the stream."""
    async with pool.connection() as connection:
        page = await read_stream(
            connection, principal.authority_id, stream, after=after, limit=limit, known_at=known_at
        )
    if page.head == 0:
        raise NotFound("This authority has no such stream.")
    return Response(page_text(page), media_type=_JSON, headers={"etag": f'"{page.head}"'})
