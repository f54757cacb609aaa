"""Pack files: what is shipped, and what is refused with which words."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from shared.domain.timetable.intervals import Interval, Unit
from shared.domain.timetable.rules import EventAnchor, Rule
from shared.policies.loader import InvalidPack, known_packs, read_pack
from shared.policies.timetables import council_timetable
from tests.support.bystanders import BYSTANDERS

HEAD = """
pack = "test"
edition = "2026-11"
title = "Test"
jurisdiction = "Nowhere"
source = "None"
calendar = "weekdays_only"
"""
RULE = """
[[rule]]
key = "check"
title = "Check"
anchor = "home_started"
basis = "guidance"
citation = "None"
"""
STEP = """
[[rule.step]]
title = "First"
within = { weeks = 6 }
"""


def refusal(tmp_path: Path, text: str) -> str:
    """Return why a pack file with this text is refused."""
    path = tmp_path / "test.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidPack) as refused:
        read_pack(path)
    return str(refused.value)


NATIONS = {
    "england": "england_bank_holidays",
    "ireland": "ireland_public_holidays",
    "northern-ireland": "northern_ireland_bank_holidays",
    "wales": "wales_bank_holidays",
}
SCOTTISH_LAW = {"scotland", "scotland-duties"}


def test_shipped_packs() -> None:
    """The law of five nations is shipped, what guidance asks for in one, and local policy of a council."""
    of_basis: dict[str, set[str]] = {}
    for pack in known_packs():
        for rule in pack.rules:
            of_basis.setdefault(rule.basis, set()).add(pack.pack)
    assert of_basis["statute"] == SCOTTISH_LAW | NATIONS.keys()
    assert of_basis["guidance"] == {"scotland-guidance"}
    assert of_basis["local_policy"] == {
        *("care-plan-by-two-weeks", "seventy-two-hour-meeting"),
        *("three-monthly-cadence", "two-week-planning-meeting"),
    }


def test_no_other_nation_binds_a_council() -> None:
    """A council that adopted nothing works to the statutory reviews of Scotland and to nothing else."""
    timetable = council_timetable([])
    assert {each.pack.pack for each in timetable.adopted} == {"scotland"}
    assert {each.pack.pack for each in timetable.in_force_on(date(2026, 11, 23))} == {"scotland"}


def test_a_nation_counts_on_its_own_calendar() -> None:
    """Each rule of a nation leaves out that nation's own holidays, and nobody else's."""
    counted = {(pack.pack, rule.calendar) for pack in known_packs() if pack.pack in NATIONS for rule in pack.rules}
    assert counted == set(NATIONS.items())


def test_nothing_is_verified_that_was_not_read() -> None:
    """Rules read only as made, in part or in notes, and those of other nations, name nobody who verified them."""
    unverified = {
        (pack.pack, rule.citation) for pack in known_packs() for rule in pack.rules if rule.verified_by is None
    }
    assert {citation for pack, citation in unverified if pack == "scotland"} == {
        "SSI 2009/210 reg 38(2), as changed by the Coronavirus (Scotland) Act 2020 sch 3 para 10",
        "SSI 2009/210 reg 45(2)",
        "SSI 2009/210 reg 45(3)",
        "SSI 2009/210 reg 44",
    }
    others = {pack.pack: len(pack.rules) for pack in known_packs() if pack.pack in {"scotland-duties", *NATIONS}}
    for pack, rules in others.items():
        assert sum(name == pack for name, _ in unverified) == rules, pack
    assert {pack for pack, _ in unverified} == {*SCOTTISH_LAW, "scotland-guidance", *NATIONS}


def test_what_nobody_verified_says_how_far_it_was_read() -> None:
    """Each rule that nobody verified tells in a note what was read of it, or that nothing is counted."""
    for pack in known_packs():
        for rule in pack.rules:
            notes = " ".join(note.text for note in rule.notes)
            words = ("read", "checked", "from memory", "Homeward counts none")
            assert rule.verified_by is not None or any(word in notes for word in words), (pack.pack, rule.key)


def test_a_valid_pack_is_read(tmp_path: Path) -> None:
    """A small pack is a pack: its rule takes the calendar of the pack, its step the citation of the rule."""
    path = tmp_path / "test.toml"
    path.write_text(HEAD + RULE + STEP, encoding="utf-8")
    [rule] = read_pack(path).rules
    assert (rule.calendar, rule.steps[0].citation) == ("weekdays_only", "None")
    assert rule.steps[0].within == Interval(6, Unit.WEEKS)


def test_a_refusal_says_where_and_why(tmp_path: Path) -> None:
    """A file that is no pack is refused with all its errors, each with file, line, key and reason, and no warning."""
    said = refusal(tmp_path, HEAD + RULE + STEP.replace("weeks = 6", "fortnights = 3") + "repeat = true\n")
    units = "hours, days, working_days, weeks, months, years"
    assert said.splitlines() == [
        f"test.toml:18:12: rule[0].step[0].within.fortnights: unknown unit; write one of {units} [unit_unknown]",
        'test.toml:19:1: rule[0].step[0].repeat: there is no "repeat" here; near it: repeats [key_unknown]',
    ]


def test_rules_that_never_meet_may_share_a_key(tmp_path: Path) -> None:
    """One key may be judged by one rule up to a day and by another from the next day on."""
    path = tmp_path / "test.toml"
    earlier = RULE + "effective_to = 2026-01-01\n" + STEP
    later = RULE + "effective_from = 2026-01-02\n" + STEP
    path.write_text(HEAD + earlier + later, encoding="utf-8")
    assert len(read_pack(path).rules) == 2


def test_what_a_pack_reads_says_so() -> None:
    """No event type that a shipped rule asks about is published as one on which no review date rests."""
    asked = {name for pack in known_packs() for rule in pack.rules for name in events_of(rule)}
    assert {"visit.made", "health_board.notified", "legal_reason.ended"} <= asked
    assert asked & {each.name for each in BYSTANDERS} == set()


def events_of(rule: Rule) -> set[str]:
    """Return the event types that a rule asks about."""
    patterns = [*rule.satisfied_by_events, *(end.pattern for end in rule.ends)]
    return {each.event for each in patterns} | (
        {rule.anchor.pattern.event} if isinstance(rule.anchor, EventAnchor) else set()
    )
