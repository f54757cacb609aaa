"""Reading the log and its streams, in pages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from services.events.model import LoggedEvent, Page
from services.events.store.connection import Connection
from shared.wire.limits import PAGE_BYTES

_COLUMNS = "position, stream, stream_position, recorded_at, recorded_by, body, digest, link"
# The end of the log is read in the same statement, hence as of the same instant.  A page ends
# early rather than hold much more than PAGE_BYTES; it always holds one event.
_PAGE = """
SELECT {columns}, (SELECT max({order}) FROM events.event WHERE {within}) AS head
FROM (
    SELECT {columns}, sum(octet_length(body)) OVER (ORDER BY {order}) - octet_length(body) AS bytes_before
    FROM (
        SELECT {columns} FROM events.event WHERE {within} AND {order} > $2 ORDER BY {order} LIMIT $3
    ) AS page
) AS weighed
WHERE bytes_before < $4
ORDER BY {order}
"""
_LOG_PAGE = _PAGE.format(columns=_COLUMNS, order="position", within="authority_id = $1")
_STREAM_PAGE = _PAGE.format(columns=_COLUMNS, order="stream_position", within="authority_id = $1 AND stream = $5")
_LOG_HEAD = "SELECT max(position) FROM events.event WHERE authority_id = $1"
_STREAM_HEAD = "SELECT max(stream_position) FROM events.event WHERE authority_id = $1 AND stream = $2"


async def read_log(
    connection: Connection, authority_id: str, *, after: int, limit: int, known_at: datetime | None
) -> Page:
    """Return up to ``limit`` events behind position ``after``, in commit order.

    With ``known_at`` the log ends where it ended at that instant.
    """
    rows = await connection.fetch(_LOG_PAGE, authority_id, after, limit, PAGE_BYTES)
    head = rows[0]["head"] if rows else await connection.fetchval(_LOG_HEAD, authority_id)
    return _page(rows, "position", known_at, head or 0)


async def read_stream(
    connection: Connection, authority_id: str, stream: str, *, after: int, limit: int, known_at: datetime | None
) -> tuple[Page, int]:
    """Return up to ``limit`` events behind stream position ``after``, and the position of the stream's end.

    That is 0 when the authority has no such stream.  ``known_at`` shortens the page, not
    the stream: its end is where the next append finds it.
    """
    rows = await connection.fetch(_STREAM_PAGE, authority_id, after, limit, PAGE_BYTES, stream)
    head = rows[0]["head"] if rows else await connection.fetchval(_STREAM_HEAD, authority_id, stream)
    return _page(rows, "stream_position", known_at, head or 0), head or 0


def _page(rows: Sequence[Any], order: str, known_at: datetime | None, head: int) -> Page:
    # recorded_at never falls as positions rise, so what was known at an instant is a beginning of the log.
    known = [row for row in rows if known_at is None or row["recorded_at"] <= known_at]
    at_head = not rows or len(known) < len(rows) or rows[-1][order] == head
    return Page([_logged(row) for row in known], at_head, head)


def _logged(row: Any) -> LoggedEvent:
    return LoggedEvent(
        row["position"],
        row["stream"],
        row["stream_position"],
        row["recorded_at"],
        row["recorded_by"],
        row["body"],
        row["digest"],
        row["link"],
    )
