"""What is due: reviews by filter, and one by id."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import TypeAdapter

from services.scheduler.api.parameters import Cursor, Limit, asked_reviews
from services.scheduler.api.reading import find_one, find_page
from services.scheduler.model import Place, ReviewFilter
from services.scheduler.representations import (
    counts_view,
    review_view,
    reviews_csv,
)
from services.scheduler.schemas import ReviewAnswer, ReviewPage
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


@router.get("/v1/reviews", response_model=ReviewPage, responses=CSV_ANSWER)
async def list_reviews(
    *,
    request: Request,
    principal: Reader,
    opened: Opened,
    when: When,
    asked: Annotated[ReviewFilter, Depends(asked_reviews)],
    limit: Limit = 100,
    cursor: Cursor = None,
    format: Format = None,  # noqa: A002 - the name of the query parameter
) -> ReviewPage | Response:
    """List the reviews owed, by due date, each with its explanation.

    Repeated filters of one name mean "any of these", different names "all of these".
    `counts` covers all pages. In CSV the next cursor stands in the header
    `homeward-next-cursor`.
    """
    cursors = Cursors.of("reviews", request.query_params.multi_items())
    after = None if cursor is None else Place(*cursors.decode(cursor, _PLACE))
    async with snapshot(opened.engine) as connection:
        found = await find_page(connection, principal.authority_id, asked, when, after=after, limit=limit)
    views = [review_view(review, when.as_of) for review in found.reviews]
    place = found.following
    following = None if place is None else cursors.encode(place.sort_on, place.review_id)
    if wants_csv(request, format):
        return csv_response(reviews_csv(views), next_cursor=following)
    return ReviewPage(
        as_of=when.as_of,
        known_at=when.known_at,
        projection_position=found.position,
        counts=counts_view(found.counts),
        items=views,
        next_cursor=following,
    )


@router.get("/v1/reviews/{review_id}")
async def read_review(review_id: UUID, principal: Reader, opened: Opened, when: When) -> ReviewAnswer:
    """Read one review, with its explanation."""
    async with snapshot(opened.engine) as connection:
        position, review = await find_one(connection, principal.authority_id, review_id, when)
    return ReviewAnswer(
        as_of=when.as_of,
        known_at=when.known_at,
        projection_position=position,
        review=review_view(review, when.as_of),
    )
