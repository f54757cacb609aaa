"""Webhook endpoints, and the deliveries owed to them as people see them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scheduler.model import (
    Attempt,
    AttemptError,
    Delivery,
    DeliveryState,
    Endpoint,
    NoticeKind,
)
from services.scheduler.tables import attempt, delivery, notice, webhook_endpoint

#: Attempts shown of one delivery, the latest ones; replays could make them many.
MAX_ATTEMPTS_SHOWN = 200


async def add(connection: AsyncConnection, authority_id: str, endpoint: Endpoint, secret: str) -> None:
    """Store a new endpoint with its secret."""
    await connection.execute(
        insert(webhook_endpoint).values(
            authority_id=authority_id,
            endpoint_id=endpoint.endpoint_id,
            url=endpoint.url,
            secret=secret,
            kinds=None if endpoint.kinds is None else [kind.value for kind in endpoint.kinds],
            description=endpoint.description,
            enabled=endpoint.enabled,
            created_at=endpoint.created_at,
        )
    )


async def count_enabled(connection: AsyncConnection, authority_id: str) -> int:
    """Count the endpoints that get notices."""
    statement = select(func.count()).where(webhook_endpoint.c.authority_id == authority_id, webhook_endpoint.c.enabled)
    return int((await connection.execute(statement)).scalar_one())


async def find(connection: AsyncConnection, authority_id: str, endpoint_id: UUID) -> Endpoint | None:
    """Return one endpoint, or None."""
    statement = _endpoints(authority_id).where(webhook_endpoint.c.endpoint_id == endpoint_id)
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else _endpoint(row)


async def page(
    connection: AsyncConnection, authority_id: str, *, after: tuple[datetime, UUID] | None, limit: int
) -> list[Endpoint]:
    """Return up to ``limit`` endpoints behind ``after``, the oldest first."""
    place = tuple_(webhook_endpoint.c.created_at, webhook_endpoint.c.endpoint_id)
    statement = _endpoints(authority_id)
    if after is not None:
        statement = statement.where(place > after)
    ordered = statement.order_by(webhook_endpoint.c.created_at, webhook_endpoint.c.endpoint_id).limit(limit)
    return [_endpoint(row) for row in await connection.execute(ordered)]


async def disable(
    connection: AsyncConnection, authority_id: str, endpoint_id: UUID, now: datetime, because: str
) -> None:
    """Stop sending to an endpoint; one that is disabled keeps its first reason."""
    await connection.execute(
        update(webhook_endpoint)
        .where(
            webhook_endpoint.c.authority_id == authority_id,
            webhook_endpoint.c.endpoint_id == endpoint_id,
            webhook_endpoint.c.enabled,
        )
        .values(enabled=False, disabled_at=now, disabled_because=because)
    )


async def deliveries(
    connection: AsyncConnection,
    authority_id: str,
    endpoint_id: UUID,
    *,
    states: Sequence[DeliveryState],
    before: int | None,
    limit: int,
) -> list[Delivery]:
    """Return up to ``limit`` deliveries of notices below position ``before``, the newest first."""
    statement = _deliveries(authority_id, endpoint_id).order_by(delivery.c.notice_position.desc()).limit(limit)
    if states:
        statement = statement.where(delivery.c.state.in_([state.value for state in states]))
    if before is not None:
        statement = statement.where(delivery.c.notice_position < before)
    return [_delivery(row) for row in await connection.execute(statement)]


async def find_delivery(
    connection: AsyncConnection, authority_id: str, endpoint_id: UUID, notice_id: UUID
) -> tuple[Delivery, bytes] | None:
    """Return one delivery and the bytes that it sends, or None."""
    statement = (
        _deliveries(authority_id, endpoint_id).add_columns(notice.c.body).where(delivery.c.notice_id == notice_id)
    )
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else (_delivery(row), row.body)


async def attempts(connection: AsyncConnection, authority_id: str, endpoint_id: UUID, notice_id: UUID) -> list[Attempt]:
    """Return the latest attempts at a delivery, in order."""
    statement = (
        select(attempt)
        .where(
            attempt.c.authority_id == authority_id,
            attempt.c.endpoint_id == endpoint_id,
            attempt.c.notice_id == notice_id,
        )
        .order_by(attempt.c.number.desc())
        .limit(MAX_ATTEMPTS_SHOWN)
    )
    return [_attempt(row) for row in reversed((await connection.execute(statement)).all())]


async def replay(
    connection: AsyncConnection, authority_id: str, endpoint_id: UUID, notice_id: UUID, now: datetime
) -> None:
    """Owe a delivery anew from ``now``, with the whole schedule of retries; a lease that is out stays."""
    await connection.execute(
        update(delivery)
        .where(
            delivery.c.authority_id == authority_id,
            delivery.c.endpoint_id == endpoint_id,
            delivery.c.notice_id == notice_id,
        )
        .values(state=DeliveryState.PENDING.value, next_attempt_at=now, step=0)
    )


def _endpoints(authority_id: str) -> Select[Any]:
    # The secret is shown once, when it is made: no list ever reads it.
    columns = [column for column in webhook_endpoint.c if column.name != "secret"]
    return select(*columns).where(webhook_endpoint.c.authority_id == authority_id)


def _deliveries(authority_id: str, endpoint_id: UUID) -> Select[Any]:
    same = (notice.c.authority_id == delivery.c.authority_id) & (notice.c.notice_id == delivery.c.notice_id)
    return (
        select(delivery, notice.c.kind, notice.c.review_id, notice.c.created_at)
        .join_from(delivery, notice, same)
        .where(delivery.c.authority_id == authority_id, delivery.c.endpoint_id == endpoint_id)
    )


def _endpoint(row: Row[Any]) -> Endpoint:
    return Endpoint(
        endpoint_id=row.endpoint_id,
        url=row.url,
        kinds=None if row.kinds is None else tuple(NoticeKind(kind) for kind in row.kinds),
        description=row.description,
        enabled=row.enabled,
        created_at=row.created_at,
        disabled_at=row.disabled_at,
        disabled_because=row.disabled_because,
    )


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery(
        endpoint_id=row.endpoint_id,
        notice_id=row.notice_id,
        notice_position=row.notice_position,
        kind=NoticeKind(row.kind),
        review_id=row.review_id,
        created_at=row.created_at,
        state=DeliveryState(row.state),
        attempts=row.attempts,
        next_attempt_at=row.next_attempt_at,
    )


def _attempt(row: Row[Any]) -> Attempt:
    return Attempt(
        number=row.number,
        started_at=row.started_at,
        duration_ms=row.duration_ms,
        status=row.status,
        error=None if row.error is None else AttemptError(row.error),
        excerpt=row.excerpt,
    )
