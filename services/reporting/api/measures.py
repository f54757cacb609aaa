"""Measures: their definitions, and how long children wait for a recommendation."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response

from services.reporting.measures import DEFINITIONS, Population, report
from services.reporting.representations import Source, curve_csv, episodes_csv, measure_answer, provenance_headers
from services.reporting.schemas import DefinitionsAnswer, DefinitionView, MeasureAnswer
from services.reporting.store import journeys
from services.reporting.store.journeys import Asked
from services.reporting.store.log import position
from shared.domain.catalogue.base import CivilDate
from shared.domain.clock import civil_date
from shared.domain.errors import Fault, InvalidInput
from shared.domain.ids import Code
from shared.identity.keys import Scope
from shared.runtime.auth import Principal, require
from shared.runtime.csv_answers import CSV_ANSWER, Format, csv_response, wants_csv
from shared.runtime.database import snapshot
from shared.runtime.resources import Opened
from shared.runtime.times import Times, When

router = APIRouter(tags=["measures"])

Reader = Annotated[Principal, Depends(require(Scope.MEASURES_READ))]


async def asked_population(
    *,
    accommodated_from: Annotated[CivilDate | None, Query(description="Accommodated on this day or later.")] = None,
    accommodated_to: Annotated[CivilDate | None, Query(description="Accommodated on this day or earlier.")] = None,
    team: Annotated[
        Code | None, Query(description="Only episodes of this team: that of the day of accommodation.")
    ] = None,
    first_episodes_only: Annotated[bool, Query(description="Leave out children accommodated again.")] = False,
) -> Population:
    """Read which episodes are asked about; a FastAPI dependency.  Raises InvalidInput for a period that ends early."""
    if accommodated_from is not None and accommodated_to is not None and accommodated_to < accommodated_from:
        message = "The period ends before it begins."
        raise InvalidInput(faults=[Fault("?accommodated_to", "period_reversed", message)])
    return Population(
        accommodated_from=accommodated_from,
        accommodated_to=accommodated_to,
        team=team,
        first_episodes_only=first_episodes_only,
    )


@router.get("/v1/measures")
async def list_measures(_: Reader) -> DefinitionsAnswer:
    """List the measures with their definitions, word for word."""
    return DefinitionsAnswer(items=[DefinitionView.model_validate(each) for each in DEFINITIONS.values()])


@router.get("/v1/measures/accommodated-to-recommendation", response_model=MeasureAnswer, responses=CSV_ANSWER)
async def accommodated_to_recommendation(
    *,
    request: Request,
    principal: Reader,
    opened: Opened,
    when: When,
    population: Annotated[Population, Depends(asked_population)],
    format: Format = None,  # noqa: A002 - the name of the query parameter
    table: Annotated[
        Literal["episodes", "curve"] | None, Query(description="Which table as CSV; `episodes` unless given.")
    ] = None,
) -> MeasureAnswer | Response:
    """Tell how long children wait from accommodation to the permanence recommendation.

    Children who still wait are counted as waiting.  Figures are internal: small numbers
    are not protected against disclosure.
    """
    followed_to = _followed_to(when)
    asked = Asked(as_of=followed_to, known_at=when.known_at)
    async with snapshot(opened.engine) as connection:
        source = Source(when.as_of, when.known_at, await position(connection, principal.authority_id, when.known_at))
        found = await journeys.episodes(connection, principal.authority_id, asked)
    # Estimating over a large council takes a while; other requests go on meanwhile.
    made = await asyncio.to_thread(report, found.records, population, followed_to)
    answer = measure_answer(made, population, found.recommendations_outside, source)
    if wants_csv(request, format):
        text = curve_csv(answer) if table == "curve" else episodes_csv(answer)
        return csv_response(text, headers=provenance_headers(answer))
    return answer


def _followed_to(when: Times) -> date:
    """Return the last day on which a child was seen to wait: nobody has been followed into what is not known."""
    known_on = when.today if when.known_at is None else civil_date(when.known_at)
    return min(when.as_of, known_on, when.today)
