"""What is shown at a moment, as one value: it changes whenever an answer to the same question may."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import BigInteger, cast, exists, func, select
from sqlalchemy.dialects.postgresql import OID
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scheduler.tables import checkpoint, review, revisit


@dataclass(frozen=True, slots=True)
class Shown:
    """What of all that is stored decides an answer.

    ``position`` is that up to which the log is projected, and ``timetable_digest`` tells the rules by
    which it was.  ``day_awaited`` is true from the beginning of a day until the facts that were
    told ahead for it count.  ``table`` names the table itself, which a rebuild exchanges.
    """

    position: int
    timetable_digest: str | None
    day_awaited: bool
    table: int


async def shown(connection: AsyncConnection, authority_id: str, today: date) -> Shown:
    """Return what is shown of one authority on the present day; it reads no review."""
    of_authority = checkpoint.c.authority_id == authority_id
    position = select(checkpoint.c.position).where(of_authority).scalar_subquery()
    digest = select(checkpoint.c.timetable_digest).where(of_authority).scalar_subquery()
    awaited = exists().where(revisit.c.authority_id == authority_id, revisit.c.revisit_on <= today)
    # By name at each execution: a literal of PostgreSQL's own type would be looked up once for a whole connection.
    table = cast(cast(func.to_regclass(f"{review.schema}.{review.name}"), OID), BigInteger)
    found = (await connection.execute(select(func.coalesce(position, 0), digest, awaited, table))).one()
    return Shown(*found)
