"""Following the logs of all authorities, together with other processes that do the same.

A subscription is a named reader of the log with one checkpoint for each authority.  For each
authority one process follows, by lease; of several processes each takes its share, and what
a process leaves behind when it dies the others take over when its leases have run out.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from datetime import timedelta
from math import inf
from time import monotonic
from typing import Any

from shared.identity.store import authorities
from shared.runtime.follower import Consumer, Follower
from shared.runtime.leases import Lease, briefly, new_holder, too_many
from shared.runtime.progress import Progress, hide
from shared.runtime.projecting import EventReader, Page, PositionGap, Projector

__all__ = ["Consumer", "EventReader", "Page", "PositionGap", "Progress", "Projector", "Subscription"]

log = logging.getLogger(__name__)

#: One read of the log waits so long at its head; the feed answers at once when something is appended.
WAIT_SECONDS = 20.0
#: A head of the log that was seen longer ago may not be its head any more: by then the read has ended.
FRESH_SECONDS = WAIT_SECONDS + 10.0
#: Authorities projected at once: one whose events take long holds one turn and leaves the others.
TURNS = 4
#: A lease is renewed so many times before it would run out.
BEATS_IN_LEASE = 4
#: Letting go of leases when we stop takes no longer: they run out by themselves.
RELEASE_SECONDS = 2.0


class Subscription:
    """Follows the log of every authority whose lease this process holds, for one consumer."""

    def __init__(self, consumer: Consumer, *, lease_seconds: float, wait_seconds: float = WAIT_SECONDS) -> None:
        """Hold leases for ``lease_seconds``, renewing them in time; wait so long for the next event."""
        self._consumer = consumer
        self._lasting = timedelta(seconds=lease_seconds)
        self._wait_seconds = wait_seconds
        self._holder = new_holder()
        self._turns = asyncio.Semaphore(TURNS)
        self._followers: dict[str, Follower] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._held: dict[str, Lease] = {}
        self._sure_until: dict[str, float] = {}
        self._blind: str | None = None

    @property
    def error(self) -> str | None:
        """What keeps it from following any log just now, in words for an operator; None if nothing does.

        It cannot renew its leases, or it waits for every log but those at which it stands still: the
        events service is away.
        """
        going = {name: each.progress for name, each in sorted(self._followers.items()) if each.progress.stop is None}
        if not going or not all(progress.error for progress in going.values()):
            return self._blind
        return "; ".join(f"{name}: {progress.error}" for name, progress in going.items())

    @property
    def troubles(self) -> Mapping[str, str]:
        """What stops it for single authorities, in words for an operator."""
        wrong = {name: each.progress.trouble() for name, each in sorted(self._followers.items())}
        return {name: trouble for name, trouble in wrong.items() if trouble}

    @property
    def progress(self) -> Mapping[str, Progress]:
        """How far it has come with each authority that this process follows."""
        return {name: each.progress for name, each in self._followers.items()}

    def figures(self) -> dict[str, dict[str, Any]]:
        """Return for each authority how far this process has come, or who else follows."""
        now = self._consumer.clock.now()
        shown: dict[str, dict[str, Any]] = {
            name: {"state": "standby", "holder": lease.holder} for name, lease in self._held.items()
        }
        for name, follower in self._followers.items():
            shown[name] = {**follower.progress.figures(now), "holder": self._holder}
        return dict(sorted(shown.items()))

    def caught_up(self, authority_id: str) -> int | None:
        """Return the position at which this process sees the head of the authority's log; None while it does not.

        A process that does not follow this log, or may have lost its lease while it was
        paused, does not see the end.
        """
        follower = self._followers.get(authority_id)
        if follower is None or self._sure_until.get(authority_id, inf) < monotonic():
            return None
        progress = follower.progress
        if not progress.at_head or progress.trouble() is not None or progress.read_at is None:
            return None
        return progress.position if monotonic() - progress.read_at < FRESH_SECONDS else None

    async def run(self) -> None:
        """Follow until cancelled; trouble is logged, shown in ``error`` and tried again."""
        beat = self._lasting.total_seconds() / BEATS_IN_LEASE
        try:
            while True:
                await self._beat()
                await asyncio.sleep(beat)
        finally:
            await self._let_go()

    async def step(self, authority_id: str) -> bool:
        """Read and project one page without a lease; return whether there may be more.

        For whoever follows alone and by hand, while :meth:`run` does not.  Raises what a
        follower would have to deal with.
        """
        if authority_id not in self._followers:
            self._followers[authority_id] = Follower(self._consumer, authority_id, turns=self._turns)
        return await self._followers[authority_id].step()

    async def _beat(self) -> None:
        """Renew what is ours, take what is nobody's, and take from whoever holds too much."""
        try:
            names = await self._renew()
            free = [name for name in names if name not in self._held]
            for name in free:
                await self._take(name)
            # A process in trouble takes no more from one that may be well.
            uneven = None if free or self.error or self.troubles else too_many(self._holder, self._held)
            if uneven is not None:
                await self._take(uneven[0], over=uneven[1])
        except Exception as error:  # The database may come back.
            self._blind = f"cannot renew leases ({type(error).__name__})"
            log.warning("%s %s", self._consumer.name, self._blind)
        else:
            self._blind = None
        for name, follower in self._followers.items():
            follower.progress.show(self._consumer.name, name, self._consumer.clock.now())

    async def _renew(self) -> list[str]:
        """Renew our leases, drop those that another process took, and return the names of all authorities."""
        leases, asked_at = self._consumer.leases, monotonic()
        standing = [name for name, each in self._followers.items() if each.progress.stop is not None]
        async with briefly(self._consumer.engine) as connection:
            names = await authorities(connection)
            kept = await leases.renew(connection, self._holder, sorted(self._followers), self._lasting)
            # What was just renewed need not be read: a process that follows every log asks no more than that.
            others = [name for name in names if name not in kept]
            held = await leases.held(connection, others) if others else {}
            self._held = {name: Lease(self._holder, token) for name, token in kept.items()} | held
            asked = await self._consumer.log_copy.asked_to_resume(connection, standing) if standing else frozenset()
        for name in [name for name, each in self._followers.items() if kept.get(name) != each.token]:
            self._drop(name)
            log.info("%s: another process follows the log of %s now", self._consumer.name, name)
        for name in kept.keys() & self._followers.keys():
            self._sure_until[name] = asked_at + self._lasting.total_seconds()
            if self._tasks[name].done():
                self._start(name, kept[name])
        for name in asked & self._followers.keys():
            self._followers[name].resume()
        return names

    async def _take(self, authority_id: str, *, over: int = 0) -> None:
        leases, asked_at = self._consumer.leases, monotonic()
        # In a transaction of its own, so that nobody who holds one row of leases waits for another.
        async with briefly(self._consumer.engine) as connection:
            token = await leases.take(connection, authority_id, self._holder, self._lasting, over=over)
        if token is not None:
            self._held[authority_id] = Lease(self._holder, token)
            self._sure_until[authority_id] = asked_at + self._lasting.total_seconds()
            self._start(authority_id, token)

    def _start(self, authority_id: str, token: int) -> None:
        follower = Follower(self._consumer, authority_id, turns=self._turns, token=token)
        self._followers[authority_id] = follower
        name = f"{self._consumer.name} {authority_id}"
        self._tasks[authority_id] = asyncio.create_task(follower.run(self._wait_seconds), name=name)

    def _drop(self, authority_id: str) -> None:
        """Stop following a log, because another process follows it now or because we end."""
        del self._followers[authority_id]
        self._sure_until.pop(authority_id, None)
        task = self._tasks.pop(authority_id)
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        task.cancel()
        hide(self._consumer.name, authority_id)

    async def _let_go(self) -> None:
        """Stop following, and let other processes go on at once."""
        ours = sorted(self._tasks)
        for name in ours:
            self._drop(name)
        await asyncio.gather(*self._ending, return_exceptions=True)
        try:
            async with asyncio.timeout(RELEASE_SECONDS), briefly(self._consumer.engine) as connection:
                await self._consumer.leases.release(connection, self._holder, ours)
        except Exception as error:
            log.warning("%s cannot release its leases (%s)", self._consumer.name, type(error).__name__)
