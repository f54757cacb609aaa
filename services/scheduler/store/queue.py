"""The deliveries as a queue: leases, and outcomes that only the holder of the lease records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Row, Select, Text, and_, any_, bindparam, func, or_, select, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scheduler.model import Attempt, AttemptError, Claim, DeliveryState
from services.scheduler.tables import attempt, delivery, notice, webhook_endpoint

#: Rows of an endpoint among which leases are looked for; it holds fewer.
LEASES_LOOKED_AT = 100


def _due(authority_id: str, now: datetime) -> ColumnElement[bool]:
    free = or_(delivery.c.lease_until.is_(None), delivery.c.lease_until <= now)
    return and_(
        delivery.c.authority_id == authority_id,
        delivery.c.state == DeliveryState.PENDING.value,
        delivery.c.next_attempt_at <= now,
        free,
    )


@dataclass(frozen=True, slots=True)
class Owed:
    """An enabled endpoint to which something is owed, and when the first of it is due."""

    authority_id: str
    endpoint_id: UUID
    due_at: datetime


def _owed() -> Select[Any]:
    of_it = (delivery.c.authority_id == webhook_endpoint.c.authority_id) & (
        delivery.c.endpoint_id == webhook_endpoint.c.endpoint_id
    )
    pending = (
        select(delivery.c.next_attempt_at, delivery.c.lease_until)
        .where(of_it, delivery.c.state == DeliveryState.PENDING.value)
        .order_by(delivery.c.next_attempt_at)
        .correlate(webhook_endpoint)
    )
    free = pending.where(delivery.c.lease_until.is_(None)).limit(1).subquery()
    # Leases are given to what has been due for longest, so they are found among the first.
    first = pending.limit(LEASES_LOOKED_AT).subquery()
    lease_ends = select(func.min(func.greatest(first.c.next_attempt_at, first.c.lease_until))).where(
        first.c.lease_until.is_not(None)
    )
    due_at = func.least(select(free.c.next_attempt_at).scalar_subquery(), lease_ends.scalar_subquery())
    of_these = webhook_endpoint.c.authority_id == any_(bindparam("authority_ids", type_=ARRAY(Text)))
    each = (
        select(webhook_endpoint.c.authority_id, webhook_endpoint.c.endpoint_id, due_at.label("due_at"))
        .where(of_these, webhook_endpoint.c.enabled)
        .subquery()
    )
    return select(each).where(each.c.due_at.is_not(None)).order_by(each.c.authority_id, each.c.endpoint_id)


#: It is asked all day long, and to put it together takes longer than to ask it.
_OWED = _owed()


async def owed(connection: AsyncConnection, authority_ids: Sequence[str]) -> list[Owed]:
    """Return the endpoints of these authorities to which something is owed, now or later.

    What is leased is due when its lease runs out.
    """
    found = await connection.execute(_OWED, {"authority_ids": authority_ids})
    return [Owed(*row) for row in found]


async def claim(
    connection: AsyncConnection, authority_id: str, endpoint_id: UUID, *, now: datetime, lease: timedelta, limit: int
) -> list[Claim]:
    """Lease up to ``limit`` due deliveries of one endpoint, the longest due first.

    A lease that ran out belonged to a sender that was stopped in the middle: that attempt
    is noted as interrupted, and the delivery is claimed anew.
    """
    rows = await _lock_due(connection, authority_id, endpoint_id, now, limit)
    claims: list[Claim] = []
    for row in rows:
        if row.lease_id is not None:
            await _note_interruption(connection, row)
        claims.append(_claim(row))
    if not claims:
        return []
    for each in claims:
        await connection.execute(
            update(delivery)
            .where(*_same(each))
            .values(lease_id=each.lease_id, lease_until=now + lease, claimed_at=now, attempts=each.number)
        )
    return claims


async def _lock_due(
    connection: AsyncConnection, authority_id: str, endpoint_id: UUID, now: datetime, limit: int
) -> list[Row[Any]]:
    statement = (
        select(delivery, webhook_endpoint.c.url, webhook_endpoint.c.secret, notice.c.body)
        .join_from(
            delivery,
            webhook_endpoint,
            and_(
                webhook_endpoint.c.authority_id == delivery.c.authority_id,
                webhook_endpoint.c.endpoint_id == delivery.c.endpoint_id,
            ),
        )
        .join(
            notice,
            and_(notice.c.authority_id == delivery.c.authority_id, notice.c.notice_id == delivery.c.notice_id),
        )
        .where(_due(authority_id, now), delivery.c.endpoint_id == endpoint_id, webhook_endpoint.c.enabled)
        .order_by(delivery.c.next_attempt_at, delivery.c.notice_position)
        .limit(limit)
        .with_for_update(of=delivery, skip_locked=True)
    )
    return list((await connection.execute(statement)).all())


async def _note_interruption(connection: AsyncConnection, row: Row[Any]) -> None:
    await connection.execute(
        insert(attempt)
        .values(
            authority_id=row.authority_id,
            endpoint_id=row.endpoint_id,
            notice_id=row.notice_id,
            number=row.attempts,
            started_at=row.claimed_at,
            error=AttemptError.INTERRUPTED.value,
        )
        .on_conflict_do_nothing()
    )


def _claim(row: Row[Any]) -> Claim:
    return Claim(
        authority_id=row.authority_id,
        endpoint_id=row.endpoint_id,
        notice_id=row.notice_id,
        lease_id=uuid4(),
        number=row.attempts + 1,
        step=row.step,
        url=row.url,
        secret=row.secret,
        body=row.body,
    )


async def record(
    connection: AsyncConnection,
    claimed: Claim,
    tried: Attempt,
    *,
    state: DeliveryState,
    next_attempt_at: datetime,
) -> bool:
    """Record an attempt and give the lease back; False, and nothing written, if the lease was lost.

    A replay that was asked for during a failed attempt keeps what it set.
    """
    held = select(delivery.c.step).where(*_same(claimed), delivery.c.lease_id == claimed.lease_id).with_for_update()
    step = await connection.scalar(held)
    if step is None:
        return False
    values: dict[str, Any] = {"lease_id": None, "lease_until": None, "claimed_at": None}
    if step == claimed.step or state is DeliveryState.DELIVERED:
        values |= {"state": state.value, "next_attempt_at": next_attempt_at, "step": claimed.step + 1}
    await connection.execute(update(delivery).where(*_same(claimed)).values(values))
    await connection.execute(
        insert(attempt).values(
            authority_id=claimed.authority_id,
            endpoint_id=claimed.endpoint_id,
            notice_id=claimed.notice_id,
            number=tried.number,
            started_at=tried.started_at,
            duration_ms=tried.duration_ms,
            status=tried.status,
            error=None if tried.error is None else tried.error.value,
            excerpt=tried.excerpt,
        )
    )
    return True


def _same(claimed: Claim) -> tuple[ColumnElement[bool], ...]:
    return (
        delivery.c.authority_id == claimed.authority_id,
        delivery.c.endpoint_id == claimed.endpoint_id,
        delivery.c.notice_id == claimed.notice_id,
    )
