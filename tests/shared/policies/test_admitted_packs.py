"""Whatever pack the linter admits, the engine can work by it."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.timetable.engine import AdoptedPack, Timetable, project_reviews
from shared.domain.timetable.intervals import add_months
from shared.domain.timetable.rules import Pack
from shared.policies.calendars import closed_on
from shared.policies.linter import check
from tests.shared.domain.timetable.story import CHILD, Story

HEAD = """language = 2
pack = "drawn"
edition = "2026-12"
title = "Drawn"
jurisdiction = "Nowhere"
source = "None"
calendar = "scot_bank_holidays"

[[rule]]
key = "drawn"
title = "Drawn"
basis = "guidance"
citation = "None"
satisfied_by = ["looked_after_child_review"]
"""
ANCHORS = (
    'anchor = "home_started"\n',
    'anchor = "accommodated"\nweekend = "next_working_day"\n',
    '[rule.anchor]\nevent = "legal_reason.started"\ncalled = "then"\nwhich = "latest"\n',
    '[rule.anchor]\nevent = "legal_reason.started"\nday = "expires_on"\ncalled = "then"\n',
)
TIED = ("", '[[rule.satisfied_by_event]]\nevent = "visit.made"\n')
ENDS = ("", '[[rule.ends]]\nevent = "legal_reason.ended"\nbecause = "It ended"\n')
INTERVALS = (
    "hours = 1",
    "hours = 24",
    "days = 1",
    "days = 3",
    "working_days = 1",
    "weeks = 6",
    "months = 3",
    "years = 1",
)
WAYS = (*(f"within = {{ {each} }}" for each in INTERVALS), "each_calendar_year = true", 'on_day = "expires_on"')
FROM = ('from = "previous_held"', 'from = "previous_due"')
PHASES = ("phase = { days = 20 }", "phase = { months = 6 }", "phase = { years = 2 }")
COUNTING = ("", 'counting = "beginning_with"')
#: More than a step a day over the years that are projected, and those before.
MANY = 2000


@st.composite
def sequences(draw: st.DrawFn) -> str:
    """Draw steps, most of which make a sequence: what is counted from the one before may recur, for a phase or ever."""
    length = draw(st.integers(1, 3))
    return "\n".join(_step(draw, is_first=number == 0, is_last=number == length - 1) for number in range(length))


def _step(draw: st.DrawFn, *, is_first: bool, is_last: bool) -> str:
    way = draw(st.sampled_from(WAYS))
    said = [way]
    if way.startswith("within") and "hours" not in way:
        said.append(draw(st.sampled_from(COUNTING)))
    if not is_first:
        said.append(draw(st.sampled_from(FROM)))
        if draw(st.booleans()):
            said += ["repeats = true", *([] if is_last else [draw(st.sampled_from(PHASES))])]
    return "\n".join(['[[rule.step]]\ntitle = "Step"', *said, ""])


def told() -> Story:
    """Tell a story with a little of everything that the drawn rules ask about."""
    story = Story().accommodated("2026-01-15").home("2026-01-15").held("2026-02-20", "M1")
    for number, on in enumerate(("2026-01-15", "2026-05-04"), start=1):
        expires = "2027-01-14"
        data: dict[str, Any] = {"legal_reason_id": f"L{number}", "legal_reason": "section_25", "expires_on": expires}
        story.tell("legal_reason.started", on, **data)
    story.tell("visit.made", "2026-03-04", visit_id="V1", visited=["child"])
    return story.tell("legal_reason.ended", "2026-09-01", legal_reason_id="L1", reason="expired")


STORY = told()


def by(pack: Pack) -> Timetable:
    first = add_months(STORY.facts[0].occurred_on, -1)
    return Timetable(adopted=(AdoptedPack(pack=pack, effective_on=first),), calendars=closed_on(frozenset()))


@given(
    st.sampled_from(ANCHORS),
    st.sampled_from(TIED),
    st.sampled_from(ENDS),
    sequences(),
)
@settings(max_examples=200, deadline=None)
def test_an_admitted_pack_comes_to_an_end(anchor: str, tied: str, ends: str, sequence: str) -> None:
    """A rule without errors is projected, whatever it says: its sequences end, and each date has its arithmetic."""
    pack = check(HEAD + anchor + tied + ends + sequence, "drawn.toml").pack
    if pack is None:
        return
    reviews = project_reviews(CHILD, STORY.facts, by(pack))
    assert len(reviews) < MANY
    assert all(review.explanation.arithmetic for review in reviews)
