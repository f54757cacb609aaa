"""Filling the log of a benchmark through the store, as fast as it honestly goes.

Every event is read, checked, bound and stored as over HTTP; only HTTP itself is left out.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import orjson
from rich.progress import track

from benchmarks.material import posted_event
from benchmarks.stage import AUTHORITY
from services.events.appender import Appender
from services.events.model import AppendRequest
from services.events.store.connection import Pool
from shared.domain.clock import SystemClock
from shared.wire.content_modes import NDJSON, read

LINES = 1_000


def ndjson(size: int) -> bytes:
    """Return a body of ``size`` events nobody has posted yet."""
    return b"\n".join(orjson.dumps(posted_event()) for _ in range(size))


@dataclass
class Filling:
    """A log that grows to the sizes it is told."""

    pool: Pool
    size: int = 0
    _appender: Appender = field(init=False)

    def __post_init__(self) -> None:
        self._appender = Appender(self.pool, SystemClock())

    async def up_to(self, size: int) -> None:
        """Append until the log holds ``size`` events."""
        for _ in track(range(self.size, size, LINES), description=f"filling to {size:,}", transient=True):
            reading = read(NDJSON[0], (), ndjson(min(LINES, size - self.size)), lambda _: ())
            await self._appender.append(
                AUTHORITY, AppendRequest(candidates=reading.candidates, recorded_by="benchmark")
            )
            self.size += len(reading.candidates)

    def grew(self, events: int) -> None:
        """Hear that somebody else appended so many."""
        self.size += events
