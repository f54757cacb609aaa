"""Building both projections anew, against reading the same log and doing nothing with it."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import islice
from statistics import median
from time import perf_counter
from typing import Any

import asyncpg
import httpx
import orjson
from rich.progress import track

from benchmarks.figures import Figure, paired_ratio
from benchmarks.stage import AUTHORITY, Stage, stage
from services.cli.rebuild import PROJECTIONS
from services.cli.rebuild import run as rebuild_now
from services.demonstration.council import generate
from services.events.store.histories import open_histories
from shared.domain.clock import SystemClock
from shared.domain.ids import AUTHORITY_STREAM
from shared.runtime.rebuild_work import batches

#: How many events the log holds, more or less: whole councils.
EVENTS = 40_000
LOADED_ON = date(2026, 11, 23)
_LINES = 1_000

_TRIALS: dict[str, Sequence[str]] = {
    "rebuild-reporting": ("reporting",),
    "rebuild-scheduler": ("scheduler",),
    "rebuild-both": ("scheduler", "reporting"),
}


class Unheard:
    """Hears how a rebuild goes, and lets it pass."""

    def say(self, sentence: str) -> None:
        """Let a sentence pass."""

    def expect(self, events: int) -> None:
        """Let it pass."""

    def did(self, events: int) -> None:
        """Let it pass."""


async def run(rounds: int, seconds: float) -> list[Figure]:
    """Rebuild a log of demonstration councils; ``seconds`` means nothing here: a trial is the whole log."""
    del seconds
    async with stage() as on:
        events = await _fill(on)
        await _follow(on, events)
        read: list[float] = []
        rates: dict[str, list[float]] = {name: [] for name in _TRIALS}
        for _ in track(range(rounds), description="rounds", transient=True):
            gc.collect()
            read.append(events / await _read(on, events))
            for name, services in _TRIALS.items():
                gc.collect()
                rates[name].append(events / await _rebuild(on, services))
    pure = median(read)
    against = "reading the same histories in one process, and doing nothing with them"
    return [
        Figure(name, paired_ratio(found, read), 0.3, against, rounds, median(found), pure, "events/s")
        for name, found in rates.items()
    ]


async def _fill(on: Stage) -> int:
    """Append councils until there are enough events; return how many the log holds."""
    headers = {"authorization": f"Bearer {on.key}", "content-type": "application/x-ndjson"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{on.port}", headers=headers, timeout=60) as client:
        accepted = 0
        lines = _lines()
        while accepted < EVENTS:
            answer = await client.post("/v1/events", content=b"\n".join(islice(lines, _LINES)))
            answer.raise_for_status()
            accepted += answer.json()["accepted"]
    return accepted


def _lines() -> Iterator[bytes]:
    """Yield the events of one council after the other; what the first decided holds for all."""
    seed = 0
    while True:
        seed += 1
        events: list[dict[str, Any]] = generate(seed, LOADED_ON)
        yield from (orjson.dumps(each) for each in events if seed == 1 or each["subject"] != AUTHORITY_STREAM)


async def _follow(on: Stage, events: int) -> None:
    """Make live projections: by a rebuild, since following the log takes longer."""
    connection = await asyncpg.connect(on.database_url)
    for service in PROJECTIONS:
        await connection.execute(
            f"INSERT INTO {service}.checkpoint (authority_id, position) VALUES ($1, $2)", AUTHORITY, events
        )
    await connection.close()
    await _rebuild(on, tuple(PROJECTIONS))


async def _rebuild(on: Stage, services: Sequence[str]) -> float:
    began = perf_counter()
    await rebuild_now(on.database_url, services, SystemClock(), Unheard(), check=False)
    return perf_counter() - began


async def _read(on: Stage, events: int) -> float:
    began = perf_counter()
    async with open_histories(on.database_url) as log:
        for batch in await batches(log, {AUTHORITY: events}):
            await log.histories(batch.authority_id, batch.streams, until=batch.until)
    return perf_counter() - began
