"""Waiting for something to become true, instead of sleeping and hoping."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from time import monotonic
from typing import Any, TypeVar, overload

DEADLINE_SECONDS = 20.0
_PAUSE_SECONDS = 0.02


T = TypeVar("T")


@overload
async def eventually(
    condition: Callable[[], Coroutine[Any, Any, T]], *, within: float = ..., about: str = ...
) -> T: ...


@overload
async def eventually(condition: Callable[[], T], *, within: float = ..., about: str = ...) -> T: ...


async def eventually(
    condition: Callable[[], Any], *, within: float = DEADLINE_SECONDS, about: str = "the condition"
) -> Any:
    """Return the first true value of ``condition``, a plain or an async function.

    An AssertionError inside counts as "not yet".  Fails with the last outcome when
    ``within`` seconds have passed.
    """
    deadline = monotonic() + within
    while True:
        outcome: object
        try:
            value = condition()
            result = await value if inspect.isawaitable(value) else value
            if result:
                return result
            outcome = result
        except AssertionError as error:
            outcome = error
        if monotonic() > deadline:
            raise AssertionError(f"{about} did not come true within {within} s; last: {outcome!r}")
        await asyncio.sleep(_PAUSE_SECONDS)
