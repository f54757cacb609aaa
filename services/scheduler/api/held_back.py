"""Notices about the past, which wait for a person: how many there are, and what is to become of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field, TypeAdapter, ValidationError

from services.scheduler.api.parameters import MAX_BODY_BYTES, MAX_VALUES, Cursor, Limit, json_body
from services.scheduler.model import HeldBack, HeldBackFilter, HoldState
from services.scheduler.notice_schemas import HeldBackDecided, HeldBackDecision, HeldBackPage, HoldStateName
from services.scheduler.notice_text import released
from services.scheduler.representations import held_back_count, held_back_view
from services.scheduler.schemas import NoticeKindName
from services.scheduler.store import held_back as store
from services.scheduler.store import looks, notices
from shared.domain.clock import civil_date
from shared.domain.errors import Fault, InvalidInput
from shared.domain.ids import ChildId, Code
from shared.identity.keys import Scope
from shared.runtime.auth import Principal, require
from shared.runtime.database import Connection, snapshot
from shared.runtime.problems import faults_of
from shared.runtime.resources import Opened, Resources
from shared.wire.cursor import Cursors

router = APIRouter(tags=["notices held back"])

Reader = Annotated[Principal, Depends(require(Scope.REVIEWS_READ))]
Releaser = Annotated[Principal, Depends(require(Scope.NOTICES_RELEASE))]

_ONE_DAY = timedelta(days=1)
_NUMBER = TypeAdapter(tuple[Annotated[int, Field(ge=0, lt=2**63)]])

_BODY = {
    "requestBody": {
        "required": True,
        "description": f"At most {MAX_BODY_BYTES} bytes.",
        "content": {"application/json": {"schema": HeldBackDecision.model_json_schema()}},
    }
}


async def _asked(
    *,
    child: Annotated[list[ChildId] | None, Query(max_length=MAX_VALUES, description="Only of these children.")] = None,
    team: Annotated[list[Code] | None, Query(max_length=MAX_VALUES, description="Only of these teams.")] = None,
    kind: Annotated[list[NoticeKindName] | None, Query(max_length=14, description="Only these kinds.")] = None,
    review_kind: Annotated[
        list[Code] | None, Query(max_length=MAX_VALUES, description="Only of these kinds of reviews (keys of rules).")
    ] = None,
) -> HeldBackFilter:
    return _filter(child, team, kind, review_kind)


@router.get("/v1/held-back-notices")
async def list_held_back_notices(
    *,
    request: Request,
    principal: Reader,
    opened: Opened,
    asked: Annotated[HeldBackFilter, Depends(_asked)],
    state: Annotated[
        HoldStateName, Query(description="Those that wait, or those that somebody released or dismissed.")
    ] = "waiting",
    limit: Limit = 100,
    cursor: Cursor = None,
) -> HeldBackPage:
    """List the notices about the past that were held back, with counts of those that wait by kind and month.

    Those that are not true any more, because the review was held or is due on another day, do not wait.
    """
    cursors = Cursors.of("notices held back", request.query_params.multi_items())
    after = 0 if cursor is None else cursors.decode(cursor, _NUMBER)[0]
    async with snapshot(opened.engine) as connection:
        counts = await store.counts(connection, principal.authority_id, asked)
        found = await store.page(
            connection, principal.authority_id, asked, HoldState(state), after=after, limit=limit + 1
        )
    shown = found[:limit]
    return HeldBackPage(
        waiting=sum(each.number for each in counts),
        counts=[held_back_count(each.kind, each.month_on, each.number) for each in counts],
        items=[held_back_view(each) for each in shown],
        next_cursor=None if len(found) <= limit else cursors.encode(shown[-1].number),
    )


@router.post("/v1/held-back-notices/release", openapi_extra=_BODY)
async def release_held_back_notices(request: Request, principal: Releaser, opened: Opened) -> HeldBackDecided:
    """Tell what was held back: it goes into the log of notices, and to webhooks, as if it were new.

    Reviews that were held back as overdue are told of at their coming thresholds again.  Doing it twice tells nothing
    twice.  Who did it, and when, stays on record.
    """
    asked = _decision(await json_body(request))
    async with opened.engine.begin() as connection:
        answer, found = await _decide(connection, principal, opened, asked, HoldState.RELEASED)
        now = opened.clock.now()
        tomorrow = civil_date(now) + _ONE_DAY
        await looks.bring_forward(connection, principal.authority_id, tomorrow, store.overdue(found))
        await notices.append(connection, principal.authority_id, [released(each, now) for each in found], now)
    request.app.state.owed()
    return answer


@router.post("/v1/held-back-notices/dismiss", openapi_extra=_BODY)
async def dismiss_held_back_notices(request: Request, principal: Releaser, opened: Opened) -> HeldBackDecided:
    """Never tell what was held back; the reviews stay listed as what they are.

    Who did it, and when, stays on record.
    """
    asked = _decision(await json_body(request))
    async with opened.engine.begin() as connection:
        answer, _ = await _decide(connection, principal, opened, asked, HoldState.DISMISSED)
    return answer


async def _decide(
    connection: Connection, principal: Principal, opened: Resources, asked: HeldBackFilter, state: HoldState
) -> tuple[HeldBackDecided, list[HeldBack]]:
    now = opened.clock.now()
    found = await store.decide(connection, principal.authority_id, asked, state, key_id=principal.key_id, now=now)
    left = await store.counts(connection, principal.authority_id, HeldBackFilter())
    return HeldBackDecided(decided=len(found), waiting=sum(each.number for each in left)), found


def _decision(body: Any) -> HeldBackFilter:
    try:
        decision = HeldBackDecision.model_validate_json(orjson.dumps(body))
    except ValidationError as error:
        raise InvalidInput(faults=faults_of(error.errors(include_input=False, include_url=False))) from None
    named = (decision.children, decision.teams, decision.kinds, decision.review_kinds)
    if decision.everything == any(named):
        message = "Say which notices this is about, or that it is about everything; not both."
        raise InvalidInput(faults=[Fault("/everything", "which_notices", message)])
    return _filter(*named)


def _filter(
    children: list[str] | None,
    teams: list[str] | None,
    kinds: list[NoticeKindName] | None,
    of_reviews: list[str] | None,
) -> HeldBackFilter:
    return HeldBackFilter(
        children=tuple(children or ()),
        teams=tuple(teams or ()),
        kinds=tuple(kinds or ()),
        review_kinds=tuple(of_reviews or ()),
    )
