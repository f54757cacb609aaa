"""Writers and followers of a log, and of a naive one that is known to lose events for its reader.

``python -m tests.services.events.stress URL SUBJECT AUTHORITY SEED APPENDS`` runs four
writers in a process of its own and prints the ids of every event it was told is stored.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import asyncpg

from services.events.store.append import append_many
from services.events.store.connection import Connection, Pool, open_pool
from services.events.store.read import read_log
from shared.domain.clock import SystemClock
from shared.domain.errors import NotReady
from shared.wire.append import Verdict
from tests.services.events.posting import append_request, registered

WRITERS = 4
LARGEST_APPEND = 40
STREAMS = 12


class Subject(Protocol):
    """A log under test: how events are appended, and how a follower reads on."""

    async def append(self, connection: Connection, ids: Sequence[str]) -> None:
        """Append within the caller's transaction; an id may be one that was appended before."""
        ...

    async def read(self, pool: Pool, after: int, limit: int) -> list[tuple[int, str]]:
        """Return (position, id) of what lies behind ``after``."""
        ...

    async def stored(self, pool: Pool) -> list[tuple[int, str]]:
        """Return (position, id) of everything, in order of position."""
        ...


class Log:
    """The log of one authority, through the functions that the service uses."""

    def __init__(self, authority_id: str) -> None:
        self._authority_id = authority_id

    async def append(self, connection: Connection, ids: Sequence[str]) -> None:
        # What is said under an id depends on the size of the append: an id that comes again may conflict.
        team = f"team-{len(ids) % 2}"
        events = [registered(f"c{hash_of(each) % STREAMS}", id=each, team=team) for each in ids]
        (outcomes,) = await append_many(connection, self._authority_id, [append_request(*events)], SystemClock())
        assert isinstance(outcomes, tuple)
        assert {outcome.verdict for outcome in outcomes} <= {Verdict.STORED, Verdict.DUPLICATE, Verdict.CONFLICT}

    async def read(self, pool: Pool, after: int, limit: int) -> list[tuple[int, str]]:
        async with pool.connection() as connection:
            page = await read_log(connection, self._authority_id, after=after, limit=limit, known_at=None)
        return [(each.position, json.loads(each.body)["id"]) for each in page.events]

    async def stored(self, pool: Pool) -> list[tuple[int, str]]:
        question = "SELECT position, event_id FROM events.event WHERE authority_id = $1 ORDER BY position"
        async with pool.connection() as connection:
            return [tuple(row) for row in await connection.fetch(question, self._authority_id)]


class Naive:
    """The control: positions from a sequence, given when a row is inserted and not when it is committed."""

    def __init__(self, _: str = "") -> None:
        pass

    async def create(self, url: str) -> None:
        """Make the table, which the service's role may then use."""
        owner = await asyncpg.connect(url)
        await owner.execute("CREATE TABLE public.naive (position bigserial PRIMARY KEY, event_id text NOT NULL)")
        await owner.execute("GRANT ALL ON public.naive, public.naive_position_seq TO homeward_events")
        await owner.close()

    async def append(self, connection: Connection, ids: Sequence[str]) -> None:
        await connection.executemany("INSERT INTO public.naive (event_id) VALUES ($1)", [(each,) for each in ids])

    async def read(self, pool: Pool, after: int, limit: int) -> list[tuple[int, str]]:
        question = "SELECT position, event_id FROM public.naive WHERE position > $1 ORDER BY position LIMIT $2"
        async with pool.connection() as connection:
            return [tuple(row) for row in await connection.fetch(question, after, limit)]

    async def stored(self, pool: Pool) -> list[tuple[int, str]]:
        return await self.read(pool, 0, 2**40)


SUBJECTS: dict[str, Callable[[str], Subject]] = {"log": Log, "naive": Naive}


class Aborted(Exception):
    """The writer gave its append up before it was committed."""


def hash_of(text: str) -> int:
    """Return the same number for the same text in every process."""
    return sum(text.encode())


class Follower:
    """A live reader that goes on from the last position it has seen."""

    def __init__(self, subject: Subject, pool: Pool, *, limit: int) -> None:
        self._subject = subject
        self._pool = pool
        self._limit = limit
        self.seen: list[tuple[int, str]] = []

    async def step(self) -> bool:
        """Read one page; return whether it held anything."""
        page = await self._subject.read(self._pool, self.seen[-1][0] if self.seen else 0, self._limit)
        self.seen += page
        return bool(page)

    async def follow(self, writers: asyncio.Future[Any]) -> None:
        """Read until the writers are done and nothing more comes."""
        while not writers.done() or await self.step():
            await self.step()


async def write(subject: Subject, pool: Pool, name: str, seed: int, appends: int) -> list[str]:
    """Append again and again, some of it twice, some of it given up; return the ids known to be stored."""
    chance = random.Random(f"{name}{seed}")
    stored: list[str] = []
    for number in range(appends):
        ids = [f"{name}-{seed}-{number}-{each}" for each in range(chance.randint(1, LARGEST_APPEND))]
        if stored and chance.random() < 0.1:
            ids[0] = chance.choice(stored)
        try:
            async with pool.transaction() as connection:
                await subject.append(connection, ids)
                await connection.execute("SELECT pg_sleep($1)", chance.random() / 200)
                await _perhaps_abort(connection, chance)
        except (Aborted, NotReady):
            continue
        stored += ids
    return stored


async def _perhaps_abort(connection: Connection, chance: random.Random) -> None:
    draw = chance.random()
    if draw < 0.06:
        raise Aborted
    if draw < 0.1:
        await connection.execute("SET LOCAL ROLE NONE; SELECT pg_terminate_backend(pg_backend_pid())")


async def _main(url: str, subject: str, authority_id: str, seed: int, appends: int) -> None:
    async with open_pool(url, size=WRITERS) as pool:
        log = SUBJECTS[subject](authority_id)
        writers = (write(log, pool, f"w{number}", seed, appends) for number in range(WRITERS))
        stored = await asyncio.gather(*writers)
    sys.stdout.write(json.dumps([each for ids in stored for each in ids]))


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])))
