"""What was sent to an endpoint, with every attempt; and sending one again."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field, TypeAdapter

from services.scheduler.api.endpoints import existing
from services.scheduler.api.parameters import Cursor, Limit
from services.scheduler.model import Delivery, DeliveryState
from services.scheduler.representations import attempt_view, delivery_view
from services.scheduler.schemas import DeliveryDetail, DeliveryPage, DeliveryStateName, DeliveryView
from services.scheduler.store import endpoints as store
from shared.domain.errors import Fault, InvalidInput, NotFound
from shared.identity.keys import Scope
from shared.runtime.auth import Principal, require
from shared.runtime.database import Connection
from shared.runtime.resources import Opened
from shared.wire.cursor import Cursors

router = APIRouter(tags=["webhooks"])

Manager = Annotated[Principal, Depends(require(Scope.WEBHOOKS_MANAGE))]

_POSITION = TypeAdapter(tuple[Annotated[int, Field(ge=0, lt=2**63)]])


@router.get("/v1/webhook-endpoints/{endpoint_id}/deliveries")
async def list_deliveries(
    *,
    request: Request,
    endpoint_id: UUID,
    principal: Manager,
    opened: Opened,
    state: Annotated[list[DeliveryStateName] | None, Query(max_length=3, description="Only these states.")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> DeliveryPage:
    """List the notices owed to an endpoint, the newest first."""
    cursors = Cursors.of(f"deliveries of {endpoint_id}", request.query_params.multi_items())
    before = None if cursor is None else cursors.decode(cursor, _POSITION)[0]
    states = [DeliveryState(name) for name in state or ()]
    async with opened.engine.connect() as connection:
        await existing(connection, principal.authority_id, endpoint_id)
        found = await store.deliveries(
            connection, principal.authority_id, endpoint_id, states=states, before=before, limit=limit + 1
        )
    shown = found[:limit]
    following = None if len(found) <= limit else cursors.encode(shown[-1].notice_position)
    return DeliveryPage(items=[delivery_view(each) for each in shown], next_cursor=following)


@router.get("/v1/webhook-endpoints/{endpoint_id}/deliveries/{notice_id}")
async def read_delivery(endpoint_id: UUID, notice_id: UUID, principal: Manager, opened: Opened) -> DeliveryDetail:
    """Read one delivery: what is sent, and every attempt."""
    async with opened.engine.connect() as connection:
        found, body = await _existing(connection, principal.authority_id, endpoint_id, notice_id)
        attempts = await store.attempts(connection, principal.authority_id, endpoint_id, notice_id)
    return DeliveryDetail(
        delivery=delivery_view(found),
        payload=orjson.loads(body),
        attempts=[attempt_view(each) for each in attempts],
    )


@router.post("/v1/webhook-endpoints/{endpoint_id}/deliveries/{notice_id}/replay", status_code=202)
async def replay_delivery(
    request: Request, endpoint_id: UUID, notice_id: UUID, principal: Manager, opened: Opened
) -> DeliveryView:
    """Send a notice again: the same id and bytes, and the whole schedule of retries anew."""
    async with opened.engine.begin() as connection:
        endpoint = await existing(connection, principal.authority_id, endpoint_id)
        await _existing(connection, principal.authority_id, endpoint_id, notice_id)
        if not endpoint.enabled:
            message = "This endpoint is disabled; nothing is sent to it."
            raise InvalidInput(faults=[Fault(":endpoint_id", "endpoint_disabled", message)])
        await store.replay(connection, principal.authority_id, endpoint_id, notice_id, opened.clock.now())
        found, _ = await _existing(connection, principal.authority_id, endpoint_id, notice_id)
    request.app.state.owed()
    return delivery_view(found)


async def _existing(
    connection: Connection, authority_id: str, endpoint_id: UUID, notice_id: UUID
) -> tuple[Delivery, bytes]:
    found = await store.find_delivery(connection, authority_id, endpoint_id, notice_id)
    if found is None:
        raise NotFound
    return found
