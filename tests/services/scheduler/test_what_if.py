"""What a draft changes, from reviews projected twice: laws that hold for any reviews."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from services.scheduler.projection.what_if import Differences, Kind, changes
from shared.domain.timetable.reviews import Review
from tests.services.scheduler.test_store_reviews import AS_OF, NEAR, reviews_of_any_kind

REVIEWS = st.lists(reviews_of_any_kind(), max_size=6, unique_by=lambda each: each.review_id)


@st.composite
def twice(draw: st.DrawFn) -> tuple[list[Review], list[Review]]:
    """Draw a child's reviews as they stand and by a draft: some moved, some gone, some new, some alike."""
    stand = draw(REVIEWS)
    kept = [each for each in stand if draw(st.booleans())]
    would = [replace(each, due_on=draw(NEAR)) if draw(st.booleans()) else each for each in kept]
    known = {each.review_id for each in stand}
    return stand, would + [each for each in draw(REVIEWS) if each.review_id not in known]


CHILDREN = st.lists(twice(), max_size=4)


def compared(children: list[tuple[list[Review], list[Review]]], most_listed: int = 1000) -> Differences:
    found = Differences(AS_OF, most_listed)
    for stand, would in children:
        found.add(stand, would)
    return found


@given(reviews=REVIEWS)
def test_a_draft_that_changes_nothing_is_told_as_nothing(reviews: list[Review]) -> None:
    """The same reviews twice are no change, and the load is the same."""
    found = compared([(reviews, reviews[::-1])])
    assert (found.kinds.total(), found.listed, found.would_be_overdue, found.no_longer_overdue) == (0, [], 0, 0)
    assert found.load.now == found.load.drafted


@given(children=CHILDREN)
def test_the_way_back_is_the_opposite(children: list[tuple[list[Review], list[Review]]]) -> None:
    """What would appear would vanish the other way round, and what would be overdue would be it no longer."""
    there, back = compared(children), compared([(would, stand) for stand, would in children])
    assert there.kinds[Kind.APPEARING] == back.kinds[Kind.VANISHING]
    assert there.kinds[Kind.VANISHING] == back.kinds[Kind.APPEARING]
    assert there.kinds[Kind.MOVED] == back.kinds[Kind.MOVED]
    assert (there.would_be_overdue, there.no_longer_overdue) == (back.no_longer_overdue, back.would_be_overdue)
    assert (there.load.now, there.load.drafted) == (back.load.drafted, back.load.now)


@given(children=CHILDREN)
def test_the_numbers_add_up(children: list[tuple[list[Review], list[Review]]]) -> None:
    """Reviews and overdue ones by the draft are those of now, with what comes and without what goes."""
    found = compared(children)
    assert found.drafted == found.now + found.kinds[Kind.APPEARING] - found.kinds[Kind.VANISHING]
    assert found.overdue_drafted == found.overdue_now + found.would_be_overdue - found.no_longer_overdue
    assert found.would_be_overdue <= found.kinds.total()


@given(children=CHILDREN, most_listed=st.integers(0, 5))
def test_the_most_pressing_are_listed_whatever_the_order(
    children: list[tuple[list[Review], list[Review]]], most_listed: int
) -> None:
    """A bound leaves the first of the whole list; counts and what is left out are the same in any order of children."""
    whole, few = compared(children), compared(children[::-1], most_listed)
    assert [each.review for each in few.listed] == [each.review for each in whole.listed[:most_listed]]
    assert few.kinds == whole.kinds
    assert few.left_out == whole.kinds.total() - len(few.listed)


@given(pair=twice())
def test_every_review_that_differs_is_told_once(pair: tuple[list[Review], list[Review]]) -> None:
    """Each review that moves, comes or goes is one change; what is alike is none."""
    stand, would = ({each.review_id: each for each in reviews} for reviews in pair)
    told = {each.review.review_id: each for each in changes(*pair, AS_OF)}
    assert len(told) == len(list(changes(*pair, AS_OF)))
    for review_id in stand.keys() | would.keys():
        differs = stand.get(review_id) != would.get(review_id)
        assert (review_id in told) == differs
