"""Durable appends, through the appender and over HTTP, against what PostgreSQL does with plain rows.

Chain, digests and all checks are on.  In each round every trial runs once, those that are
compared side by side; a ratio is the median of those of the rounds.
"""

from __future__ import annotations

import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import asyncpg
from rich.console import Console
from rich.progress import track

from benchmarks import material
from benchmarks.drive import drive
from benchmarks.figures import Figure, paired_ratio
from benchmarks.http_load import Connection, Load
from benchmarks.plain import Plain, open_plain, pgbench, pgbench_program
from benchmarks.server import ONLY_PARSES
from benchmarks.stage import Stage, new_authority, stage
from services.events.appender import COMMIT_SECONDS, Appender
from services.events.model import AppendRequest
from services.events.store.connection import open_pool
from shared.domain.clock import SystemClock

STORE_AUTHORITY = "benchmark-store"
CLIENTS = 64
PLAIN_CONNECTIONS = 8
PGBENCH_CLIENTS = 32
#: Who post batches over HTTP at the same time.
POSTERS = 4
#: What is made beforehand for a second of a trial: more than any machine here does.
SINGLES, BATCHES, LARGE_BATCHES = 24_000, 800, 90
#: The snapshot is held for so many times ``--seconds``.
SNAPSHOT_TRIALS = 45
#: Trials before and after the snapshot, to compare with.
WITHOUT_SNAPSHOT = 8

Trial = Callable[[], Awaitable[Load]]


@dataclass(frozen=True, slots=True)
class Bench:
    """All that trials work on."""

    stage: Stage
    plain: Plain
    appender: Appender
    seconds: float
    folder: Path

    async def append(self, _: int, request: AppendRequest) -> None:
        """Append through the appender."""
        await self.appender.append(STORE_AUTHORITY, request)

    async def ours(self, writers: int, size: int = 1) -> Load:
        """Append requests of ``size`` events, which were made beforehand."""
        requests = [material.append_request(size) for _ in range(self._many(size))]
        return await drive(writers, self.seconds, requests, self.append)

    async def over_http(self, path: str, clients: int, size: int = 1) -> Load:
        """Post requests of ``size`` events, which were made beforehand, over connections that stay open."""
        messages = [material.message(path, self.stage.key, size) for _ in range(self._many(size))]
        async with AsyncExitStack() as stack:
            opened = [await stack.enter_async_context(Connection(self.stage.port)) for _ in range(clients)]
            return await drive(clients, self.seconds, messages, partial(_post, opened))

    async def single_rows(self, writers: int) -> Load:
        """Insert a plain row for each commit."""
        return await drive(writers, self.seconds, [material.row() for _ in range(self._many(1))], self.plain.single_row)

    async def many_rows(self, size: int, *, copied: bool = False) -> Load:
        """Insert or copy ``size`` plain rows for each commit."""
        insert = self.plain.copied_rows if copied else self.plain.many_rows
        return await drive(1, self.seconds, [material.rows(size) for _ in range(self._many(size))], insert)

    def _many(self, size: int) -> int:
        most = SINGLES if size == 1 else BATCHES if size <= 100 else LARGE_BATCHES  # noqa: PLR2004 - two sizes
        return int(most * self.seconds) + 1

    def trials(self, program: Path | None) -> dict[str, Trial]:
        """Name every trial; those to be compared stand side by side, since rounds keep this order."""
        trials: dict[str, Trial] = {
            "plain 1": partial(self.single_rows, 1),
            "store 1": partial(self.ours, 1),
            "http 1": partial(self.over_http, "/v1/events", 1),
            "parse 1": partial(self.over_http, ONLY_PARSES, 1),
            "plain 8": partial(self.single_rows, PLAIN_CONNECTIONS),
            "store 8": partial(self.ours, PLAIN_CONNECTIONS),
            "store 64": partial(self.ours, CLIENTS),
            "plain of 100": partial(self.many_rows, 100),
            "store of 100": partial(self.ours, 1, 100),
            "plain of 1000": partial(self.many_rows, 1000),
            "store of 1000": partial(self.ours, 1, 1000),
            "http of 1000": partial(self.over_http, "/v1/events", POSTERS, 1000),
            "copy of 1000": partial(self.many_rows, 1000, copied=True),
            "http 64": partial(self.over_http, "/v1/events", CLIENTS),
            "parse 64": partial(self.over_http, ONLY_PARSES, CLIENTS),
        }
        if program is not None:
            url = self.stage.database_url
            trials["pgbench 32"] = partial(pgbench, program, url, PGBENCH_CLIENTS, self.seconds, self.folder)
        return trials


async def _post(connections: Sequence[Connection], client: int, message: bytes) -> None:
    status = await connections[client].send(message)
    if status != 200:  # noqa: PLR2004 - HTTP's own number
        raise RuntimeError(f"a request of the benchmark was answered {status}")


async def run(rounds: int, seconds: float) -> list[Figure]:
    """Run every trial once in each round, then the one with a snapshot, and return the figures."""
    program = pgbench_program()
    if program is None:
        Console(stderr=True).print("No pgbench was found, neither in the wheel nor in Debian: its figure is left out.")
    results: dict[str, list[Load]] = {}
    async with AsyncExitStack() as opened:
        bench = await _open(opened, seconds)
        trials = bench.trials(program)
        await _warm_up(bench)
        for _ in track(range(rounds), description="rounds", transient=True):
            for name, trial in trials.items():
                results.setdefault(name, []).append(await trial())
        snapshot = await _under_snapshot(bench)
    return [*_figures(results, rounds), snapshot]


async def _open(opened: AsyncExitStack, seconds: float) -> Bench:
    on = await opened.enter_async_context(stage())
    await new_authority(on.database_url, STORE_AUTHORITY)
    plain, close = await open_plain(on.database_url, PLAIN_CONNECTIONS)
    opened.push_async_callback(close)
    pool = await opened.enter_async_context(open_pool(on.database_url, size=5, loan_seconds=COMMIT_SECONDS))
    appender = Appender(pool, SystemClock())
    opened.push_async_callback(appender.close)
    folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="homeward-benchmark-")))
    return Bench(on, plain, appender, seconds, folder)


async def _warm_up(bench: Bench) -> None:
    """Let both sides prepare their statements, and both logs know their streams."""
    for size in (1, 1000):
        await bench.append(0, material.append_request(size))
        await bench.plain.many_rows(0, material.rows(size))
    await bench.ours(CLIENTS)
    await bench.over_http("/v1/events", CLIENTS)
    await bench.over_http(ONLY_PARSES, CLIENTS)
    await bench.single_rows(PLAIN_CONNECTIONS)


async def _under_snapshot(bench: Bench) -> Figure:
    """Compare appending of 8 writers while somebody holds an old snapshot with the same before and after."""
    without = [await bench.ours(PLAIN_CONNECTIONS) for _ in range(WITHOUT_SNAPSHOT // 2)]
    reader = await asyncpg.connect(bench.stage.database_url)
    async with reader.transaction(isolation="repeatable_read", readonly=True):
        await reader.fetchval("SELECT count(*) FROM events.log")
        held = [
            await bench.ours(PLAIN_CONNECTIONS)
            for _ in track(range(SNAPSHOT_TRIALS), description="with a snapshot held", transient=True)
        ]
    await reader.close()
    without += [await bench.ours(PLAIN_CONNECTIONS) for _ in range(WITHOUT_SNAPSHOT // 2)]
    ours, theirs = (median(each.rate for each in loads) for loads in (held, without))
    against = f"the same before and after; a snapshot held through {SNAPSHOT_TRIALS} trials"
    return Figure("append-snapshot-held", ours / theirs, 0.9, against, 1, ours, theirs, "events/s")


@dataclass(frozen=True, slots=True)
class _Comparison:
    """A figure to be made: the rate of one trial over that of another, each answer or commit of ``size`` events."""

    name: str
    ours: str
    theirs: str
    target: float
    against: str
    size: int = 1


_COMPARISONS = (
    _Comparison("append-store-1-writer", "store 1", "plain 1", 0.75, "asyncpg, 1 connection, a commit a row"),
    _Comparison("append-store-8-writers", "store 8", "plain 8", 0.9, "asyncpg, 8 connections, a commit a row"),
    _Comparison("append-store-64-writers", "store 64", "pgbench 32", 1.4, "pgbench, 32 clients, a commit a row"),
    _Comparison("append-store-100", "store of 100", "plain of 100", 0.9, "asyncpg, 100 rows a commit", 100),
    _Comparison("append-store-1000", "store of 1000", "plain of 1000", 0.8, "asyncpg, 1,000 rows a commit", 1000),
    _Comparison("append-http-64-clients", "http 64", "parse 64", 0.6, "64 clients of an operation that only parses"),
    _Comparison("append-http-1000", "http of 1000", "copy of 1000", 0.5, "COPY, 1,000 rows a commit; 4 post", 1000),
)


def _figures(results: Mapping[str, Sequence[Load]], rounds: int) -> list[Figure]:
    rates = {name: [each.rate for each in loads] for name, loads in results.items()}
    figures = [_latency(results, rounds)]
    for each in _COMPARISONS:
        if each.theirs in rates:
            ours, theirs = rates[each.ours], rates[each.theirs]
            middle = (median(ours) * each.size, median(theirs) * each.size)
            ratio = paired_ratio(ours, theirs)
            figures.append(Figure(each.name, ratio, each.target, each.against, rounds, *middle, "events/s"))
    return figures


def _latency(results: Mapping[str, Sequence[Load]], rounds: int) -> Figure:
    """Compare the time of a lone append with what it cannot do without: a request, and an insert."""
    times = {name: [each.milliseconds for each in loads] for name, loads in results.items()}
    floors = [insert + parse for insert, parse in zip(times["plain 1"], times["parse 1"], strict=True)]
    ratio, middle = paired_ratio(floors, times["http 1"]), (median(times["http 1"]), median(floors))
    against = "a plain insert and an operation that only parses, one after the other"
    return Figure("append-http-1-client-p50", ratio, 0.77, against, rounds, *middle, "ms")
