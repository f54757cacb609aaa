"""What the linter tells of packs that are wrong, each with its line; the files in ``bad`` end with what is told."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.policies.faults import MEANINGS, FaultCode, Severity
from shared.policies.linter import TEXT_MAX, Finding, check
from shared.policies.loader import known_packs

BAD = sorted((Path(__file__).parent / "bad").glob("*.toml"))
SHIPPED = sorted(Path(sys.modules["shared.policies"].__path__[0]).glob("*.toml"))
PACK = """pack = "test"
edition = "2026-11"
title = "Test"
jurisdiction = "Nowhere"
source = "None"
calendar = "weekdays_only"
[[rule]]
key = "check"
title = "Check"
anchor = "home_started"
basis = "guidance"
citation = "None"
satisfied_by = ["other"]
verified_by = "A person"
verified_on = 2026-11-23
[[rule.step]]
title = "First"
within = { weeks = 6 }
"""
#: What is wrong with a whole text, its place and code.
TEXTS = [
    ('a = "b"\nedition = 2026-11\n', (2, 15), "not_toml"),
    ("rule = [\n", (2, 1), "not_toml"),
    ("a = 1\na = 2\n", (2, 6), "not_toml"),
    (f"a = {'9' * 5000}", (1, 1), "not_toml"),
    ("\ufeff" + PACK, (1, 1), "byte_order_mark"),
    (PACK + "#" * TEXT_MAX, (1, 1), "text_too_long"),
    (PACK + f"within = {'[' * 5000}{']' * 5000}", (1, 1), "nested_too_deep"),
    ("a = 1\n" + ".".join("b" * 60) + " = 1", (2, 1), "nested_too_deep"),
    ("a = 1\n x = {" + " . ".join(["'b'", '"c"'] * 30) + " = 1}", (2, 7), "nested_too_deep"),
]


@cache
def read_bad(path: Path) -> tuple[Finding, ...]:
    return check(path.read_text(encoding="utf-8"), path.name).findings


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_each_fault_is_told_where_it_stands(path: Path) -> None:
    """Line, column, key, message and code of every finding are those that the file ends with."""
    expected = [line[3:] for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("#: ")]
    assert [str(finding) for finding in read_bad(path)] == expected
    assert check(path.read_text(encoding="utf-8"), path.name).pack is None


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_line_begins_with_what_is_wrong(path: Path) -> None:
    """Whoever goes to the place finds the last part of the key, its value, or the table it is missing from."""
    lines = path.read_text(encoding="utf-8").splitlines()
    for finding in read_bad(path):
        there = lines[finding.line - 1][finding.column - 1 :]
        name = finding.key.rpartition(".")[2]
        missing = finding.code in (FaultCode.KEY_MISSING, FaultCode.CITATION_MISSING, FaultCode.INTERVAL_MISSING)
        assert there.startswith(name) or missing or (there.startswith(("[[", '"')) and name.endswith("]")), finding


@pytest.mark.parametrize(("text", "place", "code"), TEXTS, ids=[f"{code} {place}" for _, place, code in TEXTS])
def test_a_text_that_says_nothing_is_told_so(text: str, place: tuple[int, int], code: str) -> None:
    """What is no TOML, or more of it than any pack needs, is one finding at the place where reading stopped."""
    [finding] = check(text, "x").findings
    assert (finding.code, (finding.line, finding.column)) == (code, place)


def test_every_code_is_tried() -> None:
    """There is no code, error or warning, that these tests do not bring about, and each has a meaning."""
    found = {finding.code for path in BAD for finding in read_bad(path)} | {FaultCode(code) for *_, code in TEXTS}
    assert found == set(FaultCode) == set(MEANINGS)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_packs_have_no_errors(path: Path) -> None:
    """The packs that are shipped may be unverified, and count hours; nothing else is to be told of them."""
    reading = check(path.read_text(encoding="utf-8"), path.name)
    assert reading.pack in known_packs()
    assert {finding.code for finding in reading.findings} <= {FaultCode.NOT_VERIFIED, FaultCode.HOUR_MAY_BE_UNKNOWN}


def test_a_pack_with_warnings_is_read() -> None:
    """A warning keeps no pack from being read, and an error does."""
    reading = check(PACK.replace('satisfied_by = ["other"]\n', ""), "test.toml")
    assert reading.pack is not None
    told = "no kind of meeting satisfies it, so its reviews will all be overdue; write satisfied_by"
    assert reading.lines() == [f"test.toml:7:1: rule[0]: {told} [never_satisfied] (warning)"]
    assert (reading.errors, reading.warnings) == ((), reading.findings)
    assert check(PACK.replace("weeks = 6", "weeks = 0"), "test.toml").pack is None


def test_a_gap_that_another_rule_fills_is_none() -> None:
    """Three rules of one key that follow each other leave nothing unjudged."""
    rule = PACK[PACK.index("[[rule]]") :]
    head = PACK.removesuffix(rule)

    def lasting(*lines: str) -> str:
        return rule.replace("verified_by", "\n".join([*lines, "verified_by"]))

    before = lasting("effective_to = 2020-04-06")
    between = lasting("effective_from = 2020-04-07", "effective_to = 2021-09-30")
    after = lasting("effective_from = 2021-10-01")
    assert check(head + before + between + after, "x").findings == ()
    [gap] = check(head + before + after, "x").findings
    assert (gap.code, gap.severity) == (FaultCode.EFFECTIVE_GAP, Severity.WARNING)
    apart = after.replace("effective_from", 'home_kinds = ["parents"]\neffective_from')
    assert check(head + before + apart, "x").findings == ()


def test_a_message_quotes_no_more_than_a_line_holds() -> None:
    """A very long word is cut."""
    [finding] = check(PACK.replace('"home_started"', f'"{"x" * 5000}"'), "x").findings
    assert len(finding.message) < 200


#: What only the second language has, as lines that may stand in any pack, right or wrong.
SECOND = """language = 2
what = "visit"
for = ["social_worker"]
[rule.anchor]
event = "legal_reason.started"
where = { legal_reason = ["section_25"] }
day = "expires_on"
which = "first"
called = "the day"
[[rule.satisfied_by_event]]
event = "legal_reason.ended"
same = ["legal_reason_id"]
[[rule.ends]]
because = "It ended"
on_day = "expires_on"
each_calendar_year = true
counting = "beginning_with"
phase = { months = 12 }
repeats = true
from = "previous_due"
"""
_LINES = st.sampled_from([line + "\n" for line in (PACK + SECOND).splitlines()])
_ODD = st.sampled_from(
    [*'\x00\ufeff\ud800"[]{}=.#\n\r', "'''", "0x" + "f" * 5000, "1e999", "9999-12-31", "25:00:00"]
) | (st.sampled_from(["inf", "nan", "0001-01-01", "true", "rule = 1\n", "[rule]\n", "[[rule.step]]\n"]))


@given(st.binary(max_size=60))
def test_no_bytes_make_it_fail(data: bytes) -> None:
    """Whatever a file holds, there is an answer: no random text is a pack."""
    assert check(data.decode("latin-1"), "x").errors
    assert check(data.decode("utf-8", "surrogateescape"), "x").errors


@given(st.lists(_LINES | _ODD, max_size=30).map("".join))
def test_no_torn_pack_makes_it_fail(text: str) -> None:
    """Lines of a pack in any order, with anything between them, have an answer: a pack or why it is none."""
    reading = check(text, "x")
    assert (reading.pack is None) == bool(reading.errors)


@given(st.data())
def test_no_replaced_value_makes_it_fail(data: st.DataObject) -> None:
    """Any value of a pack may be exchanged for any other; what is told stands in the line that was touched."""
    lines = PACK.splitlines()
    number = data.draw(st.sampled_from([number for number, line in enumerate(lines) if " = " in line]))
    name = lines[number].partition(" = ")[0]
    lines[number] = (
        f"{name} = {data.draw(_ODD | st.sampled_from(['[[1]]', '[{}]', '{}', '{a = 1}', '-1', '1.5', '[]']))}"
    )
    reading = check("\n".join(lines), "x")
    assert (reading.pack is None) == bool(reading.errors)
