"""A fact that surely adds takes back nothing that was owed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.history import Fact, in_order
from shared.domain.timetable.additions import only_adds
from shared.domain.timetable.adopted import AdoptedPack, Timetable
from shared.domain.timetable.engine import SHAPING, reviews_by_key
from shared.domain.timetable.rules import OnHomeChange
from tests.shared.domain.timetable.story import ALL_PACKS, CHILD, Story, placed
from tests.shared.domain.timetable.test_laws import FACTS, Stated, story_of


def _running_on(adopted: AdoptedPack) -> AdoptedPack:
    """Return the pack with every home's clock running on through a change of home."""
    rules = tuple(replace(rule, on_home_change=OnHomeChange.CONTINUE) for rule in adopted.pack.rules)
    return replace(adopted, pack=replace(adopted.pack, rules=rules))


RUNNING_ON: Timetable = replace(ALL_PACKS, adopted=tuple(map(_running_on, ALL_PACKS.adopted)))

#: Days so few that much falls on one of them.
CROWDED = st.lists(
    st.builds(lambda fact, day: fact._replace(on=f"2026-01-{day:02}"), FACTS, st.integers(1, 9)),
    min_size=2,
    max_size=9,
)
IN_ORDER = CROWDED.map(lambda history: sorted(history, key=lambda fact: fact.on))


def shaping(story: Story) -> list[Fact]:
    """Return the facts that decide which reviews there are, in the order in which they were recorded."""
    return sorted((each for each in story.facts if isinstance(each.data, SHAPING)), key=lambda each: each.position)


def takes_nothing_back(history: list[Stated], timetable: Timetable) -> None:
    """Hold every fact that surely adds to what is owed before and after it."""
    told = shaping(story_of(history))
    for number, new in enumerate(told):
        before = in_order(told[:number])
        if only_adds(before, new):
            owed = reviews_by_key(CHILD, told[: number + 1], timetable)
            was = reviews_by_key(CHILD, before, timetable)
            lost = {key for key, review in was.items() if not review.forecast and key not in owed}
            assert not lost


@given(st.one_of(IN_ORDER, IN_ORDER, CROWDED))
@settings(max_examples=400)
def test_what_surely_adds_takes_back_no_obligation(history: list[Stated]) -> None:
    """Whatever was told before it, on whichever days, by rules that start anew in each home."""
    takes_nothing_back(history, ALL_PACKS)


@given(st.one_of(IN_ORDER, IN_ORDER, CROWDED))
@settings(max_examples=400)
def test_nor_by_rules_that_run_on_through_a_change_of_home(history: list[Stated]) -> None:
    """The same where clocks run on from home to home."""
    takes_nothing_back(history, RUNNING_ON)


def added(story: Story) -> list[bool]:
    """Return for each fact of a story, told in order, whether it surely adds."""
    told = shaping(story)
    return [only_adds(in_order(told[:number]), new) for number, new in enumerate(told)]


def test_a_life_told_in_order_only_adds() -> None:
    """Coming into care, meetings, a move, leaving, and coming back: none needs a second look."""
    story = placed("2026-01-15").held("2026-02-20").left("2026-03-01").home("2026-03-01", "H2").held("2026-04-10")
    story.left("2026-06-01", "H2").care_ended("2026-06-01").accommodated("2026-09-01", "E2").home("2026-09-01", "H3")
    assert all(added(story))


@pytest.mark.parametrize(
    "story",
    [
        placed("2026-01-15").held("2026-02-20").held("2026-02-10"),
        placed("2026-01-15").held("2026-02-20", "M1").held("2026-03-20", "M1", kind="emergency_review"),
        placed("2026-01-15").held("2026-02-20").left("2026-02-20"),
        placed("2026-01-15").home("2026-02-20", "H1", emergency=True),
        placed("2026-01-15").home("2026-02-01", "H2").left("2026-02-10", "H1"),
        placed("2026-01-15").care_ended("2026-02-01", destination="died").home("2026-02-02", "H2"),
    ],
)
def test_what_may_count_otherwise_is_looked_at(story: Story) -> None:
    """A meeting out of order or told again, one on the day a home ends, a home told again, a death."""
    assert not added(story)[-1]


def test_timetables_differ_from_the_first_day_on_which_they_judge_otherwise() -> None:
    """The day on which an adopted pack begins to hold; no day at all where nothing is different."""
    assert ALL_PACKS.differs_from(ALL_PACKS) is None
    later = tuple(
        replace(each, effective_on=max(each.effective_on, date(2026, 4, 1))) for each in ALL_PACKS.adopted[1:]
    )
    moved = replace(ALL_PACKS, adopted=(ALL_PACKS.adopted[0], *later))
    statute = replace(ALL_PACKS, adopted=ALL_PACKS.adopted[:1])
    assert statute.differs_from(moved) == date(2026, 4, 1)
