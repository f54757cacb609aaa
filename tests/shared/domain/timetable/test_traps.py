"""The traps of the domain note, section 10, that concern timetables; each test names its trap."""

from __future__ import annotations

from datetime import date

import pytest

from shared.domain.timetable.reviews import Certainty, Outcome, Status, status
from tests.shared.domain.timetable.story import (
    AGREED,
    ALL_PACKS,
    EMERGENCY,
    LOCAL_PACKS,
    PLANNING,
    STATUTE_ONLY,
    STATUTORY,
    Story,
    adopting,
    due,
    placed,
)


def test_trap_01_counted_from_the_home_not_from_accommodation() -> None:
    """The first review is counted from the start of the home, the planning meeting from accommodation."""
    story = Story().accommodated("2026-01-05").home("2026-01-15")
    assert due(story.reviews(STATUTORY, ALL_PACKS)[:1]) == ["2026-02-26"]
    assert due(story.reviews(PLANNING, ALL_PACKS)) == ["2026-01-19"]


def test_trap_02_no_fixed_grid() -> None:
    """An early review pulls the later ones earlier, and a late one does not restore the old grid."""
    early = placed("2026-01-15").held("2026-02-10")
    assert due(early.reviews(STATUTORY)[1:3]) == ["2026-05-10", "2026-11-10"]
    late = placed("2026-01-15").held("2026-03-05")
    assert due(late.reviews(STATUTORY)[1:3]) == ["2026-06-05", "2026-12-05"]


def test_trap_03_lateness_stays() -> None:
    """A late review is still late after the next one is held on time."""
    first, second, *_ = placed("2026-01-15").held("2026-03-05").held("2026-06-01").reviews(STATUTORY)
    assert status(first, as_of=date(2026, 7, 1)) is Status.HELD_LATE
    assert first.days_late == 7
    assert status(second, as_of=date(2026, 7, 1)) is Status.HELD_ON_TIME


def test_trap_04_planning_meeting_is_no_statutory_review() -> None:
    """A two-week planning meeting leaves the first statutory review owed, on its own date."""
    story = placed("2026-01-15").held("2026-01-28", kind=PLANNING)
    assert due(story.still_open(STATUTORY, ALL_PACKS)[:2]) == ["2026-02-26", "2026-05-26"]
    [planning] = story.reviews(PLANNING, ALL_PACKS)
    assert planning.outcome is Outcome.HELD


def test_trap_05_emergency_review_is_not_the_six_week_review() -> None:
    """A review of the emergency placement leaves the six-week review owed."""
    story = placed("2026-01-15", emergency=True).held("2026-01-19", kind=EMERGENCY)
    assert [review.outcome for review in story.reviews(EMERGENCY)] == [Outcome.HELD]
    assert due(story.still_open(STATUTORY)[:1]) == ["2026-02-26"]


def test_trap_06_planned_admission_owes_no_emergency_review() -> None:
    """A planned home owes neither an emergency review nor a 72-hour meeting."""
    kinds = {review.kind for review in placed("2026-01-15").reviews(timetable=ALL_PACKS)}
    assert kinds == {STATUTORY, PLANNING, "three_monthly_review"}


def test_trap_07_short_breaks_owe_no_six_week_review() -> None:
    """A series of short breaks is first reviewed within three months, then every six months."""
    story = placed("2026-01-15", short_break_series=True)
    assert due(story.reviews(STATUTORY)[:3]) == ["2026-04-15", "2026-10-15", "2027-04-15"]
    assert "120 days" in " ".join(story.reviews(STATUTORY)[0].explanation.notes)


def test_trap_08_no_invented_frequency() -> None:
    """A child with parents and no agreed frequency has one flag without a date, never six months."""
    [flag] = Story().accommodated("2026-01-15").home("2026-01-15", kind="parents").reviews()
    assert (flag.kind, flag.due_on, flag.due_at, flag.last_working_day_on) == (AGREED, None, None, None)
    assert status(flag, as_of=date(2027, 1, 1)) is Status.FREQUENCY_NOT_AGREED
    assert "must be agreed" in flag.explanation.arithmetic


@pytest.mark.parametrize(
    ("placed_on", "three_working_days"),
    [
        ("2025-12-31", "2026-01-07"),  # Hogmanay: 1 and 2 January are holidays, then a weekend
        ("2026-11-27", "2026-12-03"),  # Friday before St Andrew's Day
        ("2026-04-02", "2026-04-08"),  # Good Friday is a holiday, Easter Monday is not
        ("2026-08-28", "2026-09-02"),  # the last Monday of August is not one in Scotland
        ("2026-06-12", "2026-06-18"),  # 15 June 2026, proclaimed for one year
    ],
)
def test_trap_09_holidays(placed_on: str, three_working_days: str) -> None:
    """Three working days pass over Scotland's own bank holidays and no others."""
    assert due(placed(placed_on, emergency=True).reviews(EMERGENCY)) == [three_working_days]


def test_trap_10_holidays_move_working_days_only() -> None:
    """A council's closure day moves its working-day deadline and no other date."""
    story = placed("2026-05-14", emergency=True)
    closing = adopting(*LOCAL_PACKS, closures=["2026-05-18"])
    before = {review.review_id: review for review in story.reviews(timetable=ALL_PACKS)}
    moved = [each.kind for each in story.reviews(timetable=closing) if each.due_on != before[each.review_id].due_on]
    assert moved == [EMERGENCY]


@pytest.mark.parametrize(
    ("placed_on", "due_on"),
    [
        ("2020-04-06", "2020-04-09"),
        ("2020-04-07", "2020-04-15"),
        ("2021-09-30", "2021-10-07"),
        ("2021-10-01", "2021-10-06"),
    ],
)
def test_trap_11_rule_in_force_on_the_day(placed_on: str, due_on: str) -> None:
    """From 7 April 2020 to 30 September 2021 the limit is 5 working days, before and after it 3."""
    [review] = placed(placed_on, emergency=True).reviews(EMERGENCY)
    assert due([review]) == [due_on]
    temporary = "2020-04-07" <= placed_on <= "2021-09-30"
    assert (review.explanation.verified_by is None) is temporary
    assert ("expired has not been checked" in " ".join(review.explanation.notes)) is temporary


def test_trap_12_permanence_does_not_end_reviews() -> None:
    """Neither a permanence recommendation nor a permanence order ends the statutory reviews."""
    story = placed("2026-01-15").held("2026-02-26")
    before = story.reviews()
    story.tell("permanence.recommended", "2026-04-01", route="permanence_order")
    story.tell("order.granted", "2026-05-01", order_kind="permanence_order")
    assert story.reviews() == before


def test_trap_13_correction_projects_everything_again() -> None:
    """Correcting the day a home began moves all its reviews, keeps their ids, and moves their positions."""
    wrong = placed("2026-01-15")
    before = wrong.reviews(STATUTORY)
    after = wrong.corrected(2, "2026-02-01", occurred_on="2026-01-12").reviews(STATUTORY)
    assert due(after[:2]) == ["2026-02-23", "2026-05-23"]
    assert [review.review_id for review in after] == [review.review_id for review in before]
    assert after[0].position == wrong.position
    assert after[0].explanation.anchor.position == wrong.position


def test_trap_15_each_child_has_a_stream() -> None:
    """A meeting for brothers and sisters counts for the child in whose stream it is, and for no other."""
    present = placed("2026-01-15").held("2026-02-20", "M-family")
    absent = placed("2026-01-15")
    assert present.reviews(STATUTORY)[0].outcome is Outcome.HELD
    assert absent.reviews(STATUTORY)[0].outcome is Outcome.OPEN


def test_trap_18_second_episode_is_independent() -> None:
    """A child who comes into care again has new clocks; those of the first episode stay as they were."""
    story = placed("2025-01-15").held("2025-02-20").care_ended("2025-04-01")
    first = story.reviews(timetable=ALL_PACKS)
    story.accommodated("2026-01-15", "E2").home("2026-01-15", "H2")
    again = story.reviews(timetable=ALL_PACKS)
    assert [review for review in again if review.episode_id == "E1"] == first
    second = [review for review in again if review.episode_id == "E2"]
    assert due(second[:2]) == ["2026-01-29", "2026-02-26"]
    assert not {review.outcome for review in first} & {Outcome.OPEN}


def test_seed_says_until_a_recommendation_the_regulation_does_not() -> None:
    """Two years of reviews are projected whatever stands in the source report about a recommendation."""
    dates = due(placed("2026-01-15").reviews(STATUTORY, STATUTE_ONLY))
    assert dates == ["2026-02-26", "2026-05-26", "2026-11-26", "2027-05-26", "2027-11-26", "2028-05-26"]


def test_only_the_next_review_is_firm() -> None:
    """A date is firm when its anchor has happened, and provisional when it rests on another due date."""
    certainties = [review.certainty for review in placed("2026-01-15").held("2026-02-20").reviews(STATUTORY)]
    assert certainties[:2] == [Certainty.FIRM, Certainty.FIRM]
    assert set(certainties[2:]) == {Certainty.PROVISIONAL}


def test_what_follows_an_overdue_review_is_provisional_not_overdue() -> None:
    """While the first review is overdue the second cannot be: one alarm belongs to one omission."""
    first, second, *_ = placed("2026-01-15").reviews(STATUTORY)
    assert status(first, as_of=date(2026, 9, 1)) is Status.OVERDUE
    assert status(second, as_of=date(2026, 9, 1)) is Status.PROVISIONAL


def test_only_the_review_that_was_owed_is_missed() -> None:
    """When a home ends after a year without a review, one was missed; those counted from it were never owed."""
    [only] = placed("2026-01-15").left("2027-01-15").care_ended("2027-01-15").reviews(STATUTORY)
    assert (only.ordinal, only.outcome) == (1, Outcome.MISSED)
    held, missed = placed("2026-01-15").held("2026-02-20").care_ended("2027-01-15").reviews(STATUTORY)
    assert (held.outcome, missed.outcome) == (Outcome.HELD, Outcome.MISSED)
