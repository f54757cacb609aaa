"""A follower of the log misses nothing: positions are given in commit order, without gaps."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any

import asyncpg
import pytest

from services.events.appender import Appender
from services.events.model import Mismatch, Settlement
from services.events.store import append as append_module
from services.events.store.append import append_many
from services.events.store.connection import Connection, Pool
from shared.domain.clock import SystemClock
from shared.domain.errors import NotReady
from shared.identity.keys import ApiKey
from tests.services.events.interleaving import (
    SCRIPTS,
    Script,
    Stage,
    after_a_rollback,
    connected,
    idle_writer_elsewhere,
    late_lower_position,
    older_transaction_continues_a_stream,
    older_transaction_later_position,
    prepared_transaction,
)
from tests.services.events.posting import append_request, registered
from tests.services.events.stress import (
    Follower,
    GroupedLog,
    Horizon,
    HorizonPair,
    Log,
    Naive,
    Subject,
    control,
)
from tests.support.clock import SettableClock
from tests.support.council import new_authority
from tests.support.waiting import eventually

CLOCK = SystemClock()
#: Of a script, a log, and the events in one page of its follower.
Play = Callable[[Script, Subject, int], Awaitable[str]]
LIMITS = pytest.mark.parametrize("limit", [1, 100])


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


async def waits_for(pool: Pool, holder: Connection) -> int | None:
    """Return the process number of a server's process that waits for a lock which this connection holds."""
    question = "SELECT pid FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid)) LIMIT 1"
    async with pool.connection() as connection:
        pid: int | None = await connection.fetchval(question, holder.get_server_pid())
        return pid


@pytest.fixture
def play(pool: Pool, database_url: str) -> Play:
    """Return what plays a script on a log, and says in a word what was wrong with what its follower saw."""

    async def played(script: Script, subject: Subject, limit: int) -> str:
        if script is prepared_transaction and not await prepared_transactions(pool):
            pytest.skip("this server is set to max_prepared_transactions = 0")
        stage = Stage(subject, pool, Follower(subject, pool, limit=limit), database_url)
        try:
            await script(stage)
            return await stage.outcome()
        finally:
            await stage.close()

    return played


async def prepared_transactions(pool: Pool) -> int:
    """Return how many transactions may be prepared on this server."""
    async with pool.connection() as connection:
        return int(await connection.fetchval("SELECT current_setting('max_prepared_transactions')"))


@LIMITS
@pytest.mark.parametrize("script", SCRIPTS)
async def test_no_overlap_of_transactions_hides_or_moves_an_event(
    play: Play, script: Script, key: ApiKey, limit: int
) -> None:
    """However transactions overlap, a follower sees every event once, at once, and in the order of positions."""
    assert await play(script, Log(key.authority_id), limit) == "ok"


@LIMITS
@pytest.mark.parametrize(
    ("kind", "script", "fault"),
    [
        (Naive, late_lower_position, "skips"),
        (Naive, older_transaction_later_position, "skips"),
        (Naive, older_transaction_continues_a_stream, "ok"),
        (Naive, after_a_rollback, "ok"),
        (Naive, idle_writer_elsewhere, "ok"),
        (Naive, prepared_transaction, "ok"),
        (Horizon, late_lower_position, "ok"),
        (Horizon, older_transaction_later_position, "skips"),
        (Horizon, older_transaction_continues_a_stream, "ok"),
        (Horizon, after_a_rollback, "ok"),
        (Horizon, idle_writer_elsewhere, "stalls"),
        (Horizon, prepared_transaction, "stalls"),
        (HorizonPair, late_lower_position, "ok"),
        (HorizonPair, older_transaction_later_position, "reorders"),
        (HorizonPair, older_transaction_continues_a_stream, "reorders"),
        (HorizonPair, after_a_rollback, "ok"),
        (HorizonPair, idle_writer_elsewhere, "stalls"),
        (HorizonPair, prepared_transaction, "stalls"),
    ],
)
async def test_the_scripts_find_what_is_wrong_with_other_arrangements(
    play: Play, kind: type[Naive], script: Script, fault: str, *, limit: int, database_url: str
) -> None:
    """Must fail: the same scripts catch a sequence and both readers behind a horizon of transaction ids."""
    async with control(database_url, kind) as subject:
        assert await play(script, subject, limit) == fault


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
        Mismatch({"child-a1": 2}),
        ["duplicate"],
    ]
    assert await Log(key.authority_id).stored(pool) == [(1, "one"), (2, "two"), (3, "three")]


def verdicts(settlement: Settlement) -> list[str] | Mismatch:
    return [each.verdict.value for each in settlement] if isinstance(settlement, tuple) else settlement


@pytest.fixture
async def grouped(pool: Pool, key: ApiKey) -> AsyncIterator[GroupedLog]:
    """Yield the log through an appender that knows where it ends: it has appended one event."""
    appender = Appender(pool, CLOCK)
    log = GroupedLog(key.authority_id, appender)
    await log.commit(pool, ["known"])
    yield log
    await appender.close()


@LIMITS
@pytest.mark.parametrize("kept", [True, False], ids=["committed", "rolled back"])
async def test_an_appender_waits_behind_an_append_of_another_process(
    grouped: GroupedLog, pool: Pool, limit: int, kept: bool
) -> None:
    """What it remembers of the log's head is not enough: it waits for the lock, and goes on where the log then ends."""
    follower = Follower(grouped, pool, limit=limit)
    with contextlib.suppress(ZeroDivisionError):
        async with pool.transaction() as other:
            await grouped.append(other, ["of another", "process"])
            behind = asyncio.create_task(grouped.commit(pool, ["behind"]))
            await eventually(lambda: waits_for(pool, other), about="the appender waiting")
            await follower.catch_up()
            assert follower.seen == [(1, "known")]
            if not kept:
                raise ZeroDivisionError

    between = [(2, "of another"), (3, "process")] if kept else []
    assert await behind == [(2 + len(between), "behind")]
    await follower.catch_up()
    assert follower.seen == [(1, "known"), *between, *await behind]


async def test_an_appender_sees_what_others_appended_meanwhile(grouped: GroupedLog, pool: Pool, key: ApiKey) -> None:
    """Its memory of the end is checked against the log each time: positions, streams and keys of others count."""
    other = Log(key.authority_id)
    for number in range(3):
        assert await other.commit(pool, [f"theirs {number}"]) == [(2 + 3 * number, f"theirs {number}")]
        # One event is new, the other is the one that was stored just now.
        ids = [f"ours {number}", f"theirs {number}"]
        assert await grouped.commit(pool, ids) == [(3 + 3 * number, ids[0]), (2 + 3 * number, ids[1])]
        assert await grouped.commit(pool, [f"ours, too {number}"]) == [(4 + 3 * number, f"ours, too {number}")]

    assert [position for position, _ in await grouped.stored(pool)] == list(range(1, 11))


async def test_an_appender_whose_commit_is_refused_goes_on(grouped: GroupedLog, pool: Pool, database_url: str) -> None:
    """What was not committed is forgotten: the next append gets the position that the lost one would have had."""
    async with connected(database_url) as killer, pool.transaction() as other:
        await grouped.append(other, ["first"])
        lost = asyncio.create_task(grouped.commit(pool, ["lost"]))
        pid = await eventually(lambda: waits_for(pool, other), about="the appender waiting")
        await killer.execute("SELECT pg_terminate_backend($1)", pid)
        with pytest.raises(NotReady):
            await lost

    assert await grouped.commit(pool, ["second"]) == [(3, "second")]
    assert await grouped.commit(pool, ["lost"]) == [(4, "lost")]


async def test_a_follower_lags_less_than_a_second_whatever_is_left_open(
    grouped: GroupedLog, pool: Pool, database_url: str
) -> None:
    """An idle writer in another database and a prepared transaction here delay no event for any reader."""
    follower = Follower(grouped, pool, limit=100)
    stage = Stage(grouped, pool, follower, database_url)
    longest = 0.0
    try:
        await stage.idle_writer_elsewhere()
        if await prepared_transactions(pool):
            await stage.prepared_transaction()
        for number in range(50):
            await grouped.commit(pool, [f"e{number}"])
            answered = monotonic()
            while follower.seen[-1:] != [(number + 2, f"e{number}")] and longest < 1:
                await follower.step()
                longest = max(longest, monotonic() - answered)
    finally:
        await stage.close()

    assert longest < 1
