"""A follower that cannot go on stops where it must, says so, and is never past it."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.domain.errors import NotReady
from shared.runtime import follower
from shared.runtime.log_copy import State, Stop
from shared.runtime.subscription import Subscription
from tests.shared.runtime.following import (
    CHILDS_DATA,
    Projector,
    Reader,
    event,
    events,
    following,
    log_copy,
    running,
    seen,
    standing,
)
from tests.support.waiting import eventually

POISON = Stop(state=State.STOPPED, position=7, type="child.registered", reason="RuntimeError at this event")


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follower, "FIRST_PAUSE_SECONDS", 0.02)
    monkeypatch.setattr(follower, "FIRST_RETRY_SECONDS", 0.02)


async def stopped(engine: AsyncEngine, council: str, stop: Stop) -> bool:
    return (await standing(engine, council)).stop == stop


def figure(name: str, council: str) -> float | None:
    return REGISTRY.get_sample_value(f"homeward_subscription_{name}", {"subscription": "sample", "authority": council})


async def test_a_poison_event_stops_it_right_before(engine: AsyncEngine, council: str) -> None:
    """All before the event is projected, nothing from it on; checkpoint, readiness and metrics say where and why."""
    projector = Projector()
    projector.fail_at = 7
    subscription = following(engine, Reader(events(1, 1000)), projector)
    async with running(subscription):
        await eventually(lambda: stopped(engine, council, POISON))
        assert await seen(engine, council) == [1, 2, 3, 4, 5, 6]
        assert (await standing(engine, council)).position == 6
        where = "stopped at position 7 (child.registered): RuntimeError at this event"
        assert (subscription.error, subscription.troubles) == (None, {council: where})
        figures = subscription.figures()[council]
        assert (figures["state"], figures["position"], figures["lag_events"]) == ("stopped", 6, 994)
        assert (figure("stopped", council), figure("position", council), figure("head", council)) == (1, 6, 1000)
        assert subscription.caught_up(council) is None


async def test_it_is_narrowed_down_in_few_steps(engine: AsyncEngine, council: str) -> None:
    """One bad event among a thousand is found by halving, not one by one."""
    projector = Projector()
    projector.fail_at = 701
    async with running(following(engine, Reader(events(1, 1000)), projector)):
        await eventually(lambda: stopped(engine, council, replace(POISON, position=701)))
    assert await seen(engine, council) == list(range(1, 701))
    assert projector.pages.index(1) < 25


async def test_after_a_repair_it_goes_on(engine: AsyncEngine, council: str) -> None:
    """When the projector can do it, the event and all behind it are projected once, and all is shown to be well."""
    projector = Projector()
    projector.fail_at = 7
    subscription = following(engine, Reader(events(1, 20)), projector)
    async with running(subscription):
        await eventually(lambda: stopped(engine, council, POISON))
        projector.fail_at = None
        await eventually(lambda: subscription.caught_up(council) == 20)
        assert (subscription.troubles, figure("stopped", council)) == ({}, 0)
    now = await standing(engine, council)
    assert (now.position, now.stop, now.stopped_at) == (20, None, None)
    assert await seen(engine, council) == list(range(1, 21))


async def test_it_says_since_when(engine: AsyncEngine, council: str) -> None:
    """However often it tries again in vain, the instant at which it stopped stays."""
    projector = Projector()
    projector.fail_at = 1
    subscription = following(engine, Reader(events(1, 1)), projector)
    async with running(subscription):
        await eventually(lambda: stopped(engine, council, replace(POISON, position=1)))
        since = (await standing(engine, council)).stopped_at
        subscription._consumer.clock.set(subscription._consumer.clock.now().replace(year=2027))  # type: ignore[attr-defined]  # settable
        tries = len(projector.pages)
        await eventually(lambda: len(projector.pages) > tries + 1)
    assert since is not None
    assert (await standing(engine, council)).stopped_at == since


async def test_another_process_tries_at_once(
    engine: AsyncEngine, council: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A restart is the most common repair: what starts does not wait as long as what stopped."""
    monkeypatch.setattr(follower, "FIRST_RETRY_SECONDS", 60.0)
    projector = Projector()
    projector.fail_at = 7
    async with running(following(engine, Reader(events(1, 20)), projector)):
        await eventually(lambda: stopped(engine, council, POISON))
    restarted = following(engine, Reader(events(1, 20)))
    async with running(restarted):
        await eventually(lambda: restarted.caught_up(council) == 20)


async def test_it_tries_at_once_when_it_is_asked_to(
    engine: AsyncEngine, council: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asking to resume ends the pause; a try in vain answers the asking, and one that succeeds goes on."""
    monkeypatch.setattr(follower, "FIRST_RETRY_SECONDS", 60.0)
    projector = Projector()
    projector.fail_at = 7
    subscription = following(engine, Reader(events(1, 20)), projector, lease_seconds=0.5)

    async def ask() -> bool:
        async with engine.begin() as connection:
            return await log_copy.ask_to_resume(connection, council)

    async def answered() -> bool:
        async with engine.connect() as connection:
            return not await log_copy.asked_to_resume(connection, [council])

    async with running(subscription):
        await eventually(lambda: stopped(engine, council, POISON))
        tries = len(projector.pages)
        assert await ask()
        await eventually(answered)
        assert len(projector.pages) == tries + 1
        projector.fail_at = None
        assert await ask()
        await eventually(lambda: subscription.caught_up(council) == 20)
        assert not await ask()


async def test_an_unknown_type_stops_it(engine: AsyncEngine, council: str) -> None:
    """An event of a newer writer is waited at, not stepped over, until this release learns its type."""
    reader = Reader(events(1, 9), unknown={5: "child.celebrated"})
    subscription = following(engine, reader)
    unread = Stop(state=State.STOPPED, position=5, type="child.celebrated", reason="the type is unknown here")
    async with running(subscription):
        await eventually(lambda: stopped(engine, council, unread))
        assert await seen(engine, council) == [1, 2, 3, 4]
        reader.unknown.clear()
        await eventually(lambda: subscription.caught_up(council) == 9)
    assert await seen(engine, council) == list(range(1, 10))


async def test_a_gap_in_the_log_stops_it(engine: AsyncEngine, council: str) -> None:
    """A log that leaves out a position is read up to there."""
    subscription = following(engine, Reader([*events(1, 4), *events(6, 9)]))
    gap = Stop(state=State.STOPPED, position=5, type=None, reason="expected position 5, read 6")
    async with running(subscription):
        await eventually(lambda: stopped(engine, council, gap))
    assert await seen(engine, council) == [1, 2, 3, 4]


async def projected(engine: AsyncEngine, council: str, last: int) -> None:
    subscription = following(engine, Reader(events(1, last)))
    while await subscription.step(council):
        pass


async def test_a_log_that_became_shorter_is_a_state_of_its_own(engine: AsyncEngine, council: str) -> None:
    """A log that ends before the checkpoint is not waited for in silence."""
    await projected(engine, council, 9)
    reader = Reader(events(1, 6))
    subscription = following(engine, reader)
    async with running(subscription):
        await eventually(lambda: standing_state(engine, council, State.AHEAD))
        where = subscription.troubles[council]
        assert "ahead at position 6: the log ends here, before the checkpoint at position 9" in where
        assert subscription.figures()[council]["state"] == "ahead"
        reader.log = events(1, 12)
        await eventually(lambda: subscription.caught_up(council) == 12)
    assert await seen(engine, council) == list(range(1, 13))


async def test_a_log_that_went_another_way_is_never_followed(engine: AsyncEngine, council: str) -> None:
    """After a restore the log grows again, with other events: what was missed would never be noticed."""
    await projected(engine, council, 9)
    other = [*events(1, 6), *[event(position, id=f"other-{position}") for position in range(7, 20)]]
    subscription = following(engine, Reader(other))
    async with running(subscription):
        await eventually(lambda: standing_state(engine, council, State.AHEAD))
        assert "holds another event here" in subscription.troubles[council]
    assert await seen(engine, council) == list(range(1, 10))


async def test_a_log_that_shrinks_while_it_is_followed_is_seen(engine: AsyncEngine, council: str) -> None:
    """Not only a start compares the log with what was read."""
    reader = Reader(events(1, 9))
    subscription = following(engine, reader, wait_seconds=0.05)
    async with running(subscription):
        await eventually(lambda: subscription.caught_up(council) == 9)
        reader.log = events(1, 3)
        await eventually(lambda: standing_state(engine, council, State.AHEAD))


@pytest.mark.parametrize("end", [9, 12])
async def test_a_log_that_shrinks_and_grows_again_while_it_is_followed_is_seen(
    engine: AsyncEngine, council: str, monkeypatch: pytest.MonkeyPatch, end: int
) -> None:
    """Another event where the last one was read is not taken for that one, be there more behind it or not."""
    monkeypatch.setattr(follower, "COMPARE_SECONDS", 0.1)
    reader = Reader(events(1, 9))
    subscription = following(engine, reader, wait_seconds=0.05)
    async with running(subscription):
        await eventually(lambda: subscription.caught_up(council) == 9)
        reader.log = [*events(1, 8), *[event(position, id=f"other-{position}") for position in range(9, end + 1)]]
        await eventually(lambda: standing_state(engine, council, State.AHEAD))
    assert await seen(engine, council) == list(range(1, 10))


async def standing_state(engine: AsyncEngine, council: str, state: State) -> bool:
    stop = (await standing(engine, council)).stop
    return stop is not None and stop.state is state


async def test_trouble_that_passes_stops_nothing(engine: AsyncEngine, council: str) -> None:
    """A log that is away is waited for: it is told while it lasts, and the checkpoint says nothing of it."""
    reader = Reader(events(1, 3), trouble=NotReady("The log is away."))
    subscription = following(engine, reader)
    async with running(subscription):
        await eventually(lambda: subscription.error == f"{council}: The log is away.")
        assert (await standing(engine, council)).stop is None
        reader.trouble = None
        await eventually(lambda: subscription.caught_up(council) == 3)
        assert (subscription.error, subscription.troubles) == (None, {})


async def test_a_database_that_ends_connections_stops_nothing(engine: AsyncEngine, council: str) -> None:
    """A transaction whose connection the server ends comes again, and each event counts once."""
    projector = Projector()
    projector.pause()
    subscription = following(engine, Reader(events(1, 5)), projector)
    async with running(subscription):
        await projector.pausing.wait()
        await end_all_connections(engine)
        projector.going_on.set()
        await eventually(lambda: subscription.caught_up(council) == 5)
    assert await seen(engine, council) == [1, 2, 3, 4, 5]
    assert (await standing(engine, council)).stop is None


async def end_all_connections(engine: AsyncEngine) -> None:
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> "
    async with engine.connect() as connection:
        await connection.execute(text(others + "pg_backend_pid()"))


async def test_nothing_of_an_event_is_told(engine: AsyncEngine, council: str, caplog: pytest.LogCaptureFixture) -> None:
    """An error's text may hold a child's data: neither log, readiness nor checkpoint repeats it."""
    projector = Projector()
    projector.fail_at = 1
    subscription = following(engine, Reader(events(1, 1)), projector)
    with caplog.at_level(logging.DEBUG):
        async with running(subscription):
            await eventually(lambda: stopped(engine, council, replace(POISON, position=1)))
            told = f"{subscription.troubles} {subscription.figures()} {(await standing(engine, council)).stop}"
    assert CHILDS_DATA not in told + caplog.text


async def test_lag_is_told_in_events_and_seconds(engine: AsyncEngine, council: str) -> None:
    """Lag is what lies behind the checkpoint, and the age of the first of it; at the head both are 0."""
    reader, projector = Reader(events(1, 10)), Projector()
    projector.fail_at = 4
    subscription: Subscription = following(engine, reader, projector)
    subscription._consumer.clock.set(event(10).recorded_at)  # type: ignore[attr-defined]  # it can be set
    async with running(subscription):
        await eventually(lambda: stopped(engine, council, replace(POISON, position=4)))
        figures = subscription.figures()[council]
        assert (figures["lag_events"], figures["lag_seconds"]) == (7, 360.0)
        await eventually(lambda: (figure("lag_events", council), figure("lag_seconds", council)) == (7, 360.0))
        projector.fail_at = None
        await eventually(lambda: subscription.caught_up(council) == 10)
        await eventually(lambda: (figure("lag_events", council), figure("lag_seconds", council)) == (0, 0))
    assert figure("lag_events", council) is None
