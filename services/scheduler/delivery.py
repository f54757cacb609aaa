"""Sending what is owed to webhook endpoints: at least once, and never one at the cost of another.

A delivery is leased in one transaction, sent without any, and recorded in another by
whoever still holds the lease.  A process that is killed in between leaves a lease that
runs out; the notice then goes out again with the same id and bytes.

Whoever has committed a delivery rings; what is due later, a retry or a lease that runs out, is
known when the database is asked, and waited for.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from random import SystemRandom
from time import perf_counter
from typing import Protocol
from uuid import UUID

from prometheus_client import Counter as Figure
from sqlalchemy.ext.asyncio import AsyncEngine

from services.scheduler.model import Attempt, Claim, DeliveryState, Outcome
from services.scheduler.store import endpoints, queue
from services.scheduler.webhooks import headers, next_attempt_at
from shared.domain.clock import Clock
from shared.identity.store import authorities
from shared.runtime.alarm import Alarm
from shared.runtime.rounds import for_each_authority

log = logging.getLogger(__name__)

#: A lease outlasts the longest attempt by this much, so that a living sender never loses it.
LEASE_MARGIN_SECONDS = 15.0
#: One endpoint takes at most this share of all slots.
ENDPOINT_SHARE = 4
#: The database is asked by itself so often, for what other processes owe and do not send: one that was stopped,
#: that has no slot free, or that does not send at all.
LONGEST_SECONDS = 1.0
GONE = 410

_random = SystemRandom()
_attempts = Figure("homeward_webhook_attempts", "Webhook attempts by what came of them", ["result"])


class Sends(Protocol):
    """Anything that makes one attempt."""

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        """Make one attempt; never raises for anything a receiver does."""
        ...


class Dispatcher:
    """Sends due deliveries of all authorities."""

    def __init__(
        self,
        engine: AsyncEngine,
        clock: Clock,
        sender: Sends,
        *,
        timeout_seconds: float,
        concurrency: int,
        pause_seconds: float,
        jitter: Callable[[], float] = _random.random,
    ) -> None:
        """Make up to ``concurrency`` attempts at once, each within ``timeout_seconds``.

        When something becomes due says ``clock``, which is looked at every ``pause_seconds``.
        """
        self._engine = engine
        self._clock = clock
        self._sender = sender
        self._lease = timedelta(seconds=timeout_seconds + LEASE_MARGIN_SECONDS)
        self._concurrency = concurrency
        self._endpoint_cap = max(1, concurrency // ENDPOINT_SHARE)
        self._alarm = Alarm(clock, look_seconds=pause_seconds, longest_seconds=LONGEST_SECONDS)
        self._due_at: datetime | None = None
        self._jitter = jitter
        self._under_way: dict[asyncio.Task[None], tuple[str, UUID]] = {}
        self.error: str | None = None
        self.troubles: dict[str, str] = {}

    def ring(self) -> None:
        """Say that deliveries have been committed which may be due."""
        self._alarm.ring()

    async def run(self) -> None:
        """Send until cancelled; then attempts under way are cut off, and their leases run out."""
        try:
            while True:
                if not await self.round():
                    await self._alarm.wait(self._due_at)
        finally:
            for task in list(self._under_way):
                task.cancel()
            await asyncio.gather(*self._under_way, return_exceptions=True)

    async def round(self) -> int:
        """Start what is due and has a slot; return how many attempts began."""
        now = self._clock.now()
        try:
            async with self._engine.connect() as connection:
                names = await authorities(connection)
                owed = await queue.owed(connection, names)
        except Exception as error:  # The database may come back.
            self.error, self._due_at = f"cannot look for deliveries ({type(error).__name__})", None
            return 0
        # What is due and finds no slot is looked at again when an attempt ends.
        self._due_at = min((each.due_at for each in owed if each.due_at > now), default=None)
        due = [each for each in owed if each.due_at <= now]

        async def start(authority_id: str) -> int:
            ours = [each.endpoint_id for each in due if each.authority_id == authority_id]
            return sum([await self._start_for(authority_id, endpoint_id) for endpoint_id in ours])

        started, self.error, self.troubles = await for_each_authority(names, start, doing="claiming deliveries")
        return sum(started)

    async def _start_for(self, authority_id: str, endpoint_id: UUID) -> int:
        taken = Counter(self._under_way.values())[authority_id, endpoint_id]
        limit = min(self._endpoint_cap - taken, self._free_slots())
        if limit <= 0:
            return 0
        async with self._engine.begin() as connection:
            claims = await queue.claim(
                connection, authority_id, endpoint_id, now=self._clock.now(), lease=self._lease, limit=limit
            )
        for claimed in claims:
            task = asyncio.create_task(self.attempt(claimed), name=f"attempt {claimed.notice_id}")
            self._under_way[task] = (authority_id, endpoint_id)
            task.add_done_callback(self._done)
        return len(claims)

    def _free_slots(self) -> int:
        return self._concurrency - len(self._under_way)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._under_way.pop(task, None)
        self._alarm.ring()
        if not task.cancelled() and task.exception() is not None:
            # The lease runs out and the notice goes out again; what failed is ours, not the receiver's.
            log.warning("an attempt could not be recorded: %s", type(task.exception()).__name__)

    async def attempt(self, claimed: Claim) -> None:
        """Make one attempt and record it, unless the lease was lost meanwhile."""
        started_at = self._clock.now()
        began = perf_counter()
        signed = headers(claimed.secret, claimed.notice_id, started_at, claimed.body)
        outcome = await self._sender.send(claimed.url, signed, claimed.body)
        tried = Attempt(
            number=claimed.number,
            started_at=started_at,
            duration_ms=round((perf_counter() - began) * 1000),
            status=outcome.status,
            error=outcome.error,
            excerpt=outcome.excerpt,
        )
        recorded = await self._record(claimed, tried, outcome)
        _attempts.labels("lease_lost" if not recorded else "delivered" if outcome.accepted else "failed").inc()

    async def _record(self, claimed: Claim, tried: Attempt, outcome: Outcome) -> bool:
        now = self._clock.now()
        state, again_at = self._verdict(claimed, outcome, now)
        async with self._engine.begin() as connection:
            recorded = await queue.record(connection, claimed, tried, state=state, next_attempt_at=again_at)
            if recorded and outcome.status == GONE:
                because = "The receiver answered 410 Gone."
                await endpoints.disable(connection, claimed.authority_id, claimed.endpoint_id, now, because)
        return recorded

    def _verdict(self, claimed: Claim, outcome: Outcome, now: datetime) -> tuple[DeliveryState, datetime]:
        if outcome.accepted:
            return DeliveryState.DELIVERED, now
        again_at = next_attempt_at(claimed.step, now, jitter=self._jitter(), retry_after=outcome.retry_after)
        if again_at is None or outcome.status == GONE:
            return DeliveryState.EXHAUSTED, now
        return DeliveryState.PENDING, again_at
