"""The bulk of a rebuild: each child's whole history read once, folded once, and written once.

Children are independent of each other, so batches of them go to as many processes as there are
cores.  A process that loses the one that started it ends at once.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import date
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from typing import Any, Protocol

import asyncpg
import orjson

from shared.domain.envelope import RecordedEvent
from shared.domain.ids import AUTHORITY_STREAM
from shared.runtime.database import plain_url, server_settings
from shared.runtime.log_copy import copied
from shared.runtime.projecting import EventReader
from shared.runtime.rebuild_schema import Schemas

#: Events of a batch, more or less: what one process holds in memory.
BATCH_EVENTS = 5_000
#: Below this a second process takes longer to start than it saves.
WORTH_A_PROCESS = 20_000

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
        council = found[AUTHORITY_STREAM]
        children = {stream: events for stream, events in found.items() if stream != AUTHORITY_STREAM}
        copies = _copies(event for stream in batch.streams for event in found[stream])
        for fold, connection in zip(self._job.folds, self._connections, strict=True):
            rows = fold.rows(batch.authority_id, council, children, self._job.today)
            async with connection.transaction():
                for each in (copies, *rows):
                    await connection.copy_records_to_table(
                        each.table, schema_name=fold.schemas.rebuilt, columns=each.columns, records=each.records
                    )
        return len(copies.records)


def _copies(events: Iterable[RecordedEvent]) -> Rows:
    rows = [copied(event.authority_id, event) for event in events]
    for row in rows:
        row["data"] = orjson.dumps(row["data"]).decode()
    return Rows("event", tuple(rows[0]), [tuple(row.values()) for row in rows])


async def _connect(database_url: str, service: str) -> Any:
    return await asyncpg.connect(plain_url(database_url), timeout=10, server_settings=server_settings(service))


async def work(job: Job, todo: Sequence[Batch], done: Callable[[int], None], *, processes: int | None = None) -> None:
    """Do every batch; ``done`` hears the number of events of each as it is finished.

    ``processes`` 0 does all of it here; None chooses.
    """
    if processes is None:
        worth = sum(batch.events for batch in todo) >= WORTH_A_PROCESS
        processes = min(os.cpu_count() or 1, len(todo)) if worth else 0
    if not processes:
        async with Worker.opened(job) as worker:
            for batch in todo:
                done(await worker.do(batch))
        return
    with ProcessPoolExecutor(processes, get_context("spawn"), _begin, (job,)) as pool:
        await _spread(pool, todo, done)


async def _spread(pool: Executor, todo: Sequence[Batch], done: Callable[[int], None]) -> None:
    loop = asyncio.get_running_loop()
    running = [loop.run_in_executor(pool, _do, batch) for batch in todo]
    try:
        for finished in asyncio.as_completed(running):
            done(await finished)
    finally:
        for each in running:
            each.cancel()
        await asyncio.gather(*running, return_exceptions=True)


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
