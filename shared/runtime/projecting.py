"""One page of the log into a read model: in one transaction, right behind the checkpoint, or not at all.

The page is read before the transaction begins, so that no connection idles while the log
answers.  What may have happened meanwhile is found out by the transaction itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.domain.envelope import RecordedEvent

PAGE = 1000
#: A transaction that projects and then falls silent for so long is ended by the server.  A process that
#: was stopped in the middle of one holds the checkpoint's lock, and with it up everybody else.
SILENT_SECONDS = 20

_END_THE_SILENT = text(f"SET LOCAL idle_in_transaction_session_timeout = '{SILENT_SECONDS}s'")

#: The last thing in a transaction that projects; raises to undo it.
Seal = Callable[[AsyncConnection], Awaitable[None]]


class Page(Protocol):
    """A page of the log."""

    @property
    def events(self) -> Sequence[RecordedEvent]:
        """The events, in position order."""
        ...

    @property
    def at_head(self) -> bool:
        """Whether the page reached the head of the log."""
        ...

    @property
    def head(self) -> int:
        """Position at which the log ended when the page was read; 0 while it is empty."""
        ...


class EventReader(Protocol):
    """Anything that reads pages of an authority's log."""

    async def read(self, authority_id: str, *, after: int, limit: int, wait_seconds: float = 0.0) -> Page:
        """Return the events behind ``after``; where there are none, wait so long for the next append.

        Raises NotReady while the log is away, and UnreadableEvent for an event right behind
        ``after`` that this process cannot understand.
        """
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
    """The page does not begin right behind the checkpoint, or is not whole: nothing of it is kept."""


class LogEndsEarly(Exception):
    """The log ends before the checkpoint: it was restored from an older backup, or shortened."""

    def __init__(self, head: int, checkpoint: int) -> None:
        """Keep where the log ends and where the checkpoint is."""
        self.head = head
        self.checkpoint = checkpoint
        super().__init__(f"the log ends at position {head}, before the checkpoint at {checkpoint}")


class CheckpointMoved(Exception):
    """Somebody else has projected since the page was read; nothing of it is kept."""


def check_page(page: Page, after: int) -> None:
    """Raise LogEndsEarly or PositionGap unless the page holds what lies right behind ``after``."""
    if page.head < after:
        raise LogEndsEarly(page.head, after)
    for expected, event in enumerate(page.events, after + 1):
        if event.position != expected:
            raise PositionGap(f"expected position {expected}, read {event.position}")


async def project_page(
    engine: AsyncEngine,
    projector: Projector,
    authority_id: str,
    events: Sequence[RecordedEvent],
    *,
    after: int,
    seal: Seal | None = None,
) -> int:
    """Project events that were read behind position ``after``, and move the checkpoint; return where it is then.

    Everything is one transaction.  Raises CheckpointMoved when the checkpoint is not at
    ``after`` any more, and whatever ``projector`` or ``seal`` raises; then nothing is kept.
    """
    async with engine.begin() as connection:
        await connection.execute(_END_THE_SILENT)
        if await projector.checkpoint(connection, authority_id) != after:
            raise CheckpointMoved
        position = await projector.project(connection, authority_id, events)
        if not after < position <= events[-1].position:
            raise PositionGap(f"projected to position {position} from a page that ends at {events[-1].position}")
        if seal is not None:
            await seal(connection)
        await projector.advance(connection, authority_id, position)
    return position


async def step(
    engine: AsyncEngine,
    reader: EventReader,
    projector: Projector,
    authority_id: str,
    *,
    after: int,
    until: int | None = None,
    limit: int = PAGE,
) -> int:
    """Read one page behind ``after``, project it, and return the position reached: ``after`` if there is nothing.

    For whoever works without a lease, alone or on tables of its own.  With ``until`` nothing
    behind that position is projected, however far the log goes.
    """
    if until is not None:
        limit = min(limit, until - after)
    if limit <= 0:
        return after
    page = await reader.read(authority_id, after=after, limit=limit)
    check_page(page, after)
    if not page.events:
        return after
    return await project_page(engine, projector, authority_id, page.events, after=after)
