"""What the reads of the log take: who reads, from where, and what of it."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Path, Query, Request
from pydantic import AfterValidator, BeforeValidator, Field

from services.events.api.documents import STREAM_PATTERN
from services.events.api.turns import Turns
from services.events.store.connection import Pool
from services.events.store.read import Filter
from services.events.wake import Wake
from shared.domain.catalogue import CATALOGUE
from shared.domain.errors import Fault, InvalidInput
from shared.domain.ids import IDENTIFIER_PATTERN, ChildId, check_stream, child_stream
from shared.identity.keys import Scope
from shared.runtime.auth import Principal, require
from shared.runtime.times import known_instant
from shared.wire.limits import LONG_POLL_SECONDS, PAGE_EVENTS

GREATEST_POSITION = 2**63 - 1
_TYPES = 50
_SECONDS = re.compile(r"[0-9]{1,2}(\.[0-9]{1,3})?")


async def _pool(request: Request) -> Pool:
    pool: Pool = request.app.state.pool
    return pool


async def _wake(request: Request) -> Wake:
    wake: Wake = request.app.state.wake
    return wake


async def _turns(request: Request) -> Turns:
    turns: Turns = request.app.state.turns
    return turns


def _known_type(name: str) -> str:
    # A misspelt type would be waited for in vain.
    if name not in CATALOGUE:
        raise ValueError("There is no such event type; GET /v1/event-types lists them.")
    return name


def _seconds(value: Any) -> Any:
    if isinstance(value, str) and not _SECONDS.fullmatch(value):
        raise ValueError(f"Write seconds as a number from 0 to {LONG_POLL_SECONDS}, such as 20 or 2.5.")
    return value


Log = Annotated[Pool, Depends(_pool)]
Wakes = Annotated[Wake, Depends(_wake)]
#: What whoever follows the log reads its pages in.
InTurn = Annotated[Turns, Depends(_turns)]
Reader = Annotated[Principal, Depends(require(Scope.EVENTS_READ))]
After = Annotated[int, Query(ge=0, le=GREATEST_POSITION, description="Read what lies behind this position.")]
Limit = Annotated[int, Query(ge=1, le=PAGE_EVENTS, description="Most events in the page; it may hold fewer.")]
Wait = Annotated[
    float,
    Field(ge=0, le=LONG_POLL_SECONDS),
    BeforeValidator(_seconds),
    Query(
        description="At the head of the log wait so many seconds for the next event that is asked for, and answer at "
        "once when it comes. What was known at an instant does not grow: with `known_at` nothing is waited for.",
    ),
]
KnownAt = Annotated[datetime | None, Depends(known_instant)]
Position = Annotated[int, Path(ge=1, le=GREATEST_POSITION, description="Place in the authority's log, from 1.")]


async def _one_stream(
    stream: Annotated[str, Path(description="`child-` and the identifier, or `authority`.", pattern=STREAM_PATTERN)],
) -> str:
    try:
        return check_stream(stream)
    except ValueError as error:
        raise InvalidInput(faults=[Fault(":stream", "stream", str(error))]) from None


#: The stream that a path names.
OneStream = Annotated[str, Depends(_one_stream)]


async def _only(
    *,
    type: Annotated[  # noqa: A002 - it is called so in CloudEvents
        list[Annotated[str, AfterValidator(_known_type)]] | None,
        Query(max_length=_TYPES, description="Only events of this type; give it several times for several types."),
    ] = None,
    stream_prefix: Annotated[
        str | None,
        Query(
            max_length=80,
            pattern=IDENTIFIER_PATTERN,
            description="Only streams whose names begin so.",
            examples=["child-"],
        ),
    ] = None,
    child: Annotated[ChildId | None, Query(description="Only the stream of this child.")] = None,
) -> Filter:
    return Filter(
        types=tuple(sorted(set(type or ()))),
        stream_prefix=stream_prefix or "",
        stream=None if child is None else child_stream(child),
    )


#: Which events of the log are asked for.  Different names mean "all of these".
Only = Annotated[Filter, Depends(_only)]
