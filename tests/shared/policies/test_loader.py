"""Pack files: what is shipped, and what is refused with which words."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.domain.timetable.intervals import Interval, Unit
from shared.policies.loader import InvalidPack, known_packs, read_pack

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


def test_shipped_packs() -> None:
    """Four packs are shipped, one of them law and three local policy."""
    assert [pack.pack for pack in known_packs()] == [
        "scotland",
        "seventy-two-hour-meeting",
        "three-monthly-cadence",
        "two-week-planning-meeting",
    ]
    law = [pack.pack for pack in known_packs() if any(rule.basis == "statute" for rule in pack.rules)]
    assert law == ["scotland"]


def test_nothing_is_verified_that_was_not_read() -> None:
    """Rules read only as made or in part, and the temporary rule of 2020, name nobody who verified them."""
    unverified = {rule.citation for pack in known_packs() for rule in pack.rules if rule.verified_by is None}
    assert unverified == {
        "SSI 2009/210 reg 38(2), as changed by the Coronavirus (Scotland) Act 2020 sch 3 para 10",
        "SSI 2009/210 reg 45(2)",
        "SSI 2009/210 reg 45(3)",
        "SSI 2009/210 reg 44",
    }


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
    units = "hours, days, working_days, weeks, months"
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
