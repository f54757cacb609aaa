"""What the benchmarks say of themselves, and which arguments they take."""

from __future__ import annotations

import re
import sys

import pytest

from benchmarks import __main__ as program
from tests.meta.repository import ROOT


def test_help_says_what_each_measures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who knows only the names learns what each does, how long it takes, and where its figures stand."""
    monkeypatch.setenv("COLUMNS", "200")
    told = program.parser().format_help()
    for name in program.BENCHMARKS:
        assert re.search(rf"\n  {name} +\w.+ \(.*(minute|minutes)\b.*\)\n", told), name
    page = re.findall(r"docs/\S+\.md", told)[0]
    assert "\n## Figures\n" in (ROOT / page).read_text(encoding="utf-8")
    assert "PostgreSQL of their own" in told


def test_present_calls_are_read() -> None:
    """As the design's figures were measured."""
    asked = program.parser().parse_args(["append", "--rounds", "12", "--seconds", "0.5", "--json"])
    assert (asked.name, asked.rounds, asked.seconds, asked.json, asked.events) == ("append", 12, 0.5, True, None)
    assert program.parser().parse_args(["growth", "--events", "5000000"]).events == 5_000_000


def test_a_size_that_would_do_nothing_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only growth has one; nothing is started then."""
    monkeypatch.setattr(sys, "argv", ["benchmarks", "append", "--events", "10"])
    with pytest.raises(SystemExit) as ended:
        program.main()
    assert ended.value.code == 2
    assert "--events is growth's only" in capsys.readouterr().err
