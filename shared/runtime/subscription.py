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
from time import monotonic
from typing import Protocol

from prometheus_client import Gauge
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.domain.envelope import RecordedEvent
from shared.domain.errors import NotReady
from shared.identity.store import authorities

log = logging.getLogger(__name__)

PAGE = 1000
LONGEST_PAUSE_SECONDS = 10.0
#: Authorities projected at once: one whose events take long holds one turn and leaves the others.
TURNS = 4
#: A step that takes longer is told as trouble; a projector is to stop well before.
SLOW_SECONDS = 60.0

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

    async def project(self, connection: AsyncConnection, authority_id: str, events: Sequence[RecordedEvent]) -> int:
        """Bring the read model up to these events, or to some of them if all would take long.

        Return the position reached: that of the last event projected, at least the first one's.
        """
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
    step_began: float | None = None

    def trouble(self) -> str | None:
        """Tell what stops it or takes too long, in words for an operator; None if nothing does."""
        lasted = 0.0 if self.step_began is None else monotonic() - self.step_began
        if lasted > SLOW_SECONDS:
            return f"one step has taken {lasted:.0f} s so far after position {self.position}"
        return self.error


class Subscription:
    """Follows the log for every authority with one projector."""

    def __init__(self, engine: AsyncEngine, reader: EventReader, projector: Projector, *, pause_seconds: float) -> None:
        """Read from ``reader``, project with ``projector`` over ``engine``."""
        self._engine = engine
        self._reader = reader
        self._projector = projector
        self._pause_seconds = pause_seconds
        self._turns = asyncio.Semaphore(TURNS)
        self._blind: str | None = None
        self.progress: dict[str, Progress] = {}

    @property
    def error(self) -> str | None:
        """What stops it, for each authority that it cannot follow, in words for an operator; None if nothing does."""
        wrong = {name: each.trouble() for name, each in sorted(self.progress.items())}
        return "; ".join([f"{name}: {trouble}" for name, trouble in wrong.items() if trouble]) or self._blind

    def caught_up(self, authority_id: str) -> int | None:
        """Return the position at which this process saw the end of the authority's log; None while it is behind."""
        progress = self.progress.get(authority_id)
        if progress is None or progress.error is not None or not progress.at_head:
            return None
        return progress.position

    async def run(self) -> None:
        """Follow every authority until cancelled; trouble is logged, shown in ``error`` and tried again."""
        following: dict[str, asyncio.Task[None]] = {}
        try:
            while True:
                for authority_id in await self._authorities():
                    if authority_id not in following:
                        following[authority_id] = asyncio.create_task(self._follow(authority_id))
                await asyncio.sleep(self._pause_seconds)
        finally:
            for task in following.values():
                task.cancel()
            await asyncio.gather(*following.values(), return_exceptions=True)

    async def _authorities(self) -> list[str]:
        try:
            async with self._engine.connect() as connection:
                names = await authorities(connection)
        except Exception as error:  # The database may come back.
            self._blind = f"cannot list authorities ({type(error).__name__})"
            log.warning("%s %s", self._projector.subscription, self._blind)
            return []
        self._blind = None
        return names

    async def _follow(self, authority_id: str) -> None:
        """Follow one authority until cancelled, with longer and longer pauses while it fails."""
        pause = self._pause_seconds
        while True:
            async with self._turns:
                busy = await self.attempt(authority_id)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS) if busy is None else self._pause_seconds
            if not busy:
                await asyncio.sleep(pause)

    async def attempt(self, authority_id: str) -> bool | None:
        """Take one step; return whether there was anything, None when it failed and nothing was written."""
        progress = self.progress.setdefault(authority_id, Progress())
        labels = (self._projector.subscription, authority_id)
        progress.step_began = monotonic()
        try:
            busy = await self.step(authority_id)
        except Exception as error:  # One authority's trouble must not stop the others.
            progress.error = f"{type(error).__name__} after position {progress.position}"
            _stopped.labels(*labels).set(1)
            # The error's text may hold a child's data: only its type is logged, except for our own.
            log.warning("%s stopped for %s: %s", *labels, error if isinstance(error, NotReady) else progress.error)
            return None
        finally:
            progress.step_began = None
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
                position = await self._projector.project(connection, authority_id, page.events)
                await self._projector.advance(connection, authority_id, position)
        whole = not page.events or position == page.events[-1].position
        progress.position, progress.at_head = position, page.at_head and whole
        return bool(page.events)
