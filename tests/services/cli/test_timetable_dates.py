"""`homeward timetable dates`: what somebody with a date in hand is told, and a script reads."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from services.cli import program
from services.cli.command import Status
from services.scheduler.calculator import dates_answer, read_asked
from shared.domain.clock import SystemClock, civil_date
from shared.policies.dates import dates
from tests.meta.repository import ROOT
from tests.services.cli.operating import operate, started
from tests.support.timetable_vectors import CASES, told, wanted

SUNDAY = ("--accommodated-at", "2025-08-31T10:00+01:00")
BOTH = ("--pack", "scotland,two-week-planning-meeting")


@pytest.fixture(autouse=True)
def _on_paper(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every line end where that of a terminal of the oldest kind does."""
    monkeypatch.setenv("COLUMNS", "80")


def asked(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run the command, which must end well, and return what it prints."""
    status, out, err = operate(capsys, "timetable", "dates", *arguments)
    assert (status, err) == (Status.WELL, "")
    return out


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run the command, which must refuse its arguments in one line, and return that."""
    with pytest.raises(SystemExit) as ended:
        program.main(["timetable", "dates", *arguments])
    written = capsys.readouterr()
    assert (ended.value.code, written.out, written.err.count("\n")) == (Status.NOT_DONE, "", 1)
    return written.err


def rows(out: str) -> dict[str, tuple[str, str, str]]:
    """Return by the first line of its title the first row of each kind: due day, last working day, status."""
    day = r"[A-Z][a-z]{2} \d{1,2} [A-Z][a-z]{2} \d{4}"
    found = re.finditer(rf"^(\S.*?)  +({day}(?: \d\d:\d\d)?) +({day}) +(\S.*)$", out, re.MULTILINE)
    first: dict[str, tuple[str, str, str]] = {}
    for row in found:
        first.setdefault(row[1], (row[2], row[3], row[4]))
    return first


def typed(members: dict[str, Any]) -> list[str]:
    """Return what is asked over HTTP as somebody would type it."""
    arguments = ["--pack", ",".join(members["packs"])]
    for name in ("accommodated_on", "accommodated_at", "placed_on"):
        arguments += [f"--{name.replace('_', '-')}", members[name]] if name in members else []
    arguments += ["--emergency"] if members.get("emergency") else []
    for name in ("held", "closed"):
        if given := members.get(name):
            arguments += [f"--{name}", *(each["held_on"] if name == "held" else each for each in given)]
    return arguments


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_dates_are_those_on_file(capsys: pytest.CaptureFixture[str], case: dict[str, Any]) -> None:
    """Every case of the vectors has the days and instants on file, and the answer is that of the HTTP operation."""
    answer = json.loads(asked(capsys, *typed(case["asked"]), "--on", "2026-06-11", "--json"))
    assert told(answer["reviews"], case) == wanted(case)
    question = read_asked(case["asked"])
    on = civil_date(SystemClock().now()).replace(2026, 6, 11)
    assert answer == json.loads(dates_answer(dates(question), on).model_dump_json())


def test_a_sunday_at_the_end_of_august(capsys: pytest.CaptureFixture[str]) -> None:
    """Each review has its day with the weekday, the last working day and how it stands on the day asked about."""
    out = asked(capsys, *BOTH, *SUNDAY, "--on", "2025-09-13")
    assert out.startswith("By scotland (20")
    assert list(rows(out).values())[:4] == [
        ("Sun 14 Sep 2025", "Fri 12 Sep 2025", "approaching"),
        ("Sun 12 Oct 2025", "Fri 10 Oct 2025", "upcoming"),
        ("Mon 12 Jan 2026", "Mon 12 Jan 2026", "provisional"),
        ("Sun 12 Jul 2026", "Fri 10 Jul 2026", "provisional"),
    ]
    assert all(len(line) <= 80 for line in out.splitlines())


def test_below_each_review_stands_why(capsys: pytest.CaptureFixture[str]) -> None:
    """The sentence that explains it, the citation, and whether the rule was checked; what all share is said once."""
    text = " ".join(asked(capsys, *BOTH, *SUNDAY, "--on", "2025-09-13").split())
    assert "6 weeks from 31 August 2025 is 12 October 2025. The day of the event itself is not counted." in text
    assert "Counted from the day the child began to live with a foster carer." in text
    assert "SSI 2009/210 reg 45(2)(a) (statute), NOT VERIFIED. See note 2." in text
    assert "(local policy), verified on 23 November 2026 by Homeward research" in text
    assert text.count("Regulation 45 was read in a copy") == 1
    for once in ("NOT VERIFIED: nobody has yet checked", "It is no legal advice.", "hold the review by then."):
        assert text.count(once) == 1


def test_a_verified_answer_has_no_mark(capsys: pytest.CaptureFixture[str]) -> None:
    """The mark, and what it means, stand where a rule was not checked and nowhere else."""
    out = asked(capsys, "--pack", "two-week-planning-meeting", "--accommodated-on", "2026-01-15", "--on", "2026-01-15")
    assert "NOT VERIFIED" not in out
    assert "provisional" not in out
    assert "LAST WORKING DAY is advice" not in out


def test_holding_re_anchors_and_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Held days satisfy the statutory reviews in order, whatever way they are given; lateness is told in days."""
    many = asked(capsys, *BOTH, *SUNDAY, "--held", "2025-10-20", "2026-01-12")
    assert asked(capsys, *BOTH, *SUNDAY, "--held", "2026-01-12", "--held", "2025-10-20") == many
    assert [row[::2] for row in rows(many).values()][1:4] == [
        ("Sun 12 Oct 2025", "held 8 days late"),
        ("Tue 20 Jan 2026", "held on time"),
        ("Sun 12 Jul 2026", "overdue"),
    ]
    assert "Held on 20 October 2025." in " ".join(many.split())
    one_day = asked(capsys, *BOTH, *SUNDAY, "--held", "2025-10-13")
    assert "held 1 day late" in one_day


def test_meetings_of_other_kinds_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    """A kind in front of the day makes it a meeting of that kind; one that is no review here is told to be none."""
    arguments = (*BOTH, *SUNDAY, "--held", "two_week_planning_meeting=2025-09-12", "other=2025-09-09")
    out = asked(capsys, *arguments)
    assert rows(out)["Two-week planning meeting"] == ("Sun 14 Sep 2025", "Fri 12 Sep 2025", "held on time")
    assert "The meeting of 9 September 2025 (other) is none of these." in out


def test_hours_are_shown_where_they_count(capsys: pytest.CaptureFixture[str]) -> None:
    """72 hours over a change of the clocks end at another hour, in the time of Europe/London."""
    packs = ("--pack", "scotland", "--pack", "seventy-two-hour-meeting")
    out = asked(capsys, *packs, "--accommodated-at", "2026-03-27T18:00Z", "--emergency")
    assert rows(out)["72-hour meeting"][0] == "Mon 30 Mar 2026 19:00"
    assert rows(out)["Emergency review"][0] == "Wed 1 Apr 2026"


def test_what_has_no_day_has_none(capsys: pytest.CaptureFixture[str]) -> None:
    """At home with parents no day is invented; where no rule applies it is said that nothing follows."""
    home = ("--accommodated-on", "2026-01-15", "--home-kind", "parents")
    assert re.search(r"^.* -  +-  +frequency not agreed$", asked(capsys, "--pack", "scotland", *home), re.MULTILINE)
    assert "\nNo review follows from these packs.\n" in asked(capsys, "--pack", "seventy-two-hour-meeting", *home)


def test_what_is_not_asked_about_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """A rule on an event that cannot be given here says so, and what only events could do is shown as not done."""
    said = " ".join(asked(capsys, "--pack", "scotland-duties", "--accommodated-on", "2026-01-15").split())
    assert "(scotland-duties): counted from panel.recommended, which is not asked" in said
    assert "Nothing but meetings was asked about: what else is owed is shown as if it had not been done." in said
    assert "Nothing but meetings" not in asked(capsys, "--pack", "scotland", "--accommodated-on", "2026-01-15")


def test_care_that_ended_says_why_nothing_follows(capsys: pytest.CaptureFixture[str]) -> None:
    """What was due before is missed, what was due later withdrawn, and both say since when."""
    out = asked(capsys, *BOTH, *SUNDAY, "--ended-on", "2025-10-01")
    assert [row[2] for row in rows(out).values()] == ["missed", "withdrawn"]
    assert out.count("The episode of care ended on 1 October 2025.") == 2


def test_statuses_are_todays_unless_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a day they are seen from the day of asking."""
    before = civil_date(SystemClock().now())
    on = json.loads(asked(capsys, *BOTH, *SUNDAY, "--json"))["on"]
    assert str(before) <= on <= str(civil_date(SystemClock().now()))


@pytest.mark.parametrize("columns", [1, 40, 80, 110, 500])
def test_it_is_as_wide_as_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    """From 80 columns on no line is longer; on a narrower terminal only rows are, and on a wide one prose is not."""
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = asked(capsys, *BOTH, *SUNDAY, "--held", "2025-10-20").splitlines()
    assert max(map(len, lines)) <= max(80, min(columns, 110))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((*SUNDAY,), "the following arguments are required: --pack"),
        (("--pack", "scotland"), "one of the arguments --accommodated-on --accommodated-at is required"),
        (("--pack", "scotland", *SUNDAY, "--accommodated-on", "2025-08-31"), "not allowed with argument"),
        (("--pack", "scotland,atlantis", *SUNDAY), "--pack 2: There is no such pack here; there are care-plan"),
        (("--pack", "", *SUNDAY), "--pack 1: There is no such pack here"),
        (("--pack", "scotland", "--accommodated-at", "2025-08-31T10:00"), "--accommodated-at: an instant is written"),
        (("--pack", "scotland", "--accommodated-at", "0001-01-01T00:00+14:00"), "--accommodated-at: the years 1900"),
        (("--pack", "scotland", "--accommodated-on", "31.08.2025"), "--accommodated-on: a civil date is written as"),
        (("--pack", "scotland", *SUNDAY, "--placed-on", "2025-08-30"), "--placed-on: The home begins before the child"),
        (("--pack", "scotland", *SUNDAY, "--held", "2025-09-01", "2025-08-30"), "--held 2: The meeting lies before"),
        (("--pack", "scotland", *SUNDAY, "--held", "tea=2025-09-01"), "--held 1: Input should be 'emergency_review'"),
        (("--pack", "scotland", *SUNDAY, "--held", "\udcff\udcfe"), "--held 1: a civil date is written as"),
        (("--pack", "scotland", *SUNDAY, "--held", *["2025-09-01"] * 101), "--held: "),
        (("--pack", "scotland", *SUNDAY, "--closed", "x"), "--closed 1: a civil date is written as"),
        (("--pack", "scotland", *SUNDAY, "--on", "2200-01-01"), "--on: Input should be less than or equal to"),
        (("--pack", "scotland", *SUNDAY, "--home-kind", "tent"), "argument --home-kind: invalid choice"),
    ],
)
def test_wrong_arguments_are_told(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str) -> None:
    """One sentence names the option, and where there are several which of its values, and ends with status 2."""
    told_why = refused(capsys, *arguments)
    assert message in told_why
    assert told_why.startswith("homeward: ")
    assert "`homeward timetable dates --help` shows what it takes." in told_why


def test_it_needs_no_database(subtests: pytest.Subtests) -> None:
    """It answers at once though there is no database at the address that is set, and no `homeward run` either."""
    for url in ("postgresql://nobody@127.0.0.1:1/nothing", ""):
        with subtests.test(url):
            done = started(url, "timetable", "dates", *BOTH, *SUNDAY)
            assert (done.returncode, done.stderr) == (0, "")
            assert "Sun 14 Sep 2025" in done.stdout


def test_the_readme_shows_what_it_prints(capsys: pytest.CaptureFixture[str]) -> None:
    """The command stands in the README with the beginning of what it prints."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.search(r"\$ \.venv/bin/python -m services\.cli (timetable dates .+?)\n(By .+?)\n```", readme, re.DOTALL)
    assert shown is not None
    status, out, _ = operate(capsys, *shown[1].replace("\\\n", " ").split())
    assert status == Status.WELL
    assert out.startswith(shown[2] + "\n")
