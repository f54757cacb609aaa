"""Signed heads of the log, and the public keys that they were signed with."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.events.store.connection import Connection
from shared.domain.signed_head import SignedHead

_COLUMNS = "position, key_id, link, signed_at, signature"
_HEAD = "SELECT position, link, recorded_at FROM events.event WHERE authority_id = $1 ORDER BY position DESC LIMIT 1"
_LINKS = "SELECT link FROM events.event WHERE authority_id = $1 AND position = $2 LIMIT 2"
_LINKS_AMONG = "SELECT position, link FROM events.event WHERE authority_id = $1 AND position = ANY($2::bigint[])"
_LATEST = f"""
SELECT {_COLUMNS} FROM events.signed_head WHERE authority_id = $1 ORDER BY position DESC, signed_at DESC LIMIT 1
"""  # noqa: S608 - made of constants
# Several keys may sign one position, and a page must not part them.
_PAGE = f"""
SELECT {_COLUMNS} FROM events.signed_head WHERE authority_id = $1 AND position > $2
ORDER BY position FETCH FIRST $3 ROWS WITH TIES
"""  # noqa: S608 - as above
_BETWEEN = f"""
SELECT {_COLUMNS} FROM events.signed_head WHERE authority_id = $1 AND position > $2 AND position <= $3
ORDER BY position, signed_at
"""  # noqa: S608 - as above
_FURTHEST = "SELECT max(position) FROM events.signed_head WHERE authority_id = $1"
_KEYS = "SELECT public_key FROM events.signing_key WHERE authority_id = $1 ORDER BY key_id"
_KEEP_KEY = """
INSERT INTO events.signing_key (authority_id, key_id, public_key, first_used_at) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING
"""
_KEEP_HEAD = """
INSERT INTO events.signed_head (authority_id, position, key_id, link, signed_at, signature)
VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class LogHead:
    """The last event of a log."""

    position: int
    link: bytes
    recorded_at: datetime


async def head_of(connection: Connection, authority_id: str) -> LogHead | None:
    """Return the head of a log, or None while it is empty."""
    row = await connection.fetchrow(_HEAD, authority_id)
    return LogHead(*row) if row else None


async def links_at(connection: Connection, authority_id: str, position: int) -> list[bytes]:
    """Return the links of the events at a position: one, unless the log was tampered with or ends before it."""
    return [row["link"] for row in await connection.fetch(_LINKS, authority_id, position)]


async def links_among(connection: Connection, authority_id: str, positions: Collection[int]) -> dict[int, list[bytes]]:
    """Return the links of the events at each of these positions, as :func:`links_at` does for one."""
    links: dict[int, list[bytes]] = {position: [] for position in positions}
    for row in await connection.fetch(_LINKS_AMONG, authority_id, list(links)):
        links[row["position"]].append(row["link"])
    return links


async def latest_head(connection: Connection, authority_id: str) -> SignedHead | None:
    """Return the signed head that is furthest in the log, or None."""
    row = await connection.fetchrow(_LATEST, authority_id)
    return _head(authority_id, row) if row else None


async def heads_behind(connection: Connection, authority_id: str, after: int, limit: int) -> list[SignedHead]:
    """Return signed heads behind position ``after``, in order; a few more than ``limit`` to keep positions whole."""
    return _heads(authority_id, await connection.fetch(_PAGE, authority_id, after, limit))


async def heads_between(connection: Connection, authority_id: str, after: int, last: int) -> list[SignedHead]:
    """Return the signed heads behind ``after`` and up to ``last``, in order."""
    return _heads(authority_id, await connection.fetch(_BETWEEN, authority_id, after, last))


async def furthest_head(connection: Connection, authority_id: str) -> int:
    """Return the greatest position that was signed, 0 for none."""
    return await connection.fetchval(_FURTHEST, authority_id) or 0


async def public_keys(connection: Connection, authority_id: str) -> list[bytes]:
    """Return the keys that have signed heads of this log, as they are stored here."""
    return [row["public_key"] for row in await connection.fetch(_KEYS, authority_id)]


async def keep_head(connection: Connection, head: SignedHead, public_key: bytes) -> None:
    """Store a signed head with its key; if another process has stored one for this position and key, that stays."""
    await connection.execute(_KEEP_KEY, head.authority_id, head.key_id, public_key, head.signed_at)
    await connection.execute(
        _KEEP_HEAD, head.authority_id, head.position, head.key_id, head.link, head.signed_at, head.signature
    )


def _heads(authority_id: str, rows: Sequence[Any]) -> list[SignedHead]:
    return [_head(authority_id, row) for row in rows]


def _head(authority_id: str, row: Any) -> SignedHead:
    return SignedHead(
        authority_id=authority_id,
        position=row["position"],
        link=row["link"],
        signed_at=row["signed_at"],
        key_id=row["key_id"],
        signature=row["signature"],
    )
