"""Records that contradict each other: no review goes missing without a word."""

from __future__ import annotations

import pytest

from shared.domain.timetable.reviews import Outcome
from tests.shared.domain.timetable.story import (
    AGREED,
    ALL_PACKS,
    EMERGENCY,
    PLANNING,
    STATUTORY,
    due,
    placed,
)

SAID_DEAD = "An earlier record says that the child died on 1 March 2026."


def test_a_home_told_again_as_an_emergency_owes_the_emergency_review() -> None:
    """If any record of a home says that it began in an emergency, its review is owed, and says why."""
    story = placed("2026-01-15").home("2026-01-15", kind="residential", emergency=True)
    [emergency] = story.reviews(EMERGENCY)
    assert due([emergency]) == ["2026-01-20"]
    assert emergency.position == story.position
    assert "the strictest reading" in " ".join(emergency.explanation.notes)
    assert "in a residential home" in emergency.explanation.anchor.description


def test_an_emergency_is_not_untold_by_telling_the_home_again() -> None:
    """A second record of a home that leaves the emergency out does not take its review away."""
    story = placed("2026-01-15", emergency=True).home("2026-01-16")
    assert due(story.reviews(EMERGENCY)) == ["2026-01-20"]


@pytest.mark.parametrize(("first", "second"), [(True, False), (False, True)])
def test_short_breaks_only_if_all_records_say_so(first: bool, second: bool) -> None:
    """A home that only one record calls a short break owes its six-week review."""
    story = placed("2026-01-15", short_break_series=first).home("2026-01-15", short_break_series=second)
    assert due(story.reviews(STATUTORY)[:1]) == ["2026-02-26"]


def test_the_kind_of_home_told_last_counts() -> None:
    """A home told first as foster care and then as with parents is judged as with parents."""
    story = placed("2026-01-15").home("2026-01-15", kind="parents")
    assert {review.kind for review in story.reviews()} == {AGREED}


def test_a_home_told_twice_alike_needs_no_note() -> None:
    """The same details told twice are no contradiction, and shape nothing."""
    assert placed("2026-01-15").home("2026-01-16").reviews() == placed("2026-01-15").reviews()


@pytest.mark.parametrize("again_on", ["2026-03-01", "2026-03-20"])
def test_care_after_a_recorded_death_owes_reviews(again_on: str) -> None:
    """Where the child comes into care after a record of death, all reviews are owed, and name that record."""
    story = placed("2026-01-15").care_ended("2026-03-01", destination="died")
    story.accommodated(again_on, "E2").home(again_on, "H2")
    still_open = story.still_open(timetable=ALL_PACKS)
    assert {review.kind for review in still_open} == {PLANNING, STATUTORY, "three_monthly_review"}
    assert {review.episode_id for review in still_open} == {"E2"}
    assert all(SAID_DEAD in " ".join(review.explanation.notes) for review in still_open)


@pytest.mark.parametrize("home", ["H1", "H2"])
def test_a_home_after_a_recorded_death_owes_reviews(home: str) -> None:
    """A home recorded after a death, be it the last one again and without an episode, owes its reviews."""
    story = placed("2026-01-15").care_ended("2026-03-01", destination="died").home("2026-03-20", home)
    first = story.still_open(STATUTORY)[0]
    assert due([first]) == ["2026-05-01"]
    assert SAID_DEAD in " ".join(first.explanation.notes)


def test_a_contradicted_death_ends_its_own_episode_only() -> None:
    """A wrong destination does not end another episode that goes on, and the episode it ended stays ended."""
    story = placed("2026-01-15").accommodated("2026-02-20", "E2").care_ended("2026-03-01", destination="died")
    assert story.still_open() == []
    story.home("2026-03-20", "H2")
    assert {review.episode_id for review in story.still_open()} == {"E2"}
    closed = [review for review in story.reviews() if review.outcome is not Outcome.OPEN]
    assert closed[0].closed_because == "The child died on 1 March 2026."
    assert SAID_DEAD not in " ".join(closed[0].explanation.notes)


def test_a_death_after_all_that_began_is_believed() -> None:
    """A second record of death, behind which nothing begins, closes everything."""
    story = placed("2026-01-15").care_ended("2026-03-01", destination="died")
    story.accommodated("2026-03-20", "E2").home("2026-03-20", "H2").care_ended("2026-04-01", "E2", "died")
    assert story.still_open(timetable=ALL_PACKS) == []


def test_a_meeting_told_as_of_two_kinds_counts_as_both() -> None:
    """One meeting recorded as an emergency review and as a Looked After Child Review holds one of each."""
    story = placed("2026-01-15", emergency=True).held("2026-01-19", "M1", EMERGENCY).held("2026-01-19", "M1")
    held = {review.kind: review.held_meeting_id for review in story.reviews() if review.outcome is Outcome.HELD}
    assert held == {EMERGENCY: "M1", STATUTORY: "M1"}


def test_a_meeting_told_twice_alike_counts_once() -> None:
    """The same meeting of the same kind, told on two days, holds one review."""
    story = placed("2026-01-15").held("2026-02-10", "M1").held("2026-02-20", "M1")
    assert [review.held_on for review in story.reviews(STATUTORY)].count(None) == len(story.reviews(STATUTORY)) - 1
