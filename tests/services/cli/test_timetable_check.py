"""``homeward timetable check`` and ``show``: packs of rules, told to who writes them and to who works by them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from services.cli.timetable_listing import listing
from shared.domain.timetable.rules import Pack
from shared.policies.linter import check
from shared.policies.loader import known_packs
from tests.meta.repository import ROOT
from tests.services.cli.operating import operate

PACKS = ROOT / "shared/policies"
BAD = ROOT / "tests/shared/policies/bad"
STEPS, SCOTLAND, CADENCE = BAD / "steps.toml", PACKS / "scotland-2026-12.toml", PACKS / "three-monthly-cadence.toml"


@pytest.fixture(autouse=True)
def _without_a_database(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whatever asks for a database here fails: nobody listens there, and the data folder is empty."""
    monkeypatch.setenv("HOMEWARD_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    monkeypatch.setenv("HOMEWARD_DATA_DIR", str(tmp_path / "data"))


def test_what_is_wrong_is_told_by_line(capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each finding begins with file, line and column, and ends with its code; the last one counts."""
    status, out, err = operate(capsys, "timetable", "check", str(STEPS))

    first, *_, last = out.splitlines()
    assert (status, err) == (1, "")
    assert first == (
        f"{STEPS}:22:1: rule[0].step[0].from: there is no review before the first; leave it out, "
        'or write "anchor" [first_step_not_from_anchor]'
    )
    assert last == "1 file checked: 8 errors, 1 warning."
    assert out.splitlines()[:-1] == check(STEPS.read_text(encoding="utf-8"), str(STEPS)).lines()


def test_warnings_keep_no_pack_from_being_fine(capsys: pytest.CaptureFixture[str]) -> None:
    """Files with warnings alone end with 0, and the warnings are told all the same."""
    status, out, _ = operate(capsys, "timetable", "check", str(SCOTLAND), str(CADENCE))
    assert status == 0
    assert out.splitlines()[-1] == "2 files checked: no errors, 4 warnings."
    assert out.count("[not_verified] (warning)") == 4


def test_a_program_reads_the_findings(capsys: pytest.CaptureFixture[str]) -> None:
    """With --json each finding is an object on a line of its own, and a file without any adds none."""
    status, out, _ = operate(capsys, "timetable", "check", "--json", str(CADENCE), str(STEPS))
    found = [json.loads(line) for line in out.splitlines()]
    assert (status, len(found)) == (1, 9)
    assert found[0] == {
        "file": str(STEPS),
        "code": "first_step_not_from_anchor",
        "severity": "error",
        "line": 22,
        "column": 1,
        "key": "rule[0].step[0].from",
        "message": 'there is no review before the first; leave it out, or write "anchor"',
    }


def test_a_file_that_cannot_be_read_keeps_no_other_from_being_checked(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """It ends with 2, which is no verdict, and says why; what could be read is told."""
    other = tmp_path / "other.toml"
    other.write_bytes('title = "Räte"'.encode("latin-1"))
    status, out, err = operate(capsys, "timetable", "check", "/nowhere.toml", str(STEPS), str(tmp_path), str(other))
    assert status == 2
    assert out.splitlines()[-1] == "1 file checked: 8 errors, 1 warning."
    assert err.splitlines() == [
        "homeward: there is no file /nowhere.toml",
        f"homeward: {tmp_path} cannot be read (Is a directory)",
        f"homeward: {other} is not UTF-8 (byte 11); save it as UTF-8",
    ]


@pytest.mark.parametrize("arguments", [(), ("check",), ("check", "--jason", "x"), ("show",)])
def test_wrong_arguments_are_two(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]) -> None:
    """Without a command or a file, or with an option that there is not, it ends with 2 and says where to read more."""
    with pytest.raises(SystemExit) as ended:
        operate(capsys, "timetable", *arguments)
    assert ended.value.code == 2
    assert "--help` shows what it takes" in capsys.readouterr().err


def test_nothing_in_a_file_moves_the_cursor(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A message may quote the file, and no character of it does anything to a terminal."""
    file = tmp_path / "odd.toml"
    file.write_text('"\\u001b[2J" = 1\ncalendar = "\\u009b2J"\n', encoding="utf-8")
    _, out, _ = operate(capsys, "timetable", "check", str(file))
    assert "\\x1b[2J" in out
    assert all(each.isprintable() for each in out.replace("\n", ""))


def test_a_team_leader_reads_a_pack(capsys: pytest.CaptureFixture[str]) -> None:
    """The listing says whom a rule is about, what is owed when, what satisfies it, its source, and who verified it."""
    status, out, _ = operate(capsys, "timetable", "show", "three-monthly-cadence")
    assert status == 0
    said = " ".join(out.split())
    for sentence in (
        "No child waits more than three months between reviews (three-monthly-cadence, edition 2026-11)",
        "1. Reviews every three months from the third on (three_monthly_review)",
        "For: a child who lives away from home, with whomever it is, but not in a series of short breaks.",
        "- First Looked After Child Review: within 6 weeks of the day the home began. Another rule owes it;",
        "- Three-monthly review: within 3 months of the day the review before it was held, again and again.",
        "A move to another home starts the count anew.",
        "Held by a meeting recorded as: looked after child review.",
        "Source: Local policy; CELCIS report on the two week planning meeting, lines 407-411 (local policy).",
        "Verified on 23 November 2026 by Homeward research, in the source report.",
        "Note: The law allows six months; this council holds the review three months after the one before.",
    ):
        assert sentence in said


def test_what_nobody_verified_is_told_so(capsys: pytest.CaptureFixture[str]) -> None:
    """Rules that nobody read again say so, and so does the one whose frequency must be agreed."""
    said = " ".join(operate(capsys, "timetable", "show", "scotland")[1].split())
    assert said.count("NOT VERIFIED: nobody has yet checked this rule") == 4
    assert "within 3 working days of the day the home began, leaving out weekends and Scottish bank holidays." in said
    assert "In force where the count begins from 7 April 2020 up to 30 September 2021." in said
    assert "as often as is agreed; no date follows from this rule." in said
    assert "Note, for a child in secure care: " in said


def test_hours_are_counted_from_an_hour(capsys: pytest.CaptureFixture[str]) -> None:
    """A rule in hours does not say that a day is where it begins."""
    out = operate(capsys, "timetable", "show", "seventy-two-hour-meeting")[1]
    assert "within 72 hours of the hour the home began." in " ".join(out.split())


def test_facts_are_told_that_start_and_end_a_count(capsys: pytest.CaptureFixture[str]) -> None:
    """What starts the count, whose work it is, what does it and what ends it are told by the names of their events."""
    said = " ".join(operate(capsys, "timetable", "show", "scotland-duties")[1].split())
    for sentence in (
        "For: a child about whom this is recorded: panel.recommended (advice: not supported or supported).",
        "What: decision. Whose work: agency decision maker.",
        "within 14 days of the day on which the panel gave its recommendation.",
        "Done by what is recorded as: agency_decision.made.",
        "on the day that the record itself tells (expires on).",
        "No more is owed after what is recorded as: legal_reason.ended (of the same legal reason id).",
        "The count goes on when care away from home ends.",
    ):
        assert sentence in said


def test_phases_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    """How long a step recurs, and that another is owed once in each calendar year, stands in the listing."""
    said = " ".join(operate(capsys, "timetable", "show", "ireland")[1].split())
    assert "again and again, until 24 months have passed since the count began." in said
    assert "once in each calendar year, counted from the day the review before it was held, again and again." in said
    assert "within 3 months of the day the one before it was held" in said


def test_days_may_be_counted_otherwise(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A period that begins with a day, a weekend that moves the last day, and a count from what was due are told."""
    text = CADENCE.read_text(encoding="utf-8").replace('pack = "', 'language = 2\npack = "', 1)
    text = text.replace("satisfied_by =", 'weekend = "next_working_day"\nsatisfied_by =')
    text = text.replace("{ weeks = 6 }", '{ weeks = 6 }\ncounting = "beginning_with"')
    path = tmp_path / "mine.toml"
    path.write_text(text.replace('"previous_held"', '"previous_due"'), encoding="utf-8")
    said = " ".join(operate(capsys, "timetable", "show", str(path))[1].split())
    assert "within 6 weeks beginning with the day the home began." in said
    assert "of the day the review before it was due, again and again." in said
    assert "If that is no working day, the next working day is the last one." in said


def test_a_file_is_shown_as_a_shipped_pack_is(capsys: pytest.CaptureFixture[str]) -> None:
    """A council reads its own draft as it will read the pack."""
    of_file = operate(capsys, "timetable", "show", str(SCOTLAND))
    assert of_file[0] == 0
    assert of_file == operate(capsys, "timetable", "show", "scotland")


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ("scotlnd", "there is no file scotlnd, and no shipped pack of that name; there are care-plan-by-two-weeks, "),
        (str(STEPS), "is no pack yet: it has 8 errors; `homeward timetable check "),
    ],
)
def test_what_cannot_be_shown_is_refused_in_words(capsys: pytest.CaptureFixture[str], named: str, message: str) -> None:
    """Whoever asks for what there is not learns what there is, or how to find out what is wrong."""
    status, out, err = operate(capsys, "timetable", "show", named)
    assert (status, out) == (1, "")
    assert message in err


@pytest.mark.parametrize("pack", known_packs(), ids=lambda pack: f"{pack.pack} {pack.edition}")
def test_every_shipped_pack_is_told_whole(pack: Pack) -> None:
    """Each rule, step and note of a shipped pack is in its listing, and no line is wider than a page."""
    lines = list(listing(pack))
    said = " ".join(" ".join(lines).split())
    assert max(map(len, lines)) <= 100
    for rule in pack.rules:
        texts = [rule.title, rule.citation, *(step.title for step in rule.steps), *(note.text for note in rule.notes)]
        assert [text for text in texts if text not in said] == []
