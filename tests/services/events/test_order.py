"""A follower of the log misses nothing: positions are given in commit order, without gaps."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from services.events.model import Mismatch, Settlement
from services.events.store import append as append_module
from services.events.store.append import append_many
from services.events.store.connection import Connection, Pool, open_pool
from shared.domain.clock import SettableClock, SystemClock
from shared.domain.errors import NotReady
from shared.identity.keys import ApiKey
from tests.services.events.posting import append_request, registered
from tests.services.events.stress import SUBJECTS, Follower, Log, Naive
from tests.support.council import new_authority
from tests.support.waiting import eventually

PROCESSES = 2
APPENDS = 25
CLOCK = SystemClock()


def positions_of(settlement: Settlement) -> list[int]:
    assert isinstance(settlement, tuple)
    return [outcome.place.position for outcome in settlement if outcome.place is not None]


async def append(connection: Connection, key: ApiKey, *events: dict[str, Any]) -> list[int]:
    return positions_of((await append_many(connection, key.authority_id, [append_request(*events)], CLOCK))[0])


async def append_and_commit(pool: Pool, key: ApiKey, *events: dict[str, Any]) -> list[int]:
    async with pool.transaction() as connection:
        return await append(connection, key, *events)


@asynccontextmanager
async def held_open(pool: Pool, key: ApiKey, *events: dict[str, Any]) -> AsyncIterator[Connection]:
    """Yield while an append is done and not committed; it is committed at the end."""
    async with pool.transaction() as connection:
        await append(connection, key, *events)
        yield connection


async def waits_for(pool: Pool, holder: Connection) -> bool:
    """Tell whether anybody waits for a lock that this connection holds."""
    question = "SELECT count(*) FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))"
    async with pool.connection() as connection:
        return bool(await connection.fetchval(question, holder.get_server_pid()))


@pytest.mark.parametrize("limit", [1, 100])
async def test_nothing_is_read_past_an_append_that_is_not_committed(pool: Pool, key: ApiKey, limit: int) -> None:
    """A second append waits for the first, so a follower sees neither or both, in the order of their commits."""
    follower = Follower(Log(key.authority_id), pool, limit=limit)
    async with held_open(pool, key, registered(id="first")) as holder:
        second = asyncio.create_task(append_and_commit(pool, key, registered(id="second"), registered(id="third")))
        await eventually(lambda: waits_for(pool, holder), about="the second append waiting")
        assert not await follower.step()
        assert not second.done()

    assert await second == [2, 3]
    while await follower.step():
        pass
    assert follower.seen == [(1, "first"), (2, "second"), (3, "third")]


async def test_an_append_that_is_rolled_back_leaves_no_gap(pool: Pool, key: ApiKey) -> None:
    """Its positions are given to the next one."""
    with pytest.raises(ZeroDivisionError):
        async with held_open(pool, key, registered(), registered()):
            raise ZeroDivisionError

    assert await append_and_commit(pool, key, registered(), registered()) == [1, 2]


async def test_an_append_whose_connection_dies_leaves_no_gap(pool: Pool, key: ApiKey, database_url: str) -> None:
    """The next append waits no longer than the dead one lives, and goes on where the log ends."""
    await append_and_commit(pool, key, registered())
    killer = await asyncpg.connect(database_url)

    async def dies() -> None:
        async with held_open(pool, key, registered()) as holder:
            waiting = asyncio.create_task(append_and_commit(pool, key, registered()))
            await eventually(lambda: waits_for(pool, holder), about="the next append waiting")
            await killer.execute("SELECT pg_terminate_backend($1)", holder.get_server_pid())
            assert await waiting == [2]

    with pytest.raises(NotReady):
        await dies()
    await killer.close()


async def test_authorities_do_not_wait_for_each_other(pool: Pool, key: ApiKey, database_url: str) -> None:
    """An append that is held open stops nobody but its own authority."""
    other = await new_authority(database_url)
    async with held_open(pool, key, registered()):
        assert await append_and_commit(pool, other, registered()) == [1]


async def test_an_idle_writer_elsewhere_stops_nobody(pool: Pool, key: ApiKey, fresh_database_url: str) -> None:
    """A transaction that wrote in another database of the server, and stays open, hides no event from a reader."""
    idle = await asyncpg.connect(fresh_database_url)
    transaction = idle.transaction()
    await transaction.start()
    await idle.execute("INSERT INTO identity.authority VALUES ('idle', 'Idle', now())")

    await append_and_commit(pool, key, registered(id="e1"))

    assert await Log(key.authority_id).read(pool, 0, 10) == [(1, "e1")]
    await transaction.rollback()
    await idle.close()


async def test_an_append_does_not_wait_for_ever(pool: Pool, key: ApiKey, monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind an append that is stuck, the next one is told to come again, and nothing of it is stored."""
    monkeypatch.setattr(append_module, "LOCK_TIMEOUT", "50ms")
    async with held_open(pool, key, registered(id="stuck")):
        with pytest.raises(NotReady, match="too long"):
            await append_and_commit(pool, key, registered(id="late"))

    assert [event_id for _, event_id in await Log(key.authority_id).stored(pool)] == ["stuck"]


async def test_several_requests_are_settled_in_one_transaction(pool: Pool, key: ApiKey, clock: SettableClock) -> None:
    """Each request has its own verdict, and later ones see what earlier ones add."""
    first, event = registered(id="one"), registered(id="two")
    requests = [
        append_request(first),
        append_request(event, expected=1),
        append_request({**event, "time": "2026-01-01T00:00:00Z"}, registered("b2", id="three")),
        append_request(registered(id="four"), expected=1),
        append_request(event, expected=0),
    ]
    async with pool.transaction() as connection:
        settlements = await append_many(connection, key.authority_id, requests, clock)

    assert [verdicts(each) for each in settlements] == [
        ["stored"],
        ["stored"],
        ["conflict", "stored"],
        Mismatch(2),
        ["duplicate"],
    ]
    assert await Log(key.authority_id).stored(pool) == [(1, "one"), (2, "two"), (3, "three")]


def verdicts(settlement: Settlement) -> list[str] | Mismatch:
    return [each.verdict.value for each in settlement] if isinstance(settlement, tuple) else settlement


def missed(seen: Sequence[tuple[int, str]], stored: Sequence[tuple[int, str]]) -> int:
    """Count what a follower did not see although it is stored."""
    return len(set(stored) - set(seen))


@pytest.mark.parametrize("limit", [1, 100])
async def test_the_harness_catches_a_naive_sequence(fresh_database_url: str, limit: int) -> None:
    """Must fail: with a position taken before the commit, a follower misses the append that commits late."""
    subject = Naive()
    await subject.create(fresh_database_url)
    async with open_pool(fresh_database_url, size=4) as pool:
        follower = Follower(subject, pool, limit=limit)
        async with pool.transaction() as late:
            await subject.append(late, ["late"])
            async with pool.transaction() as early:
                await subject.append(early, ["early"])
            await follower.step()
        while await follower.step():
            pass

        assert missed(follower.seen, await subject.stored(pool)) == 1


async def stress(url: str, subject_name: str, authority_id: str) -> tuple[list[Any], list[Any], set[str]]:
    """Let two processes of four writers write; return what was followed, what is stored, and what was acknowledged."""
    subject = SUBJECTS[subject_name](authority_id)
    command = (sys.executable, "-m", "tests.services.events.stress", url, subject_name, authority_id)
    processes = [
        await asyncio.create_subprocess_exec(*command, str(seed), str(APPENDS), stdout=asyncio.subprocess.PIPE)
        for seed in range(PROCESSES)
    ]
    async with open_pool(url, size=2) as pool:
        writers = asyncio.gather(*(process.communicate() for process in processes))
        follower = Follower(subject, pool, limit=7)
        await follower.follow(writers)
        outputs = await writers
        assert [process.returncode for process in processes] == [0] * PROCESSES
        acknowledged = {event_id for output, _ in outputs for event_id in json.loads(output)}
        return follower.seen, await subject.stored(pool), acknowledged


async def test_a_live_follower_misses_nothing_under_load(database_url: str, key: ApiKey, pool: Pool) -> None:
    """Eight writers in two processes, some giving up and some dying: the follower sees the log as it is, in order."""
    seen, stored, acknowledged = await stress(database_url, "log", key.authority_id)

    assert seen == stored
    assert [position for position, _ in stored] == list(range(1, len(stored) + 1))
    assert {event_id for _, event_id in stored} == acknowledged
    async with pool.connection() as connection:
        gaps = await connection.fetch(
            "SELECT stream FROM events.event WHERE authority_id = $1 GROUP BY stream "
            "HAVING count(*) <> max(stream_position) OR min(stream_position) <> 1",
            key.authority_id,
        )
    assert gaps == []


async def test_the_load_catches_a_naive_sequence(fresh_database_url: str) -> None:
    """Must fail: the same writers over a sequence make the same follower miss events."""
    await Naive().create(fresh_database_url)

    seen, stored, _ = await stress(fresh_database_url, "naive", "none")

    assert missed(seen, stored) > 0
