"""The measure tells the truth while children are still waiting."""

from __future__ import annotations

import json
from datetime import date, timedelta
from math import log1p
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

import pytest

from services.reporting.measures import DEFINITIONS, Population, Report, report
from services.reporting.model import EpisodeRecord, State
from tests.services.reporting.telling import Child, child, day
from tests.support.events import Log

DEMO = Path(__file__).parents[2] / "vectors" / "immature_cohort_demo.json"
PAGE = Path(__file__).parents[3] / "docs" / "reference" / "measures.md"
TRUTH = 0.60


def council(*stories: Any) -> list[EpisodeRecord]:
    """The episodes of children, each told by a function of its :class:`Child`."""
    log, records = Log(), []
    for number, story in enumerate(stories):
        one = child(f"c{number:03}", log)
        story(one)
        records += [each.record for each in one.journey().episodes]
    return records


def waits(from_day: int = 0) -> Any:
    return lambda one: one.accommodated(from_day)


def recommended_after(days: int, from_day: int = 0) -> Any:
    def story(one: Child) -> None:
        one.accommodated(from_day)
        one.recommended(from_day + days)

    return story


def ends_after(days: int, from_day: int = 0) -> Any:
    def story(one: Child) -> None:
        one.accommodated(from_day)
        one.ended(from_day + days)

    return story


def measure(records: list[EpisodeRecord], on: int, **population: Any) -> Report:
    return report(records, Population(**population), day(on))


def middle(told: Report) -> Any:
    return next(each for each in told.result.quartiles if each.fraction == 0.5)


def test_each_child_stands_in_one_state_with_its_days() -> None:
    """Recommended to the day of the recommendation, ended to the end, waiting to the day followed to."""
    told = measure(council(recommended_after(100), ends_after(30), waits(50)), 200)
    assert [(row.state, row.days) for row in told.rows] == [
        (State.RECOMMENDED, 100),
        (State.ENDED_WITHOUT_RECOMMENDATION, 30),
        (State.WAITING, 150),
    ]
    counted = told.result
    assert (counted.recommended, counted.ended_without_recommendation, counted.waiting) == (1, 1, 1)
    assert counted.longest_wait_days == 150


def test_children_who_wait_lengthen_the_median() -> None:
    """Of ten children five have a recommendation: dropping the five who wait would halve the median."""
    decided = [recommended_after(days) for days in (40, 60, 80, 100, 120)]
    told = measure(council(*decided, *[waits()] * 5), 400)
    assert median(row.days for row in told.rows if row.days and row.state is State.RECOMMENDED) == 80
    assert middle(told).days == 260
    assert middle(told).upper is None


def test_a_median_that_is_not_reached_says_so() -> None:
    """When fewer than half have a recommendation, there is no median, and the reason stands beside it."""
    told = measure(council(*[recommended_after(50)] * 4, *[waits()] * 8), 300)
    assert middle(told).days is None
    assert "33%" in middle(told).explanation
    assert "is not reached yet" in told.sentence


def test_recommended_on_the_day_of_the_end_is_recommended() -> None:
    """On one day the recommendation comes before the end."""

    def story(one: Child) -> None:
        one.accommodated()
        one.ended(40)
        one.recommended(40)

    assert measure(council(story), 100).rows[0].state is State.RECOMMENDED


def test_only_the_first_recommendation_counts() -> None:
    """A later change of route makes nobody's wait longer or shorter."""

    def story(one: Child) -> None:
        one.accommodated()
        one.recommended(90, "return_home")
        one.recommended(200, "adoption")

    assert measure(council(story), 300).rows[0].days == 90


def test_the_mature_share_counts_only_answers_that_are_known() -> None:
    """Children accommodated less than 228 days ago are in neither numerator nor denominator."""
    records = council(
        recommended_after(228), recommended_after(229), ends_after(20), waits(), recommended_after(10, 100)
    )
    mature = measure(records, 300).result.mature
    assert (mature.numerator, mature.denominator, mature.ended_sooner) == (1, 4, 1)
    assert mature.accommodated_by == day(300) - timedelta(days=228)


def test_a_child_becomes_mature_on_day_228() -> None:
    """The 228th day after accommodation is the first on which the answer is known."""
    assert measure(council(waits()), 227).result.mature.denominator == 0
    assert measure(council(waits()), 228).result.mature.denominator == 1


def test_the_share_before_anyone_was_followed_so_long_is_unknown() -> None:
    """A young cohort has no share within 228 days yet, not a share of zero."""
    share = measure(council(*[waits()] * 12), 100).result.within_target
    assert (share.share, share.explanation) == (None, "Nobody has been followed for 228 days yet.")


def test_first_episodes_and_re_accommodations_are_counted_apart() -> None:
    """A child accommodated again is two episodes, one in each count, and one child."""

    def again(one: Child) -> None:
        one.accommodated()
        one.ended(30)
        one.accommodated(60, "e2")

    told = measure(council(again, recommended_after(50)), 200)
    assert (told.result.episodes, told.result.children) == (3, 2)
    assert (told.first_episodes.episodes, told.re_accommodations.episodes) == (2, 1)
    assert measure(council(again), 200, first_episodes_only=True).result.episodes == 1


def test_an_episode_without_a_recorded_end_is_followed_to_the_next_one() -> None:
    """A forgotten end is not a child waiting for ever: the next accommodation shows that it was over."""

    def forgotten(one: Child) -> None:
        one.accommodated()
        one.accommodated(60, "e2")

    rows = measure(council(forgotten), 200).rows
    assert [(row.state, row.days) for row in rows] == [
        (State.ENDED_WITHOUT_RECOMMENDATION, 60),
        (State.WAITING, 140),
    ]


def test_nothing_is_left_out_in_silence() -> None:
    """An impossible or doubled episode is excluded with its reason, and stays in the table."""

    def unborn(one: Child) -> None:
        one.tell("child.registered", 10, born_on=day(10).isoformat())
        one.accommodated()

    def doubled(one: Child) -> None:
        one.accommodated(0, "a")
        one.accommodated(0, "b")

    told = measure(council(unborn, doubled), 100)
    assert {each.reason: each.episodes for each in told.result.excluded} == {
        "accommodated_before_birth": 1,
        "begun_again_the_same_day": 1,
    }
    assert (told.result.episodes, len(told.rows)) == (1, 3)
    assert [row.days for row in told.rows if row.state is State.EXCLUDED] == [None, None]


def test_a_child_accommodated_again_under_the_same_id_is_counted() -> None:
    """The second episode waits from its own first day, although its id was used before."""

    def story(one: Child) -> None:
        one.accommodated(0, "e1")
        one.ended(30, "e1")
        one.accommodated(60, "e1")

    told = measure(council(story), 100)
    assert [(row.episode.episode_id, row.state, row.days) for row in told.rows] == [
        ("e1", State.ENDED_WITHOUT_RECOMMENDATION, 30),
        ("e1#2", State.WAITING, 40),
    ]


def test_a_baby_accommodated_at_birth_is_counted() -> None:
    """Born and accommodated on one day is no contradiction."""

    def story(one: Child) -> None:
        one.tell("child.registered", 0, born_on=day(0).isoformat())
        one.accommodated()

    assert measure(council(story), 100).result.episodes == 1


def test_the_population_is_chosen_by_day_and_team() -> None:
    """Both ends of the period count, and the team is that of the beginning."""

    def of_team(one: Child) -> None:
        one.tell("child.registered", 10, team="north")
        one.accommodated(10)

    records = council(of_team, waits(10), waits(20), waits(30))
    assert measure(records, 100, accommodated_from=day(10), accommodated_to=day(20)).result.episodes == 3
    assert measure(records, 100, team="north").result.episodes == 1


def test_the_sentence_tells_the_same_numbers() -> None:
    """Counts, median, limits and share in the sentence are those that stand beside it."""
    told = measure(council(*[recommended_after(7 * week) for week in range(1, 31)], *[waits(5)] * 20), 400)
    quartile, share = middle(told), told.result.within_target
    assert told.sentence == (
        "Of 50 children accommodated between 5 January 2026 and 10 January 2026, 30 have a recommendation, 20 are "
        "still waiting (the longest for 395 days) and 0 ended without one. An estimated half had a recommendation "
        f"within {quartile.days:g} days (95% limits {quartile.lower:g} to not known yet). Within 228 days it was an "
        f"estimated {share.share:.0%} (95% limits {share.lower:.0%} to {share.upper:.0%})."
    )


def test_a_figure_that_rests_on_few_says_so() -> None:
    """Where fewer than ten children were still followed, median and share say how many there were."""
    told = measure(council(*[recommended_after(19 * each) for each in range(1, 16)]), 400)
    assert middle(told).at_risk == 8
    assert "It rests on few: 8 still followed on day 152." in told.sentence
    assert told.result.within_target.explanation == "It rests on few: 4 still followed on day 228."


def test_too_few_to_say() -> None:
    """With fewer than ten episodes the sentence counts them and claims nothing about time."""
    told = measure(council(*[recommended_after(50)] * 4), 300)
    assert "4 children" in told.sentence
    assert told.sentence.endswith("too few to say how long it takes.")
    assert "half" not in told.sentence


def test_nobody_asked_about() -> None:
    """Without children the answer is that nothing can be said."""
    told = measure([], 100)
    assert told.sentence.startswith("Nothing can be said")
    assert told.result.mature.share is None
    assert told.result.curve == ()


def test_counts_in_the_curve_add_up() -> None:
    """Each episode leaves the curve once, by a recommendation or by being followed no longer."""
    told = measure(council(*[recommended_after(d) for d in (5, 5, 9)], ends_after(5), waits(), waits(3)), 60)
    assert sum(point.recommended for point in told.result.curve) == told.result.recommended
    assert sum(point.recommended + point.censored for point in told.result.curve) == told.result.episodes


def test_the_page_on_measures_gives_each_definition_word_for_word() -> None:
    """What people read in the reference is what the API says."""
    page = " ".join(PAGE.read_text().split())
    for definition in DEFINITIONS.values():
        texts = [definition.title, definition.question, definition.unit, definition.clock_start, definition.event]
        texts += [definition.censoring, definition.target_arithmetic, definition.estimator]
        texts += [*definition.conventions, *definition.exclusions, *definition.exclusions.values()]
        assert [each for each in texts if each not in page] == []
        assert f"`{definition.key}`, version {definition.version}" in page


def simulated(seed: int, children: int, *, until: date, days: int = 730) -> list[EpisodeRecord]:
    """A register of a process that never changes: 60% have a recommendation within 228 days (Weibull 1.6)."""
    random, shape = Random(seed), 1.6
    scale = 228 / (-log1p(-TRUTH)) ** (1 / shape)
    first = until - timedelta(days=days)
    stories = []
    for _ in range(children):
        began = (first - day(0)).days + random.randrange(days)
        took = round(random.weibullvariate(scale, shape))
        known = began + took <= (until - day(0)).days
        stories.append(recommended_after(took, began) if known else waits(began))
    return council(*stories)


def test_a_process_that_never_changes_shows_no_improvement() -> None:
    """In the newest cohorts the truth stays within the limits, while "median of the decided" falls by half."""
    until = day(730)
    records = simulated(7, 1200, until=until)
    old, new = (
        report(records, Population(accommodated_from=start, accommodated_to=start + timedelta(days=182)), until)
        for start in (day(0), day(420))
    )
    decided = [
        median(row.days for row in told.rows if row.days is not None and row.state is State.RECOMMENDED)
        for told in (old, new)
    ]
    assert decided[1] < 0.8 * decided[0]
    for told in (old, new):
        share = told.result.within_target
        assert share.lower is not None
        assert share.upper is not None
        assert share.lower <= TRUTH <= share.upper
    assert middle(new).lower <= 192 <= middle(new).upper


@pytest.mark.parametrize("seed", range(3))
def test_the_curve_finds_the_known_truth_where_plain_shares_miss_it(seed: int) -> None:
    """With a third still waiting, the curve is near 60%; the share of all is far too low, of the decided too high."""
    rows = report(simulated(seed, 1000, until=day(500), days=400), Population(), day(500))
    states = [(row.state, row.days or 0) for row in rows.rows]
    within = sum(state is State.RECOMMENDED and days <= 228 for state, days in states)
    of_all, of_decided = within / len(states), within / sum(state is State.RECOMMENDED for state, _ in states)
    share = rows.result.within_target.share
    assert share == pytest.approx(TRUTH, abs=0.05)
    assert of_all < TRUTH - 0.08
    assert of_decided > TRUTH + 0.08


def test_the_published_demonstration_is_met_to_the_last_digit() -> None:
    """On the 90 children of the vector, curve and mature share are those that R and arithmetic give."""
    demo = json.loads(DEMO.read_text())
    extract = date.fromisoformat(demo["extract_date"])
    stories = []
    for each in demo["children"]:
        began = (date.fromisoformat(each["accommodated"]) - day(0)).days
        made = each["recommendation"]
        stories.append(
            waits(began) if made is None else recommended_after((date.fromisoformat(made) - day(0)).days - began, began)
        )
    told = report(council(*stories), Population(), extract)
    expected = demo["expected"]
    assert (told.result.episodes, told.result.waiting) == (expected["n"], expected["n_waiting"])
    assert told.result.within_target.share == pytest.approx(expected["pct_km"], abs=1e-12)
    assert told.result.mature.denominator == expected["n_mature"]
    assert told.result.mature.share == pytest.approx(expected["pct_mature_only"], abs=1e-12)
