"""Following the log of one authority, and what to do when that fails.

Trouble that may pass by itself (the log or the database is away) is waited out.  Any other
is narrowed down to one event: what lies before it is projected, and there the follower
*stops*.  It says so in its checkpoint, and never goes past.  It tries again slowly, for the
repair may be a new release of another process, and at once when it is asked to.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.domain.clock import Clock
from shared.domain.envelope import RecordedEvent
from shared.domain.errors import NotReady
from shared.runtime.leases import LeaseLost, Leases
from shared.runtime.log_copy import LogCopy, State, Stop
from shared.runtime.progress import Progress
from shared.runtime.projecting import (
    PAGE,
    CheckpointMoved,
    EventReader,
    LogEndsEarly,
    Page,
    PositionGap,
    Projector,
    check_page,
    project_page,
)
from shared.wire.feed import UnreadableEvent

log = logging.getLogger(__name__)

#: First and longest pause while trouble lasts that may pass by itself.
FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 10.0
#: First and longest pause between two tries at what stops a follower.
FIRST_RETRY_SECONDS = 1.0
LONGEST_RETRY_SECONDS = 60.0
#: How often at least an answer that there is nothing new is asked whether the log is still the same.
COMPARE_SECONDS = 5.0

#: Codes of PostgreSQL that say nothing about an event: the connection or the server is away (08, 53, 57, 58),
#: others were in the way (40, 55P03), we were silent for too long (25P03), the server only reads (25006) or has
#: trouble of its own (XX), or tables are being migrated or exchanged under us (0A, 28, 3D, 3F, 42501, 42703, 42P01).
_PASSING = (
    *("08", "53", "57", "58"),
    *("40", "55P03", "25P03", "25006", "XX"),
    *("0A", "28", "3D", "3F", "42501", "42703", "42P01"),
)


class AnotherLog(Exception):
    """The log holds another event at the checkpoint than the one that was read there."""


def _tell_nobody(_: str) -> None:
    """Leave it to others to find out."""


@dataclass(frozen=True, slots=True)
class Consumer:
    """One consumer of the log: what it reads, what it does with it, and where it keeps how far it has come.

    ``stepped`` is called with the authority after each step, when what it wrote has been committed.
    """

    engine: AsyncEngine
    reader: EventReader
    projector: Projector
    log_copy: LogCopy
    leases: Leases
    clock: Clock
    stepped: Callable[[str], None] = _tell_nobody

    @property
    def name(self) -> str:
        """Name of its subscription."""
        return self.projector.subscription


class Follower:
    """Follows one authority's log for one consumer."""

    def __init__(
        self, consumer: Consumer, authority_id: str, *, turns: asyncio.Semaphore, token: int | None = None
    ) -> None:
        """Follow under the lease with this token, or, without one, alone; project when ``turns`` allows it."""
        self._consumer = consumer
        self._authority_id = authority_id
        self._turns = turns
        self._pages = _Pages()
        self._pause = FIRST_PAUSE_SECONDS
        self._retry = FIRST_RETRY_SECONDS
        self._begun = False
        self._last: tuple[str, str] | None = None
        self._compared = monotonic()
        self._asked = asyncio.Event()
        self.token = token
        self.progress = Progress()

    async def run(self, wait_seconds: float) -> None:
        """Follow until cancelled, or until another process has taken over.

        ``wait_seconds`` is how long one read waits at the head of the log for the next event.
        """
        while True:
            began, waits = monotonic(), self.progress.at_head
            try:
                moved = await self.step(wait_seconds)
            except LeaseLost:
                return
            except Exception as error:  # Whatever it is, it is shown, and the other logs are followed on.
                await self._pause_after(error)
                continue
            # A log that says at once that there is nothing, although it was to wait, would be asked without end.
            unasked = waits or not self.progress.at_head
            if not moved and unasked and monotonic() - began < FIRST_PAUSE_SECONDS:
                await asyncio.sleep(FIRST_PAUSE_SECONDS)

    def resume(self) -> None:
        """Try again now, if it stands still."""
        self._asked.set()

    async def step(self, wait_seconds: float = 0.0) -> bool:
        """Read one page and project it in one transaction; return whether there is more to do.

        Nothing is caught, and nothing is written when it raises.
        """
        self._pages.forget()
        begins = not self._begun
        if begins:
            await self._begin()
        after, limit = self.progress.position, self._pages.size
        # Only where the end was seen just before: whether all is well again must not take so long to show.
        wait = wait_seconds if self.progress.at_head else 0.0
        page = await self._consumer.reader.read(self._authority_id, after=after, limit=limit, wait_seconds=wait)
        check_page(page, after)
        # While a read waits the log may be shortened and grow again: then the page follows another event than ours.
        if not begins and (page.events or monotonic() - self._compared >= COMPARE_SECONDS):
            await self._compare(after)
        self.progress.read(page)
        self._pages.read(page.events)
        if page.events:
            await self._project(page, after)
        else:
            await self._well()
        self._show()
        self._consumer.stepped(self._authority_id)
        return bool(page.events)

    async def _begin(self) -> None:
        """Find out where the checkpoint is, and that the log is the one that was read up to there."""
        consumer = self._consumer
        async with consumer.engine.connect() as connection:
            standing = await consumer.log_copy.standing(connection, self._authority_id)
            self._last = await consumer.log_copy.identity_at(connection, self._authority_id, standing.position)
        self.progress.found(standing.position, standing.stop)
        if standing.stop is not None:
            self._pages.suspect(standing.position + 1)
        await self._compare(standing.position)
        self._begun = True

    async def _compare(self, position: int) -> None:
        """Raise LogEndsEarly or AnotherLog if the event that was read last, there, is not in the log any more.

        After a restore from an older backup the log is too short at first; then it grows, with other
        events, and nobody would ever notice what was missed.
        """
        self._compared = monotonic()
        if self._last is None:
            return
        try:
            page = await self._consumer.reader.read(self._authority_id, after=position - 1, limit=1)
        except UnreadableEvent:
            return  # A newer release read it; what cannot be read cannot be compared.
        self.progress.head = page.head
        if page.head < position:
            raise LogEndsEarly(page.head, position)
        if page.events and _identity(page.events[0]) != self._last:
            raise AnotherLog

    async def _project(self, page: Page, after: int) -> None:
        consumer, progress = self._consumer, self.progress
        async with self._turns:
            progress.step_began = monotonic()
            try:
                position = await project_page(
                    consumer.engine,
                    consumer.projector,
                    self._authority_id,
                    page.events,
                    after=after,
                    seal=self._seal,
                )
            except CheckpointMoved:
                self._begun = False  # By a process that followed before us; the next step begins where it got to.
                return
            finally:
                progress.step_began = None
        progress.reached(position, page)
        self._last = _identity(page.events[position - after - 1])
        self._pages.done(position)
        self._pause, self._retry = FIRST_PAUSE_SECONDS, FIRST_RETRY_SECONDS

    async def _seal(self, connection: AsyncConnection) -> None:
        """End a transaction: raises LeaseLost if another process has taken over."""
        if self.token is not None:
            await self._consumer.leases.seal(connection, self._authority_id, self.token)
        if self.progress.stop is not None:
            await self._consumer.log_copy.go_on(connection, self._authority_id)

    async def _well(self) -> None:
        """There is nothing to project; what stopped it is gone."""
        if self.progress.stop is not None:
            async with self._consumer.engine.begin() as connection:
                await self._consumer.log_copy.lock_checkpoint(connection, self._authority_id)
                await self._seal(connection)
            self.progress.stop = None
        self.progress.error = None
        self._pause, self._retry = FIRST_PAUSE_SECONDS, FIRST_RETRY_SECONDS

    async def _pause_after(self, error: Exception) -> None:
        """Wait as long as befits the trouble, having noted it."""
        # The checkpoint may have moved, or the whole database be another: look again.
        self._begun = False
        if _passes(error):
            self._trouble(error)
            await self._wait(self._pause)
            self._pause = min(self._pause * 2, LONGEST_PAUSE_SECONDS)
            return
        stop = self._cause(error)
        if stop is None:
            return  # Smaller pages will show where it is.
        await self._stop(stop)
        await self._wait(self._retry)
        self._retry = min(self._retry * 2, LONGEST_RETRY_SECONDS)

    def _trouble(self, error: Exception) -> None:
        # The error's text may hold a child's data: only its kind is told, except for our own.
        words = str(error) if isinstance(error, NotReady) else f"{_kind(error)} after position {self.progress.position}"
        self.progress.error, self.progress.at_head = words, False
        self._pages.lighten()
        self._show()
        log.warning("%s cannot follow the log of %s: %s", self._consumer.name, self._authority_id, words)

    def _cause(self, error: Exception) -> Stop | None:
        """Return what stops the follower, or None if that is still to be narrowed down."""
        position = self.progress.position
        if isinstance(error, LogEndsEarly):
            reason = f"the log ends here, before the checkpoint at position {error.checkpoint}; {_RESTORED}"
            return Stop(state=State.AHEAD, position=error.head, type=None, reason=reason)
        if isinstance(error, AnotherLog):
            reason = f"the log holds another event here than the one that was read; {_RESTORED}"
            return Stop(state=State.AHEAD, position=position, type=None, reason=reason)
        if isinstance(error, UnreadableEvent) and error.position == position + 1:
            return Stop(state=State.STOPPED, position=error.position, type=error.type, reason=error.reason)
        only = self._pages.narrow(position)
        if only is None:
            return None
        type_name = only[0].type if only else None
        return Stop(state=State.STOPPED, position=position + 1, type=type_name, reason=_reason(error))

    async def _stop(self, stop: Stop) -> None:
        """Stop, and say so at the checkpoint."""
        consumer, progress = self._consumer, self.progress
        if progress.stop != stop:
            log.error("%s %s for %s", consumer.name, stop, self._authority_id)
        progress.stop, progress.error, progress.at_head = stop, None, False
        self._show()
        try:
            async with consumer.engine.begin() as connection:
                if await consumer.log_copy.lock_checkpoint(connection, self._authority_id) == progress.position:
                    if self.token is not None:
                        await consumer.leases.seal(connection, self._authority_id, self.token)
                    await consumer.log_copy.stop(connection, self._authority_id, stop, consumer.clock.now())
        except LeaseLost:
            return  # The next step finds out the same, and ends.
        except Exception as error:  # It stands still all the same, and notes it with the next try.
            log.warning("%s cannot note that it stopped for %s: %s", consumer.name, self._authority_id, _kind(error))

    async def _wait(self, seconds: float) -> None:
        self._asked.clear()
        try:
            await asyncio.wait_for(self._asked.wait(), seconds)
        except TimeoutError:
            return

    def _show(self) -> None:
        self.progress.show(self._consumer.name, self._authority_id, self._consumer.clock.now())


def _identity(event: RecordedEvent) -> tuple[str, str]:
    return event.source, event.event_id


_RESTORED = "it was restored from an older backup or shortened. Restore a later one, or rebuild this consumer"


class _Pages:
    """How many events to read at once: many, and fewer and fewer around one that makes trouble."""

    def __init__(self) -> None:
        self.size = PAGE
        self._suspect_until = 0
        self._page: Sequence[RecordedEvent] = ()

    def forget(self) -> None:
        """Forget what was read: nothing of it can be what fails from now on."""
        self._page = ()

    def read(self, events: Sequence[RecordedEvent]) -> None:
        """Remember what was read."""
        self._page = events

    def suspect(self, position: int) -> None:
        """Take one event at a time up to ``position``, where there was trouble before."""
        self.size, self._suspect_until = 1, position

    def lighten(self) -> None:
        """Take on less: what failed may have been too much for the time there was."""
        self.size = max(self.size // 2, 1)

    def narrow(self, after: int) -> Sequence[RecordedEvent] | None:
        """Halve what failed behind ``after``; return it if that cannot be: one event, or none that could be read."""
        number = len(self._page) or self.size
        if number == 1:
            return self._page
        self.size = number // 2
        self._suspect_until = max(self._suspect_until, after + number)
        return None

    def done(self, position: int) -> None:
        """Take on more again, once ``position`` lies behind what made trouble."""
        if position >= self._suspect_until:
            self.size = min(self.size * 2, PAGE)


def _passes(error: Exception) -> bool:
    """Tell whether trouble says nothing about an event, so that waiting may help."""
    if isinstance(error, NotReady | OSError | TimeoutError | PoolTimeout | CheckpointMoved):
        return True
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    return lost or _sqlstate(error).startswith(_PASSING)


def _reason(error: Exception) -> str:
    """Say why an event stops a follower, in our own words only."""
    if isinstance(error, PositionGap | UnreadableEvent):
        return str(error)
    return f"{_kind(error)} at this event"


def _sqlstate(error: Exception) -> str:
    return str(getattr(getattr(error, "orig", error), "sqlstate", None) or "")


def _kind(error: Exception) -> str:
    """Name an error without its text, which may hold a child's data."""
    state = _sqlstate(error)
    return f"{type(error).__name__} ({state})" if state else type(error).__name__
