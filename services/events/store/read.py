"""Reading the log and its streams, in pages.

A row of a page holds ``position``, ``stream``, ``stream_position``, ``recorded_at``,
``recorded_by``, ``body``, ``digest`` and ``link``, in this order and under these names; what
follows them is the page's own.

Positions have no gaps and become visible in their order.  So what lay up to the end of the
log at one instant is there for every later statement too, and a page may be put together
from several without a transaction around them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from services.events.store.connection import Connection
from shared.wire.limits import PAGE_BYTES

#: A row of asyncpg's, with the columns above.
Row = Any

#: Positions that one page of a filtered read looks at: a sparse filter gives short pages, and never a slow one.
LOOKED_AT = 10_000

_LAST_POSITION = 2**63 - 1

# A page ends early rather than hold more than so many bytes of bodies, but always holds one event.
# Nearly every page is light: however many rows it has, none is larger than its share of those
# bytes.  So it is read as if it were, without the bodies of rows that are larger.  Only if there
# is one it is read again, by a statement that asks first what the bodies weigh.
#
# Behind the rows comes one that is none of the log's: as ``position`` the head, as
# ``stream_position`` how many rows make the page full.  As columns they cost time in every row.
_LIGHT_PAGE = """
(SELECT position, stream, stream_position, recorded_at, recorded_by,
        CASE WHEN octet_length(body) <= $5::bigint / $4::bigint THEN body END AS body, digest, link
 FROM events.event WHERE {within} ORDER BY {order} LIMIT $4)
UNION ALL
(SELECT coalesce(max({order}), 0), NULL, $4, NULL, NULL, NULL, NULL, NULL FROM events.event WHERE {whole})
"""
_WEIGHED_PAGE = """
WITH bound AS MATERIALIZED (
    SELECT CASE WHEN coalesce(max(bytes), 0) <= $5 THEN $4 ELSE greatest(count(*) FILTER (WHERE bytes <= $5), 1) END
           AS most
    FROM (
        SELECT sum(octet_length(body)) OVER (ORDER BY {order}) AS bytes
        FROM (SELECT {order}, body FROM events.event WHERE {within} ORDER BY {order} LIMIT $4) AS page
    ) AS weighed
)
(SELECT position, stream, stream_position, recorded_at, recorded_by, body, digest, link
 FROM events.event WHERE {within} ORDER BY {order} LIMIT (SELECT most FROM bound))
UNION ALL
(SELECT coalesce(max({order}), 0), NULL, (SELECT most FROM bound), NULL, NULL, NULL, NULL, NULL
 FROM events.event WHERE {whole})
"""
_LOG = "authority_id = $1"
_STREAM = "authority_id = $1 AND stream = $7"
_OF_TYPES = "(cardinality($6::text[]) = 0 OR type = ANY($6::text[]))"


class _Statements(NamedTuple):
    """The two ways of reading a page."""

    light: str
    weighed: str


def _statements(order: str, whole: str, *more: str) -> _Statements:
    within = " AND ".join((whole, f"{order} > $2", f"{order} <= $3", *more))
    parts = {"order": order, "whole": whole, "within": within}
    return _Statements(_LIGHT_PAGE.format(**parts), _WEIGHED_PAGE.format(**parts))


_LOG_PAGE = _statements("position", _LOG)
_FILTERED_PAGE = _statements("position", _LOG, _OF_TYPES, "starts_with(stream, $7)")
_STREAM_PAGE = _statements("stream_position", _STREAM, _OF_TYPES)

_LOG_HEAD = "SELECT coalesce(max(position), 0) FROM events.event WHERE authority_id = $1"
# One probe of the primary key for each log.
_LOG_HEADS = """
SELECT asked.authority_id, coalesce(ended.position, 0) AS position
FROM unnest($1::text[]) AS asked (authority_id)
LEFT JOIN LATERAL (
    SELECT position FROM events.event WHERE event.authority_id = asked.authority_id ORDER BY position DESC LIMIT 1
) AS ended ON true
"""
_STREAM_HEAD = "SELECT coalesce(max(stream_position), 0) FROM events.event WHERE authority_id = $1 AND stream = $2"

# The last row whose {column} is at most $2, found by halving: {column} never falls as {order}
# rises, {order} has no gaps, and there is no index on {column}.
_LAST = """
WITH RECURSIVE halving (low, high) AS (
    SELECT 0::bigint, coalesce(max({order}), 0) FROM events.event WHERE {within}
    UNION ALL
    SELECT CASE WHEN fits THEN middle ELSE low END, CASE WHEN fits THEN high ELSE middle - 1 END
    FROM halving
    CROSS JOIN LATERAL (SELECT (low + high + 1) / 2 AS middle OFFSET 0) AS halved
    CROSS JOIN LATERAL (
        SELECT {column} <= $2 AS fits FROM events.event WHERE {within} AND {order} = middle
    ) AS compared
    WHERE low < high
)
SELECT low FROM halving WHERE low = high
"""
_LOG_KNOWN = _LAST.format(order="position", column="recorded_at", within="authority_id = $1")
_STREAM_REACHED = _LAST.format(order="stream_position", column="position", within="authority_id = $1 AND stream = $3")

_AT = """
SELECT position, stream, stream_position, recorded_at, recorded_by, body, digest, link
FROM events.event WHERE authority_id = $1 AND position = $2
"""
_STREAM_PLACE = "SELECT position FROM events.event WHERE authority_id = $1 AND stream = $2 AND stream_position = $3"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which events of the log are asked for: those for which all that is set here is true.

    ``types`` are the types to read (empty: every type); ``stream_prefix`` is what names of
    streams begin with; ``stream`` is the only stream to read.
    """

    types: tuple[str, ...] = ()
    stream_prefix: str = ""
    stream: str | None = None

    @property
    def admits_all(self) -> bool:
        """Whether every event passes."""
        return not self.types and not self.stream_prefix and self.stream is None


EVERYTHING = Filter()


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of the log or of one stream, in order.

    ``next_after`` is where the next page begins, ``at_head`` whether this one reached the
    end, and ``head`` the position of that end, all as of the instant of the page.
    """

    rows: Sequence[Row]
    next_after: int
    at_head: bool
    head: int


class _Look(NamedTuple):
    """A page to look for: behind ``after``, not beyond ``end``, and no larger than the rest says."""

    after: int
    end: int
    limit: int
    page_bytes: int
    only: Filter


class _Found(NamedTuple):
    """The rows of a page, where what it is a page of ends, and whether it ended because it was full."""

    rows: Sequence[Row]
    head: int
    is_full: bool


async def log_head(connection: Connection, authority_id: str) -> int:
    """Return the position at which the log ends; 0 while it is empty."""
    head: int = await connection.fetchval(_LOG_HEAD, authority_id)
    return head


async def log_heads(connection: Connection, authority_ids: Sequence[str]) -> dict[str, int]:
    """Return for each of these authorities the position at which its log ends; 0 while it is empty."""
    rows = await connection.fetch(_LOG_HEADS, authority_ids)
    return {row["authority_id"]: row["position"] for row in rows}


async def known_head(connection: Connection, authority_id: str, known_at: datetime) -> int:
    """Return the position at which the log ended at an instant; 0 if it was empty then."""
    head: int = await connection.fetchval(_LOG_KNOWN, authority_id, known_at)
    return head


async def read_event(connection: Connection, authority_id: str, position: int) -> Row | None:
    """Return the row at ``position``, or None if there is none."""
    return await connection.fetchrow(_AT, authority_id, position)


async def read_log(
    connection: Connection,
    authority_id: str,
    *,
    after: int,
    limit: int,
    known_at: datetime | None = None,
    only: Filter = EVERYTHING,
    page_bytes: int = PAGE_BYTES,
) -> Page:
    """Return up to ``limit`` events behind position ``after`` that pass ``only``, in commit order.

    With ``known_at`` the log ends where it ended at that instant.  A filtered page may be
    empty far from the end: ``next_after`` then moves on over what was looked at.
    """
    if only.admits_all and known_at is None:
        return await _read_on(connection, authority_id, after, limit, page_bytes)
    head = await log_head(connection, authority_id)
    end = head if known_at is None else min(head, await known_head(connection, authority_id, known_at))
    if after >= end:
        return Page((), after, at_head=True, head=head)
    look = _Look(after, end, limit, page_bytes, only)
    if only.stream is None:
        rows, reached = await _look_into_log(connection, authority_id, look)
    else:
        rows, reached = await _look_into_stream(connection, authority_id, only.stream, look)
    return Page(rows, reached, at_head=reached >= end, head=head)


async def _read_on(connection: Connection, authority_id: str, after: int, limit: int, page_bytes: int) -> Page:
    """Read the log as it is, in one statement: page and head are of the same instant."""
    found = await _page(connection, _LOG_PAGE, authority_id, after, _LAST_POSITION, limit, page_bytes)
    reached = found.rows[-1]["position"] if found.rows else after
    return Page(found.rows, reached, at_head=found.head <= reached, head=found.head)


async def _look_into_log(connection: Connection, authority_id: str, look: _Look) -> tuple[Sequence[Row], int]:
    """Return the rows of a page, and the position up to which it leaves nothing out."""
    upto = min(look.end, look.after + LOOKED_AT)
    found = await _page(
        connection,
        _FILTERED_PAGE,
        authority_id,
        look.after,
        upto,
        look.limit,
        look.page_bytes,
        look.only.types,
        look.only.stream_prefix,
    )
    return found.rows, found.rows[-1]["position"] if found.is_full else upto


async def _look_into_stream(
    connection: Connection, authority_id: str, stream: str, look: _Look
) -> tuple[Sequence[Row], int]:
    """Do the same over one stream."""
    if not stream.startswith(look.only.stream_prefix):
        return (), look.end
    behind = await connection.fetchval(_STREAM_REACHED, authority_id, look.after, stream)
    last = await connection.fetchval(_STREAM_REACHED, authority_id, look.end, stream)
    upto = min(last, behind + LOOKED_AT)
    found = await _page(
        connection, _STREAM_PAGE, authority_id, behind, upto, look.limit, look.page_bytes, look.only.types, stream
    )
    if found.is_full:
        return found.rows, found.rows[-1]["position"]
    if upto < last:
        return found.rows, await connection.fetchval(_STREAM_PLACE, authority_id, stream, upto)
    return found.rows, look.end


async def _page(connection: Connection, statements: _Statements, *arguments: object) -> _Found:
    """Read a page, and take its last row apart."""
    *rows, last = await connection.fetch(statements.light, *arguments)
    if None in [row["body"] for row in rows]:
        *rows, last = await connection.fetch(statements.weighed, *arguments)
    if last["stream"] is not None:
        raise RuntimeError("PostgreSQL sent the rows of a page in another order than it was asked for")
    return _Found(rows, last["position"], bool(rows) and len(rows) == last["stream_position"])


async def has_stream(connection: Connection, authority_id: str, stream: str) -> bool:
    """Tell whether the log holds an event of this stream."""
    head: int = await connection.fetchval(_STREAM_HEAD, authority_id, stream)
    return head > 0


async def read_stream(
    connection: Connection,
    authority_id: str,
    stream: str,
    *,
    after: int,
    limit: int,
    known_at: datetime | None = None,
    page_bytes: int = PAGE_BYTES,
) -> Page:
    """Return up to ``limit`` events behind stream position ``after``; here all positions are the stream's.

    ``head`` is 0 when the authority has no such stream.  ``known_at`` shortens the page, not
    the stream: its end is where the next append finds it.
    """
    end = _LAST_POSITION
    if known_at is not None:
        known = await known_head(connection, authority_id, known_at)
        end = await connection.fetchval(_STREAM_REACHED, authority_id, known, stream)
    found = await _page(connection, _STREAM_PAGE, authority_id, after, end, limit, page_bytes, (), stream)
    reached = found.rows[-1]["stream_position"] if found.rows else after
    return Page(found.rows, reached, at_head=reached >= min(found.head, end), head=found.head)
