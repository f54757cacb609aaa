"""Appending on what is remembered of a log: always what a look at the log would have done, or nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.events import appender as appender_module
from services.events.appender import Appender
from services.events.model import AppendRequest, Mismatch, Settlement
from services.events.store import memory as memory_module
from services.events.store.append import append_many
from services.events.store.connection import LOCK_LOG, Pool, open_pool
from services.events.store.memory import LogMemory
from services.events.store.remembered import append_remembered
from shared.domain.errors import NotReady
from shared.domain.hash_chain import LeafFields, first_link, leaf, link
from shared.identity.keys import ApiKey
from tests.conftest import NOW
from tests.services.events.interleaving import connected
from tests.services.events.posting import append_request, registered
from tests.services.events.stress import Log
from tests.services.events.tampering import superuser
from tests.services.events.test_amendments import retraction
from tests.services.events.test_appender import lock_held
from tests.services.events.test_ledger import GROUPS, Asked
from tests.support.clock import SettableClock
from tests.support.council import new_authority
from tests.support.databases import off_loop
from tests.support.waiting import eventually

#: Every column but the authority, and but the link, in which the authority is bound up.
COLUMNS = "position, stream, stream_position, type, source, event_id, recorded_at, recorded_by, digest, body"
HAPPENINGS = ("nothing", "a restart", "another process appends", "the clock goes back")


class Remembering:
    """Appends as the service does, and counts how often memory sufficed."""

    def __init__(self, pool: Pool, key: ApiKey, clock: SettableClock) -> None:
        self.pool = pool
        self.key = key
        self.clock = clock
        self.memory = LogMemory()
        self.sufficed = 0

    async def append(self, *requests: AppendRequest) -> list[Settlement]:
        if self.memory.serves:
            async with self.pool.connection() as connection:
                settled = await append_remembered(connection, self.key.authority_id, requests, self.clock, self.memory)
            if settled is not None:
                self.sufficed += 1
                return settled
        return await looking(self.pool, self.key, requests, self.clock, self.memory)


async def looking(
    pool: Pool,
    key: ApiKey,
    requests: Sequence[AppendRequest],
    clock: SettableClock,
    memory: LogMemory | None = None,
) -> list[Settlement]:
    async with pool.transaction() as connection:
        return await append_many(connection, key.authority_id, requests, clock, memory)


def in_words(settlements: Sequence[Settlement]) -> list[Any]:
    return [
        settled if isinstance(settled, Mismatch) else [(each.verdict, each.event_id, each.place) for each in settled]
        for settled in settlements
    ]


async def rows_of(pool: Pool, key: ApiKey) -> list[tuple[Any, ...]]:
    """Return the rows without their links, each of which must bind its row to those before it."""
    question = f"SELECT {COLUMNS}, link FROM events.event WHERE authority_id = $1 ORDER BY position"
    async with pool.connection() as connection:
        rows = [tuple(row) for row in await connection.fetch(question, key.authority_id)]
    before = first_link(key.authority_id)
    for row in rows:
        before = link(before, leaf(LeafFields(key.authority_id, *row[:9])))
        assert row[-1] == before
    return [row[:-1] for row in rows]


@given(GROUPS, st.lists(st.sampled_from(HAPPENINGS), max_size=4))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_both_ways_settle_alike(database_url: str, groups: list[list[Asked]], happenings: list[str]) -> None:
    """Verdicts, rows and chain are those of a look under the lock, whatever happens between the groups."""
    requests = [[asked.request() for asked in group] for group in groups]
    off_loop(lambda: asyncio.run(_compare(database_url, requests, happenings)))


async def _compare(url: str, groups: Sequence[Sequence[AppendRequest]], happenings: Sequence[str]) -> None:
    keys = await new_authority(url), await new_authority(url)
    clock = SettableClock(NOW)
    async with open_pool(url, size=2) as pool:
        remembering = Remembering(pool, keys[0], clock)
        for group, happening in zip(groups, [*happenings, *["nothing"] * len(groups)], strict=False):
            if happening == "a restart":
                remembering.memory = LogMemory()
            elif happening == "the clock goes back":
                clock.set(clock.now() - timedelta(seconds=1))
            elif happening == "another process appends":
                foreign = append_request(registered("a"))
                for key in keys:
                    await looking(pool, key, [foreign], clock)
            assert in_words(await remembering.append(*group)) == in_words(await looking(pool, keys[1], group, clock))
        assert await rows_of(pool, keys[0]) == await rows_of(pool, keys[1])


@pytest.fixture
def remembering(pool: Pool, key: ApiKey, clock: SettableClock) -> Remembering:
    return Remembering(pool, key, clock)


async def test_memory_suffices_once_the_log_was_looked_at(remembering: Remembering) -> None:
    """The first append looks; those behind it, of one event or several, of known streams or new ones, need not."""
    await remembering.append(append_request(registered()))
    await remembering.append(append_request(registered()))
    await remembering.append(append_request(registered("b2"), registered()), append_request(registered("c3")))
    await remembering.append(append_request(registered("b2"), expected=1))

    assert remembering.sufficed == 3
    rows = await rows_of(remembering.pool, remembering.key)
    assert [(row[0], row[1], row[2]) for row in rows] == [
        (1, "child-a1", 1),
        (2, "child-a1", 2),
        (3, "child-b2", 1),
        (4, "child-a1", 3),
        (5, "child-c3", 1),
        (6, "child-b2", 2),
    ]


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("known", ["first", "last"])
async def test_what_is_known_already_is_never_stored_again(remembering: Remembering, size: int, known: str) -> None:
    """Of a group with one known event nothing is stored from memory; a look then stores the rest."""
    stored = registered()
    await remembering.append(append_request(stored))
    fresh = [registered() for _ in range(size - 1)]

    events = [stored, *fresh] if known == "first" else [*fresh, stored]
    (settled,) = await remembering.append(append_request(*events))

    assert isinstance(settled, tuple)
    assert sorted(each.verdict for each in settled) == ["duplicate", *["stored"] * (size - 1)]
    assert remembering.sufficed == 0
    assert len(await rows_of(remembering.pool, remembering.key)) == size


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("remembered", [True, False])
async def test_whoever_appends_takes_the_same_lock(
    remembering: Remembering, database_url: str, size: int, remembered: bool
) -> None:
    """A single event, several, and a look at the log: each waits for another process that holds the log's lock."""
    await remembering.append(append_request(registered()))
    if not remembered:
        remembering.memory.forget()
    async with lock_held(database_url, remembering.key), connected(database_url) as observer:
        request = append_request(*(registered() for _ in range(size)))
        appending = [asyncio.create_task(remembering.append(request))]
        waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        await eventually(lambda: observer.fetchval(waits), about="the append waiting for the lock")
        assert len(await rows_of(remembering.pool, remembering.key)) == 1

    await asyncio.gather(*appending)
    assert len(await rows_of(remembering.pool, remembering.key)) == 1 + size
    assert remembering.sufficed == int(remembered)


async def test_an_append_that_is_taken_back_for_another_s_sake_is_to_be_sent_again(
    fresh_database_url: str, clock: SettableClock
) -> None:
    """In another isolation level PostgreSQL may refuse what it cannot judge, which is no fault of the event."""
    key = await new_authority(fresh_database_url)
    async with open_pool(fresh_database_url, size=1) as pool, connected(fresh_database_url) as other:
        remembering = Remembering(pool, key, clock)
        await remembering.append(append_request(registered()))
        await other.execute("SET default_transaction_isolation = 'read committed'")
        async with pool.connection() as connection:
            await connection.execute("SET default_transaction_isolation = 'repeatable read'")
        async with other.transaction():
            await other.execute(f"SELECT {LOCK_LOG}", key.authority_id)
            appending = [asyncio.create_task(remembering.append(append_request(registered())))]
            waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            await eventually(lambda: other.fetchval(waits), about="the append waiting for the lock")
            await append_many(other, key.authority_id, [append_request(registered())], clock)

        with pytest.raises(NotReady):
            await asyncio.gather(*appending)


@pytest.mark.parametrize("size", [1, 3])
async def test_an_append_of_another_process_is_noticed(remembering: Remembering, size: int) -> None:
    """Nothing is stored from a memory that is behind; the next appends look until the end stays where it was left."""
    await remembering.append(append_request(registered()))
    await looking(remembering.pool, remembering.key, [append_request(registered())], remembering.clock)

    await remembering.append(append_request(*(registered() for _ in range(size))))
    assert (remembering.sufficed, remembering.memory.shared) == (0, True)
    await remembering.append(append_request(registered()))
    assert (remembering.sufficed, remembering.memory.shared) == (0, False)
    await remembering.append(append_request(registered()))
    assert remembering.sufficed == 1
    assert [row[0] for row in await rows_of(remembering.pool, remembering.key)] == list(range(1, size + 5))


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize(("position", "false_link"), [(7, False), (1, True)], ids=["too far", "another event"])
async def test_an_end_that_never_was_is_not_built_upon(
    remembering: Remembering, size: int, position: int, false_link: bool
) -> None:
    """After a restore to an earlier state the log has another end, and no gap and no false link comes of it."""
    await remembering.append(append_request(registered()))
    memory = remembering.memory
    assert memory.recorded_at is not None
    memory.ended(position, b"\x00" * 32 if false_link else memory.link, memory.recorded_at, {})

    await remembering.append(append_request(*(registered() for _ in range(size))))

    assert remembering.sufficed == 0
    assert len(await rows_of(remembering.pool, remembering.key)) == size + 1


async def test_events_that_come_alone_soon_need_no_look_at_the_one_before(remembering: Remembering) -> None:
    """On one connection the third event in a row that comes alone is stored as what follows the second."""
    for _ in range(3):
        await remembering.append(append_request(registered()))
    assert remembering.memory.file is not None

    await remembering.append(append_request(registered()))
    await remembering.append(append_request(registered(), registered()))

    assert remembering.memory.file is None
    assert [row[0] for row in await rows_of(remembering.pool, remembering.key)] == [1, 2, 3, 4, 5, 6]
    assert remembering.sufficed == 4


async def test_another_connection_looks_at_the_head_again(database_url: str, remembering: Remembering) -> None:
    """A connection on which no event was stored may lead to a server on which the log ends elsewhere."""
    for _ in range(4):
        await remembering.append(append_request(registered()))
    memory = remembering.memory
    assert memory.recorded_at is not None
    alone_on, file = memory.alone_on, memory.file
    memory.ended(9, memory.link, memory.recorded_at, {})
    memory.alone_on, memory.file = alone_on, file

    async with open_pool(database_url, size=1) as other:
        remembering.pool = other
        await remembering.append(append_request(registered()))
        assert [row[0] for row in await rows_of(other, remembering.key)] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("put_back", ["TRUNCATE events.event", "VACUUM FULL events.event"])
async def test_a_log_that_was_put_back_under_a_running_service_goes_on_where_it_ends(
    fresh_database_url: str, clock: SettableClock, put_back: str
) -> None:
    """However much of its table was put back while its connections stayed open, no position is left out."""
    key = await new_authority(fresh_database_url)
    async with open_pool(fresh_database_url, size=1) as pool, superuser(fresh_database_url) as owner:
        remembering = Remembering(pool, key, clock)
        for _ in range(4):
            await remembering.append(append_request(registered()))
        await owner.execute("CREATE TABLE public.backup AS SELECT * FROM events.event WHERE position <= 2")
        await owner.execute("DELETE FROM events.event")
        await owner.execute(put_back)
        await owner.execute("INSERT INTO events.event SELECT * FROM public.backup")

        await remembering.append(append_request(registered()))

        assert [row[0] for row in await rows_of(pool, key)] == [1, 2, 3]


async def test_what_needs_a_look_gets_one(remembering: Remembering) -> None:
    """Amendments, dry runs, refused preconditions and refused atomic requests are judged on the log itself."""
    event = registered(id="e1")
    await remembering.append(append_request(event))
    other = {**event, "data": {**event["data"], "team": "north"}}
    dry = append_request(event)
    dry.dry_run = True

    settlements = [
        await remembering.append(request)
        for request in (
            append_request(retraction("e1")),
            dry,
            append_request(event, expected=0),
            append_request(registered(id="e2"), expected=7),
            append_request(registered(id="e3"), other, {**other, "time": "2026-01-01T00:00:00Z"}, atomic=True),
        )
    ]

    assert remembering.sufficed == 0
    assert [
        each if isinstance(each, Mismatch) else [outcome.verdict.value for outcome in each] for (each,) in settlements
    ] == [["stored"], ["duplicate"], ["duplicate"], Mismatch({"child-a1": 2}), ["withheld", "conflict", "conflict"]]


async def test_a_forgotten_stream_is_asked_for_again(remembering: Remembering, monkeypatch: pytest.MonkeyPatch) -> None:
    """However few streams are remembered, each goes on where it ended."""
    monkeypatch.setattr(memory_module, "STREAMS", 1)
    for _ in range(3):
        for child in "abc":
            await remembering.append(append_request(registered(child)))

    rows = await rows_of(remembering.pool, remembering.key)
    assert [row[2] for row in rows] == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert remembering.sufficed == 8


async def test_commits_are_told_once_they_can_be_read(pool: Pool, key: ApiKey, clock: SettableClock) -> None:
    """Whoever is told where the log ends finds it there; what stores nothing is told to nobody."""
    told: list[tuple[str, int]] = []
    appender = Appender(pool, clock, lambda authority_id, position: told.append((authority_id, position)))
    event = registered()

    for request in (append_request(event), append_request(registered(), registered()), append_request(event)):
        await appender.append(key.authority_id, request)
        assert told[-1][1] == len(await Log(key.authority_id).stored(pool))

    assert told == [(key.authority_id, 1), (key.authority_id, 3)]
    await appender.close()


async def test_few_logs_are_remembered(
    pool: Pool, database_url: str, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory does not grow with the number of councils, and a forgotten log is appended to all the same."""
    monkeypatch.setattr(appender_module, "REMEMBERED_LOGS", 1)
    appender = Appender(pool, clock)
    keys = [await new_authority(database_url) for _ in range(2)]
    for _ in range(2):
        for key in keys:
            await appender.append(key.authority_id, append_request(registered()))

    assert len(appender._memories) == 1
    assert [len(await Log(key.authority_id).stored(pool)) for key in keys] == [2, 2]
    await appender.close()
