"""What may be said and what is answered: event types, their schemas, limits, problems.

These are documents without any authority's data, so they need no key: addresses in
``dataschema`` and in the ``type`` of a problem are for anyone to open.
"""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Path, Response

from services.events.schemas import EventTypesView, LimitsView, ProblemKindsView, event_type_view
from shared.domain.catalogue import CATALOGUE, dataschema, json_schema
from shared.domain.errors import NotFound
from shared.wire.problem import MEDIA_TYPE
from shared.wire.problem_catalogue import PROBLEMS, ProblemKind

SCHEMA_MEDIA_TYPE = "application/schema+json"

router = APIRouter(tags=["reference"])

_NOT_FOUND: dict[int | str, dict[str, Any]] = {
    404: {
        "description": "There is none of that name.",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
}
#: The schema of every version there ever was; they never change while the process runs.
_SCHEMAS = {
    dataschema(of, version): orjson.dumps(json_schema(of, version))
    for of in CATALOGUE.values()
    for version in of.schemas
}


@router.get("/v1/event-types", summary="List event types")
async def list_event_types() -> EventTypesView:
    """List every event type with the address of the schema of each of its versions."""
    return EventTypesView(event_types=[event_type_view(of) for of in CATALOGUE.values()])


@router.get(
    "/v1/event-types/{type}/{version}",
    summary="Read the schema of an event type",
    response_class=Response,
    responses={
        200: {
            "description": "The JSON Schema (2020-12) of the event's data.",
            "content": {SCHEMA_MEDIA_TYPE: {"schema": {"type": "object"}}},
        },
        **_NOT_FOUND,
    },
)
async def read_event_type_schema(
    type: Annotated[str, Path(max_length=80)],  # noqa: A002 - it is called so in CloudEvents
    version: Annotated[int, Path(ge=1, le=1_000)],
) -> Response:
    """Read the JSON Schema of the data of an event type, in its latest or any earlier version."""
    schema = _SCHEMAS.get(f"/v1/event-types/{type}/{version}")
    if schema is None:
        raise NotFound("There is no such event type, or no such version of it; GET /v1/event-types lists them.")
    return Response(schema, media_type=SCHEMA_MEDIA_TYPE)


@router.get("/v1/limits", summary="Read the limits")
async def read_limits() -> LimitsView:
    """Read the limits that requests have to keep."""
    return LimitsView()


@router.get("/v1/problems", summary="List kinds of problems")
async def list_problems() -> ProblemKindsView:
    """List every kind of problem that an answer may tell of."""
    return ProblemKindsView(problems=list(PROBLEMS.values()))


@router.get("/v1/problems/{slug}", summary="Read about a kind of problem", responses=_NOT_FOUND)
async def read_problem(slug: Annotated[str, Path(max_length=80)]) -> ProblemKind:
    """Read what a problem means and what to do about it; this is where its `type` leads."""
    if slug not in PROBLEMS:
        raise NotFound("There is no such kind of problem; GET /v1/problems lists them.")
    return PROBLEMS[slug]
