"""What the operator's program says of itself."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import pytest

from services.cli.program import parser


def commands(of: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Yield a parser and those of all its commands."""
    yield of
    for action in of._actions:
        if isinstance(action, argparse._SubParsersAction):
            for each in action.choices.values():
                yield from commands(each)


ENDING = [command for command in commands(parser()) if "command" in command._defaults]
EVERY = pytest.mark.parametrize("command", list(commands(parser())), ids=lambda command: command.prog)


@EVERY
def test_help_says_what_a_command_does_and_what_it_takes(command: argparse.ArgumentParser) -> None:
    """Somebody who knows nothing but the command's name learns what it does, and what each argument means."""
    assert (command.description or "").endswith(".")
    for action in command._actions:
        assert action.help or isinstance(action, argparse._SubParsersAction), action.metavar


@pytest.mark.parametrize("command", ENDING, ids=lambda command: command.prog)
def test_help_says_how_a_command_ends(command: argparse.ArgumentParser) -> None:
    """Whoever writes a job learns from the help of what works by itself which exit statuses there are."""
    assert "It ends with 0 " in (command.epilog or "")


def test_commands_are_known_by_what_they_call() -> None:
    """What the test of their ends goes by finds them: there are a dozen at least."""
    assert len(ENDING) >= 12


@pytest.mark.parametrize("width", ["60", "110"])
@EVERY
def test_help_can_be_written(command: argparse.ArgumentParser, width: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Argparse reads a percent sign in help as the beginning of a name."""
    monkeypatch.setenv("COLUMNS", width)
    assert f"usage: {command.prog} " in command.format_help()
