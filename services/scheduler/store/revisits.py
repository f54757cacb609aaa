"""The days on which children have to be looked at again without a new event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scheduler.tables import revisit


async def plan(connection: AsyncConnection, authority_id: str, days: Mapping[str, date | None]) -> None:
    """Note on which day each child has to be looked at again (None: on none)."""
    if not days:
        return
    await connection.execute(
        delete(revisit).where(revisit.c.authority_id == authority_id, revisit.c.child_id.in_(days))
    )
    rows = [
        {"authority_id": authority_id, "child_id": child, "revisit_on": day}
        for child, day in days.items()
        if day is not None
    ]
    if rows:
        await connection.execute(insert(revisit), rows)


async def of_children(connection: AsyncConnection, authority_id: str, children: Sequence[str]) -> dict[str, date]:
    """Return the day on which each of these children has to be looked at again; the others on none."""
    statement = select(revisit.c.child_id, revisit.c.revisit_on).where(
        revisit.c.authority_id == authority_id, revisit.c.child_id.in_(children)
    )
    return {row.child_id: row.revisit_on for row in await connection.execute(statement)}


async def first_day(connection: AsyncConnection, authority_id: str) -> date | None:
    """Return the first day on which any child has to be looked at again; None if there is none."""
    first = select(func.min(revisit.c.revisit_on)).where(revisit.c.authority_id == authority_id)
    day: date | None = await connection.scalar(first)
    return day


async def due_children(connection: AsyncConnection, authority_id: str, today: date) -> list[str]:
    """Return the children whose recorded facts begin to count by ``today``."""
    statement = (
        select(revisit.c.child_id)
        .where(revisit.c.authority_id == authority_id, revisit.c.revisit_on <= today)
        .order_by(revisit.c.child_id)
    )
    return list(await connection.scalars(statement))
