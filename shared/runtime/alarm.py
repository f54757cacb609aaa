"""When a loop works next: as soon as something happened, at an instant of the clock, after a while in any case.

A loop that asked the database all the time whether there is anything to do would keep a machine
busy that has nothing to do.  So whoever makes work for a loop rings its alarm after the commit;
and as rings of other processes are not heard, and one may be forgotten in a later change, the
loop looks by itself from time to time as well.

The clock is looked at often, which costs nothing, because it may be set: a machine that slept,
a test.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from time import monotonic

from shared.domain.clock import Clock

#: A pause is never shorter: timers are not finer, and would be set again and again just before the instant.
_SHORTEST_SECONDS = 0.001


def _never() -> bool:
    return False


def ring_nobody() -> None:
    """Stand in for a ring where nobody is to be woken: whoever waits finds out by itself."""


class Alarm:
    """Lets one loop sleep."""

    def __init__(self, clock: Clock, *, look_seconds: float, longest_seconds: float) -> None:
        """Look at ``clock`` every ``look_seconds``, and sleep for ``longest_seconds`` at most."""
        self._clock = clock
        self._look_seconds = look_seconds
        self._longest_seconds = longest_seconds
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Say that there may be something to do; a loop that is at work will not sleep when it is done."""
        self._rung.set()

    async def wait(self, until: datetime | None = None, *, sooner: Callable[[], bool] = _never) -> None:
        """Sleep until it rings or the clock comes to ``until``, but never longer than the longest time.

        Each later look at the clock also asks ``sooner``, which must cost next to nothing: what
        it tells of from the beginning, trouble for instance, still leaves one pause.  A clock
        that is set back ends the sleep too: what was settled for later may have to be asked anew.
        """
        began, ends = self._clock.now(), monotonic() + self._longest_seconds
        while not self._rung.is_set():
            now, left = self._clock.now(), ends - monotonic()
            if left <= 0 or now < began or (until is not None and now >= until):
                break
            pause = min(self._look_seconds, left)
            if until is not None:
                pause = min(pause, (until - now).total_seconds())
            await self._pause(max(pause, _SHORTEST_SECONDS))
            if sooner():
                break
        self._rung.clear()

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        except TimeoutError:
            return
