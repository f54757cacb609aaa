"""Building reporting's projection anew beside the live one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.reporting.store import journeys
from services.reporting.tables import child, episode
from services.reporting.worker import JourneyProjector
from shared.domain.clock import Clock
from shared.domain.envelope import RecordedEvent
from shared.domain.ids import child_of_stream
from shared.runtime.log_copy import NOTHING_READ, PROGRESS
from shared.runtime.rebuild_compare import Apart
from shared.runtime.rebuild_schema import Schemas
from shared.runtime.rebuild_work import Histories, Rows

#: A child before its episodes, which refer to it.
SCHEMAS = Schemas("reporting", ("checkpoint", "event", "child", "episode"))


@dataclass(frozen=True, slots=True)
class JourneyRebuild:
    """Reporting's projection as a rebuild needs it: it follows from the log alone."""

    @property
    def schemas(self) -> Schemas:
        """Where the projection lives."""
        return SCHEMAS

    @property
    def apart(self) -> Apart:
        """What does not follow from the log: how reading it went."""
        return Apart(columns={"checkpoint": PROGRESS}, none={"checkpoint": NOTHING_READ})

    def projector(self, clock: Clock) -> JourneyProjector:
        """Return the live projector: it tells nobody anything."""
        del clock
        return JourneyProjector()

    def rows(self, authority_id: str, council: Sequence[RecordedEvent], children: Histories, today: date) -> list[Rows]:
        """Return these children and their episodes; neither the council's own events nor the day changes them."""
        del council, today
        known = {name: events for stream, events in children.items() if (name := child_of_stream(stream)) is not None}
        of_children, episodes = journeys.rows(authority_id, known)
        return [_rows(child, of_children), _rows(episode, episodes)]

    async def folded(self, engine: AsyncEngine, authority_id: str, today: date) -> None:
        """Do nothing: the rows say themselves by which edition they were folded."""

    async def settle(self, engine: AsyncEngine, authority_id: str, clock: Clock) -> None:
        """Do nothing: the rows are the same every day."""

    async def carry_over(self, owner: AsyncEngine, clock: Clock) -> Nothing:
        """Carry over nothing: all of it follows from the log."""
        del owner, clock
        return Nothing()


@dataclass(frozen=True, slots=True)
class Nothing:
    """What is carried over where everything follows from the log."""

    async def complete(self, owner: AsyncEngine, clock: Clock) -> Callable[[AsyncConnection], Awaitable[int]]:
        """Do nothing, and tell nothing."""
        del owner, clock
        return _tell_nobody


def _rows(table: Table, found: Sequence[Mapping[str, Any]]) -> Rows:
    names = [column.name for column in table.columns]
    return Rows(table.name, names, [tuple(row[name] for name in names) for row in found])


async def _tell_nobody(connection: AsyncConnection) -> int:
    del connection
    return 0
