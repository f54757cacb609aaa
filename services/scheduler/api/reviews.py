"""What is due: reviews by filter, and one by id."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import TypeAdapter

from services.scheduler.api.parameters import Cursor, Limit, asked_reviews
from services.scheduler.api.reading import find_one, find_page, refuse_unknown
from services.scheduler.api.validators import VALIDATED, IfNoneMatch, validator_of
from services.scheduler.model import Place, ReviewFilter
from services.scheduler.representations import (
    counts_view,
    review_view,
    reviews_csv,
)
from services.scheduler.schemas import ReviewAnswer, ReviewPage
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


@router.get("/v1/reviews", response_model=ReviewPage, responses=_PAGE_ANSWERS)
async def list_reviews(
    *,
    request: Request,
    response: Response,
    principal: Reader,
    opened: Opened,
    when: When,
    asked: Annotated[ReviewFilter, Depends(asked_reviews)],
    limit: Limit = 100,
    cursor: Cursor = None,
    format: Format = None,  # noqa: A002 - the name of the query parameter
    if_none_match: IfNoneMatch = None,
) -> ReviewPage | Response:
    """List the reviews owed, by due date, each with its explanation.

    Repeated filters of one name mean "any of these", different names "all of these".
    `counts` covers all pages, whichever statuses and due dates are asked for. In CSV the next
    cursor stands in the header `homeward-next-cursor`, the position in `homeward-projection-position`.
    """
    csv = wants_csv(request, format)
    cursors = Cursors.of("reviews", request.query_params.multi_items())
    after = None if cursor is None else Place(*cursors.decode(cursor, _PLACE))
    async with snapshot(opened.engine) as connection:
        state = await shown(connection, principal.authority_id, when.today)
        validator = validator_of(request, principal.authority_id, when, state, form="csv" if csv else "json")
        if validator.is_known(if_none_match):
            return validator.unchanged()
        await refuse_unknown(connection, principal.authority_id, request.query_params.getlist("child"))
        found = await find_page(connection, principal.authority_id, asked, when, after=after, limit=limit)
    views = [review_view(review, when.as_of) for review in found.reviews]
    place = found.following
    following = None if place is None else cursors.encode(place.sort_on, place.review_id)
    if csv:
        headers = {**validator.headers, POSITION_HEADER: str(state.position)}
        return csv_response(reviews_csv(views), headers=headers, next_cursor=following)
    response.headers.update(validator.headers)
    return ReviewPage(
        as_of=when.as_of,
        known_at=when.known_at,
        projection_position=state.position,
        counts=counts_view(found.counts),
        items=views,
        next_cursor=following,
    )


@router.get("/v1/reviews/{review_id}", response_model=ReviewAnswer, responses=VALIDATED)
async def read_review(
    *,
    review_id: UUID,
    request: Request,
    response: Response,
    principal: Reader,
    opened: Opened,
    when: When,
    if_none_match: IfNoneMatch = None,
) -> ReviewAnswer | Response:
    """Read one review, with its explanation."""
    async with snapshot(opened.engine) as connection:
        state = await shown(connection, principal.authority_id, when.today)
        validator = validator_of(request, principal.authority_id, when, state)
        if validator.is_known(if_none_match):
            return validator.unchanged()
        review = await find_one(connection, principal.authority_id, review_id, when)
    response.headers.update(validator.headers)
    return ReviewAnswer(
        as_of=when.as_of,
        known_at=when.known_at,
        projection_position=state.position,
        review=review_view(review, when.as_of),
    )
