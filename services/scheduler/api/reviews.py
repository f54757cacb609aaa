"""What is due: reviews by filter, and one by id."""

from __future__ import annotations

from datetime import date
from hashlib import sha256
from typing import Annotated
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Request, Response

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
from shared.wire.cursor import decode_cursor, encode_cursor, foreign_cursor

router = APIRouter(tags=["reviews"])

Reader = Annotated[Principal, Depends(require(Scope.REVIEWS_READ))]


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
    after = None if cursor is None else _place(cursor, asked)
    async with snapshot(opened.engine) as connection:
        found = await find_page(connection, principal.authority_id, asked, when, after=after, limit=limit)
    views = [review_view(review, when.as_of) for review in found.reviews]
    following = None if found.following is None else _cursor(found.following, asked)
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


def _cursor(place: Place, asked: ReviewFilter) -> str:
    return encode_cursor([place.sort_on.isoformat(), place.review_id.hex, _filter_digest(asked)])


def _place(cursor: str, asked: ReviewFilter) -> Place:
    sort_on, review_id, digest = decode_cursor(cursor, length=3)
    if digest != _filter_digest(asked):
        raise foreign_cursor()
    try:
        return Place(date.fromisoformat(sort_on), UUID(review_id))
    except (ValueError, TypeError, AttributeError):
        raise foreign_cursor() from None


def _filter_digest(asked: ReviewFilter) -> str:
    """Return what ties a cursor to its filters: with others, its page would leave reviews out."""
    return sha256(orjson.dumps(asked)).hexdigest()[:12]
