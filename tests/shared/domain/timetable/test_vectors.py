"""Test vectors of the domain note, section 1.5: Gregorian, exclusive of the anchor day, months clamped.

Their sources are SSI 2009/210 regs 38 and 45, and lines 405-411 and 666-668 of the CELCIS report
on the two week planning meeting; the dates were computed for Homeward.
"""

from __future__ import annotations

from datetime import date, datetime

import pytest

from tests.shared.domain.timetable.story import (
    ALL_PACKS,
    EMERGENCY,
    PLANNING,
    SEVENTY_TWO_HOURS,
    STATUTORY,
    THREE_MONTHLY,
    Story,
    adopting,
    due,
    placed,
)

#: Edinburgh's own Monday in the middle of May 2026.
EDINBURGH = adopting(closures=[date(2026, 5, 18)])


@pytest.mark.parametrize(
    ("placed_at", "seventy_two_hours", "three_working_days", "in_edinburgh"),
    [
        ("2025-12-23T14:00:00+00:00", "2025-12-26T14:00:00+00:00", "2025-12-30", "2025-12-30"),
        ("2026-05-01T16:30:00+01:00", "2026-05-04T16:30:00+01:00", "2026-05-07", "2026-05-07"),
        ("2026-05-14T09:00:00+01:00", "2026-05-17T09:00:00+01:00", "2026-05-19", "2026-05-20"),
        ("2026-03-27T18:00:00+00:00", "2026-03-30T19:00:00+01:00", "2026-04-01", "2026-04-01"),
        ("2026-10-23T18:00:00+01:00", "2026-10-26T17:00:00+00:00", "2026-10-28", "2026-10-28"),
    ],
)
def test_emergency_in_working_days_and_in_hours(
    placed_at: str, seventy_two_hours: str, three_working_days: str, in_edinburgh: str
) -> None:
    """Three working days and 72 hours give different dates over weekends, holidays and clock changes."""
    story = placed(placed_at[:10], emergency=True, occurred_at=placed_at)
    [by_hours] = story.reviews(SEVENTY_TWO_HOURS, ALL_PACKS)
    assert by_hours.due_at == datetime.fromisoformat(seventy_two_hours)
    assert by_hours.due_on == date.fromisoformat(seventy_two_hours[:10])
    assert due(story.reviews(EMERGENCY, ALL_PACKS)) == [three_working_days]
    assert due(story.reviews(EMERGENCY, EDINBURGH)) == [in_edinburgh]


FULL_SEQUENCES = [
    ("2025-08-31", "2025-09-14", "2025-10-12", "2026-01-12", "2026-07-12", 315, "2026-04-12", 224),
    ("2025-11-30", "2025-12-14", "2026-01-11", "2026-04-11", "2026-10-11", 315, "2026-07-11", 223),
    ("2026-01-15", "2026-01-29", "2026-02-26", "2026-05-26", "2026-11-26", 315, "2026-08-26", 223),
    ("2024-02-29", "2024-03-14", "2024-04-11", "2024-07-11", "2025-01-11", 317, "2024-10-11", 225),
]


@pytest.mark.parametrize(
    ("start", "two_weeks", "first", "second", "third", "third_day", "local_third", "local_day"), FULL_SEQUENCES
)
def test_full_sequence(  # noqa: PLR0917 - one column of the table each
    start: str, two_weeks: str, first: str, second: str, third: str, third_day: int, local_third: str, local_day: int
) -> None:
    """If every review is held on its last lawful day, the dates are those of the table."""
    story = placed(start).held(first).held(second)
    assert due(story.reviews(PLANNING, ALL_PACKS)) == [two_weeks]
    statutory = story.reviews(STATUTORY, ALL_PACKS)
    assert due(statutory[:3]) == [first, second, third]
    assert (date.fromisoformat(third) - date.fromisoformat(start)).days == third_day
    local = story.reviews(THREE_MONTHLY, ALL_PACKS)[0]
    assert (local.ordinal, due([local])) == (3, [local_third])
    assert (date.fromisoformat(local_third) - date.fromisoformat(start)).days == local_day


@pytest.mark.parametrize(("start", "first", "second", "third"), [row[0:1] + row[2:5] for row in FULL_SEQUENCES])
def test_full_sequence_before_anything_is_held(start: str, first: str, second: str, third: str) -> None:
    """The provisional dates are those that come about if each review is held on its last lawful day."""
    assert due(placed(start).reviews(STATUTORY)[:3]) == [first, second, third]


def test_early_review_re_anchors() -> None:
    """Placed 15 January, first review due 26 February and held 10 February: the second is due 10 May."""
    story = placed("2026-01-15").held("2026-02-10")
    assert due(story.reviews(STATUTORY)[:2]) == ["2026-02-26", "2026-05-10"]


def test_late_review_re_anchors_and_stays_late() -> None:
    """If the second is held late on 20 May, the third is due 20 November and 10 days stay on the record."""
    story = placed("2026-01-15").held("2026-02-10").held("2026-05-20")
    [_, second, third, *_] = story.reviews(STATUTORY)
    assert second.days_late == 10
    assert due([third]) == ["2026-11-20"]


def test_baby_accommodated_at_birth() -> None:
    """A baby who comes into care on the day of birth has the same dates as any child."""
    story = Story().tell("child.registered", "2026-01-15", born_on="2026-01-15", team="early-years")
    story.accommodated("2026-01-15").home("2026-01-15")
    assert due(story.reviews(STATUTORY)[:2]) == ["2026-02-26", "2026-05-26"]
