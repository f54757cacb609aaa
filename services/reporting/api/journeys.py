"""Children on their way: a list with what is next, and one child's whole journey."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import TypeAdapter

from services.reporting.representations import (
    Source,
    journey_answer,
    journey_csv,
    journey_page,
    journeys_csv,
    provenance_headers,
)
from services.reporting.schemas import JourneyAnswer, JourneyPage
from services.reporting.store import journeys
from services.reporting.store.journeys import Asked, Wanted
from services.reporting.store.log import position
from shared.domain.errors import NotFound
from shared.domain.ids import ChildId, Code
from shared.identity.keys import Scope
from shared.runtime.auth import Principal, require
from shared.runtime.csv_answers import CSV_ANSWER, Format, csv_response, wants_csv
from shared.runtime.database import snapshot
from shared.runtime.resources import Opened
from shared.runtime.times import When
from shared.wire.cursor import Cursors

router = APIRouter(tags=["journeys"])

Reader = Annotated[Principal, Depends(require(Scope.JOURNEYS_READ))]

_PLACE = TypeAdapter(tuple[ChildId])


async def wanted_children(
    *,
    team: Annotated[Code | None, Query(description="Only children with whom this team works now.")] = None,
    waiting: Annotated[
        bool | None,
        Query(description="`true`: only children in an open episode without a recommendation; `false`: others."),
    ] = None,
) -> Wanted:
    """Read which children are asked for; a FastAPI dependency."""
    return Wanted(team=team, waiting=waiting)


@router.get("/v1/journeys", response_model=JourneyPage, responses=CSV_ANSWER)
async def list_journeys(
    *,
    request: Request,
    principal: Reader,
    opened: Opened,
    when: When,
    wanted: Annotated[Wanted, Depends(wanted_children)],
    limit: Annotated[int, Query(ge=1, le=1000, description="Most items on a page.")] = 100,
    cursor: Annotated[
        str | None, Query(max_length=500, description="`next_cursor` of the page before, with the same filters.")
    ] = None,
    format: Format = None,  # noqa: A002 - the name of the query parameter
) -> JourneyPage | Response:
    """List children with their latest episode of care, how long they wait, and what is next.

    In CSV the next cursor stands in the header `homeward-next-cursor`.
    """
    cursors = Cursors.of("journeys", request.query_params.multi_items())
    after = "" if cursor is None else cursors.decode(cursor, _PLACE)[0]
    asked = Asked(as_of=when.as_of, known_at=when.known_at)
    async with snapshot(opened.engine) as connection:
        source = Source(when.as_of, when.known_at, await position(connection, principal.authority_id, when.known_at))
        found = await journeys.children(connection, principal.authority_id, asked, wanted, after=after, limit=limit + 1)
    page = journey_page(found, limit, source, cursors)
    if wants_csv(request, format):
        return csv_response(journeys_csv(page), headers=provenance_headers(page), next_cursor=page.next_cursor)
    return page


@router.get("/v1/journeys/{child}", response_model=JourneyAnswer, responses=CSV_ANSWER)
async def read_journey(
    *,
    request: Request,
    child: Annotated[ChildId, Path(description="The child's identifier, as the council's own system gave it.")],
    principal: Reader,
    opened: Opened,
    when: When,
    format: Format = None,  # noqa: A002 - the name of the query parameter
) -> JourneyAnswer | Response:
    """Read one child's journey: every milestone with its day and gaps, what is awaited, and what is next.

    In CSV there is one line for each milestone of each episode.
    """
    asked = Asked(as_of=when.as_of, known_at=when.known_at)
    async with snapshot(opened.engine) as connection:
        source = Source(when.as_of, when.known_at, await position(connection, principal.authority_id, when.known_at))
        journey = await journeys.journey(connection, principal.authority_id, child, asked)
    if journey is None:
        raise NotFound("Nothing had been recorded about such a child.")
    answer = journey_answer(journey, source)
    if wants_csv(request, format):
        return csv_response(journey_csv(answer), headers=provenance_headers(answer))
    return answer
