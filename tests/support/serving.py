"""An app behind a real server, on a port of this machine and in this event loop.

The transport that httpx has for apps gives an answer when it is whole, and so never one that
does not end.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import httpx
from fastapi import FastAPI

from shared.identity.keys import ApiKey
from shared.runtime.serve import Server, before_stop, configured
from tests.support.council import headers
from tests.support.waiting import eventually


class _Quiet(Server):
    """A server that leaves signals to the tests."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serving(app: FastAPI, *, grace_seconds: int = 5) -> AsyncIterator[str]:
    """Serve the app, and yield its base URL; at the end stop the server as a signal would."""
    server = _Quiet(configured(app, lifespan="on"), lambda: before_stop(app), grace_seconds=grace_seconds)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        running = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            await eventually(lambda: server.started or running.done(), about="the start of the server")
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await running


@asynccontextmanager
async def http_client(base_url: str, key: ApiKey) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of a served app, which presents ``key``; an answer may take its time."""
    async with httpx.AsyncClient(base_url=base_url, headers=headers(key), timeout=40) as client:
        yield client
