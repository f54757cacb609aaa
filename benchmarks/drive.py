"""Letting writers work through what was made beforehand."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from statistics import median
from time import perf_counter
from typing import Any, TypeVar

from benchmarks.http_load import Load

T = TypeVar("T")
#: Something opened, and how to close it.
Driven = tuple[T, Callable[[], Coroutine[Any, Any, None]]]


async def drive(writers: int, seconds: float, items: Sequence[T], do: Callable[[int, T], Awaitable[object]]) -> Load:
    """Let each of ``writers`` do one item after the other for ``seconds``, or until no item is left.

    The items are kept from the garbage collector meanwhile: a service does not hold
    thousands of requests that it has not been sent yet.
    """
    gc.collect()
    gc.freeze()
    durations: list[float] = []
    left = iter(items)
    began = perf_counter()
    until = began + seconds

    async def work(writer: int) -> None:
        for item in left:
            at = perf_counter()
            if at > until:
                return
            await do(writer, item)
            durations.append(perf_counter() - at)

    await asyncio.gather(*(work(writer) for writer in range(writers)))
    load = Load(len(durations) / (perf_counter() - began), median(durations) * 1000)
    gc.unfreeze()
    return load
