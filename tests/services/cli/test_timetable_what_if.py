"""`homeward timetable what-if`: what an operator is told of a draft, over a council's own children."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio

from services.cli.command import Status
from shared.policies import loader
from tests.services.cli.operating import operate
from tests.services.scheduler.scene import Scene, accommodate, scene
from tests.support.clock import SettableClock

PACK = Path(loader.__file__).parent / "two-week-planning-meeting.toml"
ON = ("--adopt-on", "2026-01-01")


@pytest_asyncio.fixture
async def authority(database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a council of which one child is on record."""
    monkeypatch.setenv("HOMEWARD_DATABASE_URL", database_url)
    opened: Scene
    async with scene(database_url, SettableClock(datetime(2026, 6, 11, 9, tzinfo=UTC))) as opened:
        accommodate(opened.log, "2026-01-15")
        await opened.catch_up()
        return opened.authority_id


async def test_it_tells_what_would_change(authority: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The review that the draft would owe is listed with its day and how it would stand; so is the load."""
    status, out, err = operate(capsys, "timetable", "what-if", authority, str(PACK), *ON)
    assert (status, err) == (Status.WELL, "")
    assert "0 moved, 1 new, 0 gone, 0 settled otherwise" in out
    (row,) = [line for line in out.splitlines() if line.startswith("appearing")]
    assert row.split()[1] == "c-1"
    assert row.endswith("2026-01-29 overdue")
    assert "MONTH" in out


async def test_as_json_it_is_what_the_operation_answers(authority: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One JSON object with the counts, the changes and the load."""
    status, out, _ = operate(capsys, "timetable", "what-if", authority, str(PACK), *ON, "--json")
    told = json.loads(out)
    assert status == Status.WELL
    assert (told["pack"], told["counts"]["appearing"], told["left_out"]) == ("two-week-planning-meeting", 1, 0)
    assert [each["would_be_due_on"] for each in told["changes"]] == ["2026-01-29"]


async def test_what_cannot_be_asked_is_refused(
    authority: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A file with errors, one that is not there and a council that is not: a sentence each, and nothing is told."""
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("pack = 1", encoding="utf-8")
    for named, file, sentence in (
        (authority, wrong, "is no pack yet"),
        (authority, tmp_path / "none.toml", "there is no file"),
        ("no-such-council", PACK, "there is no authority no-such-council"),
    ):
        status, out, err = operate(capsys, "timetable", "what-if", named, str(file), *ON)
        assert (status, out) == (Status.NOT_WELL, "")
        assert sentence in err
