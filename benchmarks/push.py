"""How long after an answered append a follower holds the event.

The clock starts when the appender holds the answer; a follower that holds the event before
that has waited for nothing.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from time import perf_counter
from typing import Any

import asyncpg
import orjson

from benchmarks.http_load import Connection, request
from benchmarks.material import posted_event
from benchmarks.stage import Stage

Latencies = list[float]

#: Appends a second: a busy council's, many times over.
RATE = 200
_WARM_UP = 20
_NEXT_AFTER = re.compile(rb'"next_after":([0-9]+)')


class _Arrivals:
    """When each thing arrived, and waiting for it."""

    def __init__(self) -> None:
        self._at: dict[int, float] = {}
        self._arrived = asyncio.Event()

    def arrived(self, number: int) -> None:
        self._at[number] = perf_counter()
        self._arrived.set()

    async def of(self, number: int) -> float:
        async with asyncio.timeout(30):
            while number not in self._at:
                self._arrived.clear()
                await self._arrived.wait()
        return self._at.pop(number)


async def _latencies(seconds: float, append: Callable[[], Awaitable[int]], arrivals: _Arrivals) -> Latencies:
    """Append at a steady rate, and return how long after each answer its event arrived."""
    latencies: Latencies = []
    for _ in range(_WARM_UP + max(100, int(seconds * RATE))):
        began = perf_counter()
        number = await append()
        answered = perf_counter()
        latencies.append(max(0.0, await arrivals.of(number) - answered))
        await asyncio.sleep(max(0.0, began + 1 / RATE - perf_counter()))
    return latencies[_WARM_UP:]


@asynccontextmanager
async def _appender(on: Stage) -> AsyncIterator[Callable[[], Awaitable[int]]]:
    """Yield what appends one event and returns its position."""
    headers = {"authorization": f"Bearer {on.key}", "content-type": "application/cloudevents+json"}
    async with Connection(on.port) as connection:

        async def append() -> int:
            body = await connection.ask(request("POST", "/v1/events", headers, orjson.dumps(posted_event())))
            position: int = orjson.loads(body)["items"][0]["position"]
            return position

        yield append


async def _lines(port: int, message: bytes) -> AsyncIterator[bytes]:
    """Send one request, and yield the lines of an answer that does not end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(message)
        while True:
            yield await reader.readline()
    finally:
        writer.close()


@asynccontextmanager
async def _following(follow: Awaitable[None]) -> AsyncIterator[None]:
    task = asyncio.ensure_future(follow)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def over_sse(on: Stage, seconds: float) -> Latencies:
    """Measure a follower of the live feed."""
    arrivals = _Arrivals()

    async def follow(after: int) -> None:
        headers = {"authorization": f"Bearer {on.key}", "accept": "text/event-stream"}
        position = 0
        async for line in _lines(on.port, request("GET", f"/v1/events/live?after={after}", headers, b"")):
            if line.startswith(b"id: "):
                position = int(line[4:])
            elif line.startswith(b"data: "):
                arrivals.arrived(position)

    async with _appender(on) as append, _following(follow(await append())):
        return await _latencies(seconds, append, arrivals)


async def over_long_poll(on: Stage, seconds: float) -> Latencies:
    """Measure a follower that asks again as soon as it has been answered."""
    arrivals = _Arrivals()

    async def follow(after: int) -> None:
        headers = {"authorization": f"Bearer {on.key}"}
        async with Connection(on.port) as connection:
            while True:
                page = await connection.ask(request("GET", f"/v1/events?after={after}&wait=30", headers, b""))
                found = _NEXT_AFTER.search(page, page.rindex(b'"next_after"'))
                assert found is not None
                before, after = after, int(found[1])
                for position in range(before + 1, after + 1):
                    arrivals.arrived(position)

    async with _appender(on) as append, _following(follow(await append())):
        return await _latencies(seconds, append, arrivals)


_TABLE = "CREATE TABLE IF NOT EXISTS public.noticed (id bigserial PRIMARY KEY, body bytea NOT NULL)"
_INSERT = """
WITH added AS (INSERT INTO public.noticed (body) VALUES ($1) RETURNING id)
SELECT id, pg_notify('noticed', id::text) FROM added
"""


async def in_database(on: Stage, seconds: float) -> Latencies:
    """Measure what PostgreSQL offers by itself: NOTIFY in the insert's transaction, LISTEN, select the row."""
    writer, listener, reader = [await asyncpg.connect(on.database_url) for _ in range(3)]
    await writer.execute(_TABLE)
    arrivals, heard = _Arrivals(), asyncio.Queue[int]()

    def hear(_: Any, __: int, ___: str, payload: str) -> None:
        heard.put_nowait(int(payload))

    async def follow() -> None:
        while True:
            number = await heard.get()
            await reader.fetchrow("SELECT id, body FROM public.noticed WHERE id = $1", number)
            arrivals.arrived(number)

    async def append() -> int:
        number: int = await writer.fetchval(_INSERT, orjson.dumps(posted_event()))
        return number

    await listener.add_listener("noticed", hear)
    try:
        async with _following(follow()):
            return await _latencies(seconds, append, arrivals)
    finally:
        for each in (writer, listener, reader):
            await each.close()
