"""The calculator: what is asked becomes the reviews that a record of the same would owe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.catalogue.base import FIRST_CIVIL_DATE, LAST_CIVIL_DATE
from shared.domain.catalogue.child import HomeKind
from shared.domain.catalogue.meeting import MeetingKind
from shared.domain.errors import InvalidInput
from shared.domain.timetable.reviews import Certainty, Outcome, Review
from shared.policies.dates import MAX_DAYS, Asked, AskedMeeting, Dates, dates
from shared.policies.loader import known_packs
from tests.support.packs import load_pack

ALL = tuple(sorted({pack.pack for pack in known_packs()}))
GOLDEN = {"packs": ("scotland", "two-week-planning-meeting"), "accommodated_on": date(2025, 8, 31)}
STATUTORY = "looked_after_child_review"

days = st.dates(FIRST_CIVIL_DATE, LAST_CIVIL_DATE)
near = st.dates(date(2020, 1, 1), date(2028, 12, 31))
instants = st.integers(0, 299 * 365 * 24).map(lambda hours: datetime(1900, 1, 2, tzinfo=UTC) + timedelta(hours=hours))
meetings = st.builds(AskedMeeting, held_on=near, meeting_kind=st.sampled_from(MeetingKind))


@st.composite
def asked(draw: Callable[[st.SearchStrategy[Any]], Any], beginnings: st.SearchStrategy[date] = days) -> Asked:
    """Draw what somebody may ask, contradictions included."""
    return Asked(
        packs=draw(st.lists(st.sampled_from(ALL), min_size=1, max_size=4).map(tuple)),
        accommodated_on=draw(st.none() | beginnings),
        accommodated_at=draw(st.none() | instants),
        placed_on=draw(st.none() | days),
        placed_at=draw(st.none() | instants),
        home_kind=draw(st.sampled_from(HomeKind)),
        emergency=draw(st.booleans()),
        short_breaks=draw(st.booleans()),
        held=draw(st.lists(meetings, max_size=6).map(tuple)),
        ended_on=draw(st.none() | days),
        closed=draw(st.lists(near, max_size=4).map(tuple)),
    )


@st.composite
def consistent(draw: Callable[[st.SearchStrategy[Any]], Any]) -> Asked:
    """Draw what somebody may ask without a contradiction."""
    began = draw(near)
    later = st.integers(0, 800).map(lambda count: began + timedelta(days=count))
    held = draw(st.lists(st.builds(AskedMeeting, held_on=later), max_size=6, unique=True))
    return Asked(
        packs=ALL,
        accommodated_on=began,
        placed_on=draw(st.none() | later),
        emergency=draw(st.booleans()),
        short_breaks=draw(st.booleans()),
        held=tuple(held),
    )


def calculated(**members: Any) -> Dates:
    return dates(Asked(**{**GOLDEN, **members}))


def due(found: Dates, kind: str = STATUTORY) -> list[str]:
    return [str(review.due_on) for review in found.reviews if review.kind == kind]


def held(*on: date) -> tuple[AskedMeeting, ...]:
    return tuple(AskedMeeting(held_on=day) for day in on)


def told(review: Review) -> Review:
    """Return a review without positions, which mean nothing where nothing is recorded."""
    nowhere = replace(review.explanation.anchor, position=None)
    explanation = replace(review.explanation, anchor=nowhere)
    return replace(review, position=0, held_meeting_id=None, explanation=explanation)


def test_a_sunday_at_the_end_of_august() -> None:
    """Accommodated and placed on Sunday 31 August 2025: 14 September, 12 October, 12 January and 12 July."""
    found = calculated()
    assert due(found, "two_week_planning_meeting") == ["2025-09-14"]
    assert due(found)[:3] == ["2025-10-12", "2026-01-12", "2026-07-12"]
    first, second, *_ = (review for review in found.reviews if review.kind == STATUTORY)
    assert (first.certainty, second.certainty) == (Certainty.FIRM, Certainty.PROVISIONAL)
    assert first.last_working_day_on == date(2025, 10, 10)


def test_holding_re_anchors() -> None:
    """Held on its last day each review leaves the next where it was; held earlier it brings it forward."""
    on_time = calculated(held=held(date(2025, 10, 12), date(2026, 1, 12), date(2026, 7, 12)))
    assert due(on_time)[:4] == ["2025-10-12", "2026-01-12", "2026-07-12", "2027-01-12"]
    early = calculated(held=held(date(2025, 10, 1)))
    assert due(early)[:3] == ["2025-10-12", "2026-01-01", "2026-07-01"]
    late = calculated(held=held(date(2025, 10, 20)))
    assert due(late)[:2] == ["2025-10-12", "2026-01-20"]
    assert [review.days_late for review in late.reviews if review.held_on] == [8]


def test_a_home_begins_with_care_unless_told_otherwise() -> None:
    """Without a day of its own the home begins with the accommodation, to the hour; a day has no hour."""
    began = datetime(2026, 3, 27, 18, tzinfo=UTC)
    asked_at = {"packs": ("seventy-two-hour-meeting",), "accommodated_on": None, "accommodated_at": began}
    hours = calculated(**asked_at, emergency=True).reviews
    assert [review.due_at for review in hours] == [began + timedelta(hours=72)]
    days_only = calculated(**asked_at, emergency=True, placed_on=date(2026, 3, 27)).reviews
    assert [(review.due_at, review.due_on) for review in days_only] == [(None, date(2026, 3, 30))]
    assert due(calculated(placed_on=date(2025, 9, 10)))[0] == "2025-10-22"


def test_23_30_in_utc_is_the_next_day_in_july() -> None:
    """The law counts from the civil day of Europe/London, in whatever zone the instant is written."""
    at = datetime(2026, 7, 1, 23, 30, tzinfo=UTC)
    assert due(calculated(accommodated_on=None, accommodated_at=at))[0] == "2026-08-13"


def test_a_series_of_short_breaks_owes_no_review_at_six_weeks() -> None:
    """The first review of a series is owed within three months (reg 45(3))."""
    assert due(calculated(short_breaks=True))[:2] == ["2025-11-30", "2026-05-30"]


def test_a_home_with_parents_gets_no_invented_date() -> None:
    """Where the frequency must be agreed there is a review without a day."""
    found = calculated(packs=("scotland",), home_kind=HomeKind.PARENTS)
    assert [(review.kind, review.due_on) for review in found.reviews] == [("agreed_frequency_review", None)]


def test_care_that_ended_owes_nothing_more() -> None:
    """What was due before is missed, what was due later is withdrawn, and nothing follows."""
    found = calculated(ended_on=date(2025, 10, 1))
    assert [(review.kind, review.outcome) for review in found.reviews] == [
        ("two_week_planning_meeting", Outcome.MISSED),
        (STATUTORY, Outcome.WITHDRAWN),
    ]


def test_a_meeting_that_is_none_of_the_reviews_is_told() -> None:
    """A meeting of a kind that satisfies nothing, or of one that nobody owes here, vanishes from no answer."""
    other = AskedMeeting(held_on=date(2025, 9, 1), meeting_kind=MeetingKind.OTHER)
    counted = held(date(2025, 10, 1))
    found = calculated(held=(other, *counted))
    assert found.not_counted == (other,)
    early = AskedMeeting(held_on=date(2025, 9, 2), meeting_kind=MeetingKind.EMERGENCY_REVIEW)
    assert calculated(held=(*counted, early)).not_counted == (early,)
    assert calculated(held=(early,), emergency=True).not_counted == ()


def test_rules_on_events_that_are_not_asked_about_say_so() -> None:
    """Of panels, certificates and orders nothing follows, because none is asked about; the rules are named."""
    found = calculated(packs=("scotland-duties", "scotland"))
    assert {review.kind for review in found.reviews if review.explanation.pack == "scotland-duties"} == {"visit"}
    assert [(each.kind, each.event) for each in found.not_asked] == [
        ("agency_decision", "panel.recommended"),
        ("certificate_return", "consent_certificate.sent"),
        ("order_expiry", "legal_reason.started"),
    ]
    assert calculated(packs=("scotland", "england")).not_asked == ()


def test_packs_are_those_named_in_their_latest_edition() -> None:
    """The law of Scotland is in the answer where it is asked for; of two editions the later one counts."""
    local = calculated(packs=("two-week-planning-meeting", "two-week-planning-meeting"))
    assert {review.kind for review in local.reviews} == {"two_week_planning_meeting"}
    assert [pack.pack for pack in local.packs] == ["two-week-planning-meeting"]
    pack = load_pack("scotland")
    later = replace(pack, edition="2099-01")
    found = dates(Asked(packs=("scotland",), accommodated_on=date(2026, 1, 15)), installed=[later, pack])
    assert found.packs == (later,)


@pytest.mark.parametrize(
    ("members", "faults"),
    [
        ({"accommodated_on": None}, [("/accommodated_at", "accommodated_missing")]),
        ({"accommodated_at": datetime(2025, 8, 31, tzinfo=UTC)}, [("/accommodated_on", "told_twice")]),
        (
            {"placed_on": date(2025, 9, 1), "placed_at": datetime(2025, 9, 1, tzinfo=UTC)},
            [("/placed_on", "told_twice")],
        ),
        ({"placed_on": date(2025, 8, 30)}, [("/placed_on", "before_accommodated")]),
        ({"placed_at": datetime(2025, 8, 30, 22, 59, tzinfo=UTC)}, [("/placed_at", "before_accommodated")]),
        ({"held": held(date(2025, 9, 1), date(2025, 8, 30))}, [("/held/1/held_on", "before_accommodated")]),
        ({"held": held(date(2025, 9, 1), date(2025, 9, 1))}, [("/held/1/held_on", "held_twice")]),
        (
            {"held": held(date(2025, 9, 3)), "ended_on": date(2025, 9, 2)},
            [("/held/0/held_on", "after_ended")],
        ),
        ({"ended_on": date(2025, 8, 30)}, [("/ended_on", "ended_before_begun")]),
        ({"placed_on": date(2025, 9, 9), "ended_on": date(2025, 9, 8)}, [("/ended_on", "ended_before_begun")]),
        ({"packs": ("scotland", "atlantis")}, [("/packs/1", "pack_unknown")]),
        (
            {"packs": ("atlantis",), "accommodated_on": None},
            [("/packs/0", "pack_unknown"), ("/accommodated_at", "accommodated_missing")],
        ),
    ],
)
def test_what_contradicts_itself_is_refused(members: dict[str, Any], faults: list[tuple[str, str]]) -> None:
    """Each contradiction is told where it lies, and all that are there at once."""
    with pytest.raises(InvalidInput) as refused:
        calculated(**members)
    assert [(fault.pointer, fault.code) for fault in refused.value.faults] == faults
    assert not any("atlantis" in fault.message for fault in refused.value.faults)


@given(asked())
def test_whatever_is_asked_has_an_answer_or_a_reason(question: Asked) -> None:
    """In all the years known here it is either refused or answered, and nothing is owed before care began."""
    try:
        found = dates(question)
    except InvalidInput:
        return
    began = question.accommodated_on or date.min
    assert all(review.due_on is None or review.due_on >= began for review in found.reviews)


@given(consistent(), st.randoms())
def test_the_order_of_the_meetings_is_of_no_consequence(question: Asked, chance: Any) -> None:
    """They are held on their days, in whatever order they are given."""
    shuffled = list(question.held)
    chance.shuffle(shuffled)
    again = dates(question.model_copy(update={"held": tuple(shuffled)}))
    assert list(map(told, dates(question).reviews)) == list(map(told, again.reviews))


@given(consistent())
def test_every_meeting_is_a_review_or_is_told_to_be_none(question: Asked) -> None:
    """No meeting is lost between the two."""
    found = dates(question)
    days_held = {review.held_on for review in found.reviews if review.held_on}
    assert days_held | {each.held_on for each in found.not_counted} == {each.held_on for each in question.held}


def test_a_childhood_of_reviews_is_answered() -> None:
    """As many meetings as can be given are all reviews, one after the other."""
    began = date(2000, 1, 1)
    many = held(*(began + timedelta(days=60 * number) for number in range(1, MAX_DAYS + 1)))
    found = calculated(packs=("scotland",), accommodated_on=began, held=many)
    assert sum(review.held_on is not None for review in found.reviews) == MAX_DAYS
    assert not found.not_counted
