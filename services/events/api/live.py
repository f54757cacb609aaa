"""Following the feed live: ``GET /v1/events/live``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Header, Request, Response

from services.events.api.documents import KEYED, problem_document
from services.events.api.live_answer import MEDIA_TYPE, Caller, LiveAnswer
from services.events.api.parameters import GREATEST_POSITION, After, InTurn, KnownAt, Log, Only, Reader, Wakes
from services.events.store.read import Page, read_log
from shared.domain.errors import Fault, InvalidInput, NotReady
from shared.wire.limits import EVENT_BYTES

router = APIRouter(tags=["events"], responses=KEYED)

#: A page while catching up.  It stays in memory until it has been taken: hence no larger than one event may be.
_PAGE_EVENTS = 500
_PAGE_BYTES = EVENT_BYTES

#: One message; before OpenAPI 3.2 the schema of a stream of messages describes each of them.
_MESSAGE = {
    "type": "object",
    "properties": {
        "event": {"enum": ["recorded", "head"]},
        "id": {"type": "string", "description": "Position of the event."},
        "data": {"type": "string", "description": "For `recorded`: JSON, one item of a page of the feed."},
        "retry": {"type": "integer", "description": "Milliseconds to wait before coming back."},
    },
}


@router.get(
    "/v1/events/live",
    summary="Follow the feed live",
    response_class=Response,
    responses={
        200: {
            "description": "Messages `recorded`, each with the position as `id` and one event as `data`, as in the "
            "feed; a message `head` with the `position` at which the log ends when all there was has been sent. A "
            "`head` before the position of what was sent says that the log was restored from an older backup or "
            "shortened: stop there, and call a person.",
            "content": {MEDIA_TYPE: {"schema": _MESSAGE}},
        },
        204: {"description": "With `known_at`: everything has been read. An EventSource does not come back then."},
        429: problem_document("Too many readers of this authority wait already."),
    },
)
async def follow_feed(
    *,
    request: Request,
    principal: Reader,
    pool: Log,
    wake: Wakes,
    turns: InTurn,
    known_at: KnownAt,
    only: Only,
    after: After = 0,
    last_event_id: Annotated[
        str | None, Header(description="Position of the last message received; goes before `after`.", max_length=40)
    ] = None,
) -> Response:
    """Follow the authority's log in commit order, as server-sent events, from any position on.

    First comes what lies behind `after`, then each event as it is appended. With `known_at`
    the answer ends where the log ended at that instant. Line ends in a posted body are
    those of its white space; the exact bytes are at `GET /v1/events/{position}`.
    """
    start = after if last_event_id is None else _position(last_event_id)

    async def read(behind: int, begin: Callable[[], None]) -> Page:
        async with turns.turn(principal.authority_id):
            if wake.stopping:
                # So many may have waited for their turn that they could not all read in time.
                raise NotReady("This process is about to stop; come back with the id of the last message.")
            begin()
            async with pool.connection() as connection:
                return await read_log(
                    connection,
                    principal.authority_id,
                    after=behind,
                    limit=_PAGE_EVENTS,
                    known_at=known_at,
                    only=only,
                    page_bytes=_PAGE_BYTES,
                )

    if known_at is not None:
        first = await read(start, lambda: None)
        if first.at_head and not first.rows:
            return Response(status_code=204)
    return LiveAnswer(wake, read, Caller(request, principal), start, endless=known_at is None)


def _position(last_event_id: str) -> int:
    # Digits only: Python would also take underscores, spaces and other scripts' digits.
    if last_event_id.isascii() and last_event_id.isdecimal() and int(last_event_id) <= GREATEST_POSITION:
        return int(last_event_id)
    message = "Send the id of the last message as it was received: a position."
    raise InvalidInput(faults=[Fault(":last-event-id", "position", message)])
