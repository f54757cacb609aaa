"""Processes that follow the log together miss nothing, repeat nothing, and stand in for each other."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from time import monotonic

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.client.event_log import Page
from shared.runtime.leases import briefly
from shared.runtime.progress import SLOW_SECONDS, Progress
from shared.runtime.projecting import PAGE
from shared.runtime.subscription import Subscription
from tests.shared.runtime.following import (
    Projector,
    Reader,
    event,
    events,
    following,
    leases,
    make_tables,
    running,
    seen,
)
from tests.support.council import new_authority
from tests.support.servers import migrated_server, server_folder
from tests.support.waiting import eventually


async def more_authorities(database_url: str, number: int) -> list[str]:
    return [(await new_authority(database_url)).authority_id for _ in range(number)]


def followed(subscription: Subscription) -> set[str]:
    return set(subscription.progress)


async def test_every_event_is_projected_once_in_order(engine: AsyncEngine, council: str) -> None:
    """Page after page until the head, and nothing the next time."""
    subscription = following(engine, Reader(events(1, PAGE + 10)))
    assert await subscription.step(council)
    assert subscription.caught_up(council) is None
    assert await subscription.step(council)
    assert subscription.caught_up(council) == PAGE + 10
    assert not await subscription.step(council)
    assert await seen(engine, council) == list(range(1, PAGE + 11))


async def test_a_projector_may_stop_within_a_page(engine: AsyncEngine, council: str) -> None:
    """The checkpoint moves as far as the projector got, and the rest comes with the next steps."""
    projector = Projector()
    projector.at_most = 2
    subscription = following(engine, Reader(events(1, 3)), projector)
    assert await subscription.step(council)
    assert subscription.caught_up(council) is None
    assert await subscription.step(council)
    assert subscription.caught_up(council) == 3
    assert await seen(engine, council) == [1, 2, 3]


async def test_new_events_and_new_councils_are_followed(
    engine: AsyncEngine, council: str, fresh_database_url: str
) -> None:
    """What is appended, and whoever is added, is seen without being asked for."""
    reader = Reader(events(1, 1))
    subscription = following(engine, reader)
    async with running(subscription):
        await eventually(lambda: subscription.caught_up(council) == 1)
        reader.log.append(event(2))
        await eventually(lambda: subscription.caught_up(council) == 2)
        (other,) = await more_authorities(fresh_database_url, 1)
        await eventually(lambda: subscription.caught_up(other) == 2)
    assert await seen(engine, council) == await seen(engine, other) == [1, 2]


async def test_one_authority_s_slowness_does_not_hold_up_another(
    engine: AsyncEngine, council: str, fresh_database_url: str
) -> None:
    """While a read for one takes for ever, the others are followed to the head."""
    (other,) = await more_authorities(fresh_database_url, 1)

    class Stuck(Reader):
        async def read(self, authority_id: str, *, after: int, limit: int, wait_seconds: float = 0.0) -> Page:
            if authority_id == council:
                await asyncio.Event().wait()
            return await super().read(authority_id, after=after, limit=limit, wait_seconds=wait_seconds)

    subscription = following(engine, Stuck(events(1, 2)))
    async with running(subscription):
        await eventually(lambda: subscription.caught_up(other) == 2)
        assert subscription.caught_up(council) is None


async def test_at_rest_it_asks_next_to_nothing(engine: AsyncEngine, council: str) -> None:
    """At the head of the log one read waits, so that a second is not spent on asking."""
    reader = Reader(events(1, 3))
    subscription = following(engine, reader)
    async with running(subscription):
        await eventually(lambda: subscription.caught_up(council) == 3)
        before, until = reader.reads, monotonic() + 1.0
        await eventually(lambda: monotonic() > until)
        assert reader.reads - before <= 1


async def test_a_log_that_does_not_wait_is_not_asked_without_end(engine: AsyncEngine, council: str) -> None:
    """An answer that comes at once with nothing is followed by a pause."""

    class Hasty(Reader):
        async def read(self, authority_id: str, *, after: int, limit: int, wait_seconds: float = 0.0) -> Page:
            return await super().read(authority_id, after=after, limit=limit, wait_seconds=wait_seconds * 0)

    reader = Hasty(events(1, 3))
    subscription = following(engine, reader)
    async with running(subscription):
        await eventually(lambda: subscription.caught_up(council) == 3)
        before, until = reader.reads, monotonic() + 1.0
        await eventually(lambda: monotonic() > until)
        assert reader.reads - before <= 5


async def test_replicas_share_the_work(engine: AsyncEngine, fresh_database_url: str) -> None:
    """Of six councils two processes follow three each, one that comes later included, and everything once."""
    councils = await more_authorities(fresh_database_url, 6)
    reader = Reader(events(1, 30))
    first, second = following(engine, reader), following(engine, reader)
    async with running(first):
        await eventually(lambda: all(first.caught_up(each) == 30 for each in councils))
        async with running(second):
            await eventually(lambda: (len(followed(first)), len(followed(second))) == (3, 3))
            assert followed(first) | followed(second) == set(councils)
            reader.log += events(31, 60)
            await eventually(lambda: all(60 in (first.caught_up(each), second.caught_up(each)) for each in councils))
            theirs = followed(second)
            assert {name for name, of in first.figures().items() if of["state"] == "standby"} == theirs
        await eventually(lambda: followed(first) == set(councils), within=first._lasting.total_seconds() + 5)
    for each in councils:
        assert await seen(engine, each) == list(range(1, 61))


async def test_what_is_stopped_in_order_is_taken_over_at_once(engine: AsyncEngine, council: str) -> None:
    """A process that stops lets go of its leases: with leases of an hour nobody waits for one."""
    reader = Reader(events(1, 3))
    first = following(engine, reader, lease_seconds=3600)
    async with running(first):
        await eventually(lambda: first.caught_up(council) == 3)
    second = following(engine, reader)
    async with running(second):
        await eventually(lambda: second.caught_up(council) == 3)


async def take_over(engine: AsyncEngine, council: str) -> None:
    """Hold the council's lease in another process's name."""
    async with briefly(engine) as connection:
        token = (await leases.held(connection, [council]))[council].token
        assert await leases.take(connection, council, "another", timedelta(hours=1), over=token) is not None


async def test_a_process_that_was_taken_over_from_writes_nothing(engine: AsyncEngine, council: str) -> None:
    """A page whose transaction is open when another process takes over is undone, whole."""
    projector = Projector()
    projector.pause()
    subscription = following(engine, Reader(events(1, 9)), projector, lease_seconds=60)
    async with running(subscription):
        await projector.pausing.wait()
        await take_over(engine, council)
        projector.going_on.set()
        await eventually(subscription._tasks[council].done)
        assert await seen(engine, council) == []
        assert subscription.caught_up(council) is None
        await subscription._beat()
        assert subscription.figures()[council] == {"state": "standby", "holder": "another"}


async def test_who_may_have_lost_its_lease_does_not_see_the_end(
    engine: AsyncEngine, council: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a pause as long as a lease, or as a read, nothing is said about the head of the log."""
    subscription = following(engine, Reader(events(1, 3)), lease_seconds=60)
    async with running(subscription):
        await eventually(lambda: subscription.caught_up(council) == 3)
        for pause in (61.0, 31.0):
            later = monotonic() + pause
            monkeypatch.setattr("shared.runtime.subscription.monotonic", lambda later=later: later)
            assert subscription.caught_up(council) is None


async def test_a_step_that_takes_long_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step that has gone on for over a minute shows as trouble while it goes on."""
    now = 1000.0
    monkeypatch.setattr("shared.runtime.progress.monotonic", lambda: now)
    progress = Progress(position=7, step_began=now - SLOW_SECONDS - 1)
    assert progress.trouble() == "one step has taken 61 s so far after position 7"
    assert Progress(position=7, step_began=now - 1).trouble() is None


async def test_a_process_in_trouble_takes_nothing_from_others(engine: AsyncEngine, fresh_database_url: str) -> None:
    """Who cannot project what it has does not ask for more."""
    councils = await more_authorities(fresh_database_url, 5)
    well, projector = following(engine, Reader(events(1, 3))), Projector()
    projector.fail_at = 1
    ill = following(engine, Reader(events(1, 9)), projector)
    async with running(well):
        await eventually(lambda: all(well.caught_up(each) == 3 for each in councils))
        async with briefly(engine) as connection:
            await leases.release(connection, well._holder, councils[:1])
            await connection.execute(text("DELETE FROM sample.checkpoint WHERE authority_id = :a"), {"a": councils[0]})
            token = await leases.take(connection, councils[0], ill._holder, timedelta(hours=1))
        assert token is not None
        ill._start(councils[0], token)
        await eventually(lambda: ill.troubles)
        await ill._beat()
        assert followed(ill) == {councils[0]}
        await ill._let_go()


async def test_a_database_that_dies_and_comes_back_is_followed_on() -> None:
    """After kill -9 of PostgreSQL the loop goes on by itself, from where the last commit was."""
    with server_folder() as folder, migrated_server(folder) as own:
        engine = await make_tables(own.url)
        try:
            (council,) = await more_authorities(own.url, 1)
            reader = Reader(events(1, 3))
            subscription = following(engine, reader)
            async with running(subscription):
                await eventually(lambda: subscription.caught_up(council) == 3)
                own.kill()
                reader.log += events(4, 6)
                await eventually(lambda: subscription.caught_up(council) == 6, within=60)
                await eventually(lambda: subscription.error is None and not subscription.troubles)
            assert await seen(engine, council) == [1, 2, 3, 4, 5, 6]
        finally:
            await engine.dispose()
