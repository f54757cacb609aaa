"""A meeting that is booked too late is told of when it is booked, not when the review is missed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import asyncpg
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from services.scheduler.model import NoticeKind
from services.scheduler.worker import ReviewProjector
from tests.services.scheduler.scene import CHILD, Scene, accommodate, hold_review
from tests.services.scheduler.test_projection import folded
from tests.support.events import SOURCE, Log

STREAM = f"child-{CHILD}"
FIRST_DUE = "2026-02-26"


def book(log: Log, on: str, day: str, meeting: str = "m-1", kind: str = "meeting.scheduled", **recorded: Any) -> None:
    """Record on which day a Looked After Child Review is to be held."""
    data: dict[str, Any] = {"meeting_id": meeting, "meeting_kind": "looked_after_child_review", "scheduled_for": day}
    log.add(kind, STREAM, on, **data, **recorded)


async def told(council: Scene) -> list[dict[str, Any]]:
    """Return what notices of late bookings say."""
    return [each["data"] for each in await council.notices(NoticeKind.BOOKED_LATE)]


def days(notices: list[dict[str, Any]]) -> list[tuple[str, str, int]]:
    return [(each["due_on"], each["booked_on"], each["booked_late_by_days"]) for each in notices]


async def test_it_is_told_in_the_transaction_that_records_the_booking(council: Scene) -> None:
    """Where the booking is projected the notice stands; rolled back, neither does."""
    accommodate(council.log, "2026-01-15")
    await council.catch_up()
    book(council.log, "2026-01-20", "2026-03-06")
    async with council.engine.connect() as connection:
        projector = ReviewProjector(council.clock)
        await projector.project(connection, council.authority_id, council.log.events[2:])
        await connection.rollback()
    assert await told(council) == []
    await council.catch_up()
    [notice] = await told(council)
    assert days([notice]) == [(FIRST_DUE, "2026-03-06", 8)]
    assert (notice["certainty"], notice["verified"]) == ("firm", False)
    [review] = [each.review for each in (await council.reviews()).values() if each.review.booked_on]
    assert (str(review.review_id), review.booked_late_by_days) == (notice["review_id"], 8)


async def test_a_booking_in_time_is_not_told(council: Scene) -> None:
    """The due day itself is in time."""
    accommodate(council.log, "2026-01-15")
    book(council.log, "2026-01-20", FIRST_DUE)
    await council.catch_up()
    assert await told(council) == []


async def test_a_meeting_that_fell_through_keeps_no_later_booking_away(council: Scene) -> None:
    """The day of the first booking went by; the next meeting is booked under another id, and too late."""
    accommodate(council.log, "2026-01-15")
    book(council.log, "2026-01-20", "2026-02-10")
    book(council.log, "2026-02-16", "2026-03-05", "m-2")
    await council.catch_up()
    assert days(await told(council)) == [(FIRST_DUE, "2026-03-05", 7)]


async def test_a_late_booking_whose_day_has_gone_by_is_not_told(council: Scene) -> None:
    """A history that is brought in makes no notices of meetings that nobody can move any more."""
    accommodate(council.log, "2025-01-15")
    book(council.log, "2025-02-01", "2025-03-20", recorded_at=datetime(2026, 6, 1, 12, tzinfo=UTC))
    await council.catch_up()
    assert await told(council) == []


async def test_two_meetings_booked_ahead_are_two_reviews(council: Scene) -> None:
    """The second is booked before the day of the first, so it is for the review behind it."""
    accommodate(council.log, "2026-01-15")
    book(council.log, "2026-01-20", "2026-02-10")
    book(council.log, "2026-02-10", "2026-03-05", "m-2")
    await council.catch_up()
    assert await told(council) == []
    booked = {each.review.ordinal: each.review.booked_on for each in (await council.reviews()).values()}
    assert (booked[1], booked[2]) == (date(2026, 2, 10), date(2026, 3, 5))


async def test_a_due_day_that_moves_before_the_booking_is_told(council: Scene) -> None:
    """Both were booked in time; the first is held early, and the second is due before its meeting."""
    accommodate(council.log, "2026-01-15")
    book(council.log, "2026-01-20", "2026-02-20")
    book(council.log, "2026-01-20", "2026-05-20", "m-2")
    await council.catch_up()
    assert await told(council) == []
    council.log.add("meeting.held", STREAM, "2026-02-10", meeting_id="m-1", meeting_kind="looked_after_child_review")
    await council.catch_up()
    assert days(await told(council)) == [("2026-05-10", "2026-05-20", 10)]


async def test_what_follows_an_overdue_review_is_told_once_that_one_is_held(council: Scene) -> None:
    """Until the first is held nobody knows by when the second is due: the one alarm belongs to the first."""
    accommodate(council.log, "2026-01-15")
    at = datetime(2026, 3, 10, 12, tzinfo=UTC)
    book(council.log, "2026-03-10", "2026-03-12", recorded_at=at)
    book(council.log, "2026-03-10", "2026-06-20", "m-2", recorded_at=at)
    await council.catch_up()
    assert days(await told(council)) == [(FIRST_DUE, "2026-03-12", 14)]
    hold_review(council.log, "2026-03-12", recorded_at=at + timedelta(days=2))
    await council.catch_up()
    assert days(await told(council))[1:] == [("2026-06-12", "2026-06-20", 8)]


async def test_a_date_set_in_advance_is_told_before_the_review_in_front_is_held(council: Scene) -> None:
    """Held on the last lawful day, the first leaves the second no later day than this: the booking is behind it."""
    accommodate(council.log, "2026-01-15")
    book(council.log, "2026-01-20", "2026-02-20")
    book(council.log, "2026-01-20", "2026-06-05", "m-2")
    await council.catch_up()
    assert days(await told(council)) == [("2026-05-26", "2026-06-05", 10)]
    assert (await told(council))[0]["certainty"] == "provisional"


async def test_each_pair_of_days_is_told_once(council: Scene) -> None:
    """Booked again for another late day it is told anew; booked back, or changed otherwise, it is not."""
    accommodate(council.log, "2026-01-15")
    for on, day in (("20", "2026-03-06"), ("21", "2026-03-03"), ("22", FIRST_DUE), ("23", "2026-03-06")):
        book(council.log, f"2026-01-{on}", day, kind="meeting.rescheduled" if on != "20" else "meeting.scheduled")
        await council.catch_up()
    council.log.add("child.team_assigned", STREAM, "2026-01-24", team="south")
    await council.catch_up()
    assert days(await told(council)) == [(FIRST_DUE, "2026-03-06", 8), (FIRST_DUE, "2026-03-03", 5)]


async def test_reviews_told_otherwise_by_a_new_release_are_not_told_again(council: Scene) -> None:
    """Projected anew to other words, a review that is booked too late was told of already."""
    accommodate(council.log, "2026-01-15")
    book(council.log, "2026-01-20", "2026-03-06")
    await council.catch_up()
    await as_of_another_release(council)
    await council.refresher().round()
    assert {each.review.title for each in (await council.reviews()).values()} != {"of another release"}
    assert len(await told(council)) == 1


async def test_an_upgrade_fills_the_new_column_and_tells_of_late_bookings(council: Scene, database_url: str) -> None:
    """What an earlier release projected says when a meeting was recorded, and is told of, from the first start on."""
    accommodate(council.log, "2026-01-15")
    hold_review(council.log, "2026-02-20", recorded_at=datetime(2026, 3, 8, 12, tzinfo=UTC))
    book(council.log, "2026-03-09", "2026-07-01", "m-2")
    await council.catch_up()
    reviews = await council.reviews()
    # As scheduler_0004 leaves it, and as if the notice had never been made.
    await as_of_another_release(council, digest="scheduler_0004")
    owner = await asyncpg.connect(database_url)
    untold = "DELETE FROM scheduler.notice WHERE kind = 'review.booked_late' AND authority_id = $1"
    assert await owner.execute(untold, council.authority_id) == "DELETE 1"
    await owner.close()
    await council.refresher().round()
    assert await council.reviews() == reviews
    assert days(await told(council)) == [("2026-05-20", "2026-07-01", 42)]


async def as_of_another_release(council: Scene, digest: str = "of another release") -> None:
    """Change what the reviews say, as if other rules and words had made them."""
    where = {"authority_id": council.authority_id, "digest": digest}
    rules = "UPDATE scheduler.checkpoint SET timetable_digest = :digest WHERE authority_id = :authority_id"
    words = "UPDATE scheduler.review SET title = :digest, recorded_on = NULL WHERE authority_id = :authority_id"
    async with council.engine.begin() as connection:
        for statement in (rules, words):
            await connection.execute(text(statement), where)


async def test_a_booking_that_is_corrected_into_time_is_told_no_more(council: Scene) -> None:
    """What was told stays told; the review is in time from the correction on."""
    accommodate(council.log, "2026-01-15")
    book(council.log, "2026-01-20", "2026-03-06")
    await council.catch_up()
    council.log.add(
        "record.corrected",
        STREAM,
        "2026-01-21",
        corrects_source=SOURCE,
        corrects_id="e3",
        corrects_type="meeting.scheduled",
        replacement={
            "occurred_on": "2026-01-20",
            "meeting_id": "m-1",
            "meeting_kind": "looked_after_child_review",
            "scheduled_for": "2026-02-25",
        },
        reason="recording_error",
    )
    await council.catch_up()
    assert len(await told(council)) == 1
    [review] = [each.review for each in (await council.reviews()).values() if each.review.booked_on]
    assert review.booked_late_by_days == 0


async def test_a_held_review_is_told_with_when_it_was_recorded(council: Scene) -> None:
    """A receiver sees that it was held in time, and for how long the record lacked it."""
    accommodate(council.log, "2026-01-15")
    hold_review(council.log, "2026-02-20", recorded_at=datetime(2026, 3, 8, 12, tzinfo=UTC))
    await council.catch_up()
    [held] = [each["data"] for each in await council.notices(NoticeKind.HELD)]
    assert (held["days_late"], held["days_early"]) == (0, 6)
    assert (held["recorded_on"], held["days_recorded_late"]) == ("2026-03-08", 10)
    assert "booked_on" not in held


BOOKED = st.lists(st.tuples(st.integers(1, 12), st.integers(20, 140)), min_size=1, max_size=6)


@given(BOOKED, st.sets(st.integers(0, 6)))
def test_every_late_booking_is_told_and_nothing_else(bookings: list[tuple[int, int]], held: set[int]) -> None:
    """After each event, every open review that is booked too late has its notice; each notice was true when told."""
    log = Log()
    accommodate(log, "2026-01-15")
    start = date(2026, 1, 15)
    for number, (meeting, ahead) in enumerate(bookings):
        book(log, "2026-01-20", str(start + timedelta(days=ahead)), f"m-{meeting}")
        if number in held:
            hold_review(log, str(start + timedelta(days=10 * number + 5)))
    keys: set[str] = set()
    for stop in range(1, len(log.events) + 1):
        fold = folded(log.events[:stop])
        late = {
            f"{NoticeKind.BOOKED_LATE}|{each.review.review_id}|{each.review.due_on}|{each.review.booked_on}"
            for each in fold.reviews.values()
            if each.review.booked_late_by_days
        }
        keys |= late
        notices = {notice.dedupe_key for _, notice in fold.notices if notice.kind is NoticeKind.BOOKED_LATE}
        assert late <= notices == keys
