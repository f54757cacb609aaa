"""Logging: where to, and what not."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.runtime import logs


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    for handler in root.handlers[:]:
        root.removeHandler(handler)
        if handler not in before:
            handler.close()
    for handler in before:
        root.addHandler(handler)
    root.setLevel(level)


def test_a_file_gets_what_is_logged(tmp_path: Path) -> None:
    """With a path the log goes there, from the level on."""
    logs.configure("WARNING", tmp_path / "log")

    logging.getLogger("shared.sample").warning("told")
    logging.getLogger("shared.sample").info("not told")

    written = (tmp_path / "log").read_text()
    assert "WARNING shared.sample told" in written
    assert "not told" not in written


def test_urls_of_requests_are_not_logged(capsys: pytest.CaptureFixture[str]) -> None:
    """HTTP clients would log URLs, and a URL may name a child."""
    logs.configure("DEBUG")

    logging.getLogger("httpx").info("GET /v1/journeys/ada")

    assert "ada" not in capsys.readouterr().err
