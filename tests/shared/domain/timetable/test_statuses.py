"""How an owed review stands on a day: booked, due, held early, held late, recorded late."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.timetable.reviews import APPROACHING_DAYS, EARLY_DAYS, Outcome, Review, Status, status
from tests.shared.domain.timetable.story import STATUTORY, Story, placed

DUE_ON = date(2026, 2, 26)
AROUND = st.integers(-60, 60).map(lambda days: DUE_ON + timedelta(days=days))
FIRST = placed("2026-01-15").reviews(STATUTORY)[0]


def first(story: Story) -> Review:
    """Return the first statutory review, which is due on 26 February 2026."""
    review = story.reviews(STATUTORY)[0]
    assert review.due_on == DUE_ON
    return review


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [
        ("2026-02-11", Status.UPCOMING),
        ("2026-02-12", Status.APPROACHING),
        ("2026-02-25", Status.APPROACHING),
        ("2026-02-26", Status.DUE),
        ("2026-02-27", Status.OVERDUE),
    ],
)
def test_a_review_that_nobody_booked(as_of: str, expected: Status) -> None:
    """It is upcoming, approaches for 14 days, is due on its day and overdue on the next."""
    assert status(FIRST, as_of=date.fromisoformat(as_of)) is expected


def test_scheduled_until_the_booked_day_has_gone_by() -> None:
    """Booked in time it is scheduled; once that day passed without a meeting on record it approaches again."""
    review = first(placed("2026-01-15").booked("2026-01-16", "M1", "2026-02-20"))
    stands = [status(review, as_of=date(2026, 2, day)) for day in (1, 20, 21, 26, 27)]
    assert stands == [Status.SCHEDULED, Status.SCHEDULED, Status.APPROACHING, Status.DUE, Status.OVERDUE]
    assert review.booked_late_by_days == 0


def test_booked_for_the_due_day_is_in_time_and_due_on_it() -> None:
    """The last lawful day is in time; on that day itself the review is due, booked or not."""
    review = first(placed("2026-01-15").booked("2026-01-16", "M1", "2026-02-26"))
    assert status(review, as_of=date(2026, 2, 25)) is Status.SCHEDULED
    assert status(review, as_of=DUE_ON) is Status.DUE


def test_booked_too_late_is_said_and_not_scheduled() -> None:
    """A booking behind the due day is counted in days and told in words; the review stands as if none were."""
    review = first(placed("2026-01-15").booked("2026-01-16", "M1", "2026-03-06"))
    assert review.booked_late_by_days == 8
    stands = [status(review, as_of=date(2026, 2, day)) for day in (11, 12, 26, 27)]
    assert stands == [Status.UPCOMING, Status.APPROACHING, Status.DUE, Status.OVERDUE]
    said = "A meeting is booked for 6 March 2026. That is 8 days after the last day for this review, 26 February 2026."
    assert said in review.explanation.notes


def test_one_day_too_late_is_written_as_one_day() -> None:
    """The sentence can be read aloud for a single day, too, and is gone when the meeting is booked in time."""
    story = placed("2026-01-15").booked("2026-01-16", "M1", "2026-02-27")
    assert any("That is 1 day after" in note for note in first(story).explanation.notes)
    again = first(story.booked("2026-01-17", "M1", "2026-02-26"))
    assert not any("is booked for" in note for note in again.explanation.notes)


def test_a_due_day_that_moves_before_a_booking_makes_it_late() -> None:
    """Booked in time for the second review, until the first is held early and the second is due sooner."""
    story = placed("2026-01-15").booked("2026-01-16", "M2", "2026-05-20").booked("2026-01-16", "M1", "2026-02-20")
    assert [review.booked_late_by_days for review in story.reviews(STATUTORY)[:2]] == [0, 0]
    story.held("2026-02-10", "M1")
    second = story.reviews(STATUTORY)[1]
    assert (second.due_on, second.booked_on, second.booked_late_by_days) == (date(2026, 5, 10), date(2026, 5, 20), 10)


def test_a_review_counted_from_one_not_held_stays_provisional_however_it_is_booked() -> None:
    """A date set in advance makes no firm review of a forecast."""
    story = placed("2026-01-15").booked("2026-01-16", "M1", "2026-02-20").booked("2026-01-16", "M2", "2026-05-20")
    second = story.reviews(STATUTORY)[1]
    assert second.booked_meeting_id == "M2"
    assert status(second, as_of=date(2026, 1, 20)) is Status.PROVISIONAL


@pytest.mark.parametrize(
    ("held_on", "expected", "early", "late"),
    [
        ("2026-02-11", Status.HELD_EARLY, 15, 0),
        ("2026-02-12", Status.HELD_ON_TIME, 14, 0),
        ("2026-02-26", Status.HELD_ON_TIME, 0, 0),
        ("2026-02-27", Status.HELD_LATE, 0, 1),
    ],
)
def test_held_early_on_time_or_late(held_on: str, expected: Status, early: int, late: int) -> None:
    """More than 14 days before the due day is early; a day behind it is late; both by how much."""
    review = first(placed("2026-01-15").held(held_on))
    assert (status(review, as_of=date(2026, 6, 1)), review.days_early, review.days_late) == (expected, early, late)


@pytest.mark.parametrize(
    ("held_on", "recorded_on", "late", "recorded_late"),
    [
        ("2026-02-20", date(2026, 2, 24), 0, 0),
        ("2026-02-20", date(2026, 2, 26), 0, 0),
        ("2026-02-20", date(2026, 3, 8), 0, 10),
        ("2026-03-03", date(2026, 3, 3), 5, 0),
        ("2026-03-03", date(2026, 3, 8), 5, 5),
    ],
)
def test_recorded_late_is_told_apart_from_held_late(
    held_on: str, recorded_on: date, late: int, recorded_late: int
) -> None:
    """What the law counts and what the record lacked are two figures, which together are how long it stood overdue."""
    recorded_at = datetime(recorded_on.year, recorded_on.month, recorded_on.day, 12, tzinfo=UTC)
    review = first(placed("2026-01-15").held(held_on, recorded_at=recorded_at))
    assert (review.recorded_on, review.days_late, review.days_recorded_late) == (recorded_on, late, recorded_late)
    assert late + recorded_late == max((recorded_on - DUE_ON).days, 0)


def test_a_history_that_is_brought_in_at_once_was_not_recorded_late() -> None:
    """The record could not show the review as overdue before it had the home."""
    told = datetime(2026, 11, 23, 12, tzinfo=UTC)
    story = Story().accommodated("2026-01-15", recorded_at=told).home("2026-01-15", recorded_at=told)
    review = first(story.held("2026-03-02", recorded_at=told))
    assert (review.days_late, review.days_recorded_late) == (4, 0)
    assert review.shown_on == review.recorded_on == date(2026, 11, 23)


def test_the_day_of_recording_is_the_one_in_scotland() -> None:
    """Half past eleven at night in UTC is already the next day in summer, as for everybody in the office."""
    at = datetime(2026, 5, 26, 23, 30, tzinfo=UTC)
    story = placed("2026-01-15").held("2026-02-20").held("2026-05-20", recorded_at=at)
    assert story.reviews(STATUTORY)[1].recorded_on == date(2026, 5, 27)


def test_a_correction_does_not_record_a_meeting_anew() -> None:
    """The meeting was on record since it was first told, whatever was wrong about it."""
    at = datetime(2026, 2, 21, 12, tzinfo=UTC)
    story = placed("2026-01-15").held("2026-02-19", "M1", recorded_at=at)
    review = first(story.corrected(story.position, "2026-06-01", occurred_on="2026-02-20"))
    assert (review.held_on, review.recorded_on) == (date(2026, 2, 20), date(2026, 2, 21))


@given(booked_on=st.none() | AROUND, as_of=AROUND)
def test_scheduled_is_only_what_a_meeting_ahead_will_satisfy(booked_on: date | None, as_of: date) -> None:
    """Exactly where a meeting is booked from that day on to the due day, and the due day is still to come."""
    review = replace(FIRST, booked_on=booked_on)
    ahead = booked_on is not None and as_of <= booked_on <= DUE_ON and as_of < DUE_ON
    assert (status(review, as_of=as_of) is Status.SCHEDULED) is ahead


@given(days_too_late=st.none() | st.integers(1, 60), first_on=AROUND, days=st.integers(0, 60))
def test_unless_it_is_booked_in_time_nothing_becomes_better(
    days_too_late: int | None, first_on: date, days: int
) -> None:
    """From day to day such a review goes on towards overdue, and never back."""
    order = [Status.UPCOMING, Status.APPROACHING, Status.DUE, Status.OVERDUE]
    review = replace(FIRST, booked_on=DUE_ON + timedelta(days=days_too_late) if days_too_late else None)
    now, later = (order.index(status(review, as_of=day)) for day in (first_on, first_on + timedelta(days=days)))
    assert now <= later


@given(held_on=AROUND, as_of=AROUND)
def test_what_was_held_stands_alike_on_every_day(held_on: date, as_of: date) -> None:
    """Late stays late, whenever one asks; early, on time and late exclude each other."""
    review = replace(FIRST, outcome=Outcome.HELD, held_on=held_on, recorded_on=held_on)
    late, early = (held_on - DUE_ON).days, (DUE_ON - held_on).days
    expected = Status.HELD_LATE if late > 0 else Status.HELD_EARLY if early > EARLY_DAYS else Status.HELD_ON_TIME
    assert status(review, as_of=as_of) is expected
    assert (review.days_late, review.days_early) == (max(late, 0), max(early, 0))


@given(held_on=AROUND, days=st.integers(0, 120))
def test_days_late_and_days_recorded_late_are_the_days_it_stood_overdue(held_on: date, days: int) -> None:
    """From the day behind the due day to that of recording, no day is counted twice and none is left out."""
    recorded_on = held_on + timedelta(days=days)
    review = replace(FIRST, outcome=Outcome.HELD, held_on=held_on, recorded_on=recorded_on)
    told = (review.days_late or 0) + (review.days_recorded_late or 0)
    assert told == max((recorded_on - DUE_ON).days, 0)


def test_a_booking_of_a_closed_review_is_late_for_nothing() -> None:
    """What is missed or withdrawn, or was held, has no booking that could still be moved."""
    for outcome in (Outcome.HELD, Outcome.MISSED, Outcome.WITHDRAWN):
        assert replace(FIRST, outcome=outcome, booked_on=date(2026, 3, 1)).booked_late_by_days is None
    assert APPROACHING_DAYS == EARLY_DAYS == 14
