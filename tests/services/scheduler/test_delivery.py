"""Sending what is owed, to real receivers, through the queue on PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest_asyncio
from standardwebhooks import Webhook

from services.scheduler.delivery import LEASE_MARGIN_SECONDS, Dispatcher
from services.scheduler.model import Attempt, AttemptError, Delivery, DeliveryState, NoticeKind, Outcome
from services.scheduler.sender import Sender
from services.scheduler.store import endpoints, queue
from services.scheduler.targets import parse_allowances
from services.scheduler.webhooks import RETRY_WAITS
from tests.services.scheduler.receiver import Got, answering, hang, receiver
from tests.services.scheduler.scene import Scene, accommodate, hold_review, scene
from tests.support.clock import SettableClock
from tests.support.waiting import eventually

TIMEOUT_SECONDS = 2.0
LEASE = timedelta(seconds=TIMEOUT_SECONDS + LEASE_MARGIN_SECONDS)


@pytest_asyncio.fixture
async def council(fresh_database_url: str, clock: SettableClock) -> AsyncIterator[Scene]:
    """Yield a council on a database of its own: a dispatcher sends for every council there is."""
    async with scene(fresh_database_url, clock) as opened:
        yield opened


@pytest_asyncio.fixture
async def sender() -> AsyncIterator[Sender]:
    """Yield a sender that may send to 127.0.0.1."""
    async with Sender(timeout_seconds=TIMEOUT_SECONDS, allowances=parse_allowances("127.0.0.1/32:*")) as opened:
        yield opened


class Scripted:
    """Answers attempts without a network, as a test says; ``hold`` keeps them waiting."""

    def __init__(self, *outcomes: Outcome) -> None:
        self.outcomes = list(outcomes)
        self.urls: list[str] = []
        self.ids: list[str] = []
        self.bodies: list[bytes] = []
        self.hold = asyncio.Event()
        self.hold.set()

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        self.urls.append(url)
        self.ids.append(headers["webhook-id"])
        self.bodies.append(body)
        await self.hold.wait()
        return self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]


async def make_one_notice(council: Scene) -> None:
    """Record a meeting, which makes one `review.held` notice for an endpoint that wants only those."""
    accommodate(council.log, "2026-01-15")
    hold_review(council.log, "2026-02-10")
    await council.catch_up()


async def recorded(dispatcher: Dispatcher) -> None:
    """Wait until the attempts under way are recorded."""
    await asyncio.gather(*dispatcher._under_way)


async def once(dispatcher: Dispatcher) -> int:
    """Start what is due and wait until it is recorded."""
    started = await dispatcher.round()
    assert (dispatcher.error, dispatcher.troubles) == (None, {})
    await recorded(dispatcher)
    return started


async def owed(council: Scene, endpoint_id: UUID) -> list[Delivery]:
    async with council.engine.connect() as connection:
        return await endpoints.deliveries(
            connection, council.authority_id, endpoint_id, states=(), before=None, limit=1000
        )


async def tried(council: Scene, delivery: Delivery) -> list[Attempt]:
    async with council.engine.connect() as connection:
        return await endpoints.attempts(connection, council.authority_id, delivery.endpoint_id, delivery.notice_id)


def verified(secret: str, got: Got) -> Any:
    """Check a request with PyPI standardwebhooks, as a receiver would, except for its age."""
    signed = got.headers["webhook-signature"]
    timestamp = int(got.headers["webhook-timestamp"])
    expected = Webhook(secret).sign(
        got.headers["webhook-id"], datetime.fromtimestamp(timestamp, UTC), got.body.decode()
    )
    assert signed == expected
    return orjson.loads(got.body)


async def test_a_receiver_that_fails_twice_gets_the_same_message_three_times(council: Scene, sender: Sender) -> None:
    """Retries carry the same id and bytes, a fresh timestamp and a valid signature; each attempt is listed."""
    async with receiver(answering(500, 503, 204, text="not now")) as receiving:
        endpoint_id, secret = await council.add_endpoint(receiving.url, [NoticeKind.HELD])
        await make_one_notice(council)
        dispatcher = council.dispatcher(sender)
        for wait in (timedelta(0), *RETRY_WAITS[:2]):
            council.clock.set(council.clock.now() + wait)
            assert await once(dispatcher) == 1
            assert await once(dispatcher) == 0
    (delivery,) = await owed(council, endpoint_id)
    assert (delivery.state, delivery.attempts) == (DeliveryState.DELIVERED, 3)
    assert [each.status for each in await tried(council, delivery)] == [500, 503, 204]
    assert (await tried(council, delivery))[0].excerpt == "not now"
    assert {got.headers["webhook-id"] for got in receiving.got} == {f"msg_{delivery.notice_id}"}
    assert len({got.body for got in receiving.got}) == 1
    assert len({got.headers["webhook-timestamp"] for got in receiving.got}) == 3
    payload = verified(secret, receiving.got[2])
    assert payload["type"] == "review.held"
    assert set(payload["data"]) == {
        "review_id", "child_id", "what", "kind", "title", "due_on", "certainty", "verified", "href", "cause",
        "held_on", "days_late", "days_early", "recorded_on", "days_recorded_late",
    }  # fmt: skip


async def test_after_ten_attempts_a_delivery_is_exhausted(council: Scene) -> None:
    """A receiver that never takes the notice is tried ten times, and then no more."""
    scripted = Scripted(Outcome(error=AttemptError.TIMEOUT))
    endpoint_id, _ = await council.add_endpoint("https://receiver.example/", [NoticeKind.HELD])
    await make_one_notice(council)
    dispatcher = council.dispatcher(scripted)
    for _ in range(15):
        await once(dispatcher)
        council.clock.set(council.clock.now() + timedelta(days=2))
    (delivery,) = await owed(council, endpoint_id)
    assert (delivery.state, delivery.attempts) == (DeliveryState.EXHAUSTED, 10)
    assert [each.number for each in await tried(council, delivery)] == list(range(1, 11))


async def test_410_disables_the_endpoint(council: Scene) -> None:
    """A receiver that is gone gets nothing more, and its endpoint says why."""
    scripted = Scripted(Outcome(status=410))
    endpoint_id, _ = await council.add_endpoint("https://receiver.example/")
    await make_one_notice(council)
    dispatcher = council.dispatcher(scripted, concurrency=1)
    assert await once(dispatcher) == 1
    assert await once(dispatcher) == 0
    async with council.engine.connect() as connection:
        endpoint = await endpoints.find(connection, council.authority_id, endpoint_id)
    assert endpoint is not None
    assert not endpoint.enabled
    assert "410" in (endpoint.disabled_because or "")


async def test_a_killed_sender_leads_to_the_same_message_again(council: Scene) -> None:
    """A sender killed in the middle of an attempt leaves a lease; when it ends, another sends the same message."""
    killed, living = Scripted(Outcome(status=200)), Scripted(Outcome(status=200))
    killed.hold.clear()
    endpoint_id, _ = await council.add_endpoint("https://receiver.example/", [NoticeKind.HELD])
    await make_one_notice(council)
    first, second = council.dispatcher(killed), council.dispatcher(living)
    assert await first.round() == 1
    await eventually(lambda: killed.ids)
    assert await once(second) == 0
    council.clock.set(council.clock.now() + LEASE)
    assert await once(second) == 1
    assert (living.ids, living.bodies) == (killed.ids, killed.bodies)
    (delivery,) = await owed(council, endpoint_id)
    assert [(each.number, each.error, each.status) for each in await tried(council, delivery)] == [
        (1, AttemptError.INTERRUPTED, None),
        (2, None, 200),
    ]
    killed.outcomes = [Outcome(status=500)]
    killed.hold.set()
    await recorded(first)
    assert await owed(council, endpoint_id) == [delivery]
    assert len(await tried(council, delivery)) == 2


async def test_two_senders_never_hold_the_same_delivery(council: Scene) -> None:
    """However many processes claim at once, each delivery is leased to one."""
    await council.add_endpoint("https://receiver.example/")
    for number in range(6):
        accommodate(council.log, "2026-01-15", child=f"c-{number}")
        hold_review(council.log, "2026-02-10", child=f"c-{number}")
    await council.catch_up()
    scripted = [Scripted(Outcome(status=200)) for _ in range(4)]
    dispatchers = [council.dispatcher(each, concurrency=40) for each in scripted]
    while any(await asyncio.gather(*(once(each) for each in dispatchers))):
        pass
    ids = [one for each in scripted for one in each.ids]
    assert len(ids) == len(set(ids)) == len(await council.notices())


async def test_a_hanging_endpoint_does_not_hold_up_another(council: Scene, sender: Sender) -> None:
    """One endpoint takes at most its share of the slots; what is owed to others goes out meanwhile."""
    async with receiver(hang) as stuck, receiver(answering(200)) as healthy:
        await council.add_endpoint(stuck.url)
        healthy_id, _ = await council.add_endpoint(healthy.url)
        for number in range(5):
            accommodate(council.log, "2026-01-15", child=f"c-{number}")
            hold_review(council.log, "2026-02-10", child=f"c-{number}")
        await council.catch_up()
        expected = len(await council.notices())
        dispatcher = council.dispatcher(sender, concurrency=8)
        running = asyncio.create_task(dispatcher.run())
        try:
            await eventually(lambda: len(healthy.got) == expected, within=TIMEOUT_SECONDS - 0.5)
            assert len(stuck.got) <= 2
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    assert len(await owed(council, healthy_id)) == expected


async def test_notices_go_to_the_endpoints_that_want_them_when_they_are_made(council: Scene) -> None:
    """An endpoint gets the kinds it asked for, from its creation on; a disabled one gets nothing."""
    accommodate(council.log, "2026-01-15")
    hold_review(council.log, "2026-02-10")
    await council.catch_up()
    late, _ = await council.add_endpoint("https://late.example/")
    moved_only, _ = await council.add_endpoint("https://moved.example/", [NoticeKind.MOVED])
    gone, _ = await council.add_endpoint("https://gone.example/")
    async with council.engine.begin() as connection:
        await endpoints.disable(connection, council.authority_id, gone, council.clock.now(), "test")
    seen = len(await council.notices())
    hold_review(council.log, "2026-05-09")
    await council.catch_up()
    fresh = (await council.notices())[seen:]
    assert [each.notice_id for each in reversed(await owed(council, late))] == [each["id"] for each in fresh]
    assert {each.kind for each in await owed(council, moved_only)} == {NoticeKind.MOVED}
    assert await owed(council, gone) == []


async def test_a_replay_sends_the_same_message_again(council: Scene) -> None:
    """A delivered notice that is replayed goes out once more, with the same id and bytes."""
    scripted = Scripted(Outcome(status=200))
    endpoint_id, _ = await council.add_endpoint("https://receiver.example/", [NoticeKind.HELD])
    await make_one_notice(council)
    dispatcher = council.dispatcher(scripted)
    await once(dispatcher)
    (delivery,) = await owed(council, endpoint_id)
    async with council.engine.begin() as connection:
        await endpoints.replay(connection, council.authority_id, endpoint_id, delivery.notice_id, council.clock.now())
    await once(dispatcher)
    assert len(scripted.ids) == 2
    assert len(set(scripted.ids)) == len(set(scripted.bodies)) == 1
    assert [each.number for each in await tried(council, delivery)] == [1, 2]


async def test_a_replay_during_the_last_attempt_is_not_lost(council: Scene) -> None:
    """A replay asked for while the last planned attempt fails still gives the notice a new schedule."""
    scripted = Scripted(Outcome(status=500))
    endpoint_id, _ = await council.add_endpoint("https://receiver.example/", [NoticeKind.HELD])
    await make_one_notice(council)
    dispatcher = council.dispatcher(scripted)
    for _ in range(9):
        await once(dispatcher)
        council.clock.set(council.clock.now() + timedelta(days=2))
    scripted.hold.clear()
    await dispatcher.round()
    (delivery,) = await owed(council, endpoint_id)
    async with council.engine.begin() as connection:
        await endpoints.replay(connection, council.authority_id, endpoint_id, delivery.notice_id, council.clock.now())
    scripted.hold.set()
    await recorded(dispatcher)
    (delivery,) = await owed(council, endpoint_id)
    assert delivery.state is DeliveryState.PENDING


async def test_a_lost_lease_records_nothing(council: Scene) -> None:
    """Only who holds the lease may record what came of an attempt (fencing)."""
    endpoint_id, _ = await council.add_endpoint("https://receiver.example/", [NoticeKind.HELD])
    await make_one_notice(council)
    now = council.clock.now()
    async with council.engine.begin() as connection:
        (lost,) = await queue.claim(
            connection, council.authority_id, endpoint_id, now=now, lease=timedelta(seconds=1), limit=5
        )
    later = now + timedelta(seconds=2)
    async with council.engine.begin() as connection:
        (held,) = await queue.claim(
            connection, council.authority_id, endpoint_id, now=later, lease=timedelta(seconds=1), limit=5
        )
    attempt = Attempt(number=lost.number, started_at=now, duration_ms=1, status=200, error=None, excerpt=None)
    async with council.engine.begin() as connection:
        assert not await queue.record(connection, lost, attempt, state=DeliveryState.DELIVERED, next_attempt_at=later)
    (delivery,) = await owed(council, endpoint_id)
    assert delivery.state is DeliveryState.PENDING
    assert held.lease_id != lost.lease_id
