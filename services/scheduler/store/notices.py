"""The append-only notice log: gap-free positions for each authority, each notice once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import any_, literal, or_, select, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scheduler.model import DeliveryState, NewNotice
from services.scheduler.tables import delivery, notice, notice_head, webhook_endpoint

#: In the order in which rows are written.
_COLUMNS = tuple(each.name for each in notice.columns)


async def append(connection: AsyncConnection, authority_id: str, notices: Sequence[NewNotice], now: datetime) -> int:
    """Append those notices that are not in the log yet, owe them to the endpoints there are, and return their number.

    The head of the authority's notice log is locked until the transaction ends, so callers
    do this last: nobody who holds it waits for anything else.
    """
    if not notices:
        return 0
    head = await _lock_head(connection, authority_id)
    told = await _told(connection, authority_id, [each.notice_id for each in notices])
    fresh = {each.notice_id: each for each in notices if each.notice_id not in told}
    if not fresh:
        return 0
    await _insert(connection, authority_id, head + 1, list(fresh.values()), now)
    await connection.execute(
        update(notice_head).where(notice_head.c.authority_id == authority_id).values(position=head + len(fresh))
    )
    await _owe(connection, authority_id, head, now)
    return len(fresh)


async def child_of(connection: AsyncConnection, authority_id: str, review_id: UUID) -> str | None:
    """Return the child of whose review a notice told; None if none did."""
    about = select(notice.c.child_id).where(notice.c.authority_id == authority_id, notice.c.review_id == review_id)
    child: str | None = await connection.scalar(about.limit(1))
    return child


async def _lock_head(connection: AsyncConnection, authority_id: str) -> int:
    added = insert(notice_head).values(authority_id=authority_id, position=0)
    locked = added.on_conflict_do_update(
        index_elements=[notice_head.c.authority_id], set_={"position": notice_head.c.position}
    )
    return int((await connection.execute(locked.returning(notice_head.c.position))).scalar_one())


async def _told(connection: AsyncConnection, authority_id: str, notice_ids: Sequence[UUID]) -> frozenset[UUID]:
    # One array, not one parameter for each id: a page of the log can be worth more notices than there are parameters.
    ids = literal(list(notice_ids), ARRAY(notice.c.notice_id.type))
    statement = select(notice.c.notice_id).where(notice.c.authority_id == authority_id, notice.c.notice_id == any_(ids))
    return frozenset(await connection.scalars(statement))


async def _owe(connection: AsyncConnection, authority_id: str, after: int, now: datetime) -> None:
    """Owe every notice behind position ``after`` to each endpoint that is enabled and wants its kind."""
    wanted = or_(webhook_endpoint.c.kinds.is_(None), notice.c.kind == any_(webhook_endpoint.c.kinds))
    owed = (
        select(
            notice.c.authority_id,
            webhook_endpoint.c.endpoint_id,
            notice.c.notice_id,
            notice.c.position,
            literal(DeliveryState.PENDING.value),
            literal(now, delivery.c.next_attempt_at.type),
            literal(0),
            literal(0),
        )
        .join_from(notice, webhook_endpoint, webhook_endpoint.c.authority_id == notice.c.authority_id)
        .where(notice.c.authority_id == authority_id, notice.c.position > after, webhook_endpoint.c.enabled, wanted)
    )
    columns = (
        "authority_id",
        "endpoint_id",
        "notice_id",
        "notice_position",
        "state",
        "next_attempt_at",
        "attempts",
        "step",
    )
    await connection.execute(insert(delivery).from_select(columns, owed))


async def _insert(
    connection: AsyncConnection, authority_id: str, first: int, fresh: Sequence[NewNotice], now: datetime
) -> None:
    """Write notices at the positions from ``first`` on: by COPY, for there may be thousands."""
    records = [
        (
            authority_id,
            each.notice_id,
            position,
            each.dedupe_key,
            each.kind.value,
            each.review_id,
            each.child_id,
            each.body,
            now,
        )
        for position, each in enumerate(fresh, first)
    ]
    # SQLAlchemy speaks no COPY; the driver's own connection is within the same transaction, which has begun.
    driver: Any = (await connection.get_raw_connection()).driver_connection
    await driver.copy_records_to_table(notice.name, schema_name=notice.schema, columns=_COLUMNS, records=records)
