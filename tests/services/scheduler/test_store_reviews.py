"""The status of a review in SQL is the status of the domain."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.scheduler.model import NO_DUE_DATE, Place, ReviewFilter, StoredReview
from services.scheduler.store import reviews
from shared.domain.timetable.reviews import Certainty, Outcome, Review, Status, status
from tests.services.scheduler.scene import Scene
from tests.services.scheduler.test_projection import an_open_review

AS_OF = date(2026, 6, 11)
NEAR = st.integers(-20, 20).map(lambda days: AS_OF + timedelta(days=days))


@st.composite
def reviews_of_any_kind(draw: st.DrawFn) -> Review:
    """Draw a review with any outcome, and dates around the day of the question."""
    outcome = draw(st.sampled_from(Outcome))
    closed = outcome in {Outcome.MISSED, Outcome.WITHDRAWN}
    told = an_open_review()
    anchor = replace(told.explanation.anchor, position=draw(st.sampled_from([None, 3])))
    return replace(
        told,
        explanation=replace(told.explanation, anchor=anchor),
        review_id=UUID(int=draw(st.integers(0, 2**128 - 1))),
        team=draw(st.sampled_from([None, "north", "south"])),
        kind=draw(st.sampled_from(["one", "other"])),
        due_on=draw(st.none() | NEAR),
        outcome=outcome,
        certainty=draw(st.sampled_from(Certainty)),
        held_on=draw(NEAR) if outcome is Outcome.HELD else None,
        recorded_on=draw(st.none() | NEAR) if outcome is Outcome.HELD else None,
        booked_on=draw(st.none() | NEAR),
        closed_on=draw(NEAR) if closed else None,
        closed_because="it ended" if closed else None,
    )


@pytest_asyncio.fixture
async def one_council(council: Scene) -> AsyncIterator[Scene]:
    yield council


@given(drawn=st.lists(reviews_of_any_kind(), max_size=8, unique_by=lambda each: each.review_id), data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
async def test_sql_and_python_agree(one_council: Scene, drawn: list[Review], data: st.DataObject) -> None:
    """Filters, counts, order and pages in SQL give what the same question gives in Python.

    Counts pass over the statuses and due dates that are asked for.
    """
    asked = ReviewFilter(
        teams=tuple(data.draw(st.sets(st.sampled_from(["north", "south"])))),
        kinds=tuple(data.draw(st.sets(st.sampled_from(["one", "other"])))),
        statuses=tuple(data.draw(st.sets(st.sampled_from(Status)))),
        due_from=data.draw(st.none() | NEAR),
        due_to=data.draw(st.none() | NEAR),
    )
    expected = sorted(
        (each for each in drawn if matches(each, asked)), key=lambda each: (each.due_on or NO_DUE_DATE, each.review_id)
    )
    async with one_council.engine.connect() as connection:
        await reviews.save(connection, one_council.authority_id, [StoredReview(each) for each in drawn])
        found: list[Review] = []
        after: Place | None = None
        while page := await reviews.page(
            connection, one_council.authority_id, asked, as_of=AS_OF, after=after, limit=3
        ):
            found += [each.review for each in page]
            after = Place(page[-1].review.due_on or NO_DUE_DATE, page[-1].review.review_id)
        counts = await reviews.counts(connection, one_council.authority_id, asked, as_of=AS_OF)
        await connection.rollback()
    assert found == expected
    of_any_status = replace(asked, statuses=(), due_from=None, due_to=None)
    wanted = [status(each, as_of=AS_OF) for each in drawn if matches(each, of_any_status)]
    assert counts == {each: wanted.count(each) for each in set(wanted)}


def matches(review: Review, asked: ReviewFilter) -> bool:
    """Say in plain words what the filters mean."""
    dated = asked.due_from is not None or asked.due_to is not None
    return (
        (not asked.teams or review.team in asked.teams)
        and (not asked.kinds or review.kind in asked.kinds)
        and (not asked.statuses or status(review, as_of=AS_OF) in asked.statuses)
        and not (dated and review.due_on is None)
        and (asked.due_from is None or review.due_on is None or review.due_on >= asked.due_from)
        and (asked.due_to is None or review.due_on is None or review.due_on <= asked.due_to)
    )
