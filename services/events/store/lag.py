"""How much of a log lies behind a position."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.events.store.connection import Connection

_BEHIND = """
SELECT (SELECT max(position) FROM events.event WHERE authority_id = $1) AS head,
       (SELECT recorded_at FROM events.event WHERE authority_id = $1 AND position = $2 + 1) AS since
"""


@dataclass(frozen=True, slots=True)
class Behind:
    """Where a log ends (0 while it is empty), and when the first event behind a position was recorded, if any."""

    head: int
    since: datetime | None


async def behind(connection: Connection, authority_id: str, position: int) -> Behind:
    """Return what of the log lies behind ``position``."""
    row = await connection.fetchrow(_BEHIND, authority_id, position)
    return Behind(row["head"] or 0, row["since"])
