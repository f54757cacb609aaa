"""The whole system, in each of its two modes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import pytest

from tests.e2e.system import Receiver, System

MODES = ("embedded", "three_processes")


@pytest.fixture(scope="session")
def data_root() -> Iterator[Path]:
    """A folder that the server's own user may enter; pytest closes its own to all but us."""
    with TemporaryDirectory(prefix="homeward-e2e-") as folder:
        root = Path(folder)
        root.chmod(0o755)
        yield root


@pytest.fixture
def data_folder(data_root: Path) -> Path:
    """A new folder for one system."""
    folder = data_root / uuid4().hex
    folder.mkdir()
    return folder


@pytest.fixture(params=MODES)
def system(request: pytest.FixtureRequest, data_folder: Path) -> Iterator[System]:
    """A running Homeward: in one process with its own server, or three over a shared one."""
    database_url = None if request.param == "embedded" else request.getfixturevalue("fresh_database_url")
    running = System(request.param, data_folder, database_url)
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
