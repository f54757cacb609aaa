"""The whole system, in each of its two modes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.system import Receiver, System

MODES = ("embedded", "three_processes")


@pytest.fixture(params=MODES)
def system(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[System]:
    """A running Homeward: in one process with its own server, or three over a shared one."""
    tmp_path.chmod(0o755)
    database_url = None if request.param == "embedded" else request.getfixturevalue("fresh_database_url")
    running = System(request.param, tmp_path, database_url)
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    """The example receiver, listening."""
    listening = Receiver(tmp_path)
    try:
        listening.start()
        yield listening
    finally:
        listening.stop()
