"""Noticing that whoever asked has gone, while the answer is not there yet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from starlette.types import Receive


@asynccontextmanager
async def disconnected(receive: Receive, tell: Callable[[], None]) -> AsyncIterator[asyncio.Task[None]]:
    """Yield a task that is done once the caller has gone; ``tell`` is called then."""
    gone = asyncio.create_task(_until_gone(receive))

    def told(task: asyncio.Task[None]) -> None:
        # Whoever announces a body and never sends it counts as gone.
        if not task.cancelled():
            task.exception()
            tell()

    gone.add_done_callback(told)
    try:
        yield gone
    finally:
        gone.cancel()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
