"""What an append and a page cost as the log grows, and what the service holds in memory meanwhile."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, repeat

import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.figures import Figure
from benchmarks.http_load import Load, load, request
from benchmarks.log_filling import LINES, Filling, ndjson
from benchmarks.stage import Stage, stage
from services.events.store.connection import open_pool

#: Sizes at which is measured, as far as they are asked for.
MARKS = (10_000, 100_000, 300_000, 1_000_000, 5_000_000)
EVENTS = 300_000
PAGE = 1_000
_PLACES = {"begin": 0.0, "middle": 0.5, "end": 1.0}


@dataclass(frozen=True, slots=True)
class Mark:
    """What was measured while the log held about ``size`` events; rates are events a second."""

    size: int
    single: Load
    batch: float
    pages: dict[str, float]
    megabytes: float


async def run(rounds: int, seconds: float, events: int = EVENTS) -> list[Figure]:
    """Fill a log up to ``events``, measure on the way, print the curve, and return how flat it is."""
    marks: list[Mark] = []
    async with stage() as on, open_pool(on.database_url, size=2) as pool:
        log = Filling(pool)
        for size in sorted({*(mark for mark in MARKS if mark < events), events}):
            await log.up_to(size)
            await _measure(on, log, min(seconds, 0.3))
            marks.append(_middle([await _measure(on, log, seconds) for _ in range(rounds)]))
    _print(marks)
    return _figures(marks, rounds)


async def _measure(on: Stage, log: Filling, seconds: float) -> Mark:
    size = log.size
    key = {"authorization": f"Bearer {on.key}"}
    post = {**key, "content-type": "application/x-ndjson"}

    def appending(events: int) -> bytes:
        log.grew(events)
        return request("POST", "/v1/events", post, ndjson(events))

    def page(behind: int) -> bytes:
        return request("GET", f"/v1/events?after={behind}&limit={PAGE}", key, b"")

    gc.collect()
    single = await load(on.port, 1, seconds, partial(appending, 1))
    batch = await load(on.port, 1, seconds, partial(appending, LINES))
    pages = {}
    for name, part in _PLACES.items():
        behind = int((size - PAGE) * part)
        pages[name] = (await load(on.port, 1, seconds, partial(next, repeat(page(behind))))).rate * PAGE
    return Mark(size, single, batch.rate * LINES, pages, _megabytes())


def _megabytes() -> float:
    """Return what the process of the service holds in memory."""
    services = [each for each in psutil.Process().children() if "benchmarks.server" in each.cmdline()]
    return sum(each.memory_info().rss for each in services) / 1_000_000


def _middle(measured: Sequence[Mark]) -> Mark:
    """Return the round whose single appends were the middle ones."""
    return sorted(measured, key=lambda mark: mark.single.rate)[len(measured) // 2]


def _print(marks: Sequence[Mark]) -> None:
    table = Table(title="Cost by size of the log, over HTTP with one client; middle of the rounds")
    columns = ("events", "append p50 ms", "appends/s", "batch events/s", *(f"page {name} events/s" for name in _PLACES))
    for column in (*columns, "service MB"):
        table.add_column(column, justify="right")
    for each in marks:
        rates = chain((each.single.rate, each.batch), each.pages.values(), (each.megabytes,))
        table.add_row(f"{each.size:,}", f"{each.single.milliseconds:.2f}", *(f"{rate:,.0f}" for rate in rates))
    Console(width=140).print(table)


def _figures(marks: Sequence[Mark], rounds: int) -> list[Figure]:
    """Compare the largest log with the smallest: 1.0 is flat."""
    first, last = marks[0], marks[-1]
    against = f"{first.size:,} events; ours: {last.size:,}"
    rates = {
        "growth-append": (last.single.rate, first.single.rate),
        "growth-batch": (last.batch, first.batch),
        **{f"growth-page-{name}": (last.pages[name], first.pages[name]) for name in _PLACES},
    }
    figures = [
        Figure(name, ours / theirs, 0.8, against, rounds, ours, theirs, "events/s")
        for name, (ours, theirs) in rates.items()
    ]
    memory = (last.megabytes, first.megabytes)
    figures.append(Figure("growth-memory", memory[1] / memory[0], 0.8, against, rounds, *memory, "MB"))
    return figures
