"""Reading the log: the feed of an authority, and its single streams."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Path, Query, Request, Response

from services.events.api.documents import KEYED, STREAM_PATTERN
from services.events.model import LoggedEvent, Page
from services.events.store.connection import Pool
from services.events.store.read import read_log, read_stream
from shared.domain.errors import Fault, InvalidInput, NotFound
from shared.domain.ids import check_stream
from shared.identity.keys import Scope
from shared.runtime.auth import Principal, require
from shared.runtime.times import known_instant
from shared.wire.feed import FeedPage
from shared.wire.limits import PAGE_EVENTS, PAGE_EVENTS_DEFAULT

router = APIRouter(tags=["events"], responses=KEYED)

_GREATEST_POSITION = 2**63 - 1


async def _pool(request: Request) -> Pool:
    pool: Pool = request.app.state.pool
    return pool


Log = Annotated[Pool, Depends(_pool)]
Reader = Annotated[Principal, Depends(require(Scope.EVENTS_READ))]
After = Annotated[int, Query(ge=0, le=_GREATEST_POSITION, description="Read what lies behind this position.")]
Limit = Annotated[int, Query(ge=1, le=PAGE_EVENTS, description="Most events in the page; it may hold fewer.")]
KnownAt = Annotated[datetime | None, Depends(known_instant)]


@router.get("/v1/events", summary="Read the feed", response_model=FeedPage)
async def read_feed(
    *, principal: Reader, pool: Log, known_at: KnownAt, after: After = 0, limit: Limit = PAGE_EVENTS_DEFAULT
) -> Response:
    """Read the authority's log in commit order, page by page.

    Positions have no gaps, and once an event can be read, every event before it could be
    read too: a reader that goes on from `next_after` misses nothing.
    """
    async with pool.connection() as connection:
        page = await read_log(connection, principal.authority_id, after=after, limit=limit, known_at=known_at)
    return _page_answer(page, page.events[-1].position if page.events else after)


@router.get(
    "/v1/streams/{stream}/events",
    summary="Read one stream",
    response_model=FeedPage,
    responses={
        200: {
            "headers": {
                "ETag": {
                    "description": "Position of the stream's end, for If-Match when appending.",
                    "schema": {"type": "string", "pattern": '^"[0-9]+"$'},
                }
            }
        },
        404: {**KEYED[403], "description": "The authority has no such stream."},
    },
)
async def read_one_stream(
    *,
    principal: Reader,
    pool: Log,
    known_at: KnownAt,
    stream: Annotated[str, Path(description="`child-` and the identifier, or `authority`.", pattern=STREAM_PATTERN)],
    after: After = 0,
    limit: Limit = PAGE_EVENTS_DEFAULT,
) -> Response:
    """Read the events of one stream; `after` and `next_after` are positions in the stream."""
    try:
        check_stream(stream)
    except ValueError as error:
        raise InvalidInput(faults=[Fault(":stream", "stream", str(error))]) from None
    async with pool.connection() as connection:
        page, head = await read_stream(
            connection, principal.authority_id, stream, after=after, limit=limit, known_at=known_at
        )
    if head == 0:
        raise NotFound("This authority has no such stream.")
    answer = _page_answer(page, page.events[-1].stream_position if page.events else after)
    answer.headers["etag"] = f'"{head}"'
    return answer


def _page_answer(page: Page, next_after: int) -> Response:
    body = {"events": _views(page.events), "next_after": next_after, "at_head": page.at_head, "head": page.head}
    return Response(orjson.dumps(body, option=orjson.OPT_UTC_Z), media_type="application/json")


def _views(events: Sequence[LoggedEvent]) -> list[dict[str, Any]]:
    """Write events as RecordedEventView does; the stored CloudEvent goes out as the bytes it is."""
    return [
        {
            "position": each.position,
            "stream": each.stream,
            "stream_position": each.stream_position,
            "recorded_at": each.recorded_at,
            "recorded_by": each.recorded_by,
            "digest": f"sha256:{each.digest.hex()}",
            "link": f"sha256:{each.link.hex()}",
            "event": orjson.Fragment(each.body),
        }
        for each in events
    ]
