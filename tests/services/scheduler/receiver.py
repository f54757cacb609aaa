"""A receiver of webhooks on a real socket, as kind or as hostile as a test wants."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Got:
    """One request as it came."""

    headers: dict[str, str]
    body: bytes
    path: str


@dataclass
class Receiver:
    """Remembers what came, and answers as ``answer`` says."""

    answer: Answer
    url: str = ""
    got: list[Got] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.got.append(Got(headers, await request.read(), request.path))
        return await self.answer(request)


def answering(*statuses: int, headers: dict[str, str] | None = None, text: str = "") -> Answer:
    """Answer with these statuses in turn, and then with the last of them."""
    left = list(statuses)

    async def answer(_: web.Request) -> web.StreamResponse:
        status = left.pop(0) if len(left) > 1 else left[0]
        return web.Response(status=status, headers=headers, text=text)

    return answer


async def hang(_: web.Request) -> web.StreamResponse:
    """Never answer."""
    await asyncio.Event().wait()
    raise AssertionError


async def drip(request: web.Request) -> web.StreamResponse:
    """Answer 200 and then let a body trickle for ever."""
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b"x")
        await asyncio.sleep(0.02)


async def endless(request: web.Request) -> web.StreamResponse:
    """Answer 500 and send a body without end, as fast as it goes."""
    response = web.StreamResponse(status=500)
    await response.prepare(request)
    while True:
        await response.write(b"x" * 65_536)


@asynccontextmanager
async def receiver(answer: Answer) -> AsyncIterator[Receiver]:
    """Yield a receiver on a port of its own on 127.0.0.1."""
    receiving = Receiver(answer)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receiving.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    receiving.url = f"http://{host}:{port}/hook"
    try:
        yield receiving
    finally:
        await runner.cleanup()
