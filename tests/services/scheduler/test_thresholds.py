"""Which thresholds a review crosses, and what is about the past: pure, by properties."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scheduler.model import NoticeKind
from services.scheduler.projection.thresholds import (
    ALARM_AGE,
    DEFAULT,
    LOOKS_AHEAD,
    Countdown,
    Crossing,
    NoticePolicy,
    Thresholds,
    look,
    notice_policy,
)
from shared.domain.ids import AUTHORITY_STREAM
from tests.support.events import SOURCE, Log

DUE = date(2026, 2, 26)
PACK, KIND = "scotland", "looked_after_child_review"
ONE_DAY = timedelta(days=1)

DAYS = st.integers(1, 60)
SETTINGS = st.fixed_dictionaries(
    {
        "before": st.lists(DAYS, max_size=4),
        "on_the_day": st.booleans(),
        "after": st.lists(DAYS, max_size=4),
        "then_every_days": st.none() | st.integers(1, 20),
        "pack": st.sampled_from([None, PACK, "another"]),
        "kind": st.sampled_from([None, KIND, "another"]),
    }
)
RECORDED_ON = st.dates(DUE - timedelta(days=80), DUE + timedelta(days=80))
#: What was decided, in the order of recording.
DECISIONS = st.lists(st.tuples(RECORDED_ON, SETTINGS), max_size=3).map(
    lambda told: sorted(told, key=lambda each: each[0])
)
KNOWN_ON = st.dates(DUE - timedelta(days=70), DUE + timedelta(days=70))


def policy_of(decisions: Sequence[tuple[date, dict[str, Any]]]) -> NoticePolicy:
    log = Log()
    for day, data in decisions:
        given = {name: value for name, value in data.items() if value is not None}
        log.add("notice_thresholds.set", AUTHORITY_STREAM, day, **given)
    return notice_policy(log.events)


def told_by(policy: NoticePolicy, countdown: Countdown, ticks: Sequence[date]) -> list[tuple[Crossing, bool]]:
    """Return what ticks on these days tell, and whether it is held back: each finishes every day that is due."""
    first = countdown.due_on - timedelta(days=policy.looks_ahead)
    next_on: date | None = max(first, countdown.known_on or first)
    told = []
    for today in sorted(ticks):
        while next_on is not None and next_on <= today:
            crossing, held_back, again = look(countdown, policy.spans(PACK, KIND), next_on, policy)
            told += [] if crossing is None else [(crossing, held_back)]
            assert again is None or again > next_on
            next_on = again
    return told


def every_day(until: date) -> list[date]:
    first = DUE - timedelta(days=200)
    return [first + timedelta(days=number) for number in range((until - first).days + 1)]


def test_by_default_a_review_is_told_of_at_these_days() -> None:
    """14, 7 and 1 days before, on the day, on the day after as missed, and then every week as overdue."""
    told = told_by(NoticePolicy(), Countdown(DUE, date(2026, 1, 15)), every_day(DUE + timedelta(days=22)))
    assert [(each.kind, each.threshold) for each, _ in told] == [
        (NoticeKind.APPROACHING, -14),
        (NoticeKind.APPROACHING, -7),
        (NoticeKind.APPROACHING, -1),
        (NoticeKind.DUE, 0),
        (NoticeKind.MISSED, 1),
        (NoticeKind.OVERDUE, 8),
        (NoticeKind.OVERDUE, 15),
        (NoticeKind.OVERDUE, 22),
    ]
    assert all(each.crossed_on == DUE + timedelta(days=each.threshold) and not held for each, held in told)


@given(DECISIONS, KNOWN_ON, st.lists(st.integers(0, 280), max_size=12), st.integers(0, 280))
def test_when_ticks_ran_changes_nothing(
    decisions: list[tuple[date, dict[str, Any]]], known_on: date, days: list[int], last: int
) -> None:
    """Whatever the days on which ticks ran, the same is told, in the same order, as by a tick on every day."""
    first = DUE - timedelta(days=200)
    ticks = [first + timedelta(days=number) for number in (*days, last) if number <= last]
    policy, countdown = policy_of(decisions), Countdown(DUE, known_on)
    assert told_by(policy, countdown, ticks) == told_by(policy, countdown, every_day(max(ticks)))


@given(DECISIONS, KNOWN_ON)
def test_each_threshold_is_told_once_in_order_and_missed_first(
    decisions: list[tuple[date, dict[str, Any]]], known_on: date
) -> None:
    """No threshold is told twice; after the due date comes one "missed", and then only "overdue"."""
    told = [each for each, _ in told_by(policy_of(decisions), Countdown(DUE, known_on), every_day(DUE + 80 * ONE_DAY))]
    assert [each.threshold for each in told] == sorted({each.threshold for each in told})
    late = [each.kind for each in told if each.threshold > 0]
    assert late == [NoticeKind.MISSED, *[NoticeKind.OVERDUE] * (len(late) - 1)][: len(late)]
    assert all((each.kind is NoticeKind.DUE) == (each.threshold == 0) for each in told)


@given(
    st.lists(st.integers(-40, 40), unique=True, max_size=5).map(sorted),
    st.none() | st.integers(1, 15),
    st.integers(-60, 60),
    st.integers(-60, 200),
)
def test_thresholds_between_two_days_are_those_of_every_day(
    named: list[int], every: int | None, first: int, last: int
) -> None:
    """A stretch has the thresholds that its days have one by one: repeats are found by arithmetic, not by walking."""
    thresholds = Thresholds(tuple(named), every)
    one_by_one = [each for day in range(first, last + 1) for each in thresholds.between(day, day)]
    assert list(thresholds.between(first, last)) == one_by_one
    base = max(0, named[-1]) if named else 0
    expected = {*named, *(range(base + every, 201, every) if every else ())}
    assert one_by_one == sorted(each for each in expected if first <= each <= last)


@given(st.integers(1, 29))
def test_what_was_crossed_before_anybody_knew_is_told_once(days: int) -> None:
    """A review that is overdue when it becomes known is told as missed, once, and of its weeks from then on."""
    known_on = DUE + timedelta(days=days)
    (first, held_back), *later = told_by(NoticePolicy(), Countdown(DUE, known_on), every_day(DUE + timedelta(days=43)))
    assert (first.kind, first.threshold, held_back) == (NoticeKind.MISSED, 1, False)
    assert [each.threshold for each, _ in later] == [each for each in range(8, 44, 7) if each > days]


def test_a_review_that_became_known_late_but_in_time_is_told_at_its_latest_threshold() -> None:
    """Of 14 and 7 days, both gone by when it was recorded, only the latter is told."""
    told = told_by(NoticePolicy(), Countdown(DUE, DUE - timedelta(days=5)), every_day(DUE - timedelta(days=4)))
    assert [(each.threshold, each.crossed_on) for each, _ in told] == [(-7, DUE - timedelta(days=7))]


@given(st.integers(0, 2_500))
def test_what_was_overdue_for_long_is_held_back_and_stays_silent(days: int) -> None:
    """Missed for more than 30 days when it became known: held back once, and nothing else until it is released."""
    known_on = DUE + ONE_DAY + ALARM_AGE + timedelta(days=1 + days)
    told = told_by(NoticePolicy(), Countdown(DUE, known_on), every_day(known_on + timedelta(days=40)))
    assert [(each.kind, each.threshold, held) for each, held in told] == [(NoticeKind.MISSED, 1, True)]


def test_what_was_released_is_told_again_from_its_next_threshold() -> None:
    """Once a person has let it speak, a review overdue for long is told of every week like any other."""
    countdown = Countdown(DUE, DUE + timedelta(days=90))
    day = DUE + timedelta(days=99)
    policy = NoticePolicy()
    found = look(countdown, policy.spans(PACK, KIND), day, policy, released=True)
    assert found == (Crossing(NoticeKind.OVERDUE, 99, day), False, day + timedelta(days=7))


@pytest.mark.parametrize(("days", "held_back"), [(1, False), (30, False), (31, False), (32, True)])
def test_the_alarm_age_is_thirty_days_since_it_was_missed(days: int, held_back: bool) -> None:
    """It is counted from the day on which the review was missed to that on which it became known."""
    told = told_by(NoticePolicy(), Countdown(DUE, DUE + timedelta(days=days)), every_day(DUE + timedelta(days=days)))
    assert [held for _, held in told] == [held_back]


def test_a_review_that_can_no_longer_be_held_is_told_as_missed_and_no_more() -> None:
    """It is no longer overdue: there is nothing to be done about it."""
    told = told_by(NoticePolicy(), Countdown(DUE, DUE - ONE_DAY, runs=False), every_day(DUE + timedelta(days=40)))
    assert [(each.kind, each.threshold) for each, _ in told] == [(NoticeKind.MISSED, 1)]


def test_a_setting_counts_from_the_day_after_its_recording() -> None:
    """A threshold that is crossed on the day of recording is the former one's; none of the past is told anew."""
    only_three = {"before": [21, 3], "on_the_day": False, "after": [2], "then_every_days": None}
    policy = policy_of([(DUE - timedelta(days=7), only_three)])
    told = told_by(policy, Countdown(DUE, date(2026, 1, 15)), every_day(DUE + timedelta(days=40)))
    assert [each.threshold for each, _ in told] == [-14, -7, -3, 2]
    assert policy.looks_ahead == 21


def test_the_most_specific_setting_counts() -> None:
    """For pack and kind before for the kind, before for the pack, before for all; of equals the last."""
    day = DUE - timedelta(days=60)
    given = [
        ({"pack": PACK, "kind": KIND}, 4),
        ({"kind": KIND}, 3),
        ({"pack": PACK}, 2),
        ({}, 1),
        ({}, 5),
        ({"pack": "another"}, 6),
    ]
    policy = policy_of(
        [(day, {**which, "before": [before], "on_the_day": False, "after": []}) for which, before in given]
    )
    expected = {(PACK, KIND): 4, ("x", KIND): 3, (PACK, "x"): 2, ("x", "x"): 5, ("another", "x"): 6}
    assert {which: policy.spans(*which)[-1][1].named for which in expected} == {
        which: (-before,) for which, before in expected.items()
    }


def test_a_setting_is_corrected_and_taken_back_from_the_next_day_on() -> None:
    """A correction counts for what is crossed after it, and after a retraction the default counts again."""
    log = Log()
    wrong: dict[str, Any] = {"before": [60], "on_the_day": False, "after": []}
    log.add("notice_thresholds.set", AUTHORITY_STREAM, "2026-01-10", id="t", **wrong)
    named: dict[str, Any] = {"corrects_source": SOURCE, "corrects_id": "t", "corrects_type": "notice_thresholds.set"}
    right = {"occurred_on": "2026-01-10", "before": [6], "on_the_day": True, "after": []}
    log.add("record.corrected", AUTHORITY_STREAM, "2026-01-20", **named, replacement=right, reason="recording_error")
    retracted: dict[str, Any] = {"retracts_source": SOURCE, "retracts_id": "t", "reason": "recording_error"}
    log.add("record.retracted", AUTHORITY_STREAM, "2026-01-30", **retracted)
    spans = notice_policy(log.events).spans(PACK, KIND)
    assert [(date.fromordinal(day), held.named) for day, held in spans[1:]] == [
        (date(2026, 1, 11), (-60,)),
        (date(2026, 1, 21), (-6, 0)),
        (date(2026, 1, 31), DEFAULT.named),
    ]


def test_a_declared_backfill_holds_back_what_lies_before_its_day_and_becomes_known_from_then_on() -> None:
    """Two days ago is the past once a backfill up to yesterday was declared, but not for what was known before."""
    log = Log()
    noon = datetime(2026, 6, 11, 12, tzinfo=UTC)
    log.add("backfill.declared", AUTHORITY_STREAM, "2026-06-11", recorded_at=noon, id="b", before_on="2026-06-10")
    policy = notice_policy(log.events)
    today, yesterday = date(2026, 6, 11), date(2026, 6, 10)
    assert policy.about_the_past(date(2026, 6, 9), today)
    assert not policy.about_the_past(yesterday, today)
    assert not policy.about_the_past(date(2026, 6, 9), yesterday)
    log.add(
        "record.retracted",
        AUTHORITY_STREAM,
        "2026-06-12",
        retracts_source=SOURCE,
        retracts_id="b",
        reason="recording_error",
    )
    assert not notice_policy(log.events).about_the_past(date(2026, 6, 9), date(2026, 6, 13))


def test_reviews_are_looked_at_in_time_by_default() -> None:
    """The first look is at the first threshold."""
    assert LOOKS_AHEAD == NoticePolicy().looks_ahead == 14
