"""What is held true of a stream, and everything that was ever said of it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import TypeAdapter

from services.events.api.documents import KEYED, problem_document
from services.events.api.parameters import KnownAt, Log, OneStream, Reader
from services.events.schemas import FactsPage, HistoryPage, fact_view, history_view
from services.events.store.connection import Pool
from services.events.store.stream import read_whole_stream
from shared.domain.envelope import RecordedEvent
from shared.domain.errors import NotFound, NotReady
from shared.domain.history import fact_histories, facts
from shared.identity.keys import Scope
from shared.runtime.auth import Principal, require
from shared.runtime.times import When
from shared.wire.cursor import Cursors
from shared.wire.feed import UnreadableEvent

router = APIRouter(tags=["facts"], responses={**KEYED, 404: problem_document("The authority has no such stream.")})

FactsReader = Annotated[Principal, Depends(require(Scope.FACTS_READ))]
Limit = Annotated[int, Query(ge=1, le=1_000, description="Most items on a page.")]
Cursor = Annotated[
    str | None, Query(max_length=500, description="`next_cursor` of the page before, with the same parameters.")
]

_FACT_PLACE = TypeAdapter(tuple[date, int])
_HISTORY_PLACE = TypeAdapter(tuple[int])


@router.get("/v1/streams/{stream}/facts", summary="Read the facts held true")
async def read_facts(
    *,
    request: Request,
    principal: FactsReader,
    pool: Log,
    when: When,
    stream: OneStream,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> FactsPage:
    """Read what is held true of a stream: corrections applied, and what was retracted left out.

    `as_of` leaves out what occurred later; `known_at` answers as one would have answered at
    that instant.
    """
    cursors = Cursors.of(f"facts {stream}", request.query_params.multi_items())
    place = None if cursor is None else cursors.decode(cursor, _FACT_PLACE)
    events = await _events(pool, principal, stream, when.known_at)
    held = facts(events, as_of=when.as_of)
    behind = [each for each in held if place is None or (each.occurred_on, each.position) > place]
    last = behind[limit - 1] if len(behind) > limit else None
    return FactsPage(
        stream=stream,
        as_of=when.as_of,
        known_at=when.known_at,
        items=[fact_view(fact) for fact in behind[:limit]],
        next_cursor=None if last is None else cursors.encode(last.occurred_on, last.position),
    )


@router.get("/v1/streams/{stream}/history", summary="Read the history of the facts")
async def read_history(
    *,
    request: Request,
    principal: Reader,
    pool: Log,
    known_at: KnownAt,
    stream: OneStream,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> HistoryPage:
    """Read every fact of a stream with its first wording and every amendment: who, when and why.

    This shows what was wrong, and what was retracted; it needs the scope of the log itself.
    """
    cursors = Cursors.of(f"history {stream}", request.query_params.multi_items())
    place = 0 if cursor is None else cursors.decode(cursor, _HISTORY_PLACE)[0]
    told = fact_histories(await _events(pool, principal, stream, known_at))
    behind = [each for each in told if each.first.position > place]
    return HistoryPage(
        stream=stream,
        known_at=known_at,
        items=[history_view(history) for history in behind[:limit]],
        next_cursor=cursors.encode(behind[limit - 1].first.position) if len(behind) > limit else None,
    )


async def _events(pool: Pool, principal: Principal, stream: str, known_at: datetime | None) -> list[RecordedEvent]:
    try:
        async with pool.connection() as connection:
            events = await read_whole_stream(connection, principal.authority_id, stream, known_at=known_at)
    except UnreadableEvent as error:
        raise NotReady(f"This service is older than what it reads, or the log is damaged: {error}.") from None
    if events is None:
        raise NotFound("This authority has no such stream.")
    return events
