"""Group commit: requests that wait together, callers that go away, and a database that does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg
import httpx
import pytest

from services.events import appender as appender_module
from services.events.appender import Appender
from services.events.model import AppendRequest, Outcome, Settlement
from services.events.store.connection import LOCK_LOG, LOCK_TIMEOUT, Connection, Pool
from services.events.store.memory import LogMemory
from shared.domain.errors import NotReady
from shared.identity.keys import ApiKey
from shared.wire.append import Verdict
from tests.services.events.posting import append_request, feed, post, registered, statuses
from tests.services.events.stress import Log
from tests.support.clock import SettableClock
from tests.support.waiting import eventually

LOCK_SECONDS = int(LOCK_TIMEOUT.removesuffix("s"))


@pytest.fixture
async def appender(pool: Pool, clock: SettableClock) -> AsyncIterator[Appender]:
    opened = Appender(pool, clock)
    yield opened
    await opened.close()


@asynccontextmanager
async def lock_held(database_url: str, key: ApiKey) -> AsyncIterator[None]:
    """Hold the lock of a log that is open already, as another process would."""
    connection = await asyncpg.connect(database_url)
    async with connection.transaction():
        await connection.execute(f"SELECT {LOCK_LOG}", key.authority_id)
        yield
    await connection.close()


def spied(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Record how many requests each transaction settles."""
    groups: list[int] = []
    commit = Appender._commit

    async def counting(
        self: Appender, authority_id: str, requests: Sequence[AppendRequest], memory: LogMemory
    ) -> list[Settlement]:
        groups.append(len(requests))
        return await commit(self, authority_id, requests, memory)

    monkeypatch.setattr(Appender, "_commit", counting)
    return groups


def verdict(settlement: Settlement) -> Verdict:
    assert isinstance(settlement, tuple)
    (outcome,) = settlement
    assert isinstance(outcome, Outcome)
    return outcome.verdict


async def test_what_waits_together_is_committed_together(
    appender: Appender, key: ApiKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first request goes at once and alone; all that came meanwhile share the next transaction."""
    groups = spied(monkeypatch)

    requests = [append_request(registered()) for _ in range(20)]
    settlements = await asyncio.gather(*(appender.append(key.authority_id, each) for each in requests))

    assert {verdict(each) for each in settlements} == {Verdict.STORED}
    # All twenty were handed over before the first transaction could begin.
    assert groups == [20]


async def test_a_lone_request_waits_for_nobody(
    appender: Appender, key: ApiKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of several requests in turn has a transaction of its own."""
    groups = spied(monkeypatch)

    for _ in range(3):
        await appender.append(key.authority_id, append_request(registered()))

    assert groups == [1, 1, 1]


async def test_a_group_is_bounded(appender: Appender, key: ApiKey, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests beyond the bound of one transaction are settled in the next; a large one goes alone."""
    monkeypatch.setattr(appender_module, "GROUP_EVENTS", 4)
    groups = spied(monkeypatch)
    sizes = (2, 2, 1, 9, 3)

    requests = [append_request(*(registered() for _ in range(size))) for size in sizes]
    await asyncio.gather(*(appender.append(key.authority_id, each) for each in requests))

    assert groups == [2, 1, 1, 1]


async def test_a_request_that_spoils_its_group_fails_alone(
    appender: Appender, key: ApiKey, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When a transaction fails for one request's sake, the others are settled by themselves."""
    poison = append_request(registered(id="poison"))
    commit = Appender._commit

    async def failing(
        self: Appender, authority_id: str, requests: Sequence[AppendRequest], memory: LogMemory
    ) -> list[Settlement]:
        if poison in requests:
            raise ZeroDivisionError
        return await commit(self, authority_id, requests, memory)

    monkeypatch.setattr(Appender, "_commit", failing)
    requests = [append_request(registered(id="e1")), poison, append_request(registered(id="e2"))]

    results = await asyncio.gather(
        *(appender.append(key.authority_id, each) for each in requests), return_exceptions=True
    )

    assert isinstance(results[1], ZeroDivisionError)
    assert [event_id for _, event_id in await Log(key.authority_id).stored(pool)] == ["e1", "e2"]


async def test_a_caller_that_goes_away_stops_nobody(
    appender: Appender, key: ApiKey, database_url: str, pool: Pool
) -> None:
    """Cancelled while waiting, a request is not stored; the others are, and the next ones too."""
    await appender.append(key.authority_id, append_request(registered(id="opens the log")))
    async with lock_held(database_url, key):
        tasks = [asyncio.create_task(appender.append(key.authority_id, append_request(registered(id="first"))))]
        await asyncio.sleep(0)
        tasks += [
            asyncio.create_task(appender.append(key.authority_id, append_request(registered(id=f"e{number}"))))
            for number in range(3)
        ]
        await eventually(lambda: len(appender._lanes[key.authority_id].waiting) == 3, about="three waiting")
        tasks[2].cancel()

    results = await asyncio.gather(*tasks, return_exceptions=True)

    assert isinstance(results[2], asyncio.CancelledError)
    await appender.append(key.authority_id, append_request(registered(id="later")))
    stored = [event_id for _, event_id in await Log(key.authority_id).stored(pool)]
    assert stored == ["opens the log", "first", "e0", "e2", "later"]


async def test_an_event_whose_caller_went_away_during_the_commit_is_found_again(
    appender: Appender, key: ApiKey, database_url: str, pool: Pool
) -> None:
    """Cancelled in its transaction, a request is stored or not, as a whole; sent again it is stored once."""
    await appender.append(key.authority_id, append_request(registered(id="opens the log")))
    request = append_request(registered(id="e1"))
    async with lock_held(database_url, key):
        task = asyncio.create_task(appender.append(key.authority_id, request))
        await eventually(lambda: key.authority_id in appender._lanes and not appender._lanes[key.authority_id].waiting)
        task.cancel()

    assert verdict(await appender.append(key.authority_id, request)) in {Verdict.STORED, Verdict.DUPLICATE}
    assert len(await Log(key.authority_id).stored(pool)) == 2


async def test_too_much_waiting_is_turned_away(
    appender: Appender, key: ApiKey, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond its bound the queue takes no more, readiness says so, and what waits is still stored."""
    monkeypatch.setattr(appender_module, "WAITING_REQUESTS", 2)
    await appender.append(key.authority_id, append_request(registered()))
    async with lock_held(database_url, key):
        first = asyncio.create_task(appender.append(key.authority_id, append_request(registered())))
        await eventually(lambda: key.authority_id in appender._lanes and not appender._lanes[key.authority_id].waiting)
        waiting = [
            asyncio.create_task(appender.append(key.authority_id, append_request(registered()))) for _ in range(2)
        ]
        await eventually(lambda: appender.check() != "ok", about="the queue being full")
        with pytest.raises(NotReady):
            await appender.append(key.authority_id, append_request(registered()))

    assert {verdict(each) for each in await asyncio.gather(first, *waiting)} == {Verdict.STORED}
    assert appender.check() == "ok"


async def test_what_waits_at_the_end_is_still_stored(pool: Pool, clock: SettableClock, key: ApiKey) -> None:
    """Closing finishes what waits, and takes nothing more."""
    appender = Appender(pool, clock)
    tasks = [asyncio.create_task(appender.append(key.authority_id, append_request(registered()))) for _ in range(3)]
    await asyncio.sleep(0)

    await appender.close()

    assert [verdict(await each) for each in tasks] == [Verdict.STORED] * 3
    with pytest.raises(NotReady):
        await appender.append(key.authority_id, append_request(registered()))


async def test_closing_does_not_wait_for_ever(
    pool: Pool, clock: SettableClock, key: ApiKey, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is stuck behind a lock at the end, and behind that, is told to come again at once, and is not stored."""
    monkeypatch.setattr(appender_module, "CLOSING_SECONDS", 0.05)
    appender = Appender(pool, clock)
    await appender.append(key.authority_id, append_request(registered()))
    async with lock_held(database_url, key):
        stuck = asyncio.create_task(appender.append(key.authority_id, append_request(registered())))
        await eventually(lambda: key.authority_id in appender._lanes and not appender._lanes[key.authority_id].waiting)
        behind = asyncio.create_task(appender.append(key.authority_id, append_request(registered())))
        await asyncio.sleep(0)
        async with asyncio.timeout(LOCK_SECONDS - 1):
            await appender.close()

        results = await asyncio.gather(stuck, behind, return_exceptions=True)
        assert [type(each) for each in results] == [NotReady, NotReady]
    assert len(await Log(key.authority_id).stored(pool)) == 1


async def test_closing_stops_nobody_who_is_done(
    pool: Pool, clock: SettableClock, key: ApiKey, database_url: str
) -> None:
    """A caller in whose own task an append was going on is answered, and goes on with what it does, however long."""
    appender = Appender(pool, clock)
    await appender.append(key.authority_id, append_request(registered()))
    await eventually(lambda: not appender._lanes, about="the lane being free")
    done = asyncio.Event()

    async def caller() -> str:
        assert verdict(await appender.append(key.authority_id, append_request(registered()))) is Verdict.STORED
        await done.wait()
        return "went on"

    async with lock_held(database_url, key):
        task = asyncio.create_task(caller())
        await eventually(lambda: appender._lanes, about="the append being under way")
        assert appender._lanes[key.authority_id].task is task
        closing = asyncio.create_task(appender.close())
        await eventually(lambda: appender._closed)
    await closing

    with pytest.raises(NotReady):
        await appender.append(key.authority_id, append_request(registered()))
    assert not task.done()
    done.set()
    assert await task == "went on"
    assert len(await Log(key.authority_id).stored(pool)) == 2


async def test_a_connection_lost_during_an_append_is_answered_503(
    client: httpx.AsyncClient, key: ApiKey, database_url: str
) -> None:
    """The caller is told when to come again, and that is safe: the event is stored once."""
    await post(client, registered())
    event = registered()
    killer = await asyncpg.connect(database_url)
    waiting_pid = (
        "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = 'homeward-events' "
        "AND datname = current_database()"
    )
    async with lock_held(database_url, key):
        lost = asyncio.create_task(post(client, event))
        pid = await eventually(lambda: killer.fetchval(waiting_pid), about="the append waiting")
        await killer.execute("SELECT pg_terminate_backend($1)", pid)
        answer = await lost
    await killer.close()

    assert (answer.status_code, answer.json()["type"], answer.headers["retry-after"]) == (
        503,
        "/v1/problems/not-ready",
        "1",
    )
    assert statuses(await post(client, event)) == ["stored"]
    assert len(await feed(client)) == 2


async def test_a_commit_whose_answer_is_lost_is_found_by_trying_again(
    appender: Appender, key: ApiKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the commit took place and the connection was lost right after, the retry is a repetition."""
    transaction = Pool.transaction

    @asynccontextmanager
    async def lost_after_commit(self: Pool) -> AsyncIterator[Connection]:
        async with transaction(self) as connection:
            yield connection
        raise NotReady("the connection was lost during the commit")

    request = append_request(registered())
    with monkeypatch.context() as patched:
        patched.setattr(Pool, "transaction", lost_after_commit)
        with pytest.raises(NotReady):
            await appender.append(key.authority_id, request)

    assert verdict(await appender.append(key.authority_id, request)) is Verdict.DUPLICATE
