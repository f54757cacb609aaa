"""Moves, ends, gaps and re-starts: which clocks run, and what becomes of those that stop."""

from __future__ import annotations

from datetime import date

import pytest

from shared.domain.timetable.reviews import EPISODE_NOT_RECORDED, Certainty, Outcome
from tests.shared.domain.timetable.story import (
    AGREED,
    ALL_PACKS,
    EMERGENCY,
    PLANNING,
    STATUTORY,
    Story,
    due,
    placed,
)


def test_another_home_restarts_the_sequence() -> None:
    """A new home away from the parents owes a first review within six weeks of its own start."""
    story = placed("2026-01-15").held("2026-02-20").home("2026-03-10", "H2")
    assert due(story.still_open(STATUTORY)[:2]) == ["2026-04-21", "2026-07-21"]


def test_what_is_not_yet_due_on_a_move_is_withdrawn() -> None:
    """The old home's open reviews stop being owed on the day of the move, and say why."""
    story = placed("2026-01-15").home("2026-02-26", "H2")
    first = story.reviews(STATUTORY)[0]
    assert (due([first]), first.outcome, first.closed_on) == (["2026-02-26"], Outcome.WITHDRAWN, date(2026, 2, 26))
    assert first.closed_because == "The child began to live in another home on 26 February 2026."


def test_what_was_overdue_on_a_move_is_missed() -> None:
    """A review whose due day had passed when the home ended stays on the record as missed."""
    first = placed("2026-01-15").home("2026-02-27", "H2").reviews(STATUTORY)[0]
    assert (due([first]), first.outcome) == (["2026-02-26"], Outcome.MISSED)


@pytest.mark.parametrize(
    ("destination", "because"),
    [("kinship_care_order", "The episode of care ended on 1 March 2026."), ("died", "The child died on 1 March 2026.")],
)
def test_end_of_care_ends_everything(destination: str, because: str) -> None:
    """When care ends nothing stays open: what was overdue is missed, what was owed next is withdrawn."""
    story = placed("2026-01-15").home("2026-02-27", "H2").care_ended("2026-03-01", destination=destination)
    reviews = [review for review in story.reviews(timetable=ALL_PACKS) if review.closed_on == date(2026, 3, 1)]
    assert {review.outcome for review in reviews} == {Outcome.MISSED, Outcome.WITHDRAWN}
    assert {review.closed_because for review in reviews} == {because}
    missed = [review for review in reviews if review.outcome is Outcome.MISSED]
    assert [review.kind for review in missed] == [PLANNING]


def test_death_ends_clocks_of_any_episode() -> None:
    """After a death nothing is open, not even under an episode whose end is not recorded."""
    story = placed("2026-01-15").accommodated("2026-03-01", "E2").care_ended("2026-04-01", "E2", "died")
    assert story.still_open(timetable=ALL_PACKS) == []


def test_moving_to_parents_stops_one_rule_and_starts_the_other() -> None:
    """With parents no six-monthly review is owed, but a frequency must be agreed."""
    story = placed("2026-01-15").held("2026-02-20").home("2026-03-10", "H2", "parents")
    [flag] = story.still_open()
    assert (flag.kind, flag.due_on) == (AGREED, None)
    second = story.reviews(STATUTORY)[1]
    assert second.closed_because == "The child went to live with parents on 10 March 2026."


def test_coming_into_care_from_parents_ends_the_flag() -> None:
    """A child looked after at home who comes into care owes reviews from the new home, and the flag ends."""
    story = Story().home("2025-09-01", "P", "parents")
    assert [review.kind for review in story.still_open()] == [AGREED]
    story.accommodated("2026-01-15")
    assert {review.kind for review in story.still_open()} == {STATUTORY}
    story.home("2026-01-15")
    assert due(story.still_open()[:1]) == ["2026-02-26"]


def test_with_parents_on_the_day_care_away_from_home_ends() -> None:
    """Going home on the day an episode ends leaves the flag open: the child may be looked after at home."""
    story = placed("2026-01-15").care_ended("2026-03-01").home("2026-03-01", "P", "parents")
    assert [review.kind for review in story.still_open()] == [AGREED]


def test_accommodated_without_a_home_is_not_silent() -> None:
    """Until a home is recorded, statutory reviews are projected from accommodation, and say so."""
    reviews = Story().accommodated("2026-01-15").reviews()
    assert due(reviews[:2]) == ["2026-02-26", "2026-05-26"]
    assert {review.kind for review in reviews} == {STATUTORY}
    assert {review.certainty for review in reviews} == {Certainty.PROVISIONAL}
    assert "No home is recorded" in reviews[0].explanation.notes[0]


def test_the_recorded_home_takes_the_place_of_none() -> None:
    """Once the home of a past gap is recorded, only its own reviews remain."""
    story = Story().accommodated("2026-01-14").home("2026-01-15")
    assert story.reviews() != []
    assert {review.explanation.anchor.event_type for review in story.reviews()} == {"home.started", None}


def test_what_fell_due_without_a_home_stays_on_the_record() -> None:
    """A review that fell due while no home was recorded is missed, whatever is recorded afterwards."""
    first, second, *_ = Story().accommodated("2026-01-15").home("2026-03-01").reviews(STATUTORY)
    assert (due([first]), first.outcome) == (["2026-02-26"], Outcome.MISSED)
    assert first.closed_because == "A home is recorded from 1 March 2026."
    assert due([second]) == ["2026-04-12"]


def test_leaving_a_home_for_none_is_not_silent() -> None:
    """A child who left a home while care goes on is owed provisional reviews from that day."""
    story = placed("2026-01-15").left("2026-03-01")
    assert due(story.still_open()[:1]) == ["2026-04-12"]
    assert story.still_open()[0].certainty is Certainty.PROVISIONAL


def test_a_meeting_without_a_recorded_home_is_not_lost_to_the_home() -> None:
    """A meeting on the day a home began counts for that home, not for the time without one."""
    story = Story().accommodated("2026-01-10").home("2026-01-15").held("2026-01-15")
    first, *_ = story.reviews(STATUTORY)
    assert (first.held_on, due([first])) == (date(2026, 1, 15), ["2026-02-26"])


def test_a_home_without_an_episode_is_owed_its_reviews() -> None:
    """A home recorded without an episode of care owes its reviews all the same, and says so."""
    reviews = Story().home("2026-01-15").reviews()
    assert due(reviews[:1]) == ["2026-02-26"]
    assert {review.episode_id for review in reviews} == {EPISODE_NOT_RECORDED}
    assert "No episode of care is recorded" in reviews[0].explanation.notes[0]


def test_a_home_that_began_before_its_episode() -> None:
    """A home recorded from a day before the episode belongs to it, and its own day counts."""
    reviews = Story().home("2026-01-13").accommodated("2026-01-15").reviews(STATUTORY)
    assert due(reviews[:1]) == ["2026-02-24"]
    assert {review.episode_id for review in reviews} == {"E1"}
    assert "before the recorded beginning" in reviews[0].explanation.notes[0]


def test_an_end_without_a_beginning_ends_the_home_without_an_episode() -> None:
    """If only the end of an episode is recorded, it ends the home that has none."""
    assert Story().home("2026-01-15").care_ended("2026-03-01").still_open() == []


def test_emergency_home_continued() -> None:
    """Six weeks are counted from the emergency placement itself, the earliest date on any reading."""
    first = placed("2026-01-15", emergency=True).reviews(STATUTORY)[0]
    assert due([first]) == ["2026-02-26"]
    assert "earliest of these dates" in " ".join(first.explanation.notes)


def test_emergency_home_left_in_time_owes_no_emergency_review() -> None:
    """An emergency placement that ended before its review was due leaves it withdrawn."""
    story = placed("2026-01-15", emergency=True).home("2026-01-17", "H2")
    assert [review.outcome for review in story.reviews(EMERGENCY)] == [Outcome.WITHDRAWN]


def test_returning_to_an_earlier_home_is_a_new_clock() -> None:
    """A child who comes back to a former home has a sequence of its own there."""
    story = placed("2026-01-15").home("2026-02-01", "H2").home("2026-03-01", "H1")
    assert due(story.still_open()[:1]) == ["2026-04-12"]
    ids = [review.review_id for review in story.reviews()]
    assert len(set(ids)) == len(ids)


def test_a_fact_told_twice_counts_once() -> None:
    """The same home or episode recorded again, by another system, changes nothing."""
    once = due(placed("2026-01-15").reviews(timetable=ALL_PACKS))
    assert due(placed("2026-01-15").home("2026-01-16").accommodated("2026-01-16").reviews(timetable=ALL_PACKS)) == once


def test_two_episodes_recorded_as_running_at_once() -> None:
    """Where a second episode is recorded without the end of the first, each review has an id of its own."""
    story = placed("2026-01-15").accommodated("2026-02-01", "E2").left("2026-03-01")
    ids = [review.review_id for review in story.still_open(timetable=ALL_PACKS)]
    assert len(set(ids)) == len(ids) > 0


def test_short_breaks_with_several_homes_are_one_series() -> None:
    """Each stay recorded as a home of its own does not start the three months again."""
    story = (
        Story().accommodated("2026-01-10").home("2026-01-10", "S1", short_break_series=True).left("2026-01-12", "S1")
    )
    assert due(story.still_open()[:1]) == ["2026-04-10"]
    story.home("2026-02-10", "S2", short_break_series=True).left("2026-02-12", "S2")
    assert due(story.still_open()[:1]) == ["2026-04-10"]
    assert "one series" in " ".join(story.still_open()[0].explanation.notes)
    assert story.home("2026-03-01", "H3").reviews(STATUTORY)[0].outcome is Outcome.WITHDRAWN


def test_with_parents_between_short_breaks() -> None:
    """A time with parents between two breaks does not end the series; after the last break it does."""
    story = Story().accommodated("2026-01-10").home("2026-01-10", "S", short_break_series=True)
    story.home("2026-01-12", "P", "parents").home("2026-02-10", "S", short_break_series=True)
    assert due(story.still_open(STATUTORY)[:1]) == ["2026-04-10"]
    assert [review.kind for review in story.home("2026-02-12", "P", "parents").still_open()] == [AGREED]


def test_a_meeting_before_the_home_satisfies_nothing() -> None:
    """A meeting held before the home began cannot be its review; on the day, the hours decide."""
    assert placed("2026-01-15").held("2026-01-14").reviews(STATUTORY)[0].outcome is Outcome.OPEN
    by_hours = Story().accommodated("2026-01-15").home("2026-01-15", occurred_at="2026-01-15T16:00:00Z")
    by_hours.held("2026-01-15", occurred_at="2026-01-15T10:00:00Z")
    assert by_hours.reviews(STATUTORY)[0].outcome is Outcome.OPEN


def test_a_meeting_on_the_day_of_a_move_counts_once() -> None:
    """A review held on the day of a move is the old home's: the new one keeps its six weeks."""
    story = placed("2026-01-15").home("2026-02-20", "H2").held("2026-02-20")
    assert [review.held_on for review in story.reviews(STATUTORY)[:1]] == [date(2026, 2, 20)]
    assert due(story.still_open(STATUTORY)[:1]) == ["2026-04-03"]


def test_several_meetings_on_one_day() -> None:
    """Two reviews recorded for one day hold one review; meetings of other kinds hold their own."""
    story = placed("2026-01-15", emergency=True).held("2026-01-20", "M1").held("2026-01-20", "M2")
    story.held("2026-01-20", kind=EMERGENCY).held("2026-01-20", kind=PLANNING)
    held = {review.kind for review in story.reviews(timetable=ALL_PACKS) if review.outcome is Outcome.HELD}
    assert held == {STATUTORY, EMERGENCY, PLANNING, "seventy_two_hour_meeting"}
    assert due(story.still_open(STATUTORY)[:1]) == ["2026-04-20"]


def test_the_team_is_the_latest_recorded() -> None:
    """A review belongs to the team that works with the child now."""
    story = placed("2026-01-15").tell("child.registered", "2026-01-15", team="intake")
    assert {review.team for review in story.reviews()} == {"intake"}
    story.tell("child.team_assigned", "2026-02-01", team="permanence")
    assert {review.team for review in story.reviews()} == {"permanence"}
    assert {review.position for review in story.reviews()} == {story.position}
