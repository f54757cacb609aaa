"""What must hold of every journey, whatever was recorded and in whatever order."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.reporting.model import Entry, Journey, Step
from services.reporting.projection import project
from shared.domain.envelope import RecordedEvent
from shared.domain.history import facts
from tests.services.reporting.telling import Child, child, day

KINDS = ("accommodated", "ended", "home", "meeting", "planning", "recommended", "panel", "team", "registered")
ROUTES = ("return_home", "kinship_care_order", "permanence_order", "adoption")

#: One thing that occurred: its kind, its day, and a choice that varies it.
tellings = st.tuples(st.sampled_from(KINDS), st.integers(0, 60), st.integers(0, 3))
stories = st.lists(tellings, max_size=14)


def tell(ada: Child, kind: str, on: int, choice: int) -> RecordedEvent:  # noqa: PLR0911 - one line for each kind
    match kind:
        case "accommodated":
            return ada.accommodated(on, f"e{choice}")
        case "ended":
            return ada.ended(on, f"e{choice}")
        case "home":
            return ada.home(on, emergency=choice == 0)
        case "meeting":
            kinds = ("emergency_review", "two_week_planning_meeting", "looked_after_child_review", "other")
            return ada.held(kinds[choice], on)
        case "planning":
            return ada.held(
                "two_week_planning_meeting", on, planning={"care_plan_agreed": ("yes", "partly")[choice % 2]}
            )
        case "recommended":
            return ada.recommended(on, ROUTES[choice])
        case "panel":
            return ada.tell("panel.recommended", on, route=ROUTES[choice], advice=("supported", "deferred")[choice % 2])
        case "team":
            return ada.tell("child.team_assigned", on, team=f"team{choice}")
        case _:
            return ada.tell("child.registered", on, born_on=day(-choice).isoformat())


def told(story: list[tuple[str, int, int]]) -> Child:
    ada = child()
    for kind, on, choice in story:
        tell(ada, kind, on, choice)
    return ada


def shape(journey: Journey) -> tuple[Journey, list[tuple[str, str]]]:
    """What a journey says, without where in the log it was recorded; what lies outside comes sorted."""
    episodes = tuple(
        replace(
            each,
            record=replace(each.record, position=0),
            steps=tuple(_step(step) for step in each.steps),
            recommendations=tuple(replace(one, entry=_entry(one.entry)) for one in each.recommendations),
            timeline=tuple(_entry(entry) for entry in each.timeline),
        )
        for each in journey.episodes
    )
    about_child = tuple(_entry(entry) for entry in journey.about_child)
    outside = sorted((each.entry.event_id, each.reason.value) for each in journey.outside)
    return replace(journey, episodes=episodes, about_child=about_child, outside=()), outside


def _entry(entry: Entry) -> Entry:
    return replace(entry, position=0, amended_position=None, recorded_at=_NO_TIME)


def _step(step: Step) -> Step:
    return step if step.entry is None else replace(step, entry=_entry(step.entry))


_NO_TIME = child().accommodated().recorded_at


@given(stories, st.randoms(use_true_random=False))
def test_order_of_arrival_is_irrelevant(story: list[tuple[str, int, int]], random: Any) -> None:
    """The same facts recorded in another order tell the same journey."""
    events = told(story).log.events
    places = list(range(1, len(events) + 1))
    random.shuffle(places)
    moved = [replace(event, position=place) for event, place in zip(events, places, strict=True)]
    assert shape(project("ada", facts(moved))) == shape(project("ada", facts(events)))


@given(stories)
def test_every_fact_is_in_exactly_one_place(story: list[tuple[str, int, int]]) -> None:
    """An episode's timeline, the child's own facts or outside: each fact stands in one of them, once."""
    ada = told(story)
    journey = ada.journey()
    shown = [entry.event_id for episode in journey.episodes for entry in episode.timeline]
    shown += [entry.event_id for entry in journey.about_child]
    shown += [each.entry.event_id for each in journey.outside]
    assert Counter(shown) == Counter(event.event_id for event in ada.log.events)


@given(stories, st.data())
def test_a_correction_equals_having_recorded_it_right(story: list[tuple[str, int, int]], data: Any) -> None:
    """A journey whose fact was corrected is the journey of a record that was right from the start."""
    wrongly = [(kind, data.draw(st.integers(0, 60)), choice) for kind, _, choice in story]
    ada, right = told(wrongly), told(story)
    for event, meant in zip(list(ada.log.events), right.log.events, strict=True):
        ada.corrected(event, 61, **meant.data.model_dump(mode="json", exclude_unset=True))
    assert shape(ada.journey()) == shape(right.journey())


@given(stories, tellings)
def test_a_retraction_equals_never_having_recorded_it(
    story: list[tuple[str, int, int]], extra: tuple[str, int, int]
) -> None:
    """What is taken back leaves no trace in the journey."""
    ada = told([*story, extra])
    ada.retracted(ada.log.events[-1], 61)
    assert shape(ada.journey()) == shape(told(story).journey())


@given(stories, st.integers(0, 70))
def test_a_journey_settles_on_its_latest_day(story: list[tuple[str, int, int]], on: int) -> None:
    """Asked as of its latest day or any later one, a journey is the same: the read model relies on it."""
    ada = told(story)
    journey = ada.journey()
    as_of: date = max(day(on), journey.latest_on or day(0))
    assert ada.journey(as_of=as_of) == journey


@given(stories, st.integers(0, 60))
def test_nothing_that_occurred_later_is_told(story: list[tuple[str, int, int]], on: int) -> None:
    """As of a day, no milestone, end or overtaking lies behind that day."""
    for episode in told(story).journey(as_of=day(on)).episodes:
        record = episode.record
        days = [record.accommodated_on, record.recommended_on, record.closed_on, record.last_reached_on]
        days += [step.reached_on for step in episode.steps]
        assert all(each <= day(on) for each in days if each is not None)


@given(stories)
def test_gaps_add_up(story: list[tuple[str, int, int]]) -> None:
    """The gaps between reached milestones add up to the days from the first to the last."""
    for episode in told(story).journey().episodes:
        gaps = [step.days_since_previous for step in episode.steps if step.days_since_previous is not None]
        whole = (episode.record.last_reached_on - episode.record.accommodated_on).days
        assert sum(gaps) == whole
        assert all(gap >= 0 for gap in gaps)
