"""What-if: a draft pack laid against the council's children, who are only read.

The whole record of a council is projected twice, in pieces and beside the event loop; for one council at a
time, and for so long at most.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy.ext.asyncio import AsyncConnection

from services.scheduler.projection.what_if import MOST_LISTED, Differences, Draft, compare, with_draft
from services.scheduler.store import events
from services.scheduler.store.events import log_copy
from shared.domain.errors import NotReady
from shared.domain.history import facts
from shared.domain.timetable.engine import Timetable
from shared.policies.timetables import council_timetable

#: Children compared together; between two batches other requests get their turn.
BATCH = 50
#: A question that takes longer is given up, with a problem.
SECONDS = 45.0
#: Questions of different councils worked on at once in a process; further ones wait.
AT_ONCE = 2


@dataclass(slots=True)
class Room:
    """Keeps a process from doing nothing else: one question of a council at a time, and few in all."""

    asking: set[str] = field(default_factory=set)
    few: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    @asynccontextmanager
    async def of(self, authority_id: str) -> AsyncIterator[None]:
        """Be the one question of this council; raises NotReady while there is another."""
        if authority_id in self.asking:
            raise NotReady("Another what-if of this council is still being worked out; ask again when it is answered.")
        self.asking.add(authority_id)
        try:
            async with asyncio.timeout(SECONDS), self.few:
                yield
        except TimeoutError:
            raise NotReady(f"The answer was not found within {SECONDS:.0f} seconds; ask again later.") from None
        finally:
            self.asking.discard(authority_id)


async def differences(connection: AsyncConnection, authority_id: str, draft: Draft, today: date) -> Differences:
    """Return what the draft would change; ``connection`` shows one state throughout, and is only read from."""
    council = await log_copy.authority_events(connection, authority_id)
    position = await log_copy.position(connection, authority_id)
    now = council_timetable(council, as_of=today)
    drafted = with_draft(now, draft, position + 1)
    children = await events.all_children(connection, authority_id)
    found = Differences(today, MOST_LISTED)
    for start in range(0, len(children), BATCH):
        await _compare_batch(connection, authority_id, children[start : start + BATCH], (now, drafted), found)
    return found


async def _compare_batch(
    connection: AsyncConnection,
    authority_id: str,
    children: Sequence[str],
    timetables: tuple[Timetable, Timetable],
    found: Differences,
) -> None:
    histories = await log_copy.child_events(connection, authority_id, children)

    given_up = threading.Event()

    def compare_all() -> None:
        for child in children:
            # A thread cannot be ended: once nobody waits any more it ends itself.
            if given_up.is_set():
                return
            compare(child, facts(histories[child], as_of=found.today), *timetables, found)

    try:
        await asyncio.to_thread(compare_all)
    finally:
        given_up.set()
