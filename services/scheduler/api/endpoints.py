"""Webhook endpoints: the addresses to which a council has notices sent."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID, uuid4

import orjson
from fastapi import APIRouter, Depends, Request
from pydantic import AwareDatetime, Field, TypeAdapter, ValidationError

from services.scheduler.api.parameters import MAX_BODY_BYTES, Cursor, Limit, json_body
from services.scheduler.model import Endpoint, NoticeKind
from services.scheduler.representations import (
    endpoint_members,
    endpoint_view,
)
from services.scheduler.schemas import EndpointCreated, EndpointPage, EndpointView, NewEndpoint
from services.scheduler.store import endpoints as store
from services.scheduler.targets import ForbiddenTarget, check_stored
from services.scheduler.webhooks import new_secret
from shared.domain.errors import Fault, InvalidInput, NotFound
from shared.identity.keys import Scope
from shared.runtime.auth import Principal, require
from shared.runtime.database import Connection
from shared.runtime.problems import faults_of
from shared.runtime.resources import Opened
from shared.wire.cursor import Cursors

router = APIRouter(tags=["webhooks"])

#: Endpoints of one authority that get notices at the same time.
MAX_ENABLED = 100

Manager = Annotated[Principal, Depends(require(Scope.WEBHOOKS_MANAGE))]

# Bounded, because an instant at the edge of the calendar cannot be turned into UTC.
_Made = Annotated[AwareDatetime, Field(ge=datetime(1900, 1, 1, tzinfo=UTC), lt=datetime(2200, 1, 1, tzinfo=UTC))]
_PLACE = TypeAdapter(tuple[_Made, UUID])

_BODY = {
    "requestBody": {
        "required": True,
        "description": f"At most {MAX_BODY_BYTES} bytes.",
        "content": {"application/json": {"schema": NewEndpoint.model_json_schema()}},
    }
}


@router.post("/v1/webhook-endpoints", status_code=201, openapi_extra=_BODY)
async def create_endpoint(request: Request, principal: Manager, opened: Opened) -> EndpointCreated:
    """Have notices sent to a URL, from now on; the answer shows the signing secret this once."""
    wanted = _parsed(await json_body(request))
    try:
        check_stored(wanted.url, request.app.state.allowances)
    except ForbiddenTarget as error:
        raise InvalidInput(faults=[error.fault("/url")]) from None
    endpoint = _new_endpoint(wanted, opened.clock.now())
    secret = new_secret()
    async with opened.engine.begin() as connection:
        if await store.count_enabled(connection, principal.authority_id) >= MAX_ENABLED:
            message = f"An authority has at most {MAX_ENABLED} enabled endpoints; disable one first."
            raise InvalidInput(faults=[Fault("", "too_many_endpoints", message)])
        await store.add(connection, principal.authority_id, endpoint, secret)
    return EndpointCreated(**endpoint_members(endpoint), secret=secret)


@router.get("/v1/webhook-endpoints")
async def list_endpoints(
    request: Request, principal: Manager, opened: Opened, limit: Limit = 100, cursor: Cursor = None
) -> EndpointPage:
    """List the council's endpoints, disabled ones too, the oldest first."""
    cursors = Cursors.of("webhook endpoints", request.query_params.multi_items())
    after = None if cursor is None else cursors.decode(cursor, _PLACE)
    async with opened.engine.connect() as connection:
        found = await store.page(connection, principal.authority_id, after=after, limit=limit + 1)
    shown = found[:limit]
    following = None if len(found) <= limit else cursors.encode(shown[-1].created_at, shown[-1].endpoint_id)
    return EndpointPage(items=[endpoint_view(each) for each in shown], next_cursor=following)


@router.get("/v1/webhook-endpoints/{endpoint_id}")
async def read_endpoint(endpoint_id: UUID, principal: Manager, opened: Opened) -> EndpointView:
    """Read one endpoint; its secret is not shown again."""
    async with opened.engine.connect() as connection:
        return endpoint_view(await existing(connection, principal.authority_id, endpoint_id))


@router.delete("/v1/webhook-endpoints/{endpoint_id}")
async def disable_endpoint(endpoint_id: UUID, principal: Manager, opened: Opened) -> EndpointView:
    """Stop sending to an endpoint; its deliveries stay readable.  Doing it twice changes nothing."""
    async with opened.engine.begin() as connection:
        await existing(connection, principal.authority_id, endpoint_id)
        now = opened.clock.now()
        await store.disable(connection, principal.authority_id, endpoint_id, now, "It was disabled through the API.")
        return endpoint_view(await existing(connection, principal.authority_id, endpoint_id))


async def existing(connection: Connection, authority_id: str, endpoint_id: UUID) -> Endpoint:
    """Return an endpoint; raises NotFound."""
    endpoint = await store.find(connection, authority_id, endpoint_id)
    if endpoint is None:
        raise NotFound
    return endpoint


def _parsed(body: Any) -> NewEndpoint:
    try:
        return NewEndpoint.model_validate_json(orjson.dumps(body))
    except ValidationError as error:
        raise InvalidInput(faults=faults_of(error.errors(include_input=False, include_url=False))) from None


def _new_endpoint(wanted: NewEndpoint, now: datetime) -> Endpoint:
    return Endpoint(
        endpoint_id=uuid4(),
        url=wanted.url,
        kinds=None if wanted.kinds is None else tuple(sorted({NoticeKind(kind) for kind in wanted.kinds})),
        description=wanted.description,
        enabled=True,
        created_at=now,
        disabled_at=None,
        disabled_because=None,
    )
