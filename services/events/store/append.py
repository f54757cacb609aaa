"""Appending: positions are given and events stored under the lock of the authority's log.

The lock is released when the transaction has become visible, so a reader that sees an event
can see all before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from services.events.model import AppendRequest, Place, Settlement
from services.events.store.connection import DURABLE, LOCK_LOG, LOCK_TIMEOUT, Connection
from services.events.store.ledger import Added, Key, Known, Ledger, key_of
from services.events.store.memory import LogMemory
from shared.domain.clock import Clock
from shared.domain.hash_chain import first_link, leaf_of, microseconds
from shared.domain.hash_chain import link as link_of

# The subquery is computed before the lock is taken: one round trip instead of two.  The row is locked as well, which
# writes it: a transaction that has written nothing is answered at once, and one that says of an event that it is known
# already has to wait for disk and standby as the one that inserted it did.
_LOCK = f"""
SELECT bounded.isolation, bounded.lock_timeout, bounded.durable, {LOCK_LOG}
FROM (
    SELECT current_setting('transaction_isolation') AS isolation, set_config('lock_timeout', $2, true) AS lock_timeout,
           {DURABLE} AS durable
    OFFSET 0
) AS bounded, events.log
WHERE log.authority_id = $1
FOR UPDATE OF log
"""  # noqa: S608 - made of constants
_OPEN_LOG = "INSERT INTO events.log (authority_id) VALUES ($1) ON CONFLICT DO NOTHING"

# One statement, so that it is one round trip: the head of the log, the known events, the ends of
# the streams.  Each name is one probe of an index.  A known event is asked for as the first one
# from its name on, because that order is an index's own: with a plain comparison the planner,
# while the log is young, takes any index that begins with the authority, and keeps to it.
_LOOK = """
(SELECT NULL AS source, NULL AS event_id, position, NULL AS stream, NULL::bigint AS stream_position,
        NULL AS type, NULL::bytea AS digest, NULL::bytea AS body, recorded_at, link
 FROM events.event WHERE authority_id = $1 ORDER BY position DESC LIMIT 1)
UNION ALL
SELECT asked.source, asked.event_id, found.position, found.stream, found.stream_position, found.type, found.digest,
       CASE WHEN found.digest IS DISTINCT FROM asked.digest THEN found.body END, NULL, NULL
FROM unnest($2::text[], $3::text[], $4::bytea[]) AS asked (source, event_id, digest)
CROSS JOIN LATERAL (
    SELECT source, event_id, position, stream, stream_position, type, digest, body FROM events.event
    WHERE event.authority_id = $1 AND (event.source, event.event_id) >= (asked.source, asked.event_id)
    ORDER BY event.source, event.event_id LIMIT 1
) AS found
WHERE found.source = asked.source AND found.event_id = asked.event_id
UNION ALL
SELECT NULL, NULL, NULL, asked.stream, ended.stream_position, NULL, NULL, NULL, NULL, NULL
FROM unnest($5::text[]) AS asked (stream)
CROSS JOIN LATERAL (
    SELECT stream_position FROM events.event WHERE event.authority_id = $1 AND event.stream = asked.stream
    ORDER BY stream_position DESC LIMIT 1
) AS ended
"""
_INSERT = """
INSERT INTO events.event (authority_id, recorded_at, position, stream, stream_position,
                          source, event_id, type, recorded_by, body, digest, link)
SELECT $1, $2, added.*
FROM unnest($3::bigint[], $4::text[], $5::bigint[], $6::text[], $7::text[], $8::text[], $9::text[], $10::bytea[],
            $11::bytea[], $12::bytea[]) AS added
"""


#: What is inserted of one event besides the authority and the instant: position, stream, stream position, source, id,
#: type, the id of the key that appends it, body, digest, link.
Row = tuple[int, str, int, str, str, str, str, bytes, bytes, bytes]


class LogDisorder(Exception):
    """The log was not as an append has to find it; nothing was stored."""


async def append_many(
    connection: Connection,
    authority_id: str,
    requests: Sequence[AppendRequest],
    clock: Clock,
    memory: LogMemory | None = None,
) -> list[Settlement]:
    """Settle independent requests under one lock, and insert what they add; the caller commits.

    The settlements are in the order of the requests.  ``memory`` is told where the log ends
    then; without a commit the caller lets it forget.  Raises asyncpg's
    LockNotAvailableError when the lock is not to be had in time, and LogDisorder when the
    transaction is not READ COMMITTED or not every row was inserted; then nothing of it may
    be committed.
    """
    await _lock(connection, authority_id)
    ledger, link, recorded_at = await _look(connection, authority_id, requests)
    if memory is not None:
        memory.looked(ledger.head, link)
    settlements = [ledger.settle(request) for request in requests]
    if ledger.added:
        # The clock is read under the lock, and never runs backwards within a log.
        recorded_at = max(clock.now(), recorded_at) if recorded_at else clock.now()
        rows = rows_of(authority_id, recorded_at, link, ledger.added)
        await _insert(connection, authority_id, recorded_at, rows)
        link = rows[-1][-1]
    if memory is not None and recorded_at is not None:
        memory.ended(ledger.head, link, recorded_at, ledger.stream_heads)
    return settlements


async def _lock(connection: Connection, authority_id: str) -> None:
    """Take the lock of the log, which the first append of an authority opens."""
    row = await connection.fetchrow(_LOCK, authority_id, LOCK_TIMEOUT)
    if row is None:
        await connection.execute(_OPEN_LOG, authority_id)
        row = await connection.fetchrow(_LOCK, authority_id, LOCK_TIMEOUT)
    # With an older snapshot the head of the log would be the one before the lock was had.
    if row["isolation"] != "read committed":
        raise LogDisorder("an append runs in a READ COMMITTED transaction")


async def _look(
    connection: Connection, authority_id: str, requests: Sequence[AppendRequest]
) -> tuple[Ledger, bytes, datetime | None]:
    """Return what the requests need to know of the log, the link of its last event, and when that was recorded."""
    digests = _asked_about(requests)
    streams = {event.stream for request in requests for event in request.events}
    streams.update(*(request.expected for request in requests))
    sources, event_ids = [source for source, _ in digests], [event_id for _, event_id in digests]
    rows = await connection.fetch(_LOOK, authority_id, sources, event_ids, list(digests.values()), list(streams))
    ledger, link, recorded_at = Ledger(0, {}, {}), first_link(authority_id), None
    for row in rows:
        if row["recorded_at"] is not None:
            ledger.head, link, recorded_at = row["position"], row["link"], row["recorded_at"]
        elif row["digest"] is not None:
            place = Place(row["position"], row["stream"], row["stream_position"])
            ledger.known[row["source"], row["event_id"]] = Known(place, row["type"], row["digest"], row["body"])
        else:
            ledger.stream_heads[row["stream"]] = row["stream_position"]
    return ledger, link, recorded_at


def _asked_about(requests: Sequence[AppendRequest]) -> dict[Key, bytes | None]:
    """Return every key that the requests name, with the digest of what they say under it; None if that is several."""
    digests: dict[Key, bytes | None] = {}
    for request in requests:
        for event in request.events:
            key = key_of(event)
            digests[key] = event.digest if digests.get(key, event.digest) == event.digest else None
            if event.amends is not None:
                digests.setdefault(event.amends, None)
    return digests


async def _insert(connection: Connection, authority_id: str, recorded_at: datetime, rows: Sequence[Row]) -> None:
    status = await connection.execute(_INSERT, authority_id, recorded_at, *map(list, zip(*rows, strict=True)))
    if status != f"INSERT 0 {len(rows)}":
        raise LogDisorder("not every event was inserted")


def rows_of(authority_id: str, recorded_at: datetime, last_link: bytes, added: Sequence[Added]) -> list[Row]:
    """Return the rows to insert, each bound to the one before it; ``last_link`` is that of the log's last event."""
    rows: list[Row] = []
    recorded = microseconds(recorded_at)
    for each in added:
        event, place, by = each.event, each.place, each.recorded_by
        position, stream, stream_position = place.position, place.stream, place.stream_position
        type_, source, event_id, digest = event.type, event.source, event.event_id, event.digest
        of_row = leaf_of(authority_id, position, stream, stream_position, type_, source, event_id, recorded, by, digest)
        last_link = link_of(last_link, of_row)
        rows.append((position, stream, stream_position, source, event_id, type_, by, event.body, digest, last_link))
    return rows
