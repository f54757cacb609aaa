"""A loop sleeps until there is something to do, and no longer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import monotonic

from shared.domain.clock import SystemClock
from shared.runtime.alarm import Alarm
from tests.support.clock import SettableClock
from tests.support.waiting import eventually

NOW = datetime(2026, 6, 11, 9, 30, tzinfo=UTC)
LONG = 3600.0


def alarm(clock: SettableClock, *, longest_seconds: float = LONG) -> Alarm:
    return Alarm(clock, look_seconds=0.01, longest_seconds=longest_seconds)


async def asleep(sleeping: asyncio.Task[None]) -> bool:
    """Tell whether a sleep goes on for several looks at the clock."""
    await asyncio.wait((sleeping,), timeout=0.1)
    return not sleeping.done()


async def test_it_ends_when_it_rings() -> None:
    """Whoever rings wakes the loop at once, however seldom it looks by itself."""
    sleepy = Alarm(SettableClock(NOW), look_seconds=LONG, longest_seconds=LONG)
    sleeping = asyncio.create_task(sleepy.wait())
    assert await asleep(sleeping)
    sleepy.ring()
    await asyncio.wait_for(sleeping, 1)


async def test_what_rang_while_the_loop_was_at_work_is_not_lost() -> None:
    """A ring before the sleep ends it before it begins, once, however often it rang."""
    busy = alarm(SettableClock(NOW))
    busy.ring()
    busy.ring()
    await asyncio.wait_for(busy.wait(), 1)
    sleeping = asyncio.create_task(busy.wait())
    assert await asleep(sleeping)
    sleeping.cancel()


async def test_it_ends_when_the_clock_comes_to_the_instant() -> None:
    """A clock that jumps is noticed, a clock that has not come so far is waited for."""
    clock = SettableClock(NOW)
    sleeping = asyncio.create_task(alarm(clock).wait(NOW + timedelta(hours=6)))
    clock.set(NOW + timedelta(hours=5, minutes=59))
    assert await asleep(sleeping)
    clock.set(NOW + timedelta(days=3))
    await asyncio.wait_for(sleeping, 1)


async def test_it_ends_when_the_clock_is_set_back() -> None:
    """What was not due before may belong to another day now."""
    clock = SettableClock(NOW)
    sleeping = asyncio.create_task(alarm(clock).wait(NOW + timedelta(hours=6)))
    assert await asleep(sleeping)
    clock.set(NOW - timedelta(days=1))
    await asyncio.wait_for(sleeping, 1)


async def test_an_instant_is_met_exactly() -> None:
    """With the clock of the machine the sleep ends at the instant, not at the next look after it."""
    clock = SystemClock()
    began, until = monotonic(), clock.now() + timedelta(seconds=0.2)
    await asyncio.wait_for(Alarm(clock, look_seconds=LONG, longest_seconds=LONG).wait(until), 5)
    assert clock.now() >= until
    assert monotonic() - began < 1


async def test_each_look_asks_what_else_may_end_it() -> None:
    """A condition that nobody rings for is found out at the next look."""
    ready: list[int] = []
    awaited: Callable[[], bool] = lambda: bool(ready)  # noqa: E731 - it is passed on as it is
    sleeping = asyncio.create_task(alarm(SettableClock(NOW)).wait(sooner=awaited))
    assert await asleep(sleeping)
    ready.append(1)
    await eventually(sleeping.done, within=1)


async def test_what_held_before_the_sleep_still_leaves_one_pause() -> None:
    """A loop in trouble tries again at the next look, and not without end."""
    sleepy = Alarm(SettableClock(NOW), look_seconds=0.1, longest_seconds=LONG)
    sleeping = asyncio.create_task(sleepy.wait(sooner=lambda: True))
    await asyncio.wait((sleeping,), timeout=0.05)
    assert not sleeping.done()
    await eventually(sleeping.done, within=1)


async def test_it_never_lasts_longer_than_the_longest_time() -> None:
    """Where nobody rings and the clock stands, the loop looks by itself."""
    await asyncio.wait_for(alarm(SettableClock(NOW), longest_seconds=0.05).wait(NOW + timedelta(days=1)), 1)
