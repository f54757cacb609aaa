"""The timetable packs at hand, and those to which the council works."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends

from services.scheduler.api.reading import timetable_at
from services.scheduler.representations import adopted_views, pack_view
from services.scheduler.schemas import TimetablesAnswer
from services.scheduler.store.events import log_copy
from shared.identity.keys import Scope
from shared.policies.loader import known_packs
from shared.runtime.auth import Principal, require
from shared.runtime.database import snapshot
from shared.runtime.resources import Opened
from shared.runtime.times import When

router = APIRouter(tags=["timetables"])


@router.get("/v1/timetables")
async def list_timetables(
    principal: Annotated[Principal, Depends(require(Scope.REVIEWS_READ))],
    opened: Opened,
    when: When,
) -> TimetablesAnswer:
    """List every pack of rules at hand, and which the council adopted from when."""
    async with snapshot(opened.engine) as connection:
        position = await log_copy.position(connection, principal.authority_id)
        timetable = await timetable_at(connection, principal.authority_id, when)
    return TimetablesAnswer(
        as_of=when.as_of,
        known_at=when.known_at,
        projection_position=position,
        adopted=adopted_views(timetable),
        known=[pack_view(pack) for pack in known_packs()],
    )
