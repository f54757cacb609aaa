"""Appending events: ``POST /v1/events``."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from time import monotonic
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse

from services.events.api.documents import APPEND, APPEND_ANSWERS
from services.events.api.preconditions import preconditions
from services.events.appender import Appender
from services.events.ingest import Rules
from services.events.model import AppendRequest, Mismatch, Outcome
from services.events.store.ledger import Ledger
from shared.domain.clock import civil_date
from shared.identity.keys import Scope
from shared.runtime.auth import CACHE_SECONDS, Principal, admit, require
from shared.runtime.plain_operation import PlainOperation
from shared.runtime.problems import answer as problem_answer
from shared.wire.append import REJECTED, AppendAnswer, Verdict
from shared.wire.content_modes import Candidate, Check, Posted, Reading, cut, media_type_of
from shared.wire.problem import problem_of

#: While a large body is read others have their turn after so many bytes, about a millisecond.  A thread of its own
#: would have them wait longer: it gives up the interpreter every five milliseconds only.
_TURN_BYTES = 32_000


async def _plainly(request: Request, principal: Principal, _: re.Match[bytes]) -> Response:
    """Answer a request without a query."""
    return await _append(request, principal, atomic=False, dry_run=False)


PLAIN = PlainOperation("POST", "/v1/events", Scope.EVENTS_APPEND, _plainly)
router = APIRouter(tags=["events"])


@router.post(
    PLAIN.path,
    summary="Append events",
    response_model=AppendAnswer,
    response_description="Every event is in the log, now or since before (or would be: a dry run).",
    responses=APPEND_ANSWERS,
    openapi_extra=APPEND,
)
async def append_events(
    request: Request,
    principal: Annotated[Principal, Depends(require(Scope.EVENTS_APPEND))],
    *,
    atomic: Annotated[bool, Query(description="Store all events or none.")] = False,
    dry_run: Annotated[bool, Query(description="Tell what would become of each event, and store none.")] = False,
) -> Response:
    """Append CloudEvents in structured, binary or batch mode, or as NDJSON.

    An event is named by its `source` and `id`: sending it again answers `duplicate` and
    stores nothing. By default good events are stored and bad ones are named, by index and
    id. The answer comes when the events are durable.

    With `atomic=true` one request is one fact: a meeting about three brothers and sisters is
    three events, one in the stream of each child, and either all of them are stored or none.
    `Homeward-Expected` says where each of the streams has to be for that.
    """
    return await _append(request, principal, atomic=atomic, dry_run=dry_run)


async def _append(request: Request, principal: Principal, *, atomic: bool, dry_run: bool) -> Response:
    headers, state = request.headers, request.app.state
    expecting = preconditions(headers)
    media_type = media_type_of(headers.get("content-type"))
    began = monotonic()
    body = await state.arriving.body(request, principal.authority_id)
    if monotonic() - began > CACHE_SECONDS:
        # A body may take minutes to come, and a key be revoked meanwhile.
        await admit(request, Scope.EVENTS_APPEND)
    rules = Rules(civil_date(state.resources.clock.now()), state.editions)
    reading = await _read(cut(media_type, headers.raw, body), rules.faults)
    asked = AppendRequest(candidates=reading.candidates, recorded_by=principal.key_id, atomic=atomic, dry_run=dry_run)
    if not asked.events:
        settlement = Ledger(0, {}, {}).settle(asked)
    else:
        asked.expected = expecting.streams(asked.events)
        appender: Appender = state.appender
        settlement = await appender.append(principal.authority_id, asked)
    if isinstance(settlement, Mismatch):
        return problem_answer(expecting.refusal(settlement), expecting.etag(settlement))
    return _answer(reading, settlement, atomic)


async def _read(posted: Posted, check: Check) -> Reading:
    """Read one event after the other, and let other requests go on in between."""
    candidates: list[Candidate] = []
    size = 0
    for text in posted.texts:
        candidates.append(posted.candidate(text, check))
        size += len(text)
        if size > _TURN_BYTES:
            size = 0
            await asyncio.sleep(0)
    return Reading(tuple(candidates), posted.media_type)


def _answer(reading: Reading, outcomes: Sequence[Outcome], atomic: bool) -> Response:
    """Answer with all verdicts; the refusal of an event that came alone is itself the answer."""
    if reading.single and outcomes[0].error is not None:
        raise reading.as_sent(outcomes[0].error)
    verdicts = [outcome.verdict for outcome in outcomes]
    rejected = sum(verdict in REJECTED for verdict in verdicts)
    duplicates = verdicts.count(Verdict.DUPLICATE)
    # Of the shape of AppendAnswer: to make and to write one of its own takes long for a large request.
    body = {
        "accepted": len(verdicts) - rejected - duplicates,
        "duplicates": duplicates,
        "rejected": rejected,
        "items": [_item(index, outcome) for index, outcome in enumerate(outcomes)],
    }
    return Response(orjson.dumps(body), _status(verdicts, rejected, atomic), media_type=JSONResponse.media_type)


def _status(verdicts: Sequence[Verdict], rejected: int, atomic: bool) -> int:
    if not rejected:
        return 200
    if rejected < len(verdicts) and not atomic:
        return 207
    return 422 if Verdict.INVALID in verdicts else 409


def _item(index: int, outcome: Outcome) -> dict[str, Any]:
    """Write a verdict as AppendItem does."""
    place = outcome.place
    return {
        "index": index,
        "id": outcome.event_id,
        "status": outcome.verdict,
        "position": place.position if place else None,
        "stream": place.stream if place else None,
        "stream_position": place.stream_position if place else None,
        "problem": problem_of(outcome.error).model_dump() if outcome.error else None,
    }
