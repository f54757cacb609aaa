"""Running the operator's program: in this process, in one of its own, and in one that has a terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping
from types import MappingProxyType

import pytest

from services.cli import program
from tests.meta.repository import ROOT
from tests.support.databases import off_loop

COMMAND = [sys.executable, "-m", "services.cli"]
LINES, COLUMNS = 30, 110


def operate(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Run the program here; return its exit status and what it wrote to both outputs."""
    statuses: list[int] = []
    off_loop(lambda: statuses.append(program.main(arguments)))
    written = capsys.readouterr()
    return statuses[0], written.out, written.err


def started(
    database_url: str, *arguments: str | bytes, environment: Mapping[str, str] = MappingProxyType({})
) -> subprocess.CompletedProcess[str]:
    """Run the program as a script does, with both outputs redirected, and with ``environment`` besides."""
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=ROOT,
        env={**_environment(database_url), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def begun(database_url: str, *arguments: str, output: int) -> subprocess.Popen[str]:
    """Begin to run the program with standard output going to the file descriptor ``output``; the caller ends it."""
    return subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=ROOT,
        env=_environment(database_url),
        stdout=output,
        stderr=subprocess.PIPE,
        text=True,
    )


def on_terminal(database_url: str, *arguments: str) -> tuple[int, str]:
    """Run the program on a terminal; return its exit status and everything that the terminal was sent."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    environment = _environment(database_url) | {"TERM": "xterm-256color"}
    with subprocess.Popen(
        [*COMMAND, *arguments], cwd=ROOT, env=environment, stdin=its, stdout=its, stderr=its
    ) as process:
        os.close(its)
        sent = _until_hung_up(ours)
    os.close(ours)
    return process.returncode, sent.decode()


def _until_hung_up(terminal: int) -> bytes:
    sent = b""
    while True:
        try:
            part = os.read(terminal, 65_536)
        except OSError:  # Linux says so when nobody holds the other end any more.
            return sent
        if not part:
            return sent
        sent += part


def _environment(database_url: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HOMEWARD_")}
    return kept | {"HOMEWARD_DATABASE_URL": database_url}
