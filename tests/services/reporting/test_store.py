"""The read model on a real database: always what a fold of the log gives, however it came about."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from random import Random

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from services.reporting.model import ChildRecord, EpisodeRecord, Journey
from services.reporting.projection import EDITION, project
from services.reporting.store import journeys, log
from services.reporting.store.journeys import Asked, Wanted
from services.reporting.worker import JourneyProjector
from shared.client.event_log import Page
from shared.domain.envelope import RecordedEvent
from shared.domain.history import facts
from shared.domain.ids import child_of_stream
from shared.identity.keys import ApiKey
from shared.runtime.database import create_engine, snapshot
from shared.runtime.subscription import Consumer, PositionGap, Subscription
from tests.services.reporting.telling import START, child, day
from tests.services.reporting.test_projection_laws import KINDS, tell
from tests.support.clock import SettableClock
from tests.support.council import new_authority
from tests.support.events import EPOCH, Log

FAR = date(2199, 12, 31)
CHILDREN = ("ada", "bea", "cal")


class Reader:
    """Reads a hand-written log in pages of any size, up to where it may see."""

    def __init__(self, written: Log) -> None:
        self.log = written
        self.page_size = 1000
        self.skip = 0

    async def read(self, authority_id: str, *, after: int, limit: int, wait_seconds: float = 0.0) -> Page:
        del wait_seconds  # The loops are turned by hand.
        after += self.skip
        head = len(self.log.events)
        events = self.log.events[after : after + min(limit, self.page_size)]
        assert all(event.authority_id == authority_id for event in events)
        return Page(events, at_head=after + len(events) == head, head=head)


def following(engine: AsyncEngine, reader: Reader) -> Subscription:
    """Reporting's subscription, to be turned by hand."""
    consumer = Consumer(engine, reader, JourneyProjector(), log.log_copy, log.leases, SettableClock(EPOCH))
    return Subscription(consumer, lease_seconds=1.0)


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """An engine in the role of reporting."""
    opened = create_engine(database_url, service="reporting")
    yield opened
    await opened.dispose()


@pytest.fixture
async def key(database_url: str) -> ApiKey:
    """A council that no other test uses."""
    return await new_authority(database_url)


def random_log(authority_id: str, seed: int, length: int = 60) -> Log:
    """A log of three children: things that occurred in any order, corrected, taken back, recorded late."""
    random, written = Random(seed), Log(authority_id)
    for _ in range(length):
        one = child(random.choice(CHILDREN), written)
        earlier = [event for event in written.events if event.stream == one.stream and "record." not in event.type]
        what = random.random()
        if earlier and what < 0.15:
            one.corrected(random.choice(earlier), 61, occurred_on=day(random.randrange(60)).isoformat())
        elif earlier and what < 0.2:
            one.retracted(random.choice(earlier), 61)
        else:
            tell(one, random.choice(KINDS), random.randrange(60), random.randrange(4))
    written.events[:] = [_recorded_in_order(event, number) for number, event in enumerate(written.events)]
    return written


def _recorded_in_order(event: RecordedEvent, number: int) -> RecordedEvent:
    start = datetime.fromisoformat(f"{START}T00:00:00+00:00")
    return replace(event, recorded_at=start + timedelta(days=number))


def folded(events: Sequence[RecordedEvent], asked: Asked) -> list[Journey]:
    """Every child's journey, folded straight from the log: what the store must answer."""
    told = []
    for one in CHILDREN:
        mine = [event for event in events if child_of_stream(event.stream) == one]
        told.append(project(one, facts(mine, known_at=asked.known_at, as_of=asked.as_of)))
    return [each for each in told if each.latest_on is not None]


async def listed(engine: AsyncEngine, authority_id: str, asked: Asked, wanted: Wanted, limit: int) -> list[ChildRecord]:
    async with snapshot(engine) as connection:
        return await journeys.children(connection, authority_id, asked, wanted, after="", limit=limit)


async def measured(engine: AsyncEngine, authority_id: str, asked: Asked) -> tuple[list[EpisodeRecord], int]:
    async with snapshot(engine) as connection:
        found = await journeys.episodes(connection, authority_id, asked)
    return sorted(found.records, key=lambda each: (each.child_id, each.ordinal)), found.recommendations_outside


async def check(engine: AsyncEngine, authority_id: str, events: Sequence[RecordedEvent], asked: Asked) -> None:
    """Assert that lists and measures are given what a fold of these events gives."""
    expected = folded(events, asked)
    assert await listed(engine, authority_id, asked, Wanted(), 2) == [each.child for each in expected][:2]
    waiting = [each.child for each in expected if each.child.waiting]
    assert await listed(engine, authority_id, asked, Wanted(waiting=True), 9) == waiting
    records = [episode.record for each in expected for episode in each.episodes]
    outside = sum(each.recommendations_outside for each in expected)
    assert await measured(engine, authority_id, asked) == (records, outside)


@pytest.mark.parametrize("seed", range(4))
async def test_the_read_model_equals_a_fold_at_every_stop(engine: AsyncEngine, key: ApiKey, seed: int) -> None:
    """Page by page, stopped anywhere, the rows are those of one fold of all that was read."""
    random, written = Random(seed), random_log(key.authority_id, seed)
    reader = Reader(written)
    subscription = following(engine, reader)
    read = 0
    while read < len(written.events):
        reader.page_size = random.randint(1, 9)
        assert await subscription.step(key.authority_id)
        read = subscription.progress[key.authority_id].position
        await check(engine, key.authority_id, written.events[:read], Asked(as_of=FAR, known_at=None))
    assert not await subscription.step(key.authority_id)


async def test_the_read_model_equals_a_fold_at_every_position(engine: AsyncEngine, key: ApiKey) -> None:
    """Event by event: at checkpoint p the rows are those of the log up to p, whatever p is."""
    reader = Reader(random_log(key.authority_id, 20))
    reader.page_size = 1
    subscription = following(engine, reader)
    for position in range(1, len(reader.log.events) + 1):
        assert await subscription.step(key.authority_id)
        async with snapshot(engine) as connection:
            assert await log.position(connection, key.authority_id) == position
        await check(engine, key.authority_id, reader.log.events[:position], Asked(as_of=FAR, known_at=None))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("stale", [False, True], ids=["from rows", "folded anew"])
async def test_rows_and_folds_give_one_answer(
    engine: AsyncEngine, key: ApiKey, seed: int, stale: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of any day and as known at any instant, a row that is used says what a fold says."""
    written = random_log(key.authority_id, seed)
    await following(engine, Reader(written)).step(key.authority_id)
    if stale:
        monkeypatch.setattr(journeys, "EDITION", EDITION + 1)
    random = Random(seed)
    for _ in range(12):
        known_at = random.choice([None, written.events[random.randrange(60)].recorded_at])
        asked = Asked(as_of=day(random.randrange(62)), known_at=known_at)
        await check(engine, key.authority_id, written.events, asked)


async def test_replicas_do_not_project_twice(engine: AsyncEngine, key: ApiKey) -> None:
    """Two readers at once leave the same rows as one, and each event is copied once."""
    written = random_log(key.authority_id, 1)
    readers = [following(engine, Reader(written)) for _ in range(3)]
    await asyncio.gather(*(each.step(key.authority_id) for each in readers))
    assert [await each.step(key.authority_id) for each in readers] == [False, False, False]
    await check(engine, key.authority_id, written.events, Asked(as_of=FAR, known_at=None))


async def test_a_gap_in_the_log_is_never_stepped_over(engine: AsyncEngine, key: ApiKey) -> None:
    """A page that begins too late is refused, and nothing of it is kept."""
    reader = Reader(random_log(key.authority_id, 1))
    reader.skip = 1
    subscription = following(engine, reader)
    with pytest.raises(PositionGap):
        await subscription.step(key.authority_id)
    async with snapshot(engine) as connection:
        assert await log.position(connection, key.authority_id) == 0
        assert await log.log_copy.child_events(connection, key.authority_id, CHILDREN) == {one: [] for one in CHILDREN}


async def test_facts_of_the_council_touch_no_child(engine: AsyncEngine, key: ApiKey) -> None:
    """An event about the authority itself is copied and moves the checkpoint."""
    written = Log(key.authority_id)
    written.add("timetable.adopted", "authority", START, pack="local", edition="1", effective_on=START.isoformat())
    await following(engine, Reader(written)).step(key.authority_id)
    async with snapshot(engine) as connection:
        assert await log.position(connection, key.authority_id) == 1
    assert await listed(engine, key.authority_id, Asked(as_of=FAR, known_at=None), Wanted(), 9) == []


async def test_the_position_known_then(engine: AsyncEngine, key: ApiKey) -> None:
    """With an instant in the question, the answer's position is that of the last event recorded by then."""
    written = random_log(key.authority_id, 2)
    await following(engine, Reader(written)).step(key.authority_id)
    async with snapshot(engine) as connection:
        assert await log.position(connection, key.authority_id, written.events[9].recorded_at) == 10
        assert await log.position(connection, key.authority_id, written.events[0].recorded_at - timedelta(1)) == 0


@pytest.mark.parametrize(
    "statement",
    ["UPDATE reporting.event SET type = 'x'", "DELETE FROM reporting.event", "SELECT * FROM scheduler.event"],
)
async def test_the_role_may_do_no_more_than_it_needs(engine: AsyncEngine, statement: str) -> None:
    """What was read cannot be changed, and other services' tables cannot be seen."""
    async with engine.connect() as connection:
        with pytest.raises(DBAPIError, match="permission denied"):
            await connection.execute(text(statement))
