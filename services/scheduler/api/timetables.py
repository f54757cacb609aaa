"""The timetable packs at hand, and those to which the council works."""

from __future__ import annotations

from typing import Annotated

import orjson
from fastapi import APIRouter, Depends, Response

from services.scheduler.api.reading import timetable_at
from services.scheduler.representations import adopted_views, calendar_views, pack_view
from services.scheduler.schemas import TimetablesAnswer
from services.scheduler.store.events import log_copy
from shared.identity.keys import Scope
from shared.policies.loader import known_packs
from shared.policies.pack_file import pack_schema
from shared.runtime.auth import Principal, require
from shared.runtime.database import snapshot
from shared.runtime.resources import Opened
from shared.runtime.times import When

SCHEMA_MEDIA_TYPE = "application/schema+json"

router = APIRouter(tags=["timetables"])

_PACK_SCHEMA = orjson.dumps(pack_schema())


@router.get("/v1/timetables")
async def list_timetables(
    principal: Annotated[Principal, Depends(require(Scope.REVIEWS_READ))],
    opened: Opened,
    when: When,
) -> TimetablesAnswer:
    """List every pack of rules at hand, which the council adopted from when, and the calendars on which they count."""
    async with snapshot(opened.engine) as connection:
        position = await log_copy.position(connection, principal.authority_id)
        timetable = await timetable_at(connection, principal.authority_id, when)
    return TimetablesAnswer(
        as_of=when.as_of,
        known_at=when.known_at,
        projection_position=position,
        adopted=adopted_views(timetable),
        calendars=calendar_views(timetable),
        unknown_calendars=sorted(timetable.unknown_calendars),
        known=[pack_view(pack) for pack in known_packs()],
    )


@router.get(
    "/v1/timetables/schema",
    response_class=Response,
    responses={
        200: {
            "description": "The JSON Schema (2020-12) of a pack file; its days are text there.",
            "content": {SCHEMA_MEDIA_TYPE: {"schema": {"type": "object"}}},
        }
    },
)
async def read_pack_schema() -> Response:
    """Read the JSON Schema of the files of timetable packs, as an editor of TOML takes it; no key is needed."""
    return Response(_PACK_SCHEMA, media_type=SCHEMA_MEDIA_TYPE)
