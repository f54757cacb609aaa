"""Reading the log, against a plain select; and push, against NOTIFY within the database."""

from __future__ import annotations

import gc
from collections.abc import Awaitable, Callable, Sequence
from itertools import cycle
from statistics import median, quantiles
from time import perf_counter
from typing import Any

import asyncpg
from rich.progress import track

from benchmarks.figures import Figure, paired_ratio
from benchmarks.http_load import Connection, request
from benchmarks.log_filling import Filling
from benchmarks.push import Latencies, in_database, over_long_poll, over_sse
from benchmarks.stage import AUTHORITY, Stage, stage
from services.events.store.connection import Pool, open_pool
from services.events.store.read import read_log

EVENTS = 50_000
PAGE = 1_000
_COLUMNS = "position, stream, stream_position, recorded_at, recorded_by, body, digest, link"
_PLAIN = f"SELECT {_COLUMNS} FROM events.event WHERE authority_id = $1 AND position > $2 ORDER BY position LIMIT $3"

Read = Callable[[int], Awaitable[Any]]
Push = Callable[[Stage, float], Awaitable[Latencies]]
_PUSHES: dict[str, Push] = {"database": in_database, "sse": over_sse, "long-poll": over_long_poll}


async def run(rounds: int, seconds: float) -> list[Figure]:
    """Run every trial once in each round and return the figures, made of medians."""
    rates: dict[str, list[float]] = {}
    latencies: dict[str, list[Latencies]] = {}
    async with stage() as on, open_pool(on.database_url, size=2) as pool:
        await Filling(pool).up_to(EVENTS)
        plain = await asyncpg.connect(on.database_url)
        await plain.execute("ANALYZE events.event")
        for _ in track(range(rounds), description="rounds", transient=True):
            # The server ends a connection on which nobody asks: hence a new one in each round, used first.
            async with Connection(on.port) as connection:
                for name, read in _reads(on, pool, plain, connection).items():
                    rates.setdefault(name, []).append(await _rate(read, seconds))
            for name, push in _PUSHES.items():
                latencies.setdefault(name, []).append(await push(on, seconds))
        await plain.close()
    return [*_read_figures(rates, rounds), *_push_figures(latencies, rounds)]


def _reads(on: Stage, pool: Pool, plain: Any, connection: Connection) -> dict[str, Read]:
    """Name the ways of reading a page; each returns when the caller holds it whole."""

    async def select(after: int) -> None:
        await plain.fetch(_PLAIN, AUTHORITY, after, PAGE)

    async def from_store(after: int) -> None:
        async with pool.connection() as lent:
            await read_log(lent, AUTHORITY, after=after, limit=PAGE)

    async def over_http(after: int) -> None:
        path = f"/v1/events?after={after}&limit={PAGE}"
        if await connection.send(request("GET", path, {"authorization": f"Bearer {on.key}"}, b"")) != 200:  # noqa: PLR2004 - HTTP
            raise RuntimeError("a page was not answered 200")

    return {"http": over_http, "plain": select, "store": from_store}


async def _rate(read: Read, seconds: float) -> float:
    """Return events read in a second, page after page through the log."""
    gc.collect()
    pages, began = 0, perf_counter()
    for after in cycle(range(0, EVENTS, PAGE)):
        await read(after)
        pages += 1
        if perf_counter() > began + seconds:
            break
    return pages * PAGE / (perf_counter() - began)


def _read_figures(rates: dict[str, list[float]], rounds: int) -> list[Figure]:
    against = "asyncpg, the same columns, pages of 1,000"
    theirs = rates["plain"]
    return [
        Figure(
            name,
            paired_ratio(rates[ours], theirs),
            target,
            against,
            rounds,
            median(rates[ours]),
            median(theirs),
            "events/s",
        )
        for name, ours, target in (("read-store", "store", 0.8), ("read-http", "http", 0.5))
    ]


def _push_figures(latencies: dict[str, list[Latencies]], rounds: int) -> list[Figure]:
    """Compare p50 and p99; the target lets a push take ten times as long as NOTIFY."""
    figures = []
    against = "insert with NOTIFY, LISTEN, select the row; limit: ten times as long"
    for name in ("sse", "long-poll"):
        for label, percentile in (("p50", 50), ("p99", 99)):
            ours, theirs = (_percentile(latencies[each], percentile) for each in (name, "database"))
            figures.append(Figure(f"push-{name}-{label}", theirs / ours, 0.1, against, rounds, ours, theirs, "ms"))
    return figures


def _percentile(rounds: Sequence[Latencies], percentile: int) -> float:
    """Return the median over the rounds of a percentile, in milliseconds."""
    return median(quantiles(each, n=100)[percentile - 1] for each in rounds) * 1000
