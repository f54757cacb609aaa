"""Appending events: ``POST /v1/events``."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse

from services.events.api.documents import APPEND, APPEND_ANSWERS
from services.events.appender import Appender
from services.events.ingest import Rules
from services.events.model import AppendRequest, Expected, Mismatch, Outcome, StreamState
from services.events.store.ledger import Ledger
from shared.domain.clock import civil_date
from shared.domain.errors import BodyTooLarge, Fault, InvalidInput, StreamPositionConflict, UnsupportedMedia
from shared.identity.keys import Scope
from shared.runtime.auth import Principal, require
from shared.runtime.problems import answer as problem_answer
from shared.runtime.resources import resources
from shared.wire import limits
from shared.wire.append import REJECTED, AppendAnswer, AppendItem, Verdict
from shared.wire.content_modes import Reading, media_type_of, read
from shared.wire.problem import problem_of

router = APIRouter(tags=["events"])

#: Larger bodies are read beside the event loop, so that other requests go on.
_LARGE_BODY_BYTES = 128_000
_POSITION_TAG = re.compile(r'"(0|[1-9][0-9]{0,17})"')


@router.post(
    "/v1/events",
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
    """
    # What is taken straight from the request spares FastAPI's machinery, which costs more than an append.
    expected = _expected(request)
    clock = (await resources(request)).clock
    media_type = media_type_of(request.headers.get("content-type"))
    body = await _body(request)
    rules = Rules(civil_date(clock.now()), request.app.state.editions)
    arguments = (media_type, request.headers.raw, body, rules.faults)
    reading = await asyncio.to_thread(read, *arguments) if len(body) > _LARGE_BODY_BYTES else read(*arguments)
    asked = AppendRequest(
        candidates=reading.candidates,
        recorded_by=principal.key_id,
        expected=expected,
        atomic=atomic,
        dry_run=dry_run,
    )
    _check_one_stream(asked)
    if not asked.events:
        settlement = Ledger(0, {}, {}).settle(asked)
    else:
        appender: Appender = request.app.state.appender
        settlement = await appender.append(principal.authority_id, asked)
    return _mismatch(settlement) if isinstance(settlement, Mismatch) else _answer(reading, settlement, atomic)


async def _body(request: Request) -> bytes:
    """Read the body as it comes, and stop where it is too large."""
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMedia("Send the body as it is, without Content-Encoding.")
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limits.BODY_BYTES:
        raise _too_large()
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        chunks.append(chunk)
        size += len(chunk)
        if size > limits.BODY_BYTES:
            raise _too_large()
    return b"".join(chunks)


def _too_large() -> BodyTooLarge:
    return BodyTooLarge(f"A body holds at most {limits.BODY_BYTES} bytes; split the request.")


def _expected(request: Request) -> Expected:
    """Read the precondition; raises InvalidInput for any that cannot be kept."""
    if_match, if_none_match = _header(request, "if-match"), _header(request, "if-none-match")
    if if_match is not None and if_none_match is not None:
        raise _precondition(":if-match", "Send If-Match or If-None-Match, not both.")
    if if_none_match is not None:
        if if_none_match.strip() != "*":
            raise _precondition(":if-none-match", "If-None-Match is taken as * only: the stream must not exist.")
        return 0
    if if_match is None:
        return None
    if if_match.strip() == "*":
        return StreamState.EXISTS
    tag = _POSITION_TAG.fullmatch(if_match.strip())
    if tag is None:
        raise _precondition(":if-match", 'If-Match is one stream position in quotes, as in "5", or *.')
    return int(tag[1])


def _header(request: Request, name: str) -> str | None:
    """Return a header; given several times, it is one list (RFC 9110, 5.3)."""
    values = request.headers.getlist(name)
    return ", ".join(values) if values else None


def _check_one_stream(asked: AppendRequest) -> None:
    if asked.expected is not None and len({event.stream for event in asked.events}) > 1:
        raise _precondition(":if-match", "A precondition speaks of one stream, and the events are of several.")


def _precondition(pointer: str, message: str) -> InvalidInput:
    return InvalidInput("The precondition cannot be kept.", faults=[Fault(pointer, "precondition", message)])


def _mismatch(actual: Mismatch) -> Response:
    where = f"is at position {actual.stream_position}" if actual.stream_position else "does not exist"
    error = StreamPositionConflict(f"The stream {where}. Nothing was stored.")
    return problem_answer(error, {"etag": f'"{actual.stream_position}"'})


def _answer(reading: Reading, outcomes: Sequence[Outcome], atomic: bool) -> Response:
    """Answer with all verdicts; the refusal of an event that came alone is itself the answer."""
    if reading.single and outcomes[0].error is not None:
        raise reading.as_sent(outcomes[0].error)
    verdicts = [outcome.verdict for outcome in outcomes]
    rejected = sum(verdict in REJECTED for verdict in verdicts)
    duplicates = verdicts.count(Verdict.DUPLICATE)
    # Built from our own values, so there is nothing to validate; for a large request that would take long.
    body = AppendAnswer.model_construct(
        accepted=len(verdicts) - rejected - duplicates,
        duplicates=duplicates,
        rejected=rejected,
        items=[_item(index, outcome) for index, outcome in enumerate(outcomes)],
    )
    return Response(body.model_dump_json(), _status(verdicts, rejected, atomic), media_type=JSONResponse.media_type)


def _status(verdicts: Sequence[Verdict], rejected: int, atomic: bool) -> int:
    if not rejected:
        return 200
    if rejected < len(verdicts) and not atomic:
        return 207
    return 422 if Verdict.INVALID in verdicts else 409


def _item(index: int, outcome: Outcome) -> AppendItem:
    place = outcome.place
    return AppendItem.model_construct(
        index=index,
        id=outcome.event_id,
        status=outcome.verdict,
        position=place.position if place else None,
        stream=place.stream if place else None,
        stream_position=place.stream_position if place else None,
        problem=problem_of(outcome.error) if outcome.error else None,
    )
