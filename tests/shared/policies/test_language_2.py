"""The second language of packs: what its members become, and what keeps a rule from running without end."""

from __future__ import annotations

import pytest

from shared.domain.catalogue.roles import Role
from shared.domain.timetable.intervals import Counting, Interval, Unit
from shared.domain.timetable.reviews import What
from shared.domain.timetable.rules import AnchorKind, CountedFrom, End, EventAnchor, Pattern, Rule, Weekend, Which
from shared.policies.faults import FaultCode
from shared.policies.linter import check

HEAD = """language = 2
pack = "test"
edition = "2026-12"
title = "Test"
jurisdiction = "Nowhere"
source = "None"
calendar = "weekdays_only"

[[rule]]
key = "check"
title = "Check"
basis = "guidance"
citation = "None"
verified_by = "A person"
verified_on = 2026-11-23
"""
PANEL = """
[rule.anchor]
event = "panel.recommended"
where = { advice = ["supported", "not_supported"] }
which = "latest"
called = "the day the panel met"

[[rule.satisfied_by_event]]
event = "agency_decision.made"
same = ["route"]

[[rule.ends]]
event = "home.ended"
where = { reason = ["care_ended"] }
because = "Care ended"

[[rule.step]]
title = "Decision"
within = { days = 14 }
counting = "beginning_with"
"""
HOME = """anchor = "home_started"
what = "visit"

[[rule.satisfied_by_event]]
event = "visit.made"

[[rule.step]]
title = "First"
within = { weeks = 1 }

"""


def read(text: str) -> Rule:
    """Return the only rule of a pack that has no errors."""
    reading = check(HEAD + text, "test.toml")
    assert reading.errors == ()
    assert reading.pack is not None
    [rule] = reading.pack.rules
    return rule


def codes(text: str) -> set[FaultCode]:
    return {finding.code for finding in check(HEAD + text, "test.toml").findings}


def test_a_fact_starts_a_clock() -> None:
    """Anchor, what is owed, whose work it is, what does it and what ends it are read as they are written."""
    rule = read('what = "decision"\nfor = ["agency_decision_maker"]\nweekend = "next_working_day"\n' + PANEL)
    asked = Pattern(event="panel.recommended", where=(("advice", frozenset({"supported", "not_supported"})),))
    assert rule.anchor == EventAnchor(pattern=asked, called="the day the panel met", which=Which.LATEST)
    assert (rule.what, rule.roles) == (What.DECISION, frozenset({Role.AGENCY_DECISION_MAKER}))
    assert rule.weekend is Weekend.NEXT_WORKING_DAY
    assert rule.satisfied_by_events == (Pattern(event="agency_decision.made", same=("route",)),)
    care_ended = Pattern(event="home.ended", where=(("reason", frozenset({"care_ended"})),))
    assert rule.ends == (End(pattern=care_ended, because="Care ended"),)
    assert rule.steps[0].counting is Counting.BEGINNING_WITH


def test_truth_values_are_asked_for_as_they_are() -> None:
    """Whether a member is true is asked by true or by "true", and means the same."""
    for written in ("true", '"true"'):
        rule = read(
            f'[rule.anchor]\nevent = "home.started"\nwhere = {{ emergency = [{written}] }}\ncalled = "then"\n'
            '[[rule.satisfied_by_event]]\nevent = "visit.made"\n'
            '[[rule.step]]\ntitle = "First"\nwithin = { weeks = 1 }\n'
        )
        assert isinstance(rule.anchor, EventAnchor)
        assert rule.anchor.pattern.where == (("emergency", frozenset({"true"})),)


def test_a_step_has_a_phase() -> None:
    """Years are months, and a step may recur until its phase ends."""
    second = '[[rule.step]]\ntitle = "Second"\nwithin = { weeks = 6 }\nfrom = "previous_due"\nrepeats = true\n'
    third = '[[rule.step]]\ntitle = "Third"\neach_calendar_year = true\nfrom = "previous_held"\nrepeats = true\n'
    rule = read(HOME + second + "phase = { years = 2 }\n" + third)
    assert rule.anchor is AnchorKind.HOME_STARTED
    assert rule.steps[1].phase == Interval(24, Unit.MONTHS)
    assert rule.steps[1].counted_from is CountedFrom.PREVIOUS_DUE
    assert (rule.steps[2].each_calendar_year, rule.steps[2].within) == (True, None)


def test_a_day_that_the_fact_tells_is_due() -> None:
    """An expiry is due on the day that its fact tells; nothing has to satisfy what only ends."""
    rule = read(
        'what = "expiry"\n[rule.anchor]\nevent = "legal_reason.started"\ncalled = "the beginning"\n'
        '[[rule.ends]]\nevent = "legal_reason.ended"\nsame = ["legal_reason_id"]\nbecause = "The order ended"\n'
        '[[rule.step]]\ntitle = "Expiry"\non_day = "expires_on"\n'
    )
    assert rule.steps[0].on_day == "expires_on"


@pytest.mark.parametrize(
    ("within", "counting", "stands"),
    [
        ("hours = 23", "from", True),
        ("hours = 24", "from", False),
        ("days = 1", "beginning_with", True),
        ("working_days = 1", "beginning_with", True),
        ("days = 1", "from", False),
        ("days = 2", "beginning_with", False),
    ],
)
def test_a_step_that_recurs_comes_to_a_later_day(within: str, counting: str, stands: bool) -> None:
    """A step that could be due on the day of the one before it, for ever, is refused."""
    said = f'counting = "{counting}"\n' if counting != "from" else ""
    text = f'[[rule.step]]\ntitle = "Again"\nwithin = {{ {within} }}\n{said}from = "previous_due"\nrepeats = true\n'
    assert (FaultCode.REPEATS_IN_PLACE in codes(HOME + text)) is stands


@pytest.mark.parametrize(("months", "late"), [(11, True), (12, True), (13, False)])
def test_phases_come_one_after_another(months: int, late: bool) -> None:
    """A phase that ends no later than the one before it would never come."""
    step = '[[rule.step]]\ntitle = "{}"\nwithin = {{ weeks = 1 }}\nfrom = "previous_held"\nrepeats = true\n'
    phases = step.format("A") + "phase = { years = 1 }\n" + step.format("B") + f"phase = {{ months = {months} }}\n"
    assert (FaultCode.PHASE_OUT_OF_ORDER in codes(HOME + phases)) is late


@pytest.mark.parametrize("said", ["language = 1", 'language = "2"', "language = 3"])
def test_there_is_no_other_language(said: str) -> None:
    """The first language is the one that goes without saying; any but the second is refused."""
    [finding, *_] = check(HEAD.replace("language = 2", said) + HOME, "test.toml").findings
    assert (finding.code, finding.line, finding.column) == (FaultCode.LANGUAGE_UNKNOWN, 1, 1)


def test_the_latest_data_of_an_event_are_asked() -> None:
    """A member that only an earlier version of an event's data had is none: facts are read as the latest."""
    for asked, is_unknown in (("agreed_with_parents = [true]", True), ('agreed_with = ["parent"]', False)):
        tied = HOME.replace('event = "visit.made"', f'event = "care_plan.agreed"\nwhere = {{ {asked} }}')
        assert (FaultCode.MEMBER_UNKNOWN in codes(tied)) is is_unknown
