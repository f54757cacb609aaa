"""Logs under test and their followers: ours, and three arrangements that are known to lose events.

The controls come from a study of event stores on PostgreSQL: each is a design that is sold
as safe, and each hands a reader too little, too late or in the wrong order.  What catches
them can be believed when it finds nothing in our log.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from secrets import token_hex
from typing import Any, Protocol

import asyncpg

from services.events.appender import Appender
from services.events.model import AppendRequest, Settlement
from services.events.store.append import append_many
from services.events.store.connection import Connection, Pool
from services.events.store.read import Filter, Page, read_log
from shared.domain.clock import SystemClock
from shared.domain.errors import NotReady
from shared.wire.append import Verdict
from tests.services.events.posting import append_request, registered

STREAMS = 12
#: How long a follower waits before it asks a database again that is away.
_AWAY_SECONDS = 0.05

#: What a reader goes on from, and the id of an event that lies there.
Seen = tuple[Any, str]


class Refused(Exception):
    """The append was answered, and nothing of it was stored."""


class Subject(Protocol):
    """A log under test: how events are appended, and how a follower reads on."""

    #: Its table, and the column in which the order of its events stands.
    table: str

    async def append(self, connection: Connection, ids: Sequence[str]) -> None:
        """Append within the caller's transaction; an id may be one that was appended before."""
        ...

    async def commit(self, pool: Pool, ids: Sequence[str], expected: int | None = None) -> list[Seen]:
        """Append and commit; return what is known to be stored of ``ids``.

        With ``expected`` all are of one stream, which is to be there; raises Refused when it is not.
        """
        ...

    async def read(self, pool: Pool, after: Any, limit: int) -> list[Seen]:
        """Return what lies behind ``after``, None for the beginning."""
        ...

    async def stored(self, pool: Pool) -> list[Seen]:
        """Return everything, in order of position."""
        ...


class Log:
    """The log of one authority, through the functions that the service uses."""

    table = "events.event"

    def __init__(self, authority_id: str) -> None:
        self._authority_id = authority_id

    async def append(self, connection: Connection, ids: Sequence[str]) -> None:
        _stored_of(await self._settle(connection, request_for(ids)), ids)

    async def commit(self, pool: Pool, ids: Sequence[str], expected: int | None = None) -> list[Seen]:
        async with pool.transaction() as connection:
            settlement = await self._settle(connection, request_for(ids, expected))
        return _stored_of(settlement, ids)

    async def read(self, pool: Pool, after: Any, limit: int) -> list[Seen]:
        async with pool.connection() as connection:
            page = await read_log(connection, self._authority_id, after=after or 0, limit=limit, known_at=None)
        return seen_in(page)

    async def stored(self, pool: Pool) -> list[Seen]:
        question = "SELECT position, event_id FROM events.event WHERE authority_id = $1 ORDER BY position"
        async with pool.connection() as connection:
            return [tuple(row) for row in await connection.fetch(question, self._authority_id)]

    async def _settle(self, connection: Connection, request: AppendRequest) -> Settlement:
        (settlement,) = await append_many(connection, self._authority_id, [request], SystemClock())
        return settlement


def seen_in(page: Page) -> list[Seen]:
    """Return what a page of our log shows."""
    return [(row["position"], json.loads(row["body"])["id"]) for row in page.rows]


class GroupedLog(Log):
    """The log of one authority, through the appender of one process of the service."""

    def __init__(self, authority_id: str, appender: Appender) -> None:
        super().__init__(authority_id)
        self._appender = appender

    async def commit(self, pool: Pool, ids: Sequence[str], expected: int | None = None) -> list[Seen]:
        del pool  # The appender has its own.
        return _stored_of(await self._appender.append(self._authority_id, request_for(ids, expected)), ids)


class HastyLog(Log):
    """A control: the same log, by commits that are acknowledged before they are on disk."""

    async def commit(self, pool: Pool, ids: Sequence[str], expected: int | None = None) -> list[Seen]:
        async with pool.transaction() as connection:
            settlement = await self._settle(connection, request_for(ids, expected))
            # Behind the append, which asks for a commit that waits.
            await connection.execute("SET LOCAL synchronous_commit = off")
        return _stored_of(settlement, ids)


def request_for(ids: Sequence[str], expected: int | None = None) -> AppendRequest:
    """Return the request to append events under these ids.

    What is said under an id depends on how many they are: an id that comes again may conflict.
    """
    streams = [f"c{hash_of(each if expected is None else ids[0]) % STREAMS}" for each in ids]
    events = [
        registered(stream, id=each, team=f"team-{len(ids) % 2}") for stream, each in zip(streams, ids, strict=True)
    ]
    return append_request(*events, expected=expected)


def hash_of(text: str) -> int:
    """Return the same number for the same text in every process."""
    return sum(text.encode())


def _stored_of(settlement: Settlement, ids: Sequence[str]) -> list[Seen]:
    if not isinstance(settlement, tuple):
        raise Refused
    verdicts = {outcome.verdict for outcome in settlement}
    assert verdicts <= {Verdict.STORED, Verdict.DUPLICATE, Verdict.CONFLICT}, verdicts
    # A conflict, too, names where the event of that id lies.
    return [
        (outcome.place.position, each)
        for outcome, each in zip(settlement, ids, strict=True)
        if outcome.place is not None
    ]


class Naive:
    """A control: positions come from a sequence, when a row is inserted and not when it is committed."""

    columns = "position bigserial PRIMARY KEY, event_id text NOT NULL"
    page = "SELECT position, event_id FROM {table} WHERE position > $1 ORDER BY position LIMIT $2"
    beginning: Any = 0

    def __init__(self, table: str) -> None:
        self.table = table

    async def append(self, connection: Connection, ids: Sequence[str]) -> None:
        for each in ids:
            await connection.execute(f"INSERT INTO {self.table} (event_id) VALUES ($1)", each)

    async def commit(self, pool: Pool, ids: Sequence[str], expected: int | None = None) -> list[Seen]:
        del expected  # A control knows no streams.
        async with pool.transaction() as connection:
            await self.append(connection, ids)
        return []

    async def read(self, pool: Pool, after: Any, limit: int) -> list[Seen]:
        async with pool.connection() as connection:
            rows = await connection.fetch(self.page.format(table=self.table), after or self.beginning, limit)
        return [_seen(*row) for row in rows]

    async def stored(self, pool: Pool) -> list[Seen]:
        async with pool.connection() as connection:
            rows = await connection.fetch(f"SELECT * FROM {self.table} ORDER BY position")
        return [_seen(*(row[column] for column in self._cursor), row["event_id"]) for row in rows]

    _cursor: Sequence[str] = ("position",)


class Horizon(Naive):
    """A control: rows know their transaction, and a reader leaves out those from the oldest open one on."""

    columns = f"{Naive.columns}, transaction xid8 NOT NULL DEFAULT pg_current_xact_id()"
    page = (
        "SELECT position, event_id FROM {table} WHERE position > $1 "
        "AND transaction < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY position LIMIT $2"
    )


class HorizonPair(Naive):
    """A control: the same horizon, and a reader goes on from transaction and position together."""

    columns = Horizon.columns
    page = (
        "SELECT transaction::text::bigint, position, event_id FROM {table} "
        "WHERE (transaction::text::bigint, position) > (($1::bigint[])[1], ($1::bigint[])[2]) "
        "AND transaction < pg_snapshot_xmin(pg_current_snapshot()) "
        "ORDER BY transaction, position LIMIT $2"
    )
    beginning = (0, 0)
    _cursor = ("transaction", "position")


def _seen(*row: Any) -> Seen:
    *cursor, event_id = row
    return (cursor[0] if len(cursor) == 1 else tuple(cursor)), event_id


CONTROLS = {kind.__name__: kind for kind in (Naive, Horizon, HorizonPair)}


def subject_named(name: str, place: str, pool: Pool) -> Subject:
    """Return a log by its class's name; ``place`` is the authority, or the table of a control."""
    if name in CONTROLS:
        return CONTROLS[name](place)
    return GroupedLog(place, Appender(pool, SystemClock())) if name == "GroupedLog" else Log(place)


@asynccontextmanager
async def control(url: str, kind: type[Naive]) -> AsyncIterator[Naive]:
    """Yield a control over a table of its own, which the service's role may use."""
    name = f"public.control_{token_hex(6)}"
    owner = await asyncpg.connect(url)
    try:
        await owner.execute(f"CREATE TABLE {name} ({kind.columns})")
        await owner.execute(f"GRANT ALL ON {name}, {name}_position_seq TO homeward_events")
        yield kind(name)
        await owner.execute(f"DROP TABLE {name}")
    finally:
        await owner.close()


class Follower:
    """A reader that goes on from the last event it has seen."""

    def __init__(self, subject: Subject, pool: Pool, *, limit: int, seen: Sequence[Seen] = ()) -> None:
        """Go on behind what is already ``seen``, in pages of ``limit`` events."""
        self._subject = subject
        self._pool = pool
        self._limit = limit
        self.seen = list(seen)

    async def step(self) -> bool:
        """Read one page; return whether it held anything."""
        page = await self._subject.read(self._pool, self.seen[-1][0] if self.seen else None, self._limit)
        self.seen += page
        return bool(page)

    async def catch_up(self) -> None:
        """Read until nothing more comes."""
        while await self.step():
            pass

    async def follow(self, writers: asyncio.Future[Any]) -> None:
        """Read until the writers are done and nothing more comes, whatever becomes of the connection."""
        while True:
            finished = writers.done()
            try:
                if not await self.step() and finished:
                    return
            except NotReady:
                await asyncio.sleep(_AWAY_SECONDS)


class RestartingFollower(Follower):
    """A reader that keeps its position now and then, and at random forgets all that it read since."""

    def __init__(self, subject: Subject, pool: Pool, *, seed: int) -> None:
        super().__init__(subject, pool, limit=1)
        self._chance = random.Random(seed)
        self._kept = 0
        self.restarts = 0

    async def step(self) -> bool:
        self._limit = self._chance.choice((1, 7, 100, 1000))
        held_something = await super().step()
        draw = self._chance.random()
        if draw < 0.3:
            self._kept = len(self.seen)
        elif draw < 0.4:
            del self.seen[self._kept :]
            self.restarts += 1
            return True
        return held_something


class FilteredFollower(Follower):
    """A reader of some streams of our log, which goes on from where a page says that it leaves nothing out."""

    streams = Filter(stream_prefix="child-c1")

    def __init__(self, authority_id: str, pool: Pool, *, limit: int) -> None:
        super().__init__(Log(authority_id), pool, limit=limit)
        self._authority_id = authority_id
        self._after = 0

    async def step(self) -> bool:
        """Read one page; return whether it moved on."""
        async with self._pool.connection() as connection:
            page = await read_log(
                connection, self._authority_id, after=self._after, limit=self._limit, only=self.streams
            )
        self.seen += seen_in(page)
        moved, self._after = page.next_after > self._after, page.next_after
        return moved


@dataclass(frozen=True, slots=True)
class Difference:
    """How what a follower saw differs from what is stored."""

    skipped: int
    doubled: int
    invented: int
    reordered: bool

    def __str__(self) -> str:
        found = {
            "skips": self.skipped,
            "doubles": self.doubled,
            "invents": self.invented,
            "reorders": self.reordered,
        }
        return ", ".join(name for name, times in found.items() if times) or "ok"


def difference(seen: Sequence[Seen], stored: Sequence[Seen]) -> Difference:
    """Compare what was followed with what is stored, both in their order."""
    once = dict.fromkeys(seen)
    common = dict.fromkeys(stored)
    return Difference(
        skipped=len(common.keys() - once.keys()),
        doubled=len(seen) - len(once),
        invented=len(once.keys() - common.keys()),
        reordered=[each for each in once if each in common] != [each for each in common if each in once],
    )
