"""Waiting for the next append: who waits, and what wakes them.

Three things wake a reader that waits at the head of a log.  An append of this process tells
at once where the log now ends.  An append of another process is hinted at
(:mod:`services.events.hints`).  And each second one question to the database asks for the
head of every log that somebody waits at: so a hint that is lost costs a second, and never an
event.  Whoever is woken reads the log; nothing is learnt from the waking itself.

A log that ends earlier than a reader has seen it end wakes the reader too: it was restored
from an older backup or shortened, and the reader may wait for events that are no more.

A reader that waits holds no database connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from time import monotonic

from prometheus_client import Gauge

from services.events.store.connection import Pool
from services.events.store.read import log_heads
from shared.domain.errors import NotReady, TooManyWaiting
from shared.runtime.guard import waiting
from shared.wire.limits import WAITING_READERS

#: How many may wait at one authority's log, and in this process.
WAITING_PER_AUTHORITY = WAITING_READERS
WAITING = 2_000
#: How often the database is asked, in seconds.
LOOK_SECONDS = 1.0

_waiting = Gauge("homeward_feed_waiting", "Long polls and live feeds that wait or may wait")


class Waiter:
    """One reader.  It says what it has seen, reads, and waits for what lies behind that."""

    def __init__(self) -> None:
        """Begin as one that has seen nothing."""
        self._woken = asyncio.Event()
        self._seen = 0

    def watch(self) -> None:
        """Forget what woke it before: called before each read, so that no append falls between read and wait."""
        self._woken.clear()
        self._seen = 0

    def saw(self, head: int) -> None:
        """Say where the log ended when it was read."""
        self._seen = head

    async def wait(self, seconds: float) -> bool:
        """Return True as soon as there may be more to read, False when ``seconds`` have passed."""
        try:
            with waiting():
                async with asyncio.timeout(seconds):
                    return await self._woken.wait()
        except TimeoutError:
            return False

    @property
    def seen(self) -> int:
        """Where the log ended when it was read; 0 while that is not known."""
        return self._seen

    @property
    def woken(self) -> bool:
        """Whether there may be more to read than it has seen."""
        return self._woken.is_set()

    def wake(self) -> None:
        """Wake it whatever it has seen."""
        self._woken.set()


def _nobody_else(_: str) -> None:
    """Hint at an append where no other process is to hear of it."""


class Wake:
    """The readers of this process that wait, by authority.  It is a loop of the service: :meth:`run`."""

    def __init__(self, pool: Pool, *, per_authority: int = WAITING_PER_AUTHORITY, at_most: int = WAITING) -> None:
        """Look over ``pool``; turn readers away beyond ``per_authority`` and ``at_most``."""
        self._pool = pool
        self._per_authority = per_authority
        self._at_most = at_most
        self._waiters: dict[str, set[Waiter]] = {}
        self._count = 0
        self._looked_at = float("-inf")
        self._hint: Callable[[str], None] = _nobody_else
        self._stopping = False
        self.error: str | None = None

    @property
    def stopping(self) -> bool:
        """Whether the process is about to stop."""
        return self._stopping

    def hint_with(self, hint: Callable[[str], None]) -> None:
        """Have ``hint`` called with the authority after every append of this process, for the other processes."""
        self._hint = hint

    @contextmanager
    def waiter(self, authority_id: str, *, bounded: bool = True) -> Iterator[Waiter]:
        """Lend a place to wait at an authority's log, freed at the end whatever happens.

        Raises TooManyWaiting when the authority's places are taken, NotReady when those of
        this process are, or when it stops.  The product's own services are not ``bounded``:
        nobody may take their places, and while the process stops they are told what there is
        and do not wait, for in one process with the log they stop after it.
        """
        waiters = self._waiters.get(authority_id, set())
        if bounded and len(waiters) >= self._per_authority:
            raise TooManyWaiting(f"At most {self._per_authority} long polls and live feeds of one authority may wait.")
        if bounded and (self.stopping or self._count >= self._at_most):
            raise NotReady("No more readers can wait here just now; ask without `wait`, or try again.")
        waiter = Waiter()
        self._waiters.setdefault(authority_id, waiters).add(waiter)
        self._count += 1
        _waiting.inc()
        try:
            yield waiter
        finally:
            waiters.remove(waiter)
            if not waiters:
                del self._waiters[authority_id]
            self._count -= 1
            _waiting.dec()

    def appended(self, authority_id: str, position: int) -> None:
        """Hear of an append of this process: the log now ends at ``position``, and that can be read."""
        for waiter in self._waiters.get(authority_id, ()):
            if position != waiter.seen:
                waiter.wake()
        self._hint(authority_id)

    def hinted(self, authority_id: str) -> None:
        """Hear that another process may have appended."""
        for waiter in self._waiters.get(authority_id, ()):
            waiter.wake()

    def vouches_for(self, waiter: Waiter) -> bool:
        """Tell whether the log ended a moment ago where this reader saw it end, be that some time ago."""
        return not waiter.woken and monotonic() - self._looked_at <= 2 * LOOK_SECONDS

    def stop(self) -> None:
        """Have every reader end, and take in no more: the process is about to stop."""
        self._stopping = True
        for waiters in self._waiters.values():
            for waiter in waiters:
                waiter.wake()

    async def run(self) -> None:
        """Ask for the heads of the logs that are waited at, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self._look()

    async def _look(self) -> None:
        if not self._waiters:
            return
        began = monotonic()
        seen = {waiter: waiter.seen for waiters in self._waiters.values() for waiter in waiters}
        try:
            heads = await self._heads(list(self._waiters))
        except Exception as error:  # The database may come back; those who wait find out by themselves.
            self.error = f"cannot look for appends ({type(error).__name__})"
            return
        self.error, self._looked_at = None, began
        for authority_id, head in heads.items():
            for waiter in self._waiters.get(authority_id, ()):
                # What was read meanwhile may lie behind what was found: only what was seen before can be lost.
                if head > waiter.seen or head < seen.get(waiter, 0):
                    waiter.wake()

    async def _heads(self, authority_ids: list[str]) -> Mapping[str, int]:
        async with self._pool.connection() as connection:
            return await log_heads(connection, authority_ids)
