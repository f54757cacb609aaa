"""The estimator equals R's survival package, and keeps the laws of a survival curve."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.reporting.survival import Curve, Observation, kaplan_meier

VECTORS = Path(__file__).parents[2] / "vectors" / "kaplan_meier_logrank.json"
EXACT = 1e-8

observations = st.lists(st.builds(Observation, st.integers(0, 40), st.booleans()), min_size=1, max_size=40)


def _groups() -> Iterator[Any]:
    cases = json.loads(VECTORS.read_text())["cases"]
    for name, case in cases.items():
        data = case["data"]
        for group in sorted(set(data["group"])):
            times = [
                Observation(days, bool(status))
                for days, status, member in zip(data["time"], data["status"], data["group"], strict=True)
                if member == group
            ]
            yield pytest.param(times, case["expected"][group], id=f"{name} {group}")


GROUPS = list(_groups())


def near(expected: float | None) -> Any:
    return None if expected is None else pytest.approx(expected, abs=EXACT)


@pytest.mark.parametrize(("times", "expected"), GROUPS)
def test_curve_equals_r(times: list[Observation], expected: dict[str, Any]) -> None:
    """Every step, number at risk and Greenwood standard error equals R's survfit."""
    curve = kaplan_meier(times)
    assert curve.size == expected["n"]
    assert sum(point.happened for point in curve.points) == expected["events"]
    assert [point.days for point in curve.points] == expected["time"]
    assert [point.at_risk for point in curve.points] == expected["n_risk"]
    assert [point.happened for point in curve.points] == expected["n_event"]
    assert [point.censored for point in curve.points] == expected["n_censor"]
    for point, survival, error in zip(curve.points, expected["surv"], expected["std_err_greenwood_of_S"], strict=True):
        assert point.survival == near(survival)
        assert point.std_error == near(error)


@pytest.mark.parametrize(("times", "expected"), GROUPS)
def test_quantiles_equal_r(times: list[Observation], expected: dict[str, Any]) -> None:
    """Quartiles and the limits of the median equal R's quantile(survfit), midpoints and "not reached" included."""
    curve, known = kaplan_meier(times), expected["quantiles_loglog"]
    assert curve.quantile(0.25).days == near(known["q25"])
    assert curve.quantile(0.75).days == near(known["q75"])
    median = curve.quantile(0.5)
    assert median.days == near(known["q50"])
    assert median.lower == near(known["q50_lower"])
    assert median.upper == near(known["q50_upper"])


@pytest.mark.parametrize(("times", "expected"), GROUPS)
def test_limits_at_given_days_equal_r(times: list[Observation], expected: dict[str, Any]) -> None:
    """The estimate on any day, and its log-log limits, equal R's summary(survfit, times)."""
    curve, known = kaplan_meier(times), expected["at_times_loglog"]
    for days, survival, lower, upper in zip(known["times"], known["surv"], known["lower"], known["upper"], strict=True):
        point = curve.at(days)
        assert point is not None
        assert (point.survival, point.lower, point.upper) == (near(survival), near(lower), near(upper))


def test_the_vectors_were_read() -> None:
    """There are cases to compare with, so that an empty file cannot pass."""
    assert len(GROUPS) >= 4


def test_midpoint_where_the_curve_lies_on_the_level() -> None:
    """Where exactly half are left over a step, the median is the middle of that step."""
    curve = kaplan_meier(Observation(days, True) for days in (10, 20, 30, 40))
    assert curve.quantile(0.5).days == 25


def test_a_flat_end_on_the_level_closes_at_the_last_day_observed() -> None:
    """Where the curve ends exactly at half, the last day anybody was followed closes the step, as in R."""
    curve = kaplan_meier([Observation(10, True), Observation(20, True), Observation(30, False), Observation(50, False)])
    assert curve.quantile(0.5).days == 35


def test_event_before_censoring_on_one_day() -> None:
    """A child last seen on the day of another's event still counted as at risk of it."""
    curve = kaplan_meier([Observation(7, True), Observation(7, False)])
    assert curve.points[0].at_risk == 2
    assert curve.points[0].survival == 0.5


def test_day_zero_counts() -> None:
    """An event on day 0 lowers the curve on day 0."""
    curve = kaplan_meier([Observation(0, True), Observation(9, False)])
    point = curve.at(0)
    assert point is not None
    assert point.survival == 0.5


def test_nobody_followed_so_long() -> None:
    """Past the last day on which anyone was followed, the curve says nothing."""
    curve = kaplan_meier([Observation(5, True), Observation(9, False)])
    assert curve.at(9) is not None
    assert curve.at(10) is None


def test_after_everybody_reached_it_all_is_known() -> None:
    """Once the event has happened to all, it stays so on every later day."""
    point = kaplan_meier([Observation(5, True)]).at(500)
    assert point is not None
    assert point.survival == 0


def test_nobody_at_all() -> None:
    """Without children there is no curve, no median, and no failure."""
    curve = kaplan_meier([])
    assert curve == Curve((), 0)
    assert curve.quantile(0.5).days is None
    assert curve.at(0) is None


def test_negative_time_is_refused() -> None:
    """A time to an event is never negative."""
    with pytest.raises(ValueError, match="negative"):
        kaplan_meier([Observation(-1, True)])


@given(observations)
def test_curve_falls_within_its_limits(times: list[Observation]) -> None:
    """S never rises, stays between 0 and 1, and lies between its limits."""
    points = kaplan_meier(times).points
    assert all(0 <= point.survival <= 1 for point in points)
    assert all(later.survival <= earlier.survival for earlier, later in pairwise(points))
    for point in points:
        if point.lower is not None and point.upper is not None:
            assert point.lower <= point.survival + EXACT
            assert point.survival <= point.upper + EXACT


@given(st.lists(st.integers(0, 40), min_size=1, max_size=40))
def test_without_waiting_it_is_the_plain_share(days: list[int]) -> None:
    """When nobody waits, the curve is the share of children who took longer."""
    for point in kaplan_meier(Observation(each, True) for each in days).points:
        assert point.survival == pytest.approx(sum(each > point.days for each in days) / len(days))


@given(observations, st.randoms(use_true_random=False))
def test_order_is_irrelevant(times: list[Observation], random: Any) -> None:
    """The same children in another order give the same curve."""
    shuffled = list(times)
    random.shuffle(shuffled)
    assert kaplan_meier(shuffled) == kaplan_meier(times)


@given(observations)
def test_a_child_last_seen_after_all_events_raises_the_curve_and_moves_no_step(times: list[Observation]) -> None:
    """One more child who waits longer than all others never lowers the curve, and adds no event."""
    before = kaplan_meier(times)
    after = kaplan_meier([*times, Observation(41, False)])
    assert [point.happened for point in after.points[:-1]] == [point.happened for point in before.points]
    for was, now in zip(before.points, after.points, strict=False):
        assert now.at_risk == was.at_risk + 1
        assert now.survival >= was.survival - 1e-12


@given(observations, st.integers(0, 40))
def test_what_is_seen_later_changes_nothing_before(times: list[Observation], day: int) -> None:
    """What happens to a child after a day is irrelevant to the curve up to that day."""
    later = [each if each.days <= day else Observation(each.days + 5, not each.happened) for each in times]
    early, changed = ([point for point in kaplan_meier(some).points if point.days <= day] for some in (times, later))
    assert early == changed


@given(observations)
def test_a_waiting_child_never_shortens_the_median(times: list[Observation]) -> None:
    """Adding a child who is still waiting after the longest time never makes the median shorter."""
    before = kaplan_meier(times).quantile(0.5).days
    after = kaplan_meier([*times, Observation(41, False)]).quantile(0.5).days
    assert after is None or (before is not None and after >= before)
