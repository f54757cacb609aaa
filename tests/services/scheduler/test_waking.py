"""The scheduler's loops work when there is something to do, and leave the database alone when there is not.

In these tests no loop looks by itself within the time of a test: only what wakes it can.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from services.scheduler import delivery, refresh, tick
from services.scheduler.model import NoticeKind, Outcome
from services.scheduler.refresh import Refresher
from services.scheduler.store import queue
from services.scheduler.tick import Tick
from shared.runtime.background import Loop
from shared.runtime.settings import Settings
from tests.services.scheduler.receiver import answering, receiver
from tests.services.scheduler.scene import Scene, accommodate, hold_review, scene
from tests.services.scheduler.served import Served, served
from tests.services.scheduler.test_delivery import LEASE, Scripted
from tests.support.clock import SettableClock
from tests.support.waiting import eventually

NEVER = 3600.0


@pytest.fixture(autouse=True)
def _look_by_itself_never(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (delivery, refresh, tick):
        monkeypatch.setattr(module, "LONGEST_SECONDS", NEVER)


@pytest.fixture
async def council(fresh_database_url: str, clock: SettableClock) -> AsyncIterator[Scene]:
    """Yield a council on a database of its own."""
    async with scene(fresh_database_url, clock) as opened:
        yield opened


@asynccontextmanager
async def running(loop: Loop) -> AsyncIterator[None]:
    task = asyncio.create_task(loop.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@contextmanager
def statements(council: Scene) -> Iterator[list[str]]:
    """Collect what is asked of the database."""
    asked: list[str] = []

    def hear(*arguments: Any) -> None:
        asked.append(arguments[2])

    event.listen(council.engine.sync_engine, "before_cursor_execute", hear)
    yield asked
    event.remove(council.engine.sync_engine, "before_cursor_execute", hear)


async def quiet(asked: list[str]) -> None:
    """Wait until nothing is asked any more over several looks at the clock."""

    async def nothing_new() -> bool:
        before = len(asked)
        await asyncio.sleep(0.2)
        return len(asked) == before

    await eventually(nothing_new)


async def owe(council: Scene) -> None:
    """Commit a notice that is owed to an endpoint."""
    accommodate(council.log, "2026-01-15")
    hold_review(council.log, "2026-02-10")
    await council.catch_up()


async def test_idle_loops_ask_the_database_nothing(council: Scene) -> None:
    """They look at the clock only: what nobody changes cannot have become due."""
    await council.add_endpoint("http://127.0.0.1:1/")
    await council.catch_up()
    with statements(council) as asked:
        async with (
            running(council.dispatcher(Scripted(Outcome(status=200)))),
            running(council.tick()),
            running(council.refresher()),
        ):
            await eventually(lambda: asked)
            await quiet(asked)


async def test_what_was_committed_goes_out_when_it_rings(council: Scene) -> None:
    """A dispatcher that sleeps sends as soon as it hears of a delivery."""
    await council.add_endpoint("http://127.0.0.1:1/", [NoticeKind.HELD])
    scripted = Scripted(Outcome(status=200))
    dispatcher = council.dispatcher(scripted)
    with statements(council) as asked:
        async with running(dispatcher):
            await eventually(lambda: asked)
            await quiet(asked)
            await owe(council)
            assert scripted.urls == []
            dispatcher.ring()
            await eventually(lambda: scripted.urls)


async def test_a_retry_goes_out_at_its_hour(council: Scene, clock: SettableClock) -> None:
    """What failed is sent again when its time comes, and not before, though nobody rings."""
    await council.add_endpoint("http://127.0.0.1:1/", [NoticeKind.HELD])
    await owe(council)
    scripted = Scripted(Outcome(status=500), Outcome(status=200))
    async with running(council.dispatcher(scripted)):
        await eventually(lambda: scripted.urls)
        again_at = await eventually(lambda: retry_at(council, clock.now()))
        assert again_at is not None
        clock.set(again_at - timedelta(seconds=1))
        await asyncio.sleep(0.2)
        assert len(scripted.urls) == 1
        clock.set(again_at)
        await eventually(lambda: len(scripted.urls) == 2)


async def retry_at(council: Scene, now: datetime) -> datetime | None:
    """Return when the next attempt is due, once the first one has been recorded and its lease is given back."""
    async with council.engine.connect() as connection:
        (each,) = await queue.owed(connection, [council.authority_id])
    return each.due_at if each.due_at not in {now, now + LEASE} else None


async def test_what_a_stopped_process_had_leased_goes_out_when_the_lease_ends(
    council: Scene, clock: SettableClock
) -> None:
    """A lease that nobody gives back is waited for, and its end is met by the clock."""
    endpoint_id, _ = await council.add_endpoint("http://127.0.0.1:1/", [NoticeKind.HELD])
    await owe(council)
    async with council.engine.begin() as connection:
        lost = await queue.claim(connection, council.authority_id, endpoint_id, now=clock.now(), lease=LEASE, limit=9)
    scripted = Scripted(Outcome(status=200))
    with statements(council) as asked:
        async with running(council.dispatcher(scripted)):
            await eventually(lambda: asked)
            await quiet(asked)
            assert lost
            assert scripted.urls == []
            clock.set(clock.now() + LEASE)
            await eventually(lambda: len(scripted.urls) == len(lost))


async def test_a_new_day_is_noticed(council: Scene, clock: SettableClock) -> None:
    """When the civil day changes, what is due on it is told, though no event came."""
    accommodate(council.log, "2026-06-01")
    await council.catch_up()
    with statements(council) as asked:
        async with running(council.tick()):
            await eventually(lambda: asked)
            await quiet(asked)
            assert await council.notices() == []
            clock.set(datetime.fromisoformat("2026-06-28T22:59:59+00:00"))
            await quiet(asked)
            assert await council.notices() == []
            clock.set(datetime.fromisoformat("2026-06-28T23:00:00+00:00"))

            async def told() -> bool:
                return len(await council.notices(NoticeKind.APPROACHING)) == 1

            await eventually(told)


async def test_a_reader_that_has_caught_up_lets_the_tick_go_on(council: Scene, clock: SettableClock) -> None:
    """A tick that was held up by a reader goes on when the reader is at the head of its log, though nobody rings."""
    accommodate(council.log, "2026-01-15")
    await council.catch_up()
    position: list[int] = []
    held_up = Tick(council.engine, clock, lambda _: position[0] if position else None, pause_seconds=0.01)
    with statements(council) as asked:
        async with running(held_up):
            await eventually(lambda: asked)
            await quiet(asked)
            assert await council.notices() == []
            position.append(len(council.log.events))

            async def told() -> bool:
                return len(await council.notices(NoticeKind.MISSED)) == 1

            await eventually(told)


async def test_whoever_makes_notices_says_so(council: Scene) -> None:
    """Tick and refresh tell those who send, after the commit."""
    accommodate(council.log, "2026-01-15")
    await council.catch_up()
    heard: list[int] = []

    async def count() -> int:
        return len(await council.notices())

    ticking = Tick(
        council.engine, council.clock, council.subscription.caught_up, pause_seconds=1, told=lambda: heard.append(1)
    )
    await ticking.round()
    # One commit for each of the thresholds, which were crossed on days of their own.
    told = await count()
    assert told > 1
    assert heard == [1] * told
    await ticking.round()
    assert heard == [1] * told
    refreshing = Refresher(council.engine, council.clock, pause_seconds=1, refreshed=lambda: heard.append(2))
    await refreshing.round()
    assert heard == [*[1] * told, 2]


@pytest.fixture
async def program(settings: Settings, clock: SettableClock) -> AsyncIterator[Served]:
    allowing = settings.model_copy(update={"webhook_allow": "127.0.0.1/32:*"})
    async with served(allowing, clock) as opened:
        yield opened


async def test_a_webhook_goes_out_because_an_event_came(program: Served) -> None:
    """From the event to the receiver nobody waits for a look at the database; nor does a delivery asked for again."""
    async with receiver(answering(200)) as receiving:
        made = await program.client.post("/v1/webhook-endpoints", json={"url": receiving.url})
        assert made.status_code == 201, made.text
        accommodate(program.log, "2026-01-15")
        hold_review(program.log, "2026-02-10")
        await eventually(lambda: receiving.got)
        path = f"/v1/webhook-endpoints/{made.json()['endpoint_id']}/deliveries"

        async def delivered() -> list[dict[str, Any]]:
            items: list[dict[str, Any]] = (await program.get(path))["items"]
            return items if all(each["state"] == "delivered" for each in items) else []

        first = (await eventually(delivered))[0]["notice_id"]

        def sent() -> int:
            # Notices of the second event may still be on their way, so only this one's are counted.
            return sum(got.headers["webhook-id"] == f"msg_{first}" for got in receiving.got)

        assert sent() == 1
        assert (await program.client.post(f"{path}/{first}/replay")).status_code == 202
        await eventually(lambda: sent() == 2)


async def test_a_webhook_goes_out_because_a_day_began(program: Served, clock: SettableClock) -> None:
    """The clock alone makes a notice, and the notice is sent at once."""
    async with receiver(answering(200)) as receiving:
        await program.client.post("/v1/webhook-endpoints", json={"url": receiving.url})
        accommodate(program.log, "2026-06-01")
        await program.catch_up()
        clock.set(datetime.fromisoformat("2026-06-29T08:00:00+00:00"))
        await eventually(lambda: receiving.got)
