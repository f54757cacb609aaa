"""Meetings booked ahead, and the review each is for."""

from __future__ import annotations

from datetime import date

from tests.shared.domain.timetable.story import ALL_PACKS, EMERGENCY, STATUTORY, THREE_MONTHLY, Story, placed


def bookings(story: Story) -> list[tuple[int, str, date]]:
    """Return ordinal, meeting and day of each booked statutory review."""
    return [
        (review.ordinal, review.booked_meeting_id, review.booked_on)
        for review in story.reviews(STATUTORY)
        if review.booked_meeting_id and review.booked_on
    ]


def test_a_booking_belongs_to_the_earliest_open_review() -> None:
    """A meeting booked now is for the review that is owed next, and for no other."""
    story = placed("2026-01-15").booked("2026-01-16", "M1", "2026-02-20")
    assert bookings(story) == [(1, "M1", date(2026, 2, 20))]
    assert story.reviews(STATUTORY)[0].position == story.position


def test_dates_set_in_advance_go_to_reviews_in_turn() -> None:
    """Dates set in advance for every later review each take the next one, in order of their day."""
    story = placed("2026-01-15").booked("2026-01-29", "M2", "2026-05-20").booked("2026-01-29", "M1", "2026-02-20")
    assert bookings(story) == [(1, "M1", date(2026, 2, 20)), (2, "M2", date(2026, 5, 20))]


def test_booking_again_replaces_the_day() -> None:
    """The same meeting scheduled again is booked for its new day only."""
    story = placed("2026-01-15").booked("2026-01-16", "M1", "2026-02-20").booked("2026-02-18", "M1", "2026-02-25")
    assert bookings(story) == [(1, "M1", date(2026, 2, 25))]


def test_a_cancelled_booking_is_gone_and_leaves_its_position() -> None:
    """A cancellation takes the booking away, and the review is known to have changed."""
    story = placed("2026-01-15").booked("2026-01-16", "M1", "2026-02-20").cancelled("2026-02-19", "M1")
    assert bookings(story) == []
    assert story.reviews(STATUTORY)[0].position == story.position
    assert bookings(story.booked("2026-02-19", "M1", "2026-02-26")) == [(1, "M1", date(2026, 2, 26))]


def test_a_booking_that_was_held_is_the_meeting() -> None:
    """Once held, a booked meeting is the review's own; the booking of the next takes its turn."""
    story = placed("2026-01-15").booked("2026-01-16", "M1", "2026-02-20").booked("2026-01-16", "M2", "2026-05-15")
    story.held("2026-02-20", "M1")
    assert bookings(story) == [(2, "M2", date(2026, 5, 15))]


def test_a_booking_for_a_day_already_past_by_a_held_review_is_for_none() -> None:
    """A meeting booked for a day on or before the last review held cannot be the next one."""
    story = placed("2026-01-15").booked("2026-01-16", "M1", "2026-02-10").held("2026-02-20", "M9")
    assert bookings(story) == []


def test_a_booking_of_another_kind_is_for_another_review() -> None:
    """An emergency review that is booked is no booking of the six-week review."""
    story = placed("2026-01-15", emergency=True).booked("2026-01-15", "M1", "2026-01-19", EMERGENCY)
    assert bookings(story) == []
    assert [review.booked_meeting_id for review in story.reviews(EMERGENCY)] == ["M1"]


def test_a_booking_serves_every_rule_it_satisfies() -> None:
    """The third review's booking is shown with the statutory and with the local three-monthly review."""
    story = placed("2026-01-15").held("2026-02-20").held("2026-05-15").booked("2026-05-15", "M3", "2026-08-10")
    for kind in (STATUTORY, THREE_MONTHLY):
        [third] = [review for review in story.reviews(kind, ALL_PACKS) if review.ordinal == 3]
        assert third.booked_meeting_id == "M3"


def test_no_booking_stays_with_a_closed_review() -> None:
    """When care has ended a booking stands with nothing."""
    story = placed("2026-01-15").booked("2026-01-16", "M1", "2026-02-20").care_ended("2026-02-01")
    assert bookings(story) == []
