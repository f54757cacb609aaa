"""Working for every authority in turn, so that one authority's trouble does not stop the others."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Generic, NamedTuple, TypeVar

from prometheus_client import Gauge
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.identity.store import authorities

log = logging.getLogger(__name__)

Done = TypeVar("Done")

_failing = Gauge("homeward_work_failing", "1 while this work fails for the authority", ["work", "authority"])


class OperatorsTrouble(Exception):
    """An error whose message is for the operator, in our own words, and holds nothing of a child's."""


class Round(NamedTuple, Generic[Done]):
    """What came of one round.

    ``error`` is what kept it from any authority, ``troubles`` what failed for which, both in
    words for an operator.
    """

    done: list[Done]
    error: str | None
    troubles: dict[str, str]


async def for_every_authority(
    engine: AsyncEngine, work: Callable[[str], Awaitable[Done]], *, doing: str
) -> Round[Done]:
    """Do ``work``, which is named ``doing``, for each authority; raises nothing.

    Only the type of an error is told, except of an OperatorsTrouble: its text may hold a
    child's data.
    """
    try:
        async with engine.connect() as connection:
            names = await authorities(connection)
    except Exception as error:
        return Round([], f"cannot list authorities ({type(error).__name__})", {})
    return await for_each_authority(names, work, doing=doing)


async def for_each_authority(
    names: Iterable[str], work: Callable[[str], Awaitable[Done]], *, doing: str
) -> Round[Done]:
    """Do the same where all authorities have been listed."""
    done: list[Done] = []
    troubles: dict[str, str] = {}
    for authority_id in names:
        try:
            done.append(await work(authority_id))
        except Exception as error:
            trouble = str(error) if isinstance(error, OperatorsTrouble) else type(error).__name__
            troubles[authority_id] = trouble
            log.warning("%s failed for %s: %s", doing, authority_id, trouble)
        _failing.labels(doing, authority_id).set(authority_id in troubles)
    return Round(done, None, troubles)
