"""Exporting a log, or what concerns one stream of it, as a proof that can be checked without this program."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

from services.events.store.chain import PAGE_ROWS, Stretch, link_before, read_stretch, snapshot
from services.events.store.connection import Connection, Pool
from services.events.store.heads import public_keys
from services.events.store.read import has_stream
from shared.domain.signed_head import key_id_of
from shared.domain.verification import LogRow
from shared.wire.log_proof import (
    Others,
    end_line,
    event_line,
    head_view,
    header_line,
    key_view,
    leaf_line,
    named_line,
    signed_head_line,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a proof is to hold.

    It begins behind position ``after`` and holds at most ``limit`` events.  With ``stream``
    the events of other streams appear without their bytes: ``hashed``, as leaves, or
    ``named``, with their columns, which rules out that one of the stream hides among them.
    With ``known_at`` it ends where the log ended at that instant.
    """

    after: int = 0
    limit: int | None = None
    stream: str | None = None
    others: Others = Others.HASHED
    known_at: datetime | None = None


class NoSuchStream(Exception):
    """A proof was to show a stream of which the log holds no event."""


async def proof(pool: Pool, authority_id: str, wanted: Wanted, *, page_rows: int = PAGE_ROWS) -> AsyncIterator[bytes]:
    """Yield a proof in pieces, each of whole lines; nothing is held back, so that a checker sees what is stored.

    A log that grows meanwhile is followed to its end.  Raises NotReady, and BeyondEnd and
    NoSuchStream before the first piece.
    """
    async with snapshot(pool) as connection:
        if wanted.stream is not None and not await has_stream(connection, authority_id, wanted.stream):
            raise NoSuchStream
        header = await _header(connection, authority_id, wanted)
    # No connection is held while a piece is on its way to a slow reader.
    yield header
    last, signed_to, at_head = wanted.after, None, False
    left = wanted.limit
    while not at_head and left != 0:
        async with snapshot(pool) as connection:
            limit = page_rows if left is None else min(left, page_rows)
            stretch = _known(await read_stretch(connection, authority_id, after=last, limit=limit), wanted.known_at)
            keys = await public_keys(connection, authority_id) if stretch.heads else []
        if stretch.rows:
            piece, signed_here = _lines(authority_id, stretch, wanted, keys)
            yield piece
            last, signed_to = stretch.rows[-1].position, signed_here or signed_to
        at_head = stretch.at_head
        left = None if left is None else left - len(stretch.rows)
    yield end_line(last=last, at_head=at_head, signed_to=signed_to)


async def _header(connection: Connection, authority_id: str, wanted: Wanted) -> bytes:
    previous = await link_before(connection, authority_id, wanted.after)
    keys = [key_view(key) for key in await public_keys(connection, authority_id)]
    return header_line(authority_id, after=wanted.after, previous=previous, stream=wanted.stream, keys=keys)


def _known(stretch: Stretch, known_at: datetime | None) -> Stretch:
    """End the stretch where the log ended at ``known_at``: recorded_at never falls as positions rise."""
    if known_at is None:
        return stretch
    rows = [row for row in stretch.rows if row.recorded_at <= known_at]
    last = rows[-1].position if rows else 0
    heads = [head for head in stretch.heads if head.position <= last]
    return Stretch(rows, heads, stretch.at_head or len(rows) < len(stretch.rows), stretch.furthest_head)


def _lines(authority_id: str, stretch: Stretch, wanted: Wanted, keys: list[bytes]) -> tuple[bytes, int | None]:
    """Write a stretch with its last signed head: that one vouches for all before it; return it and where it stands."""
    by_id = {key_id_of(key): key for key in keys}
    vouching = next((head for head in reversed(stretch.heads) if head.key_id in by_id), None)
    lines: list[bytes] = []
    for row in stretch.rows:
        lines.append(_line(authority_id, row, wanted))
        if vouching is not None and vouching.position == row.position:
            lines.append(signed_head_line(head_view(vouching, by_id[vouching.key_id])))
    return b"".join(lines), vouching.position if vouching else None


def _line(authority_id: str, row: LogRow, wanted: Wanted) -> bytes:
    if wanted.stream is None or row.stream == wanted.stream:
        return event_line(row)
    return named_line(row) if wanted.others is Others.NAMED else leaf_line(authority_id, row)
