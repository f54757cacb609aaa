"""The loop of a reader of the log: read a page, project it, move the checkpoint, in one transaction.

A subscription is a named reader with one checkpoint for each authority.  Positions are
gap-free, so a page that does not begin right behind the checkpoint is an error, never
something to step over.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from prometheus_client import Gauge
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.domain.envelope import RecordedEvent
from shared.domain.errors import NotReady
from shared.identity.store import authorities

log = logging.getLogger(__name__)

PAGE = 1000
LONGEST_PAUSE_SECONDS = 10.0

_position = Gauge("homeward_subscription_position", "Log position reached", ["subscription", "authority"])
_stopped = Gauge(
    "homeward_subscription_stopped", "1 while the subscription cannot go on", ["subscription", "authority"]
)


class Page(Protocol):
    """A page of the log."""

    @property
    def events(self) -> Sequence[RecordedEvent]:
        """The events, in position order."""
        ...

    @property
    def at_head(self) -> bool:
        """Whether the page reached the end of the log."""
        ...


class EventReader(Protocol):
    """Anything that reads pages of an authority's log."""

    async def read(self, authority_id: str, *, after: int, limit: int) -> Page:
        """Return the events behind ``after``; raises NotReady while the log is away."""
        ...


class Projector(Protocol):
    """What a service does with events, and where it keeps its checkpoint."""

    @property
    def subscription(self) -> str:
        """Name of the subscription."""
        ...

    async def checkpoint(self, connection: AsyncConnection, authority_id: str) -> int:
        """Return the position finished so far, 0 at first, and lock it until the transaction ends."""
        ...

    async def project(self, connection: AsyncConnection, authority_id: str, events: Sequence[RecordedEvent]) -> None:
        """Bring the read model up to these events."""
        ...

    async def advance(self, connection: AsyncConnection, authority_id: str, position: int) -> None:
        """Move the locked checkpoint to ``position``."""
        ...


class PositionGap(Exception):
    """The page does not begin right behind the checkpoint; the subscription stops rather than skip."""


@dataclass(slots=True)
class Progress:
    """How far a subscription has come with one authority, and what stops it."""

    position: int = 0
    at_head: bool = False
    error: str | None = None


class Subscription:
    """Follows the log for every authority with one projector."""

    def __init__(self, engine: AsyncEngine, reader: EventReader, projector: Projector, *, pause_seconds: float) -> None:
        """Read from ``reader``, project with ``projector`` over ``engine``."""
        self._engine = engine
        self._reader = reader
        self._projector = projector
        self._pause_seconds = pause_seconds
        self.progress: dict[str, Progress] = {}

    @property
    def error(self) -> str | None:
        """What stops it, for each authority that it cannot follow, in words for an operator; None if nothing does."""
        wrong = [f"{name}: {each.error}" for name, each in sorted(self.progress.items()) if each.error]
        return "; ".join(wrong) or None

    def caught_up(self, authority_id: str) -> int | None:
        """Return the position at which this process saw the end of the authority's log; None while it is behind."""
        progress = self.progress.get(authority_id)
        if progress is None or progress.error is not None or not progress.at_head:
            return None
        return progress.position

    async def run(self) -> None:
        """Follow until cancelled; trouble is logged, shown in ``progress`` and tried again."""
        pause = self._pause_seconds
        while True:
            busy, failed = await self.round()
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS) if failed else self._pause_seconds
            if failed or not busy:
                await asyncio.sleep(pause)

    async def round(self) -> tuple[bool, bool]:
        """Project one page of every authority; return whether any had events, and whether any failed."""
        try:
            async with self._engine.connect() as connection:
                names = await authorities(connection)
        except Exception as error:
            log.warning("%s cannot list authorities: %s", self._projector.subscription, type(error).__name__)
            return False, True
        outcomes = [await self._guarded_step(authority_id) for authority_id in names]
        return any(outcome is True for outcome in outcomes), any(outcome is None for outcome in outcomes)

    async def _guarded_step(self, authority_id: str) -> bool | None:
        """Take one step; None when it failed, and then nothing was written."""
        progress = self.progress.setdefault(authority_id, Progress())
        labels = (self._projector.subscription, authority_id)
        try:
            busy = await self.step(authority_id)
        except Exception as error:  # One authority's trouble must not stop the others.
            progress.error = f"{type(error).__name__} after position {progress.position}"
            _stopped.labels(*labels).set(1)
            # The error's text may hold a child's data: only its type is logged, except for our own.
            log.warning("%s stopped for %s: %s", *labels, error if isinstance(error, NotReady) else progress.error)
            return None
        progress.error = None
        _stopped.labels(*labels).set(0)
        _position.labels(*labels).set(progress.position)
        return busy

    async def step(self, authority_id: str) -> bool:
        """Project one page of one authority in one transaction; return whether there was anything.

        The checkpoint is locked first: of several replicas one works and the others wait.
        """
        progress = self.progress.setdefault(authority_id, Progress())
        async with self._engine.begin() as connection:
            position = await self._projector.checkpoint(connection, authority_id)
            page = await self._reader.read(authority_id, after=position, limit=PAGE)
            if page.events:
                if page.events[0].position != position + 1:
                    raise PositionGap(f"expected position {position + 1}, read {page.events[0].position}")
                await self._projector.project(connection, authority_id, page.events)
                position = page.events[-1].position
                await self._projector.advance(connection, authority_id, position)
        progress.position, progress.at_head = position, page.at_head
        return bool(page.events)
