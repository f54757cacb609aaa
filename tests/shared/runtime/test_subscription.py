"""A reader of the log misses nothing, repeats nothing, and says when it cannot go on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from shared.domain.envelope import RecordedEvent
from shared.domain.errors import NotReady
from shared.runtime.database import driver_url
from shared.runtime.subscription import PAGE, SLOW_SECONDS, PositionGap, Progress, Subscription
from tests.support.council import new_authority
from tests.support.events import recorded
from tests.support.waiting import eventually


def event(position: int) -> RecordedEvent:
    return recorded("child.registered", "child-ada", {"occurred_on": "2026-01-15"}, position=position)


@dataclass
class Page:
    events: Sequence[RecordedEvent]
    at_head: bool


@dataclass
class Reader:
    """A log in memory, whose pages a test may falsify."""

    log: list[RecordedEvent] = field(default_factory=list)
    trouble: Exception | None = None

    async def read(self, authority_id: str, *, after: int, limit: int) -> Page:  # noqa: ARG002 - one log for all
        if self.trouble is not None:
            raise self.trouble
        behind = [each for each in self.log if each.position > after]
        return Page(behind[:limit], len(behind) <= limit)


class Projector:
    """Keeps its checkpoint in a table, as a service does."""

    subscription = "sample"

    def __init__(self) -> None:
        self.fail_at: int | None = None
        self.at_most: int | None = None

    async def checkpoint(self, connection: AsyncConnection, authority_id: str) -> int:
        await connection.execute(
            text("INSERT INTO sample.checkpoint VALUES (:a, 0) ON CONFLICT DO NOTHING"), {"a": authority_id}
        )
        locked = await connection.scalar(
            text("SELECT position FROM sample.checkpoint WHERE authority_id = :a FOR UPDATE"), {"a": authority_id}
        )
        return int(locked or 0)

    async def project(self, connection: AsyncConnection, authority_id: str, events: Sequence[RecordedEvent]) -> int:
        for each in events[: self.at_most]:
            await connection.execute(
                text("INSERT INTO sample.seen VALUES (:a, :p)"), {"a": authority_id, "p": each.position}
            )
            if each.position == self.fail_at:
                raise RuntimeError("a child's data")
        return each.position

    async def advance(self, connection: AsyncConnection, authority_id: str, position: int) -> None:
        await connection.execute(
            text("UPDATE sample.checkpoint SET position = :p WHERE authority_id = :a"),
            {"a": authority_id, "p": position},
        )


@pytest.fixture
async def engine(fresh_database_url: str) -> AsyncIterator[AsyncEngine]:
    opened = create_async_engine(driver_url(fresh_database_url))
    async with opened.begin() as connection:
        await connection.execute(text("CREATE SCHEMA sample"))
        await connection.execute(
            text("CREATE TABLE sample.checkpoint (authority_id text PRIMARY KEY, position bigint)")
        )
        await connection.execute(text("CREATE TABLE sample.seen (authority_id text, position bigint)"))
    yield opened
    await opened.dispose()


@pytest.fixture
async def council(fresh_database_url: str) -> str:
    return (await new_authority(fresh_database_url)).authority_id


async def seen(engine: AsyncEngine) -> list[int]:
    async with engine.connect() as connection:
        return list(await connection.scalars(text("SELECT position FROM sample.seen ORDER BY position")))


def following(engine: AsyncEngine, reader: Reader, projector: Projector | None = None) -> Subscription:
    return Subscription(engine, reader, projector or Projector(), pause_seconds=0.01)


async def test_every_event_is_projected_once_in_order(engine: AsyncEngine, council: str) -> None:
    """Page after page until the head, and nothing the next time."""
    reader = Reader([event(position) for position in range(1, PAGE + 11)])
    subscription = following(engine, reader)

    assert await subscription.step(council)
    assert not subscription.progress[council].at_head
    assert await subscription.step(council)
    assert subscription.progress[council].at_head
    assert not await subscription.step(council)
    assert await seen(engine) == list(range(1, PAGE + 11))


async def test_a_failure_writes_nothing_and_is_tried_again(engine: AsyncEngine, council: str) -> None:
    """Half a page is undone; the error shows without its text until a later try succeeds."""
    projector = Projector()
    projector.fail_at = 2
    subscription = following(engine, Reader([event(1), event(2), event(3)]), projector)

    assert await subscription.attempt(council) is None
    assert await seen(engine) == []
    assert subscription.progress[council].error == "RuntimeError after position 0"

    projector.fail_at = None
    assert await subscription.attempt(council) is True
    assert await seen(engine) == [1, 2, 3]
    assert subscription.progress[council].error is None


async def test_a_gap_stops_rather_than_skips(engine: AsyncEngine, council: str) -> None:
    """A page that does not begin right behind the checkpoint is an error."""
    subscription = following(engine, Reader([event(1), event(2)]))
    await subscription.step(council)
    subscription = following(engine, Reader([event(4)]))

    with pytest.raises(PositionGap):
        await subscription.step(council)
    assert await seen(engine) == [1, 2]


async def test_two_replicas_project_each_event_once(engine: AsyncEngine, council: str) -> None:
    """The locked checkpoint lets one work while the other waits."""
    reader = Reader([event(position) for position in range(1, 51)])

    await asyncio.gather(*(following(engine, reader).step(council) for _ in range(4)))

    assert await seen(engine) == list(range(1, 51))


async def test_one_authority_s_slowness_does_not_hold_up_another(
    engine: AsyncEngine, council: str, fresh_database_url: str
) -> None:
    """While a step of one takes for ever, the others are followed to the head."""
    other = (await new_authority(fresh_database_url)).authority_id

    class Stuck(Reader):
        async def read(self, authority_id: str, *, after: int, limit: int) -> Page:
            if authority_id == council:
                await asyncio.Event().wait()
            return await super().read(authority_id, after=after, limit=limit)

    subscription = following(engine, Stuck([event(1), event(2)]))
    task = asyncio.create_task(subscription.run())
    try:
        await eventually(lambda: subscription.caught_up(other) == 2)
        assert subscription.caught_up(council) is None
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_step_that_takes_long_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step that has gone on for over a minute shows as trouble while it goes on."""
    now = 1000.0
    monkeypatch.setattr("shared.runtime.subscription.monotonic", lambda: now)
    progress = Progress(position=7, step_began=now - SLOW_SECONDS - 1)

    assert progress.trouble() == "one step has taken 61 s so far after position 7"
    assert Progress(position=7, step_began=now - 1).trouble() is None


async def test_a_projector_may_stop_within_a_page(engine: AsyncEngine, council: str) -> None:
    """The checkpoint moves as far as the projector got, and the rest comes with the next steps."""
    projector = Projector()
    projector.at_most = 2
    subscription = following(engine, Reader([event(1), event(2), event(3)]), projector)

    assert await subscription.step(council)
    assert subscription.caught_up(council) is None
    assert await subscription.attempt(council)
    assert subscription.caught_up(council) == 3
    assert await seen(engine) == [1, 2, 3]


async def test_it_follows_until_it_is_cancelled(engine: AsyncEngine, council: str) -> None:
    """New events are seen without being asked for, after trouble too."""
    reader = Reader([event(1)], trouble=NotReady("away"))
    subscription = following(engine, reader)
    task = asyncio.create_task(subscription.run())
    try:
        await eventually(lambda: subscription.progress.get(council) and subscription.progress[council].error)
        reader.trouble = None
        await eventually(lambda: subscription.progress[council].position == 1)
        reader.log.append(event(2))
        await eventually(lambda: subscription.progress[council].position == 2)
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await seen(engine) == [1, 2]
