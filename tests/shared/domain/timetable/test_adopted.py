"""Timetables that a council adopts, from the day it says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.domain.history import facts
from shared.domain.timetable.engine import Timetable, adopted_timetable
from shared.domain.timetable.rules import OnHomeChange
from shared.policies.calendars import closed_on
from shared.policies.loader import known_packs
from shared.policies.timetables import council_timetable
from tests.shared.domain.timetable.story import PLANNING, STATUTORY, Story, adopting, due, placed
from tests.support.events import Log
from tests.support.packs import load_pack

SHIPPED = closed_on(frozenset())
TWO_WEEKS = "two-week-planning-meeting"


def test_the_law_needs_no_adoption() -> None:
    """A council that adopted nothing works to the statutory pack, and to that alone."""
    assert [each.pack.pack for each in council_timetable(()).adopted] == ["scotland"]


def test_a_pack_applies_from_the_day_it_is_adopted() -> None:
    """A clock that started the day before is not judged by the pack; one of the day itself is."""
    timetable = adopting(TWO_WEEKS, since="2026-01-15")
    assert Story().accommodated("2026-01-14").reviews(PLANNING, timetable) == []
    assert due(Story().accommodated("2026-01-15").reviews(PLANNING, timetable)) == ["2026-01-29"]


def test_a_pack_not_at_hand_is_told_and_not_passed_over() -> None:
    """Adopting a pack that is not shipped stands in the timetable as unknown."""
    log = Log()
    log.add("timetable.adopted", "authority", "2026-01-01", pack="weekly", edition="2026-01", effective_on="2026-01-01")
    [unknown] = council_timetable(log.events).unknown
    assert (unknown.pack, unknown.edition, unknown.position) == ("weekly", "2026-01", 1)


def test_one_edition_of_a_pack_judges_a_clock() -> None:
    """A later edition replaces the earlier one for clocks from its own day, and keeps review ids."""
    old = load_pack(TWO_WEEKS)
    step = replace(old.rules[0].steps[0], title="Planning meeting, new edition")
    new = replace(old, edition="2027-01", rules=(replace(old.rules[0], steps=(step,)),))
    log = Log()
    for pack, since in ((old, "2026-01-01"), (new, "2026-06-01")):
        log.add("timetable.adopted", "authority", since, pack=pack.pack, edition=pack.edition, effective_on=since)
    timetable = adopted_timetable(facts(log.events), packs=(*known_packs(), new), calendars=SHIPPED)
    titles = [Story().accommodated(day).reviews(PLANNING, timetable)[0].title for day in ("2026-05-31", "2026-06-01")]
    assert titles == ["Two-week planning meeting", "Planning meeting, new edition"]


def test_what_the_timetable_needs_must_be_at_hand() -> None:
    """Without the statutory pack, or the calendar that its rules name, there is no timetable."""
    with pytest.raises(KeyError, match="scotland"):
        adopted_timetable((), packs=(), calendars=SHIPPED)
    with pytest.raises(KeyError, match="scot_bank_holidays"):
        adopted_timetable((), packs=known_packs(), calendars={})


def continuing() -> Timetable:
    """Return the statutory timetable, but with clocks that run on when the home changes."""
    law = load_pack("scotland")
    rules = tuple(replace(rule, on_home_change=OnHomeChange.CONTINUE) for rule in law.rules)
    return adopted_timetable((), packs=(replace(law, rules=rules),), calendars=SHIPPED)


def test_a_rule_may_run_on_through_a_change_of_home() -> None:
    """A rule that continues keeps its sequence from home to home, until care away from home ends."""
    story = placed("2026-01-15").held("2026-02-20").home("2026-03-10", "H2").held("2026-05-10").home("2026-06-01", "H3")
    reviews = story.reviews(STATUTORY, continuing())
    assert due(reviews[:3]) == ["2026-02-26", "2026-05-20", "2026-11-10"]
    story.home("2026-07-01", "P", "parents")
    assert {review.closed_because for review in story.reviews(STATUTORY, continuing())[2:]} == {
        "The child went to live with parents on 1 July 2026."
    }


def test_a_rule_that_runs_on_starts_anew_with_another_episode() -> None:
    """A second episode of care has a sequence of its own even where homes do not restart it."""
    story = placed("2026-01-15").care_ended("2026-02-01").accommodated("2026-03-01", "E2").home("2026-03-01", "H2")
    assert due(story.still_open(STATUTORY, continuing())[:1]) == ["2026-04-12"]
