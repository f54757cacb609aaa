"""The bulk of a rebuild: each child's whole history read once, folded once, and written once.

What was read is copied for the first fold of a job alone; the others take the copy from there, which
costs the server a fraction of being told it again.

Children are independent of each other, so batches of them go to as many processes as there are
cores, this one among them.  A process that loses the one that started it ends at once.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import date
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from typing import Any, Protocol

import asyncpg

from shared.domain.envelope import RecordedEvent
from shared.domain.ids import AUTHORITY_STREAM
from shared.runtime.database import plain_url, server_settings
from shared.runtime.log_copy import COPIED, copied_values
from shared.runtime.projecting import EventReader
from shared.runtime.rebuild_schema import Schemas

#: Events of a batch, more or less: what one process holds in memory, and what others wait for at the end.
BATCH_EVENTS = 2_000
#: Below this another process takes longer to start than it saves.
WORTH_A_PROCESS = 20_000
#: Batches that another process has at hand, so that it need not wait while this one folds.
_AHEAD = 2

Histories = Mapping[str, Sequence[RecordedEvent]]


class OpenLog(EventReader, Protocol):
    """The log as a rebuild reads it."""

    async def head(self, authority_id: str) -> int:
        """Return the position at which the log ends; 0 while it is empty."""
        ...

    async def streams(self, authority_id: str, *, until: int) -> list[tuple[str, int]]:
        """Return every stream there was at position ``until``, in order, with its number of events."""
        ...

    async def histories(self, authority_id: str, streams: Sequence[str], *, until: int) -> Histories:
        """Return the events of each of these streams up to position ``until``, in log order."""
        ...


#: Opens the log of a database by its URL; a function of a module, since it goes to other processes.
OpensLog = Callable[[str], AbstractAsyncContextManager[OpenLog]]


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one table; each record has a value for each column."""

    table: str
    columns: Sequence[str]
    records: Sequence[Sequence[Any]]


class Fold(Protocol):
    """A service's projection of whole histories; a value that can go to another process."""

    @property
    def schemas(self) -> Schemas:
        """Where the projection lives."""
        ...

    def rows(self, authority_id: str, council: Sequence[RecordedEvent], children: Histories, today: date) -> list[Rows]:
        """Return the rows of these children, by stream, besides those of the copy of the log.

        ``council`` are the events about the authority itself.  The rows are those that the
        live projector would have made by now, had it read the same events today.
        """
        ...


@dataclass(frozen=True, slots=True)
class Batch:
    """Some streams of one authority, up to a position."""

    authority_id: str
    streams: Sequence[str]
    until: int
    events: int


async def batches(log: OpenLog, until: Mapping[str, int]) -> list[Batch]:
    """Cut the logs of these authorities, each up to its position, into batches of whole streams."""
    found: list[Batch] = []
    for authority_id, position in until.items():
        streams: list[str] = []
        events = 0
        for stream, count in await log.streams(authority_id, until=position):
            streams.append(stream)
            events += count
            if events >= BATCH_EVENTS:
                found.append(Batch(authority_id, streams, position, events))
                streams, events = [], 0
        if streams:
            found.append(Batch(authority_id, streams, position, events))
    return found


@dataclass(frozen=True, slots=True)
class Job:
    """What every batch of a rebuild has in common: where, from which log, into which projections, on which day."""

    database_url: str
    opens_log: OpensLog
    folds: Sequence[Fold]
    today: date


class Worker:
    """One process's connections for a job."""

    def __init__(self, job: Job, log: OpenLog, connections: Sequence[Any]) -> None:
        """Write over ``connections``, one for each fold of the job."""
        self._job = job
        self._log = log
        self._connections = connections

    @classmethod
    @asynccontextmanager
    async def opened(cls, job: Job) -> AsyncIterator[Worker]:
        """Yield a worker with the log and a connection in each service's role."""
        async with AsyncExitStack() as stack:
            log = await stack.enter_async_context(job.opens_log(job.database_url))
            connections = []
            for fold in job.folds:
                connection = await _connect(job.database_url, fold.schemas.live)
                stack.callback(connection.terminate)
                connections.append(connection)
            yield cls(job, log, connections)

    async def do(self, batch: Batch) -> int:
        """Read a batch, fold it and write it; return its number of events."""
        wanted = [AUTHORITY_STREAM, *(stream for stream in batch.streams if stream != AUTHORITY_STREAM)]
        found = await self._log.histories(batch.authority_id, wanted, until=batch.until)
        # Here other processes are fed meanwhile.
        of_folds = await asyncio.to_thread(self._fold, batch, found)
        await asyncio.gather(*map(_write, self._connections, self._job.folds, of_folds))
        return batch.events

    def _fold(self, batch: Batch, found: Histories) -> list[list[Rows]]:
        """Return for each fold of the job its rows; those of the first begin with the copy of the log."""
        council = found[AUTHORITY_STREAM]
        children = {stream: events for stream, events in found.items() if stream != AUTHORITY_STREAM}
        rows = [fold.rows(batch.authority_id, council, children, self._job.today) for fold in self._job.folds]
        rows[0].insert(0, _copies(event for stream in batch.streams for event in found[stream]))
        return rows


async def _write(connection: Any, fold: Fold, rows: Sequence[Rows]) -> None:
    async with connection.transaction():
        for each in rows:
            await connection.copy_records_to_table(
                each.table, schema_name=fold.schemas.rebuilt, columns=each.columns, records=each.records
            )


def _copies(events: Iterable[RecordedEvent]) -> Rows:
    return Rows("event", COPIED, [copied_values(event) for event in events])


async def _connect(database_url: str, service: str) -> Any:
    # A batch need not be safe on disk before the next: all of them are with the exchange, or are built again.
    settings = {**server_settings(service), "synchronous_commit": "off"}
    return await asyncpg.connect(plain_url(database_url), timeout=10, server_settings=settings)


async def work(job: Job, todo: Sequence[Batch], done: Callable[[int], None], *, others: int | None = None) -> None:
    """Do every batch; ``done`` hears the number of events of each as it is finished.

    ``others`` is how many processes help this one; None chooses.
    """
    if others is None:
        worth = sum(batch.events for batch in todo) >= WORTH_A_PROCESS
        others = min(os.cpu_count() or 1, len(todo)) - 1 if worth else 0
    left = deque(todo)
    with _uncollected():
        if others <= 0:
            await _work_here(job, left, done)
            return
        with ProcessPoolExecutor(others, get_context("spawn"), _begin, (job,)) as pool:
            await _work_together(pool, others, job, left, done)


async def _work_together(
    pool: Executor, others: int, job: Job, left: deque[Batch], done: Callable[[int], None]
) -> None:
    """Take batches here and in the pool until none are left; the first that fails ends all of it."""
    there = [_work_there(pool, left, done) for _ in range(others * _AHEAD)]
    running = [asyncio.ensure_future(each) for each in (*there, _work_here(job, left, done))]
    try:
        await asyncio.gather(*running)
    finally:
        left.clear()
        for each in running:
            each.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _work_there(pool: Executor, left: deque[Batch], done: Callable[[int], None]) -> None:
    loop = asyncio.get_running_loop()
    while left:
        done(await loop.run_in_executor(pool, _do, left.popleft()))


async def _work_here(job: Job, left: deque[Batch], done: Callable[[int], None]) -> None:
    async with Worker.opened(job) as worker:
        while left:
            done(await worker.do(left.popleft()))


@contextmanager
def _uncollected() -> Iterator[None]:
    """Let no collector look through what a batch makes, time and again: reference counting frees all of it."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


class _Here:
    """What a process of the pool keeps between batches."""

    runner: asyncio.Runner
    #: Open until the process ends, which PostgreSQL sees by itself.
    opened: AbstractAsyncContextManager[Worker]
    worker: Worker


def _begin(job: Job) -> None:
    # Ctrl-C reaches every process of a terminal; the one that started us ends us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    gc.disable()
    _Here.runner = asyncio.Runner()
    _Here.opened = Worker.opened(job)
    _Here.worker = _Here.runner.run(_entered())


async def _entered() -> Worker:
    return await _Here.opened.__aenter__()


def _do(batch: Batch) -> int:
    return _Here.runner.run(_Here.worker.do(batch))


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
