"""The text of a calendar feed, for reviews of any kind."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.scheduler.calendar_text import Seen, calendar_text, child_reference
from services.scheduler.store.feeds import Contents, Entry, Feed
from shared.domain.timetable.reviews import Certainty, Outcome, Review
from tests.services.scheduler.calendars import events_of
from tests.services.scheduler.test_store_reviews import AS_OF, reviews_of_any_kind

FEED = Feed(
    feed_id=UUID(int=1),
    digest=b"",
    reference_key=b"k" * 32,
    team=None,
    role=None,
    what=None,
    kinds=None,
    description=None,
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
    created_by="k3y4test",
)
WITH_A_DAY = reviews_of_any_kind().filter(lambda each: each.due_on is not None or each.held_on is not None)
SEVERAL = st.lists(WITH_A_DAY, max_size=6, unique_by=lambda each: each.review_id)
INSTANTS = st.none() | st.integers(0, 160).map(lambda days: FEED.created_at + timedelta(days=days, microseconds=7))


def written(reviews: list[Review], instants: list[datetime | None], today: date = AS_OF) -> bytes:
    entries = [Entry(each, at, 7) for each, at in zip(reviews, instants, strict=True)]
    return calendar_text(FEED, Seen(today, 7, Contents(entries, (), more_open=0, more_closed=0, without_day=0)))


@given(reviews=SEVERAL, data=st.data())
def test_every_review_is_one_event_that_two_libraries_read_alike(reviews: list[Review], data: st.DataObject) -> None:
    """Whatever state it is in, it stands once, on a day of its own, with the status of its outcome."""
    instants = data.draw(st.lists(INSTANTS, min_size=len(reviews), max_size=len(reviews)))
    text = written(reviews, instants)
    assert written(reviews[::-1], instants[::-1]) == text
    shown = {each.uid: each for each in events_of(text.decode())}
    assert len(shown) == len(reviews)
    for review in reviews:
        event = shown[f"{review.review_id}@homeward"]
        if review.outcome is Outcome.HELD:
            assert event.day == review.held_on
        elif review.outcome is Outcome.OPEN and event.day != review.due_on:
            assert review.due_on is not None
            assert event.day == review.booked_on
            assert AS_OF <= event.day < review.due_on
        else:
            assert event.day == review.due_on
        assert (event.status == "CANCELLED") == (review.outcome is Outcome.WITHDRAWN)
        tentative = review.outcome is Outcome.OPEN and review.certainty is Certainty.PROVISIONAL
        assert (event.status == "TENTATIVE") == tentative


@given(review=WITH_A_DAY, days=st.integers(0, 40))
def test_as_days_go_by_no_event_grows_older(review: Review, days: int) -> None:
    """With nothing recorded in between neither sequence nor instant falls, and another day comes with a higher one."""
    (now,) = events_of(written([review], [None]).decode())
    (later,) = events_of(written([review], [None], AS_OF + timedelta(days=days)).decode())
    assert (later.sequence, later.modified) >= (now.sequence, now.modified)
    assert later.day >= now.day
    if later.day != now.day:
        assert later.sequence > now.sequence


@given(child=st.text(min_size=1, max_size=64), other=st.text(min_size=1, max_size=64), key=st.binary(min_size=32))
def test_a_reference_is_of_its_child_and_feed(child: str, other: str, key: bytes) -> None:
    """Six characters that the child's id does not decide alone, the same each time."""
    feed = Feed(**{name: getattr(FEED, name) for name in Feed.__slots__} | {"reference_key": key[:32]})
    assert child_reference(feed, child) == child_reference(feed, child)
    assert len(child_reference(feed, child)) == 6
    if child == other or key[:32] == FEED.reference_key:
        return
    assert (child_reference(feed, child), child_reference(feed, other)) != (
        child_reference(FEED, child),
        child_reference(FEED, other),
    )
