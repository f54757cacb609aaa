"""Working for every authority in turn, so that one authority's trouble does not stop the others."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncEngine

from shared.identity.store import authorities

log = logging.getLogger(__name__)

Done = TypeVar("Done")


async def for_every_authority(
    engine: AsyncEngine, work: Callable[[str], Awaitable[Done]], *, doing: str
) -> tuple[list[Done], str | None]:
    """Do ``work`` for each authority; return what came of it, and the last trouble in words, None if there was none.

    Only the type of an error is told: its text may hold a child's data.
    """
    try:
        async with engine.connect() as connection:
            names = await authorities(connection)
    except Exception as error:
        return [], f"cannot list authorities ({type(error).__name__})"
    done: list[Done] = []
    trouble: str | None = None
    for authority_id in names:
        try:
            done.append(await work(authority_id))
        except Exception as error:
            trouble = f"{type(error).__name__} for {authority_id}"
            log.warning("%s failed: %s", doing, trouble)
    return done, trouble
