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


@pytest.mark.parametrize(
    ("text", "key", "reason"),
    [
        (HEAD + RULE + STEP + "[", "test.toml", "Invalid"),
        (HEAD + RULE, "rule[0].step", "required"),
        (HEAD, "rule", "required"),
        (HEAD + RULE + STEP + "repeat = true\n", "rule[0].step[0].repeat", "not permitted"),
        (HEAD + RULE + STEP.replace("weeks = 6", "weeks = 6, days = 1"), "rule[0].step[0].within", "exactly one unit"),
        (HEAD + RULE + STEP.replace("weeks = 6", "weeks = 0"), "rule[0].step[0].within", "greater than 0"),
        (HEAD + RULE + STEP.replace("weeks", "fortnights"), "rule[0].step[0].within", "working_days"),
        (HEAD.replace("weekdays_only", "lunar") + RULE + STEP, "calendar", "scot_bank_holidays"),
        (HEAD.replace("2026-11", "second") + RULE + STEP, "edition", "pattern"),
        (HEAD + RULE + STEP + 'from = "previous_held"\n', "rule[0]", "no review before it"),
        (HEAD + RULE + STEP + "repeats = true\n", "rule[0].step[0]", "previous_held"),
        (HEAD + RULE + STEP + '[[rule.step]]\ntitle = "Then"\n', "rule[0]", "must be the only step"),
        (HEAD + RULE + "owed_from = 2\n" + STEP, "rule[0]", "beyond the last step"),
        (HEAD + RULE + 'verified_by = "me"\n' + STEP, "rule[0]", "together or not at all"),
        (HEAD + RULE + 'satisfied_by = ["tea"]\n' + STEP, "rule[0].satisfied_by", "emergency_review"),
        (
            HEAD + RULE + "effective_from = 2026-02-01\neffective_to = 2026-01-01\n" + STEP,
            "rule[0]",
            "before effective_from",
        ),
        (
            HEAD + RULE.replace("home_started", "accommodated") + "emergency_only = true\n" + STEP,
            "rule[0]",
            "cannot depend on the home",
        ),
        (
            HEAD + RULE + STEP + 'from = "anchor"\n' + '[[rule.step]]\ntitle = "Two"\nwithin = { weeks = 1 }\n'
            'from = "previous_held"\nrepeats = true\n[[rule.step]]\ntitle = "Three"\nwithin = { weeks = 1 }\n',
            "rule[0]",
            "only the last step may repeat",
        ),
        (HEAD + RULE + STEP + RULE + STEP, "the whole file", "rule[0] and rule[1] share a key"),
        (
            HEAD + RULE + "effective_to = 2026-01-01\n" + STEP + RULE + "effective_from = 2026-01-01\n" + STEP,
            "the whole file",
            "share a key",
        ),
    ],
)
def test_refusals(tmp_path: Path, text: str, key: str, reason: str) -> None:
    """What a pack cannot say is refused with the name of the file, the key, and the reason."""
    said = refusal(tmp_path, text)
    assert said.startswith("test.toml: ")
    assert key in said
    assert reason in said


def test_rules_that_never_meet_may_share_a_key(tmp_path: Path) -> None:
    """One key may be judged by one rule up to a day and by another from the next day on."""
    path = tmp_path / "test.toml"
    earlier = RULE + "effective_to = 2026-01-01\n" + STEP
    later = RULE + "effective_from = 2026-01-02\n" + STEP
    path.write_text(HEAD + earlier + later, encoding="utf-8")
    assert len(read_pack(path).rules) == 2
