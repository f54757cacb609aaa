"""Writers in processes of their own that give up, die and are turned away, and followers that watch them.

Whatever is disturbed is disturbed from outside: a trigger delays, refuses or kills a
transaction as it commits, and a killer ends connections at any moment.  So what is under
load is the code of the service as it is, down to how many round trips it makes.

``python -m tests.services.events.load URL LOG PLACE SEED KILLING`` is one such process; it
ends when its standard input does, and prints what its writers were told.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import asyncpg

from services.events.store.connection import Pool, open_pool
from shared.domain.errors import NotReady
from tests.services.events.interleaving import connected
from tests.services.events.stress import (
    FilteredFollower,
    Follower,
    Log,
    Refused,
    RestartingFollower,
    Seen,
    Subject,
    difference,
    subject_named,
)

#: How long each load lasts; minutes of it find what seconds do not.
SECONDS = float(os.environ.get("HOMEWARD_TEST_LOAD_SECONDS", "2"))
#: A load that lasts so much longer than it was meant to hangs.
_LONGEST_SECONDS = 120.0
WRITERS_PER_PROCESS = 4
LARGEST_APPEND = 100
#: The share of appends that is disturbed in each way.
GIVEN_UP = 0.05
KILLED = 0.1
REUSING_AN_ID = 0.1
EXPECTING_A_POSITION = 0.1
#: How long a writer waits before it tries again what had no answer.
_PAUSE_SECONDS = 0.02
#: What a process prints when it begins to write.
_BEGUN = b"begun\n"

# It draws for every seventh row, so that a large append is disturbed more often than a small one.
_DISTURBANCE = """
CREATE FUNCTION public.disturb() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE draw double precision := random();
BEGIN
    IF draw < 0.01 THEN
        PERFORM pg_terminate_backend(pg_backend_pid());
    ELSIF draw < 0.02 THEN
        RAISE EXCEPTION 'no room for this commit' USING ERRCODE = 'disk_full';
    ELSIF draw < 0.3 THEN
        PERFORM pg_sleep(random() / 200);
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER disturb AFTER INSERT ON {table} DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN (NEW.position % 7 = 0) EXECUTE FUNCTION public.disturb();
"""
_KILL = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE application_name = 'homeward-events' AND datname = current_database() AND state <> 'idle'
ORDER BY random() LIMIT 1
"""
#: Streams whose positions do not count from 1 in the order of the log.
_STREAMS_WITH_GAPS = """
SELECT DISTINCT stream FROM (
    SELECT stream, stream_position, row_number() OVER (PARTITION BY stream ORDER BY position) AS counted
    FROM events.event WHERE authority_id = $1
) AS each WHERE stream_position <> counted
"""
_PART = """
SELECT position, event_id FROM events.event WHERE authority_id = $1 AND starts_with(stream, $2) ORDER BY position
"""
#: What an append may end in without an answer: the database away, the caller tired, or the trigger's refusal.
_UNANSWERED = (NotReady, TimeoutError, asyncpg.PostgresError)


@dataclass(slots=True)
class Answers:
    """What writers were told: where events lie, which were refused, and of which they were told nothing."""

    stored: list[Seen] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def together(told: Sequence[Answers]) -> Answers:
    """Return all that several writers were told."""
    return Answers(
        [(position, event_id) for each in told for position, event_id in each.stored],
        [event_id for each in told for event_id in each.refused],
        [event_id for each in told for event_id in each.unknown],
    )


class Killer:
    """Ends connections of the service while they are at work."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._busy = asyncio.Lock()

    async def kill_one(self, delay: float) -> None:
        """End a connection of the service, if one is at work ``delay`` seconds from now."""
        await asyncio.sleep(delay)
        async with self._busy:
            await self._connection.execute(_KILL)


class Writer:
    """Appends again and again, and remembers what it was told."""

    def __init__(self, subject: Subject, pool: Pool, killer: Killer | None, name: str) -> None:
        """Without a ``killer`` only what happens to the whole server disturbs this writer."""
        self.told = Answers()
        self._subject = subject
        self._pool = pool
        self._killer = killer
        self._name = name
        self._chance = random.Random(name)
        self._killing: set[asyncio.Task[None]] = set()

    async def write(self, stop: asyncio.Event) -> Answers:
        """Write until told to stop; half of what has no answer is sent again until it has one."""
        number = 0
        while not stop.is_set():
            number += 1
            ids = [f"{self._name}-{number}-{each}" for each in range(self._chance.randint(1, LARGEST_APPEND))]
            again = bool(self.told.stored) and self._chance.random() < REUSING_AN_ID
            if again:
                ids[0] = self._chance.choice(self.told.stored)[1]
            expected = self._chance.randint(0, 20) if self._chance.random() < EXPECTING_A_POSITION else None
            if not await self._answered(ids, expected, new=ids[again:]) and self._chance.random() < 0.5:
                await self._insist(ids, expected, stop)
        await asyncio.gather(*self._killing)
        return self.told

    async def _answered(self, ids: Sequence[str], expected: int | None, *, new: Sequence[str]) -> bool:
        try:
            self.told.stored += await self._disturbed(ids, expected)
        except Refused:
            self.told.refused += new
        except _UNANSWERED:
            self.told.unknown += new
            return False
        return True

    async def _insist(self, ids: Sequence[str], expected: int | None, stop: asyncio.Event) -> None:
        """Send the same again until it is answered; a refusal says nothing of a try that is still under way."""
        while not stop.is_set():
            try:
                self.told.stored += await self._subject.commit(self._pool, ids, expected)
            except Refused:
                return
            except _UNANSWERED:
                await asyncio.sleep(_PAUSE_SECONDS)
            else:
                return

    async def _disturbed(self, ids: Sequence[str], expected: int | None) -> list[Seen]:
        patience = self._chance.random() / 50 if self._chance.random() < GIVEN_UP else None
        if self._killer is not None and self._chance.random() < KILLED:
            task = asyncio.create_task(self._killer.kill_one(self._chance.random() / 100))
            self._killing.add(task)
            task.add_done_callback(self._killing.discard)
        async with asyncio.timeout(patience):
            return await self._subject.commit(self._pool, ids, expected)


@dataclass(frozen=True, slots=True)
class Watched:
    """A load that is over: what the followers saw, what is stored, and what the writers were told."""

    live: list[Seen]
    restarted: list[Seen]
    restarts: int
    filtered: list[Seen]
    stored: list[Seen]
    told: Answers


async def disturb(url: str, table: str) -> None:
    """Have every commit to this table delayed, refused or killed at random, in a database of the test's own."""
    async with connected(url) as owner:
        await owner.execute(_DISTURBANCE.format(table=table))


async def _for_a_while() -> None:
    await asyncio.sleep(SECONDS)


async def watched(
    url: str,
    names: Sequence[str],
    place: str,
    *,
    meanwhile: Callable[[], Awaitable[None]] = _for_a_while,
    killing: bool = True,
    reading: Pool | None = None,
) -> Watched:
    """Load a log with one process for each name of a kind of log, and follow it, as long as ``meanwhile`` lasts.

    It is followed over the connections of ``reading``, or where it is written.
    """
    async with asyncio.timeout(SECONDS + _LONGEST_SECONDS), AsyncExitStack() as running:
        pool = reading if reading is not None else await running.enter_async_context(open_pool(url, size=4))
        subject = subject_named(names[0], place, pool)
        processes = [
            await running.enter_async_context(_process(url, name, place, str(seed), str(killing)))
            for seed, name in enumerate(names)
        ]
        for each in processes:
            assert await _stdout(each).readline() == _BEGUN
        outputs = asyncio.create_task(_outputs(processes, meanwhile))
        live = Follower(subject, pool, limit=1000)
        restarting = RestartingFollower(subject, pool, seed=len(names))
        filtered = FilteredFollower(place, pool, limit=100)
        followers = [live, restarting, *([filtered] if isinstance(subject, Log) else [])]
        await asyncio.gather(*(each.follow(outputs) for each in followers))
        told = together(await outputs)
        return Watched(
            live=live.seen,
            restarted=restarting.seen,
            restarts=restarting.restarts,
            filtered=filtered.seen,
            stored=await subject.stored(pool),
            told=told,
        )


@asynccontextmanager
async def _process(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start writers in a process of their own, which ends with this block, and, should we be killed, with us."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.services.events.load", *arguments, stdin=pipe, stdout=pipe
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _outputs(
    processes: Sequence[asyncio.subprocess.Process], meanwhile: Callable[[], Awaitable[None]]
) -> list[Answers]:
    """Let the processes write as long as ``meanwhile`` lasts, and return what each was told."""
    await meanwhile()
    for each in processes:
        assert each.stdin is not None
        each.stdin.close()
    printed = [await _stdout(each).read() for each in processes]
    assert [await each.wait() for each in processes] == [0] * len(processes)
    return [Answers(**json.loads(each)) for each in printed]


def _stdout(process: asyncio.subprocess.Process) -> asyncio.StreamReader:
    assert process.stdout is not None
    return process.stdout


async def check(load: Watched, url: str, authority_id: str) -> None:
    """Fail unless followers saw, and writers were told, the truth about a log in which all is in order.

    All followers saw what is stored, in its order.  What was acknowledged lies where it was
    said to lie, what was refused lies nowhere, and nothing lies there that nobody sent.
    """
    assert str(difference(load.live, load.stored)) == "ok"
    assert str(difference(load.restarted, load.stored)) == "ok"
    places = {event_id: position for position, event_id in load.stored}
    assert [each for each in load.told.stored if places.get(each[1]) != each[0]] == []
    assert places.keys() & set(load.told.refused) == set()
    assert places.keys() - {event_id for _, event_id in load.told.stored} <= set(load.told.unknown)
    assert [position for position, _ in load.stored] == list(range(1, len(load.stored) + 1))
    async with connected(url) as owner:
        assert [row["stream"] for row in await owner.fetch(_STREAMS_WITH_GAPS, authority_id)] == []
        part = await owner.fetch(_PART, authority_id, FilteredFollower.streams.stream_prefix)
        assert load.filtered == [tuple(row) for row in part]


async def _main(url: str, name: str, place: str, seed: str, *, killing: bool) -> None:
    """Write until standard input ends, which it does when whoever started us has ended, too."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), stop.set)
    async with open_pool(url, size=WRITERS_PER_PROCESS) as pool, AsyncExitStack() as opened:
        subject = subject_named(name, place, pool)
        killer = Killer(await opened.enter_async_context(connected(url))) if killing else None
        writers = [Writer(subject, pool, killer, f"{seed}-{number}") for number in range(WRITERS_PER_PROCESS)]
        sys.stdout.buffer.write(_BEGUN)
        sys.stdout.flush()
        told = await asyncio.gather(*(each.write(stop) for each in writers))
    sys.stdout.write(json.dumps(asdict(together(told))))


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:5], killing=sys.argv[5] == "True"))
