"""Proof of the log: its head and who signed it, verification piece by piece, and export for an inspector."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse

from services.events.api.documents import KEYED, STREAM_PATTERN, problem_document
from services.events.store.chain import BeyondEnd, Verifier, snapshot
from services.events.store.connection import Pool
from services.events.store.heads import head_of, heads_behind, latest_head, public_keys
from services.events.store.proof import NoSuchStream, Wanted
from services.events.store.proof import proof as proof_of
from shared.domain.errors import Fault, InvalidInput, NotFound, NotPermitted
from shared.domain.hash_chain import first_link
from shared.domain.ids import check_stream
from shared.domain.signed_head import SignedHead, key_id_of
from shared.identity.keys import Scope
from shared.runtime.auth import Principal, require
from shared.runtime.times import known_instant
from shared.wire.limits import PROOF_EVENTS, PROOF_EVENTS_DEFAULT
from shared.wire.log_proof import (
    MEDIA_TYPE,
    LogView,
    Others,
    SignedHeadsPage,
    SignedHeadView,
    VerificationView,
    head_view,
    hexadecimal,
    key_view,
)

router = APIRouter(tags=["log"], responses=KEYED)

_GREATEST_POSITION = 2**63 - 1
_HEADS = 1_000
#: Events between two moments at which other requests go on.
_SLICE_EVENTS = 250
_INTACT = "Every event of this stretch is as it was recorded."


async def _pool(request: Request) -> Pool:
    pool: Pool = request.app.state.pool
    return pool


Log = Annotated[Pool, Depends(_pool)]
Checker = Annotated[Principal, Depends(require(Scope.LOG_VERIFY))]
After = Annotated[int, Query(ge=0, le=_GREATEST_POSITION, description="Begin behind this position.")]
Limit = Annotated[int, Query(ge=1, le=PROOF_EVENTS, description="Most events to look at.")]


@router.get("/v1/log", summary="Read where the log ends and who signed it")
async def read_log_head(*, principal: Checker, pool: Log) -> LogView:
    """Read the head of the authority's log, its latest signed head, and the public keys that signed.

    A key proves something to whoever knows it from elsewhere: compare it with the one that you were given.
    """
    authority_id = principal.authority_id
    async with snapshot(pool) as connection:
        head = await head_of(connection, authority_id)
        latest = await latest_head(connection, authority_id)
        keys = await public_keys(connection, authority_id)
    views = _head_views([latest] if latest else [], keys)
    return LogView(
        authority=authority_id,
        position=head.position if head else 0,
        link=hexadecimal(head.link if head else first_link(authority_id)),
        recorded_at=head.recorded_at if head else None,
        signed_head=views[0] if views else None,
        public_keys=[key_view(key) for key in keys],
    )


@router.get("/v1/log/signed-heads", summary="Read the signed heads")
async def read_signed_heads(
    *,
    principal: Checker,
    pool: Log,
    after: After = 0,
    limit: Annotated[int, Query(ge=1, le=_HEADS, description="Most signed heads in the page, but for ties.")] = 100,
) -> SignedHeadsPage:
    """Read what was signed of the authority's log, in the order of positions.

    Keep some of them where nobody who operates Homeward can change them.
    """
    async with snapshot(pool) as connection:
        heads = await heads_behind(connection, principal.authority_id, after, limit)
        keys = await public_keys(connection, principal.authority_id)
    return SignedHeadsPage(
        signed_heads=_head_views(heads, keys),
        next_after=heads[-1].position if heads else after,
        at_end=len(heads) < limit,
    )


@router.get("/v1/log/verification", summary="Verify a stretch of the log")
async def verify_log(
    *, principal: Checker, pool: Log, after: After = 0, limit: Limit = PROOF_EVENTS_DEFAULT
) -> VerificationView:
    """Walk the hash chain behind `after`, and say what is wrong first, if anything is.

    Bytes, columns, links, signed heads and signatures are compared. The walk begins with the
    link that is stored at `after`: whoever goes on from `next_after` until `at_head` has
    verified the whole log.
    """
    verifier = Verifier(pool, principal.authority_id, after=after)
    left = limit
    try:
        while left > 0 and not verifier.over:
            before = verifier.last
            await verifier.step(min(left, _SLICE_EVENTS))
            left -= max(verifier.last - before, 1)
            await asyncio.sleep(0)
    except BeyondEnd as beyond:
        raise _beyond(beyond) from None
    found = verifier.finding
    return VerificationView(
        first=after + 1,
        last=verifier.last,
        intact=found is None,
        first_bad_position=found.position if found else None,
        code=found.code if found else None,
        message=found.message if found else _INTACT,
        signed_to=verifier.signed_to or None,
        next_after=verifier.last,
        at_head=verifier.at_head,
    )


_PROOF: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Lines of JSON: a header, one line for each event (of another stream without what was posted), "
        "signed heads behind the events that they sign, and a last line that says where the proof ends.",
        "content": {MEDIA_TYPE: {}},
    },
    404: problem_document("The authority has no such stream."),
}


@router.get(
    "/v1/log/proof",
    summary="Export the log as a proof",
    response_class=StreamingResponse,
    responses=_PROOF,
)
async def export_proof(
    *,
    principal: Checker,
    pool: Log,
    known_at: Annotated[datetime | None, Depends(known_instant)],
    after: After = 0,
    limit: Limit = PROOF_EVENTS_DEFAULT,
    stream: Annotated[
        str | None,
        Query(description="Show the events of this stream; of others not what was posted.", pattern=STREAM_PATTERN),
    ] = None,
    others: Annotated[
        Others,
        Query(
            description="With `stream`: whether the events of others are hashes only, or named with all but what was "
            "posted, which rules out that an event of the stream hides among them."
        ),
    ] = Others.HASHED,
) -> StreamingResponse:
    """Export events with all that is needed to check them without this server.

    Go on from `next_after` of the last line; the checker takes the parts one after the
    other. The key also needs the scope `events:read`. How to check a proof, and what it
    proves, stands in docs/reference/log-proof.md.
    """
    if Scope.EVENTS_READ not in principal.scopes:
        raise NotPermitted(f"This operation needs a key with the scope '{Scope.EVENTS_READ.value}' too.")
    wanted = Wanted(after=after, limit=limit, stream=_checked(stream), others=others, known_at=known_at)
    pieces = proof_of(pool, principal.authority_id, wanted, page_rows=_SLICE_EVENTS)
    try:
        # What is wrong with the request shows before the answer begins.
        first = await anext(pieces)
    except NoSuchStream:
        raise NotFound("This authority has no such stream.") from None
    except BeyondEnd as beyond:
        raise _beyond(beyond) from None
    return StreamingResponse(_with_first(first, pieces), media_type=MEDIA_TYPE)


async def _with_first(first: bytes, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in pieces:
        yield piece


def _checked(stream: str | None) -> str | None:
    if stream is None:
        return None
    try:
        return check_stream(stream)
    except ValueError as error:
        raise InvalidInput(faults=[Fault("?stream", "stream", str(error))]) from None


def _beyond(beyond: BeyondEnd) -> InvalidInput:
    message = f"The log ends at position {beyond.end}."
    return InvalidInput(message, faults=[Fault("?after", "beyond_end", message)])


def _head_views(heads: list[SignedHead], keys: list[bytes]) -> list[SignedHeadView]:
    """Return views of heads whose keys are known; verification tells of the others."""
    by_id = {key_id_of(key): key for key in keys}
    return [head_view(head, by_id[head.key_id]) for head in heads if head.key_id in by_id]
