"""What journeys make of the vocabulary: of each type what it says of itself, and of old data the same as of new."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.reporting.model import Journey, MilestoneKey, Step
from tests.services.reporting.telling import Child, child, day, steps
from tests.services.reporting.test_projection_laws import stories, told
from tests.support.bystanders import bystanders

Story = list[tuple[str, int, int]]


def milestones(journey: Journey) -> list[Any]:
    """Return what a journey says but for its timelines, and for the position of its latest fact."""
    return [
        (
            replace(episode.record, position=0),
            [dated(step) for step in episode.steps],
            [each.route for each in episode.recommendations],
        )
        for episode in journey.episodes
    ]


def dated(step: Step) -> tuple[Any, ...]:
    return step.key, step.state, step.reached_on, step.detail, step.days_since_previous, step.since_on


@given(stories, bystanders(), st.data())
@settings(max_examples=150)
def test_no_bystander_changes_a_milestone(story: Story, others: list[Any], data: st.DataObject) -> None:
    """Whatever else is recorded of a child, at whatever days between, every milestone and episode stays as it was."""
    ada, alone = told(story), told(story)
    for kind, other in others:
        ada.tell(kind, data.draw(st.integers(0, 60)), **other)

    assert milestones(ada.journey()) == milestones(alone.journey())


@given(stories, st.lists(st.tuples(st.booleans(), st.integers(0, 60)), max_size=4), st.data())
def test_a_journey_of_old_events_is_that_of_new_ones(
    story: Story, plans: list[tuple[bool, int]], data: st.DataObject
) -> None:
    """Plans recorded by version 1 of their schema give the journey that version 2 gives, to the last detail."""
    mixed = [data.draw(st.sampled_from([1, 2])) for _ in plans]

    assert planned(story, plans, mixed).journey() == planned(story, plans, [2] * len(plans)).journey()


def planned(story: Story, plans: list[tuple[bool, int]], versions: list[int]) -> Child:
    ada = told(story)
    for (with_parents, on), version in zip(plans, versions, strict=True):
        said: dict[str, Any] = {"agreed_with_parents": with_parents}
        if version > 1:
            said = {"agreed_with": ["parent"] if with_parents else []}
        ada.tell("care_plan.agreed", on, plan_id="p", version=version, **said)
    return ada


@pytest.mark.parametrize(
    ("agreed_with", "detail"),
    [
        (["parent"], "with_parents"),
        (["child", "parent", "foster_carer"], "with_parents"),
        (["child"], "without_parents"),
        ([], "without_parents"),
    ],
)
def test_a_plan_is_agreed_with_the_parents_if_they_are_among_those_who_agreed(
    agreed_with: list[str], detail: str
) -> None:
    """Whoever else agreed, the milestone says whether the parents did."""
    ada = child()
    ada.accommodated()
    ada.tell("care_plan.agreed", 9, plan_id="p", version=2, agreed_with=agreed_with)

    assert steps(ada.journey())[MilestoneKey.CARE_PLAN_AGREED].detail == detail


@pytest.mark.parametrize(
    ("extent", "discussed_with", "reached"),
    [
        ("yes", ["parent", "social_worker"], True),
        ("partly", ["parent"], False),
        ("no", ["parent"], False),
        ("yes", ["foster_carer"], False),
    ],
)
def test_permanence_is_discussed_when_it_was_in_full_and_with_a_parent(
    extent: str, discussed_with: list[str], reached: bool
) -> None:
    """A conversation outside a planning meeting reaches the milestone just as one at it does."""
    ada = child()
    ada.accommodated()
    ada.tell("permanence.discussed", 9, extent=extent, discussed_with=discussed_with)

    found = steps(ada.journey())[MilestoneKey.PERMANENCE_DISCUSSED].reached_on

    assert found == (day(9) if reached else None)


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("child.became_looked_after", {"legal_reason": "compulsory_supervision_order", "home_kind": "parents"}),
        ("case.transferred", {"direction": "from_other_authority"}),
    ],
)
def test_what_is_said_of_the_child_stands_with_the_child(kind: str, data: dict[str, Any]) -> None:
    """Being looked after at home before an episode began is no fact that lies outside any episode by mistake."""
    ada = child()
    ada.tell(kind, 0, **data)
    ada.accommodated(30)

    journey = ada.journey()

    assert [entry.type for entry in journey.about_child] == [kind]
    assert journey.outside == ()
