"""Appending in one round trip, decided on what is remembered of the log.

The requests are settled by the same :mod:`services.events.store.ledger` as in
:mod:`services.events.store.append`, on two assumptions: the log still ends where it is
remembered to, and no posted source and id is taken.  One statement then takes the lock of the
log, checks that the event at its remembered head is there, and inserts.  That nothing lies
behind that event, and that no key is taken, is for the unique indexes to tell: if the rows can
be inserted, it was so.  Hence a single event's statement may look for the head before it has
the lock.  If either assumption is wrong, nothing is stored and the caller looks at the log
instead.

Nor does it look for the head again on the connection on which the event at the head was stored
by itself a moment ago, as long as the log lies in the same file of the database.  No event of
it can have gone since: the log takes none away, a server that was restored or has failed over
holds none of its old connections, and a table that was restored or emptied is another file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from services.events.model import AppendRequest, Mismatch, Settlement
from services.events.store.append import Row, rows_of
from services.events.store.connection import DURABLE, LOCK_LOG, Connection
from services.events.store.ledger import Added, Ledger, settle_alone
from services.events.store.memory import LogMemory
from shared.domain.clock import Clock
from shared.wire.append import REJECTED

# A single event, by far the most frequent append, needs no function.  A conflict is not passed
# over here: where no row was inserted the log is looked at.  The event at the head is asked for as
# the first one from its position on, because that order is an index's own: see the migration.
_HEAD_IS_THERE = """$3 = (
    SELECT CASE WHEN position = $2 THEN link END
    FROM events.event WHERE authority_id = $1 AND position >= $2 ORDER BY position LIMIT 1
)"""
_FILE = "pg_relation_filenode('events.event'::regclass)::bigint"
_APPEND_ONE, _APPEND_NEXT = (
    f"""
INSERT INTO events.event (authority_id, recorded_at, position, stream, stream_position,
                          source, event_id, type, recorded_by, body, digest, link)
SELECT $1, $4, $2::bigint + 1, $5, $6::bigint, $7, $8, $9, $10, $11, $12, $13
WHERE {follows} AND {DURABLE} IS DISTINCT FROM '' AND {LOCK_LOG} IS NOT NULL
ON CONFLICT DO NOTHING
"""  # noqa: S608 - made of constants
    for follows in (_HEAD_IS_THERE, f"$3::bigint = {_FILE}")
)
_APPEND_MANY = f"""
SELECT events.append_many($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
WHERE {DURABLE} IS DISTINCT FROM ''
"""  # noqa: S608 - as above
_STREAM_HEADS = """
SELECT asked.stream, coalesce((
    SELECT stream_position FROM events.event WHERE event.authority_id = $1 AND event.stream = asked.stream
    ORDER BY stream_position DESC LIMIT 1
), 0) AS stream_position
FROM unnest($2::text[]) AS asked (stream)
"""


#: Of texts without line ends: one text, a line for each.
_lines = "\n".join


async def append_remembered(
    connection: Connection, authority_id: str, requests: Sequence[AppendRequest], clock: Clock, memory: LogMemory
) -> list[Settlement] | None:
    """Settle independent requests as ``append_many`` does and store what they add, in a transaction of its own.

    Returns None when nothing was stored because the memory does not suffice, which is told
    of the head of the log otherwise.  ``connection`` is in no transaction.  Raises what
    ``append_many`` does; then nobody knows what was stored, and the memory has to forget.
    """
    alone = _alone(requests, memory)
    if alone is not None:
        added, settlement = alone
        return [settlement] if await _store_one(connection, authority_id, added, clock, memory) else None
    if any(request.amends or request.dry_run for request in requests):
        return None
    streams = _streams_of(requests)
    heads = memory.stream_heads(streams)
    if len(heads) < len(streams):
        heads |= await _look_up(connection, authority_id, streams.difference(heads), memory)
    ledger = Ledger(memory.position, {}, heads)
    settlements = [ledger.settle(request) for request in requests]
    if not all(map(_is_sure, requests, settlements)):
        return None
    if len(ledger.added) == 1:
        stored = await _store_one(connection, authority_id, ledger.added[0], clock, memory)
    else:
        stored = not ledger.added or await _store(
            connection, authority_id, ledger.added, clock, memory, stream_heads=ledger.stream_heads
        )
    if not stored:
        return None
    return settlements


def _alone(requests: Sequence[AppendRequest], memory: LogMemory) -> tuple[Added, Settlement] | None:
    """Settle the only request if it asks no more than to store one event, in a stream whose head is remembered."""
    if len(requests) != 1 or len(requests[0].events) != 1:
        return None
    stream_head = memory.stream_head(requests[0].events[0].stream)
    return None if stream_head is None else settle_alone(requests[0], memory.position, stream_head)


def _is_sure(request: AppendRequest, settlement: Settlement) -> bool:
    """Tell whether the settlement holds if every event that it adds can be inserted.

    It does not where an event was neither added nor seen to repeat one that is: whether its
    key is taken would then show nowhere.
    """
    if isinstance(settlement, Mismatch):
        return False
    return not request.atomic or all(outcome.verdict not in REJECTED for outcome in settlement)


def _streams_of(requests: Sequence[AppendRequest]) -> set[str]:
    """Return every stream that the requests name."""
    streams = {event.stream for request in requests for event in request.events}
    for request in requests:
        if request.expected:
            streams.update(request.expected)
    return streams


async def _look_up(
    connection: Connection, authority_id: str, streams: Iterable[str], memory: LogMemory
) -> dict[str, int]:
    """Ask where streams end that are not remembered; 0: there is no such stream.

    What is read is no older than the memory of the log's head.  If it is younger, the head
    has moved, and the comparison will show that.
    """
    asked = dict(await connection.fetch(_STREAM_HEADS, authority_id, list(streams)))
    memory.learn(asked)
    return asked


async def _store_one(connection: Connection, authority_id: str, added: Added, clock: Clock, memory: LogMemory) -> bool:
    """Insert one event as ``_store`` does, and without looking for the head where the one before it came alone, too.

    In a transaction it always looks: there a pooler may lend another server each time.
    """
    assert memory.recorded_at is not None
    again = connection is memory.alone_on and not connection.is_in_transaction()
    known = memory.file if again else None
    file = await connection.fetchval(f"SELECT {_FILE}") if again and known is None else known
    # The clock may be behind that of the last append: within a log, time never runs backwards.
    recorded_at = max(clock.now(), memory.recorded_at)
    (row,) = rows_of(authority_id, recorded_at, memory.link, (added,))
    statement, head = (_APPEND_ONE, memory.link) if known is None else (_APPEND_NEXT, known)
    stored = await connection.execute(statement, authority_id, memory.position, head, recorded_at, *row[1:])
    if stored != "INSERT 0 1":
        memory.alone_on = None
        return False
    memory.ended(row[0], row[-1], recorded_at, {added.place.stream: added.place.stream_position})
    memory.alone_on, memory.file = connection, file
    return True


async def _store(
    connection: Connection,
    authority_id: str,
    added: Sequence[Added],
    clock: Clock,
    memory: LogMemory,
    *,
    stream_heads: Mapping[str, int],
) -> bool:
    """Insert events if the log ends where it is remembered to, after which streams have these heads; tell if it did."""
    assert memory.recorded_at is not None
    recorded_at = max(clock.now(), memory.recorded_at)
    rows = rows_of(authority_id, recorded_at, memory.link, added)
    head = (authority_id, memory.position, memory.link, recorded_at)
    stored: bool = await connection.fetchval(_APPEND_MANY, *head, *_columns(rows)) == "stored"
    if stored:
        memory.ended(rows[-1][0], rows[-1][-1], recorded_at, stream_heads)
    return stored


def _columns(rows: Sequence[Row]) -> list[Any]:
    """Return the arguments of the function that inserts several rows: a line for each, or one that all share."""
    _, streams, stream_positions, sources, event_ids, types, recorded_by, bodies, digests, links = zip(
        *rows, strict=True
    )
    numbers = map(str, stream_positions)
    texts = [_lines(streams), _lines(numbers), _once(sources), _lines(event_ids), _once(types), _once(recorded_by)]
    return [*texts, bodies, b"".join(digests), b"".join(links)]


def _once(column: Sequence[str]) -> str:
    return _lines(column if len(set(column)) > 1 else column[:1])
