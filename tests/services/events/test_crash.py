"""kill -9 between the commit and the answer: the event is there, and sending it again is safe."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import orjson

from services.events.store.connection import Pool
from shared.identity.keys import ApiKey
from shared.runtime.settings import Settings
from shared.wire.content_modes import STRUCTURED
from tests.services.events.posting import feed, positions, post, registered, statuses
from tests.services.events.stress import Log
from tests.support.council import headers
from tests.support.ports import free_port
from tests.support.waiting import eventually


@asynccontextmanager
async def server(settings: Settings, port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the service in a process of its own; at the end it is killed, if it still runs."""
    environment = {"HOMEWARD_DATABASE_URL": str(settings.database_url), "HOMEWARD_PORT": str(port)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.events", env={**os.environ, **environment}
    )
    try:
        await eventually(lambda: answers(port), about="the server answering")
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def answers(port: int) -> bool:
    async with httpx.AsyncClient() as client:
        try:
            return (await client.get(f"http://127.0.0.1:{port}/readyz")).status_code == 200
        except httpx.TransportError:
            return False


async def test_an_event_whose_answer_was_lost_is_a_repetition(settings: Settings, key: ApiKey, pool: Pool) -> None:
    """The server dies as soon as the event is committed; the next server tells where the event lies."""
    event, port = registered(), free_port()
    async with server(settings, port) as process:
        body = orjson.dumps(event)
        head = f"POST /v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n"
        head += f"content-type: {STRUCTURED}\r\ncontent-length: {len(body)}\r\n\r\n"
        # The answer is never read: what counts is that the event is in the log when the process ends.
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head.encode() + body)
        await eventually(lambda: Log(key.authority_id).stored(pool), about="the event being committed")
        process.kill()
        await process.wait()
        writer.close()

    async with (
        server(settings, port),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers(key)) as client,
    ):
        again = await post(client, event)

        assert (statuses(again), positions(again)) == (["duplicate"], [1])
        assert len(await feed(client)) == 1
