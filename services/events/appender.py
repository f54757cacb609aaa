"""Group commit: all appends to one log that wait together are settled in one transaction.

Each authority has a lane.  While one transaction is being committed, further requests
queue up behind it and become the next one; a lone request finds its lane empty and goes
at once, in its caller's own task if the request before it came alone, too.  Several
processes may append to one log: they queue on its lock.

Where a log ended is remembered from one group to the next, which then takes one round trip
(:mod:`services.events.store.remembered`).  When that does not do, or another process
appends to the log too, the log is looked at under its lock
(:mod:`services.events.store.append`).
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import Counter

from services.events.model import AppendRequest, Settlement
from services.events.store.append import append_many
from services.events.store.connection import Pool
from services.events.store.memory import LogMemory
from services.events.store.remembered import append_remembered
from shared.domain.clock import Clock
from shared.domain.errors import NotReady
from shared.runtime.distribution import Distribution

log = logging.getLogger(__name__)

#: What may wait in one lane before further requests are turned away.
WAITING_REQUESTS = 1_024
WAITING_BYTES = 64_000_000
#: Events that go into one transaction, as far as they come in several requests.
GROUP_EVENTS = 2_000
#: How long a connection may be borrowed for one transaction; whoever opens the pool sees to that.
COMMIT_SECONDS = 60.0
CLOSING_SECONDS = 10.0
#: Logs whose ends are remembered, those that were appended to last.
REMEMBERED_LOGS = 64

_groups = Distribution(
    "homeward_append_group_requests", "Requests settled in one transaction", (), (1, 2, 4, 8, 16, 32, 64, 128)
)
_refused = Counter("homeward_append_turned_away", "Requests turned away because too many were waiting")


@dataclass(slots=True, eq=False)
class _Waiting:
    """One request and the promise of its settlement."""

    request: AppendRequest
    settled: asyncio.Future[Settlement]
    events: int
    size: int

    def succeed(self, settlement: Settlement) -> None:
        # A caller that was cancelled meanwhile finds its events stored when it tries again.
        if not self.settled.done():
            self.settled.set_result(settlement)

    def fail(self, error: BaseException) -> None:
        if not self.settled.done():
            self.settled.set_exception(error)


@dataclass(slots=True, eq=False)
class _Lane:
    """The requests that wait to be appended to one log, and the task that takes them.

    That may be the task of a caller, which goes on to do something else once it has left the
    lane; who waits for that has put a promise there, ``freed``.
    """

    memory: LogMemory
    waiting: deque[_Waiting] = field(default_factory=deque)
    size: int = 0
    task: asyncio.Task[Any] | None = None
    freed: asyncio.Future[None] | None = None

    def full(self) -> bool:
        return len(self.waiting) >= WAITING_REQUESTS or self.size >= WAITING_BYTES

    def put(self, waiting: _Waiting) -> None:
        self.waiting.append(waiting)
        self.size += waiting.size

    def take(self) -> list[_Waiting]:
        """Remove the next group from the queue; it may be empty when its callers are gone."""
        group: list[_Waiting] = []
        events = 0
        while self.waiting and (not group or events + self.waiting[0].events <= GROUP_EVENTS):
            each = self.waiting.popleft()
            self.size -= each.size
            if not each.settled.done():
                group.append(each)
                events += each.events
        return group


class Appender:
    """Appends for every authority, each in a lane of its own."""

    def __init__(self, pool: Pool, clock: Clock, on_commit: Callable[[str, int], None] = lambda *_: None) -> None:
        """Append over ``pool``; ``clock`` says when events were recorded.

        ``on_commit`` is called with the authority and the position at which its log ends,
        after every commit by which it grew, and perhaps after others.
        """
        self._pool = pool
        self._clock = clock
        self._on_commit = on_commit
        self._memories: OrderedDict[str, LogMemory] = OrderedDict()
        self._lanes: dict[str, _Lane] = {}
        self._closed = False
        self._out_of_time = False

    async def append(self, authority_id: str, request: AppendRequest) -> Settlement:
        """Settle one request and return once what it adds is committed.

        Raises NotReady when too many requests wait, when the database is away, or when it
        went away during the commit: the same request can then safely be sent again.
        """
        lane = self._lanes.get(authority_id)
        if self._closed or (lane is not None and lane.full()):
            _refused.inc()
            raise NotReady("Too many requests are waiting to be appended; nothing of this one was stored.")
        if lane is None:
            lane = self._lanes[authority_id] = _Lane(self._memory_of(authority_id))
            if lane.memory.alone:
                return await self._append_alone(authority_id, lane, request)
        size = sum([len(event.body) for event in request.events])
        waiting = _Waiting(request, asyncio.get_running_loop().create_future(), len(request.events), size)
        lane.put(waiting)
        if lane.task is None:
            lane.task = asyncio.create_task(self._drain(authority_id, lane))
        return await waiting.settled

    async def _append_alone(self, authority_id: str, lane: _Lane, request: AppendRequest) -> Settlement:
        """Append one request that has the lane to itself, without the detour over a task and a promise."""
        lane.task = asyncio.current_task()
        try:
            (settlement,) = await self._commit(authority_id, [request], lane.memory)
        except asyncio.CancelledError:
            if self._closed:
                raise _stopping() from None
            raise
        finally:
            if lane.waiting and not self._out_of_time:
                lane.memory.alone = False
                lane.task = asyncio.create_task(self._drain(authority_id, lane))
            else:
                self._free(authority_id, lane)
        return settlement

    def check(self) -> str:
        """Return "ok", or which logs so much waits for that requests are turned away."""
        full = sorted(authority_id for authority_id, lane in self._lanes.items() if lane.full())
        return f"too much waits for {', '.join(full)}" if full else "ok"

    async def close(self) -> None:
        """Finish what waits, within ``CLOSING_SECONDS``; what is not finished then is answered NotReady."""
        self._closed = True
        for lane in self._lanes.values():
            lane.freed = asyncio.get_running_loop().create_future()
        if self._lanes:
            await _all_freed(self._lanes.values(), seconds=CLOSING_SECONDS)
        self._out_of_time = True
        # A task that was made a moment ago begins: cancelled before that it would not free its lane.
        await asyncio.sleep(0)
        late = list(self._lanes.values())
        for lane in late:
            if lane.task is not None:
                lane.task.cancel()
        if late:
            await _all_freed(late)

    async def _drain(self, authority_id: str, lane: _Lane) -> None:
        """Append group after group until nothing waits."""
        try:
            while lane.waiting:
                group = lane.take()
                if group:
                    await self._append_group(authority_id, group, lane.memory)
                    if len(group) == 1 and not lane.waiting:
                        lane.memory.alone = True
                        break
                    # Whoever has been answered and goes on at once belongs to the next group.
                    await asyncio.sleep(0)
        finally:
            # No await lies between the last look at the queue and this: nothing is left behind,
            # except when this task is cancelled at the end of the process.
            self._free(authority_id, lane)

    def _free(self, authority_id: str, lane: _Lane) -> None:
        del self._lanes[authority_id]
        if lane.freed is not None:
            lane.freed.set_result(None)
        if lane.waiting:
            _fail(lane.waiting, NotReady("Homeward is stopping; nothing of this request was stored."))

    async def _append_group(self, authority_id: str, group: Sequence[_Waiting], memory: LogMemory) -> None:
        """Settle a group in one transaction; if one of its requests spoils it, each by itself."""
        try:
            settlements = await self._commit(authority_id, [each.request for each in group], memory)
        except NotReady as error:
            _fail(group, error)
            return
        except Exception as error:
            if len(group) == 1:
                _fail(group, error)
                return
            log.warning("a group of %d appends failed (%s); trying each alone", len(group), type(error).__name__)
            for each in group:
                await self._append_group(authority_id, [each], memory)
            return
        except BaseException:
            _fail(group, _stopping())
            raise
        for each, settlement in zip(group, settlements, strict=True):
            each.succeed(settlement)

    async def _commit(
        self, authority_id: str, requests: Sequence[AppendRequest], memory: LogMemory
    ) -> list[Settlement]:
        _groups.observe(len(requests))
        before = memory.position
        settlements = None
        try:
            if memory.serves:
                async with self._pool.connection() as connection:
                    settlements = await append_remembered(connection, authority_id, requests, self._clock, memory)
            if settlements is None:
                async with self._pool.transaction() as connection:
                    settlements = await append_many(connection, authority_id, requests, self._clock, memory)
        except BaseException:
            # Nobody knows whether that was committed.
            memory.forget()
            raise
        if memory.position > before:
            self._on_commit(authority_id, memory.position)
        return settlements

    def _memory_of(self, authority_id: str) -> LogMemory:
        memory = self._memories.get(authority_id)
        if memory is None:
            memory = self._memories[authority_id] = LogMemory()
            if len(self._memories) > REMEMBERED_LOGS:
                self._memories.popitem(last=False)
        self._memories.move_to_end(authority_id)
        return memory


async def _all_freed(lanes: Iterable[_Lane], *, seconds: float | None = None) -> None:
    await asyncio.wait([lane.freed for lane in lanes if lane.freed is not None], timeout=seconds)


def _stopping() -> NotReady:
    return NotReady("Homeward is stopping; send the request again: nothing is stored twice.")


def _fail(group: Sequence[_Waiting] | deque[_Waiting], error: BaseException) -> None:
    for each in group:
        each.fail(error)
