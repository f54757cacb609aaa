"""What is due: reviews by filter, and one by id."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import TypeAdapter

from services.scheduler.api.change_views import ReviewOnRecord, record_view
from services.scheduler.api.parameters import Cursor, Limit, asked_deadlines, asked_reviews
from services.scheduler.api.reading import find_one, find_page, refuse_unknown
from services.scheduler.api.validators import VALIDATED, IfNoneMatch, validator_of
from services.scheduler.model import Place, ReviewFilter
from services.scheduler.representations import (
    counts_view,
    review_view,
    reviews_csv,
)
from services.scheduler.schemas import ReviewPage
from services.scheduler.store import changes
from services.scheduler.store import reviews as store
from services.scheduler.store.shown import shown
from shared.identity.keys import Scope
from shared.runtime.auth import Principal, require
from shared.runtime.csv_answers import CSV_ANSWER, Format, csv_response, wants_csv
from shared.runtime.database import snapshot
from shared.runtime.resources import Opened
from shared.runtime.times import When
from shared.wire.cursor import Cursors

router = APIRouter(tags=["reviews"])

Reader = Annotated[Principal, Depends(require(Scope.REVIEWS_READ))]

_PLACE = TypeAdapter(tuple[date, UUID])

#: With this header a page in CSV says up to which position of the log reviews are projected.
POSITION_HEADER = "homeward-projection-position"

_PAGE_ANSWERS = {**VALIDATED, 200: {**VALIDATED[200], **CSV_ANSWER[200]}}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """Which page is asked for, by whom, and what of it the client has already; a FastAPI dependency."""

    request: Request
    response: Response
    principal: Reader
    opened: Opened
    when: When
    limit: Limit = 100
    cursor: Cursor = None
    format: Format = None
    if_none_match: IfNoneMatch = None


Question = Annotated[_Question, Depends()]


@router.get("/v1/reviews", response_model=ReviewPage, responses=_PAGE_ANSWERS)
async def list_reviews(
    question: Question, asked: Annotated[ReviewFilter, Depends(asked_reviews)]
) -> ReviewPage | Response:
    """List the reviews owed, by due date, each with its explanation.

    Repeated filters of one name mean "any of these", different names "all of these".
    `counts` covers all pages, whichever statuses and due dates are asked for. In CSV the next
    cursor stands in the header `homeward-next-cursor`, the position in `homeward-projection-position`.
    """
    return await _page(question, asked, "reviews")


@router.get("/v1/deadlines", response_model=ReviewPage, responses=_PAGE_ANSWERS)
async def list_deadlines(
    question: Question, asked: Annotated[ReviewFilter, Depends(asked_deadlines)]
) -> ReviewPage | Response:
    """List all that is owed by a day, or runs out on one: reviews, visits, decisions and what else packs have.

    It is asked and answered as `GET /v1/reviews` is. What is *held* is what satisfied it: a visit
    that was made, a decision that was taken.
    """
    return await _page(question, asked, "deadlines")


async def _page(question: _Question, asked: ReviewFilter, name: str) -> ReviewPage | Response:
    request, when, authority_id = question.request, question.when, question.principal.authority_id
    csv = wants_csv(request, question.format)
    cursors = Cursors.of(name, request.query_params.multi_items())
    after = None if question.cursor is None else Place(*cursors.decode(question.cursor, _PLACE))
    async with snapshot(question.opened.engine) as connection:
        state = await shown(connection, authority_id, when.today)
        validator = validator_of(request, authority_id, when, state, form="csv" if csv else "json")
        if validator.is_known(question.if_none_match):
            return validator.unchanged()
        await refuse_unknown(connection, authority_id, request.query_params.getlist("child"))
        found = await find_page(connection, authority_id, asked, when, after=after, limit=question.limit)
    views = [review_view(review, when.as_of) for review in found.reviews]
    place = found.following
    following = None if place is None else cursors.encode(place.sort_on, place.review_id)
    if csv:
        headers = {**validator.headers, POSITION_HEADER: str(state.position)}
        return csv_response(reviews_csv(views), headers=headers, next_cursor=following)
    question.response.headers.update(validator.headers)
    return ReviewPage(
        as_of=when.as_of,
        known_at=when.known_at,
        projection_position=state.position,
        counts=counts_view(found.counts),
        items=views,
        next_cursor=following,
    )


@router.get("/v1/reviews/{review_id}", response_model=ReviewOnRecord, responses=VALIDATED)
async def read_review(
    *,
    review_id: UUID,
    request: Request,
    response: Response,
    principal: Reader,
    opened: Opened,
    when: When,
    if_none_match: IfNoneMatch = None,
) -> ReviewOnRecord | Response:
    """Read one review, with its explanation."""
    async with snapshot(opened.engine) as connection:
        state = await shown(connection, principal.authority_id, when.today)
        validator = validator_of(request, principal.authority_id, when, state)
        if validator.is_known(if_none_match):
            return validator.unchanged()
        review = await find_one(connection, principal.authority_id, review_id, when)
        kept = await store.find(connection, principal.authority_id, review_id)
        changed = await changes.summary(connection, principal.authority_id, review_id)
    response.headers.update(validator.headers)
    return ReviewOnRecord(
        as_of=when.as_of,
        known_at=when.known_at,
        projection_position=state.position,
        review=review_view(review, when.as_of),
        record=None if kept is None else record_view(kept, changed),
    )
