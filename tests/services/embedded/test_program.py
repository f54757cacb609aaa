"""`make run`, as somebody meets it who types it: a real process, its screen, and its end."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from shared.runtime.serve import UNUSABLE_SETTINGS
from tests.meta.repository import ROOT
from tests.support.ports import free_port

START_SECONDS = 120.0
LAST_LINE = "Ctrl-C stops everything."
#: Some of the demonstration is loaded, and not yet all.
LOADING = r"Loading the demonstration council: [1-9]"


class Run:
    """One run of the program."""

    def __init__(self, folder: Path, port: int, **settings: str) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("HOMEWARD_")}
        environment |= {"HOMEWARD_DATA_DIR": str(folder / "data"), "HOMEWARD_PORT": str(port), **settings}
        self._output = folder / f"output-{time.monotonic_ns()}"
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "services.embedded"], cwd=ROOT, env=environment, stdout=output, stderr=output
            )

    @property
    def screen(self) -> str:
        """What it has written so far."""
        return self._output.read_text(encoding="utf-8")

    def wait_for(self, text: str) -> None:
        """Wait until it has written what ``text``, a regular expression, matches."""
        deadline = time.monotonic() + START_SECONDS
        while not re.search(text, self.screen):
            assert self.process.poll() is None, self.screen
            assert time.monotonic() < deadline, self.screen
            time.sleep(0.05)

    def end(self, how: signal.Signals) -> int:
        """End it, wait until every process of it is gone, and return its exit status."""
        family = psutil.Process(self.process.pid).children(recursive=True)
        self.process.send_signal(how)
        status = self.process.wait(60)
        _, alive = psutil.wait_procs(family, timeout=60)
        assert alive == []
        return status


@contextmanager
def running(folder: Path, port: int, **settings: str) -> Iterator[Run]:
    run = Run(folder, port, **settings)
    try:
        yield run
    finally:
        if run.process.poll() is None:
            run.end(signal.SIGKILL)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_every_polite_end_is_a_success(tmp_path: Path, how: signal.Signals) -> None:
    """Ctrl-C, SIGTERM and SIGHUP stop everything: exit status 0, a goodbye, no process."""
    with running(tmp_path, free_port(), HOMEWARD_DEMO="0") as run:
        run.wait_for(LAST_LINE)
        assert " INFO " not in run.screen
        assert run.end(how) == 0
        assert run.screen.endswith("Stopped. Your data are kept; `make run` continues with them.\n")


def test_an_end_in_the_middle_of_starting_leaves_nothing(tmp_path: Path) -> None:
    """Ctrl-C while PostgreSQL is being made is a success too, and the next start works."""
    port = free_port()
    with running(tmp_path, port, HOMEWARD_DEMO="0") as run:
        run.wait_for("Starting PostgreSQL.")
        assert run.end(signal.SIGINT) == 0
    with running(tmp_path, port, HOMEWARD_DEMO="0") as run:
        run.wait_for(LAST_LINE)


def test_an_end_in_the_middle_of_loading_is_as_calm(tmp_path: Path) -> None:
    """Ctrl-C while the demonstration is loaded is a success: what cannot be loaded any more is no failure."""
    with running(tmp_path, free_port()) as run:
        run.wait_for(LOADING)
        assert run.end(signal.SIGINT) == 0
        assert "Traceback" not in run.screen
        assert run.screen.endswith("Stopped. Your data are kept; `make run` continues with them.\n")


def test_a_taken_port_is_one_sentence(tmp_path: Path) -> None:
    """Who listens there already is not disturbed, and the message says what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken, running(tmp_path, taken.getsockname()[1]) as run:
        assert run.process.wait(60) == 1
        assert "HOMEWARD_PORT=" in run.screen
        assert "Traceback" not in run.screen
        assert not (tmp_path / "data/postgres").exists()


def test_two_at_once_do_not_share_their_data(tmp_path: Path) -> None:
    """A second Homeward with the same data is refused with what to do, and the first goes on."""
    with running(tmp_path, free_port(), HOMEWARD_DEMO="0") as first:
        first.wait_for(LAST_LINE)
        with running(tmp_path, free_port(), HOMEWARD_DEMO="0") as second:
            assert second.process.wait(60) == 1
            assert "HOMEWARD_DATA_DIR=" in second.screen
        assert first.process.poll() is None


@pytest.mark.parametrize("name", ["HOMEWARD_SERVICE_TOKEN", "HOMEWARD_WEBHOOK_ALLOW", "HOMEWARD_DEMO_KEY"])
def test_a_setting_that_cannot_be_used_is_named(tmp_path: Path, name: str) -> None:
    """Status 2 as with every program; the message names the variable and not its value, whoever reads it and when."""
    with running(tmp_path, free_port(), **{name: "too-short-secret"}) as run:
        assert run.process.wait(60) == UNUSABLE_SETTINGS
        assert f"\nhomeward: {name} " in f"\n{run.screen}"
        assert "too-short-secret" not in run.screen
        assert "Traceback" not in run.screen


def test_a_database_that_is_away_is_one_sentence(tmp_path: Path) -> None:
    """A database that is set and cannot be reached is told without its password."""
    url = f"postgresql://someone:hush-hush@127.0.0.1:{free_port()}/homeward"
    with running(tmp_path, free_port(), HOMEWARD_DATABASE_URL=url) as run:
        assert run.process.wait(60) == 1
        assert "database" in run.screen
        assert "hush-hush" not in run.screen
        assert "Traceback" not in run.screen


def test_a_server_of_one_s_own_is_used(tmp_path: Path, fresh_database_url: str) -> None:
    """With a database set, no other server is started, and the demonstration is loaded there once."""
    port = free_port()
    settings = {
        "HOMEWARD_DATABASE_URL": fresh_database_url,
        "HOMEWARD_DEMO_KEY": f"hw1.demonstration.abcdefgh.{'s' * 40}",
    }
    with running(tmp_path, port, **settings) as run:
        run.wait_for(LAST_LINE)
        assert settings["HOMEWARD_DEMO_KEY"] in run.screen
        head = events_of(port, settings["HOMEWARD_DEMO_KEY"])
        assert run.end(signal.SIGINT) == 0
    settings["HOMEWARD_DATA_DIR"] = str(tmp_path / "another")
    with running(tmp_path, port, **settings) as run:
        run.wait_for(LAST_LINE)
        assert events_of(port, settings["HOMEWARD_DEMO_KEY"]) == head
    assert list(tmp_path.glob("*/postgres")) == []


def test_the_first_screen_holds_and_a_second_start_loads_nothing_twice(tmp_path: Path) -> None:
    """The three lines answer when pasted; killed half-way and started again, each event is there once."""
    port = free_port()
    with running(tmp_path, port) as run:
        run.wait_for(LOADING)
        run.end(signal.SIGKILL)
    with running(tmp_path, port) as run:
        run.wait_for(LAST_LINE)
        key = re.findall(r"API key +(\S+)", run.screen)[0]
        answers = [pasted(line) for line in run.screen.splitlines() if line.strip().startswith("curl ")]
        head = events_of(port, key)
        assert run.end(signal.SIGINT) == 0
        assert "cannot follow the log" not in run.screen  # All stop together, and nothing is wrong with any.
    with running(tmp_path, port) as run:
        run.wait_for(LAST_LINE)
        assert key in run.screen
        assert events_of(port, key) == head
    reviews, journey, measure = answers
    page = json.loads(reviews)
    assert {each["status"] for each in page["items"]} <= {"due", "approaching", "scheduled"}
    assert sum(page["counts"].values()) > len(page["items"]) == 3
    assert page["counts"]["overdue"] > 0
    assert '"milestones"' in journey
    assert '"sentence"' in measure


def pasted(line: str) -> str:
    """Run a line of the screen as a shell would; without curl, ask the same with another client."""
    if shutil.which("curl"):
        return subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True, check=True, timeout=60).stdout
    token, url = re.findall(r"Bearer (\S+)' '(\S+)'", line)[0]
    return httpx.get(url, headers={"authorization": f"Bearer {token}"}).text.replace('":', '": ')


def events_of(port: int, key: str) -> list[str]:
    ids: list[str] = []
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"authorization": f"Bearer {key}"}) as client:
        while page := client.get("/v1/events", params={"after": len(ids), "limit": 1000}).json()["events"]:
            ids += [view["event"]["id"] for view in page]
    assert len(set(ids)) == len(ids)
    return ids
