"""What changed: of one review, and of all of them as a feed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field, TypeAdapter

from services.scheduler.api.change_views import ReviewChangePage, change_view
from services.scheduler.api.parameters import MAX_VALUES, Limit
from services.scheduler.api.reading import find_one, refuse_unknown
from services.scheduler.model import ChangeFilter, ChangePlace
from services.scheduler.store import changes as store
from services.scheduler.store.shown import shown
from shared.domain.clock import civil_date
from shared.domain.errors import Fault, InvalidInput
from shared.domain.ids import ChildId, Code
from shared.identity.keys import Scope
from shared.runtime.auth import Principal, require
from shared.runtime.database import Connection, snapshot
from shared.runtime.resources import Opened
from shared.runtime.times import Times
from shared.wire.cursor import Cursors

router = APIRouter(tags=["reviews"])

Reader = Annotated[Principal, Depends(require(Scope.REVIEWS_READ))]
After = Annotated[
    str | None,
    Query(max_length=500, description="`next_after` of the page before, with the same filters; without it the first."),
]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FOREIGN = "Send `after` exactly as it was given, to the same list, with the same filters."

_PLACE = TypeAdapter(tuple[int, Annotated[int, Field(ge=0, lt=2**63)], UUID])


class _Asked:
    """Which page of which changes a request asks for."""

    def __init__(self, request: Request, after: After = None, limit: Limit = 100) -> None:
        parameters = [(name, value) for name, value in request.query_params.multi_items() if name != "after"]
        self._cursors = Cursors.of(f"changes of {request.url.path}", parameters)
        self._given = after
        self.limit = limit
        self.after = None if after is None else self._place(after)

    def _place(self, after: str) -> ChangePlace:
        try:
            microseconds, position, review_id = self._cursors.decode(after, _PLACE)
            return ChangePlace(_EPOCH + timedelta(microseconds=microseconds), position, review_id)
        except (InvalidInput, OverflowError):
            raise InvalidInput(faults=[Fault("?after", "cursor_unknown", _FOREIGN)]) from None

    def following(self, last: ChangePlace | None) -> str | None:
        """Return what to send for the changes behind these."""
        if last is None:
            return self._given
        microseconds = (last.changed_at - _EPOCH) // timedelta(microseconds=1)
        return self._cursors.encode(microseconds, last.position, last.review_id)


Asked = Annotated[_Asked, Depends(_Asked)]


@router.get("/v1/reviews/{review_id}/changes")
async def list_changes_of_review(review_id: UUID, principal: Reader, opened: Opened, asked: Asked) -> ReviewChangePage:
    """List what changed of one review, from what to what, and because of what, in order.

    What was withdrawn or missed keeps its changes. A forecast, on which nobody could rely yet, has none.
    """
    today = civil_date(opened.clock.now())
    async with snapshot(opened.engine) as connection:
        if not await store.has(connection, principal.authority_id, review_id):
            await find_one(connection, principal.authority_id, review_id, Times(today, None, today))
        return await _page(connection, principal.authority_id, ChangeFilter(review_id=review_id), asked, today)


@router.get("/v1/review-changes")
async def list_review_changes(
    *,
    request: Request,
    principal: Reader,
    opened: Opened,
    asked: Asked,
    child: Annotated[
        list[ChildId] | None,
        Query(max_length=MAX_VALUES, description="Only these children, who have to be known; not their streams."),
    ] = None,
    team: Annotated[list[Code] | None, Query(max_length=MAX_VALUES, description="Only these teams.")] = None,
) -> ReviewChangePage:
    """Follow what changes of all reviews, in order of the causes: each change once.

    Ask again with `next_after` of the page before. A correction of a home's day is one cause of many
    changes. A team's changes are those of reviews that are the team's since.
    """
    today = civil_date(opened.clock.now())
    wanted = ChangeFilter(children=tuple(sorted(set(child or ()))), teams=tuple(sorted(set(team or ()))))
    async with snapshot(opened.engine) as connection:
        await refuse_unknown(connection, principal.authority_id, request.query_params.getlist("child"))
        return await _page(connection, principal.authority_id, wanted, asked, today)


async def _page(
    connection: Connection, authority_id: str, wanted: ChangeFilter, asked: _Asked, today: date
) -> ReviewChangePage:
    state = await shown(connection, authority_id, today)
    found = await store.page(connection, authority_id, wanted, after=asked.after, limit=asked.limit + 1)
    items = found[: asked.limit]
    return ReviewChangePage(
        projection_position=state.position,
        items=[change_view(each) for each in items],
        next_after=asked.following(store.place_of(items[-1]) if items else None),
        at_end=len(found) <= asked.limit,
    )
