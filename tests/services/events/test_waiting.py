"""Long polls: answered at once when an append commits, and otherwise when the wait is over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
import pytest
from fastapi import FastAPI

from services.events import wake as wake_module
from services.events.api import read
from services.events.api.turns import Turns
from services.events.app import create_app
from services.events.store.connection import Pool
from services.events.wake import Wake
from shared.client.event_log import EventLog
from shared.domain.errors import NotReady, TooManyWaiting
from shared.identity.keys import ApiKey
from shared.runtime.settings import Settings
from tests.conftest import SERVICE_TOKEN
from tests.services.events.posting import post, post_batch, registered
from tests.support.clients import asgi_client
from tests.support.council import new_authority
from tests.support.serving import http_client, serving
from tests.support.waiting import eventually

#: Much longer than an append takes, much shorter than a wait.
SOON = 5.0


def waiting(app: FastAPI) -> int:
    wake: Wake = app.state.wake
    return wake._count


async def poll(client: httpx.AsyncClient, query: str) -> tuple[list[int], int, bool, int]:
    answer = await client.get(f"/v1/events?{query}")
    assert answer.status_code == 200, answer.text
    page = answer.json()
    return [each["position"] for each in page["events"]], page["next_after"], page["at_head"], page["head"]


async def test_the_end_that_is_told_is_that_of_the_answer(
    client: httpx.AsyncClient, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the log ended when the wait began is of no use to whoever is answered half a minute later."""
    monkeypatch.setattr(Wake, "appended", lambda *_: None)  # so that it is not woken
    waits = asyncio.create_task(poll(client, "after=5&wait=0.8"))
    await eventually(lambda: waiting(app) == 1)
    await post(client, registered())

    assert await waits == ([], 5, True, 1)


async def test_an_append_is_answered_to_whoever_waits(
    client: httpx.AsyncClient, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page comes as soon as the event is committed, and nobody looked at the database meanwhile."""
    monkeypatch.setattr(wake_module, "LOOK_SECONDS", 3600.0)
    polls = [asyncio.create_task(poll(client, "wait=30")) for _ in range(20)]
    await eventually(lambda: waiting(app) == 20)

    async with asyncio.timeout(SOON):
        await post_batch(client, [registered(), registered()])
        assert await asyncio.gather(*polls) == [([1, 2], 2, True, 2)] * 20
    assert waiting(app) == 0


async def test_who_is_behind_is_answered_at_once(client: httpx.AsyncClient) -> None:
    """There is nothing to wait for where there is something to read."""
    await post_batch(client, [registered(), registered()])

    async with asyncio.timeout(SOON):
        assert await poll(client, "wait=30&limit=1") == ([1], 1, False, 2)


async def test_silence_is_answered_when_the_wait_is_over(client: httpx.AsyncClient) -> None:
    """An empty page says that the reader is at the end."""
    await post(client, registered())

    assert await poll(client, "wait=0.05&after=1") == ([], 1, True, 1)
    assert await poll(client, "wait=0.05&after=9") == ([], 9, True, 1)
    assert await poll(client, "wait=0") == ([1], 1, True, 1)


async def test_who_has_no_turn_when_the_wait_is_over_is_answered_what_is_known(
    client: httpx.AsyncClient, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page in hand is answered, and says that it reached the head: somebody has looked a moment ago."""
    monkeypatch.setattr(read, "LAST_LOOK_SECONDS", 0.2)
    monkeypatch.setattr(wake_module, "LOOK_SECONDS", 0.1)
    await post(client, registered())
    waits = asyncio.create_task(poll(client, "after=1&wait=1"))
    await eventually(lambda: waiting(app) == 1)
    async with asyncio.timeout(SOON), all_turns(app):
        await eventually(lambda: app.state.wake._looked_at > 0)
        monkeypatch.setattr(wake_module, "LOOK_SECONDS", 60.0)  # so that what was looked at is a moment ago
        assert await waits == ([], 1, True, 1)


@pytest.mark.parametrize("told", [True, False], ids=["told of an append", "told nothing"])
async def test_who_has_no_turn_is_not_told_that_nothing_is_there(
    client: httpx.AsyncClient, app: FastAPI, monkeypatch: pytest.MonkeyPatch, *, told: bool
) -> None:
    """Where there may be more, known or not, the answer says so in time, and the reader comes back for it."""
    monkeypatch.setattr(read, "LAST_LOOK_SECONDS", 0.2)
    monkeypatch.setattr(Wake, "_look", asyncio.Event().wait)  # the database does not answer
    await post(client, registered())
    waits = asyncio.create_task(poll(client, "after=1&wait=1"))
    await eventually(lambda: waiting(app) == 1)
    async with asyncio.timeout(SOON), all_turns(app):
        if told:
            await post(client, registered())
        assert await waits == ([], 1, False, 1)
    assert await poll(client, "after=1&wait=1") == (([2], 2, True, 2) if told else ([], 1, True, 1))


@asynccontextmanager
async def all_turns(app: FastAPI) -> AsyncIterator[None]:
    """Have every turn at reading, once nobody reads."""
    turns: Turns = app.state.turns
    await eventually(lambda: not turns._reading)
    async with AsyncExitStack() as taken:
        while turns._free:
            await taken.enter_async_context(turns.turn("somebody"))
        yield


async def test_what_was_known_is_not_waited_for(client: httpx.AsyncClient) -> None:
    """The log as it was known at an instant does not grow."""
    async with asyncio.timeout(SOON):
        assert await poll(client, "wait=30&known_at=2026-06-11T10:30:00Z") == ([], 0, True, 0)


async def test_a_filter_waits_for_what_it_admits(client: httpx.AsyncClient, app: FastAPI) -> None:
    """Other events wake it, are looked at once, and are not answered."""
    polling = asyncio.create_task(poll(client, "wait=30&child=b2"))
    await eventually(lambda: waiting(app) == 1)

    async with asyncio.timeout(SOON):
        await post(client, registered("a1"))
        await post(client, registered("b2"))
        assert await polling == ([2], 2, True, 2)


@pytest.mark.parametrize("wait", ["-1", "31", "30.001", "1e1", "nan", "x", "", "1_0", " 1", "0x1", "1.0000"])
async def test_a_wait_that_breaks_a_rule_is_refused(client: httpx.AsyncClient, wait: str) -> None:
    """Seconds are written as a number from 0 to 30."""
    answer = await client.get("/v1/events", params={"wait": wait})

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "?wait")


async def test_another_process_is_heard(
    client: httpx.AsyncClient, app: FastAPI, settings: Settings, key: ApiKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What another process appends wakes who waits here, without a look at the database."""
    monkeypatch.setattr(wake_module, "LOOK_SECONDS", 3600.0)
    other_app = create_app(settings)
    async with asgi_client(other_app, key) as other:
        await eventually(lambda: {app.state.hints.state, other_app.state.hints.state} == {"heard"})
        polling = asyncio.create_task(poll(client, "wait=30"))
        await eventually(lambda: waiting(app) == 1)
        async with asyncio.timeout(SOON):
            await post(other, registered())
            assert await polling == ([1], 1, True, 1)


async def test_a_lost_hint_costs_no_more_than_a_second(
    client: httpx.AsyncClient, app: FastAPI, settings: Settings, key: ApiKey
) -> None:
    """Where no hint arrives the database is looked at."""
    app.state.hints._hear = lambda _: None
    async with asgi_client(create_app(settings), key) as other:
        polling = asyncio.create_task(poll(client, "wait=30"))
        await eventually(lambda: waiting(app) == 1)
        async with asyncio.timeout(SOON):
            await post(other, registered())
            assert await polling == ([1], 1, True, 1)


async def test_places_are_bounded(client: httpx.AsyncClient, app: FastAPI, database_url: str, key: ApiKey) -> None:
    """Beyond the bound a reader is told so; other authorities and the services of the product are not held up."""
    app.state.wake._per_authority = 2
    polls = [asyncio.create_task(client.get("/v1/events?wait=30")) for _ in range(2)]
    await eventually(lambda: waiting(app) == 2)

    refused = [await client.get("/v1/events?wait=1"), await client.get("/v1/events/live")]
    assert [(each.status_code, each.headers["retry-after"]) for each in refused] == [(429, "1")] * 2
    assert refused[0].json()["type"] == "/v1/problems/too-many-waiting"
    assert (await client.get("/v1/events")).status_code == 200
    other = await new_authority(database_url)
    elsewhere = await client.get("/v1/events?wait=0.01", headers={"authorization": f"Bearer {other}"})
    assert elsewhere.status_code == 200
    del client.headers["authorization"]
    sister = await EventLog(client, SERVICE_TOKEN).read(key.authority_id, after=0, limit=1, wait_seconds=0.01)
    assert sister.at_head

    await asyncio.gather(*map(cancelled, polls))
    await eventually(lambda: waiting(app) == 0)


async def cancelled(task: asyncio.Task[httpx.Response]) -> None:
    task.cancel()
    await asyncio.wait((task,))


async def test_a_process_has_only_so_many_places() -> None:
    """When the places of the whole process are taken it says that it is not ready for more."""
    wake = Wake(None, per_authority=5, at_most=2)  # type: ignore[arg-type]  # nothing is looked at here
    with wake.waiter("a"), wake.waiter("b"):
        with pytest.raises(NotReady), wake.waiter("c"):
            pass
        with wake.waiter("c", bounded=False):
            pass


async def test_a_process_that_stops_answers_its_own_services_at_once(
    client: httpx.AsyncClient, app: FastAPI, key: ApiKey
) -> None:
    """Those that follow the log in the same process end after it: they wait no more, and see no trouble."""
    await post(client, registered())
    app.state.before_stop()
    assert (await client.get("/v1/events?wait=30&after=1")).status_code == 503

    del client.headers["authorization"]
    async with asyncio.timeout(SOON):
        page = await EventLog(client, SERVICE_TOKEN).read(key.authority_id, after=1, limit=1, wait_seconds=30)
    assert (page.events, page.head) == ([], 1)


async def test_an_authority_has_only_so_many_places() -> None:
    """The bound of one authority is no other's, and a place that was left can be taken again."""
    wake = Wake(None, per_authority=2)  # type: ignore[arg-type]  # nothing is looked at here
    for _ in range(2):
        with wake.waiter("a"), wake.waiter("a"), wake.waiter("b"), pytest.raises(TooManyWaiting), wake.waiter("a"):
            pass


async def test_no_append_falls_between_reading_and_waiting() -> None:
    """An append that is told while the log is being read ends the wait that follows."""
    wake = Wake(None)  # type: ignore[arg-type]  # nothing is looked at here
    with wake.waiter("a") as waiter:
        waiter.watch()
        wake.appended("a", 1)
        waiter.saw(0)
        assert await waiter.wait(0)
        waiter.watch()
        waiter.saw(1)
        wake.appended("a", 1)
        wake.appended("b", 2)
        assert not await waiter.wait(0)


async def test_a_log_that_ends_earlier_wakes_whoever_saw_it_end_later(pool: Pool, key: ApiKey) -> None:
    """Whoever waits behind the end of a restored log has to learn of it; who read on meanwhile has lost nothing."""
    wake = Wake(pool)  # over an empty log
    with wake.waiter(key.authority_id) as behind, wake.waiter(key.authority_id) as at_end:
        behind.saw(3)
        await wake._look()
        assert await behind.wait(0)
        assert not await at_end.wait(0)

    with wake.waiter(key.authority_id) as behind, wake.waiter(key.authority_id) as reading:
        behind.saw(3)
        looking = asyncio.create_task(wake._look())
        await asyncio.sleep(0)  # it has asked
        reading.saw(1)
        await looking
        assert await behind.wait(0)
        assert not await reading.wait(0)

    with wake.waiter(key.authority_id) as behind:
        behind.saw(3)
        wake.appended(key.authority_id, 2)
        assert await behind.wait(0)


async def test_a_caller_that_leaves_frees_its_place_at_once(app: FastAPI, key: ApiKey) -> None:
    """A closed connection ends the wait, long before its time."""
    async with serving(app) as base_url, http_client(base_url, key) as client:
        polling = asyncio.create_task(client.get("/v1/events?wait=30"))
        await eventually(lambda: waiting(app) == 1)
        await cancelled(polling)
        await eventually(lambda: waiting(app) == 0, within=2)


async def test_waiting_holds_no_database_connection(client: httpx.AsyncClient, app: FastAPI) -> None:
    """Many more may wait than there are connections, and appends go on."""
    polls = [asyncio.create_task(poll(client, "wait=30&after=1")) for _ in range(50)]
    await eventually(lambda: waiting(app) == 50)

    async with asyncio.timeout(SOON):
        await post(client, registered())
        assert await poll(client, "after=0") == ([1], 1, True, 1)
        await post(client, registered())
        assert await asyncio.gather(*polls) == [([2], 2, True, 2)] * 50
