"""Running the operator's commands on the log."""

from __future__ import annotations

import argparse

import pytest

from services import log_commands
from tests.support.databases import off_loop


def operate(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Run one command; return its exit status and what it wrote to both outputs."""
    parser = argparse.ArgumentParser(prog="homeward")
    log_commands.add_commands(parser.add_subparsers(required=True))
    asked = parser.parse_args(arguments)
    statuses: list[int] = []
    off_loop(lambda: statuses.append(asked.command(asked)))
    written = capsys.readouterr()
    return statuses[0], written.out, written.err
