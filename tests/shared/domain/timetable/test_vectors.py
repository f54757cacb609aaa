"""The engine, held to the dates in ``tests/vectors/timetable_*.json``, which say where they come from."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from shared.domain.timetable.engine import Timetable
from shared.domain.timetable.intervals import add_months
from shared.domain.timetable.reviews import Review
from tests.shared.domain.timetable.story import STATUTORY, Story, adopting, due
from tests.support.timetable_vectors import CASES, wanted


def story_of(asked: dict[str, Any]) -> Story:
    """Tell what the case asks as a council records it, fact by fact."""
    hour = {"occurred_at": asked["accommodated_at"]} if "accommodated_at" in asked else {}
    began = asked.get("accommodated_on") or asked["accommodated_at"][:10]
    story = Story().accommodated(began, **hour)
    story.home(asked.get("placed_on", began), emergency=asked.get("emergency", False), **hour)
    for meeting in asked.get("held", ()):
        story.held(meeting["held_on"])
    return story


def timetable_of(asked: dict[str, Any]) -> Timetable:
    return adopting(*(pack for pack in asked["packs"] if pack != "scotland"), closures=asked.get("closed", ()))


def reviews_of(case: dict[str, Any], kind: str) -> list[Review]:
    """Return as many of the reviews owed of this kind as the case gives dates."""
    reviews = story_of(case["asked"]).reviews(kind, timetable_of(case["asked"]))
    return reviews[: len(case["due"][kind])]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_dates_are_those_on_file(case: dict[str, Any]) -> None:
    """What a council records makes owed, kind by kind, the reviews by the days and instants on file."""
    for kind, dates in wanted(case).items():
        reviews = reviews_of(case, kind)
        assert [review.due_at or review.due_on for review in reviews] == dates
        assert due(reviews) == [text[:10] for text in case["due"][kind]]


@pytest.mark.parametrize(
    ("case", "kind"), [(case, kind) for case in CASES.values() for kind in case.get("day_of_last", ())]
)
def test_how_many_days_it_takes(case: dict[str, Any], kind: str) -> None:
    """A third review lies 315 or 317 days behind the beginning by law, 223 to 225 by the local cadence."""
    began = date.fromisoformat(case["asked"]["accommodated_on"])
    last = reviews_of(case, kind)[-1]
    assert last.ordinal == 3
    assert last.due_on == began + timedelta(days=case["day_of_last"][kind])


@pytest.mark.parametrize("case", [case for case in CASES.values() if "six_months_on" in case])
def test_six_months(case: dict[str, Any]) -> None:
    """Six months are counted by the calendar, from the day itself and never from a date counted before."""
    assert add_months(date.fromisoformat(case["asked"]["accommodated_on"]), 6).isoformat() == case["six_months_on"]


def test_six_months_are_not_26_weeks() -> None:
    """From 15 January 2026 the one ends on 15 July, the other on 16 July."""
    began = date(2026, 1, 15)
    assert add_months(began, 6) == date(2026, 7, 15) == began + timedelta(weeks=26) - timedelta(days=1)


@pytest.mark.parametrize("case", [case for case in CASES.values() if "days_late" in case])
def test_lateness_stays_on_the_record(case: dict[str, Any]) -> None:
    """Holding a review re-anchors what follows, and by how much it was late stays with it."""
    for kind, days in case["days_late"].items():
        assert [review.days_late for review in reviews_of(case, kind)] == days


def test_every_case_is_read() -> None:
    """The files hold the emergencies, sequences and anchors that the research note tells of."""
    assert len(CASES) == 21
    assert isinstance(
        wanted(CASES["timetable_emergencies: 2026-03-27T18:00:00+00:00"])["seventy_two_hour_meeting"][0], datetime
    )


def test_baby_accommodated_at_birth() -> None:
    """A baby who comes into care on the day of birth has the same dates as any child."""
    story = Story().tell("child.registered", "2026-01-15", born_on="2026-01-15", team="early-years")
    story.accommodated("2026-01-15").home("2026-01-15")
    assert due(story.reviews(STATUTORY)[:2]) == ["2026-02-26", "2026-05-26"]
