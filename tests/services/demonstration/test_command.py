"""The command writes the log as lines that others can read."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime

import orjson
import pytest
from cloudevents.core.formats.json import JSONFormat

from services.demonstration.__main__ import main
from services.demonstration.council import generate
from services.demonstration.ndjson import lines
from tests.meta.repository import ROOT
from tests.services.demonstration.councils import LOADED_ON, council
from tests.support.clock import SettableClock


def test_the_command_writes_one_event_a_line(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """Its output is the council's log, line for line."""
    assert main(["--seed", "3", "--until", "2026-11-23", "--years", "1"]) == 0
    assert capfdbinary.readouterr().out == b"".join(lines(generate(3, LOADED_ON, 1)))


def test_the_command_ends_today_unless_told_otherwise(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """Half an hour before midnight UTC in July it is already the next day in London."""
    clock = SettableClock(datetime(2026, 7, 1, 23, 30, tzinfo=UTC))
    main(["--years", "1"], clock=clock)
    written = capfdbinary.readouterr().out
    main(["--years", "1", "--until", "2026-07-02"])
    assert written == capfdbinary.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--years", "0"], "--years: at least one year"),
        (["--years", "x"], "--years: this is a whole number"),
        (["--until", "tomorrow"], "--until: a day is written YYYY-MM-DD"),
        (["--seed", "x"], "--seed: this is a whole number"),
    ],
)
def test_bad_arguments_are_refused(arguments: list[str], message: str, capfd: pytest.CaptureFixture[str]) -> None:
    """The command explains its use, says what may stand there, and writes no event."""
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert "usage" in err
    assert message in err


def test_whoever_looks_at_the_beginning_is_not_frightened() -> None:
    """When the reader of its output goes away, as `head` does, the command ends without a word."""
    reads, writes = os.pipe()
    os.close(reads)
    command = [sys.executable, "-m", "services.demonstration", "--years", "1"]
    done = subprocess.run(command, cwd=ROOT, stdout=writes, stderr=subprocess.PIPE, check=False, timeout=60)
    os.close(writes)
    assert (done.returncode, done.stderr) == (1, b"")


def test_the_cloudevents_sdk_reads_every_line() -> None:
    """The Python SDK of the CloudEvents project parses each line and finds the same attributes and data."""
    reader = JSONFormat()
    for event, line in zip(council(1).events, lines(council(1).events), strict=True):
        assert line.endswith(b"\n")
        assert line.count(b"\n") == 1
        read = reader.read(None, line)
        assert read.get_specversion() == "1.0"
        assert (read.get_id(), read.get_source(), read.get_type()) == (event["id"], event["source"], event["type"])
        assert (read.get_subject(), read.get_dataschema()) == (event["subject"], event["dataschema"])
        assert read.get_time() == datetime.fromisoformat(event["time"])
        assert read.get_extension("recordedtime") == event["recordedtime"]
        assert read.get_data() == orjson.loads(line)["data"]
