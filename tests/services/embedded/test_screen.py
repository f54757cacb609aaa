"""The first screen can be read calmly and pasted from."""

from __future__ import annotations

import io
import shlex
from datetime import date

from rich.console import Console

from services.embedded.screen import Screen, Welcome

WELCOME = Welcome(
    "http://127.0.0.1:8000", f"hw1.demonstration.abcdefgh.{'s' * 43}", ".homeward", date(2026, 12, 25), "ada"
)


def written(width: int = 80, *, terminal: bool = False) -> tuple[Screen, io.StringIO]:
    output = io.StringIO()
    console = Console(file=output, width=width, force_terminal=terminal, highlight=False, soft_wrap=True)
    return Screen(console), output


def curls(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip().startswith("curl ")]


def test_three_questions_can_be_pasted() -> None:
    """Each question stands on one line, however narrow the terminal, and asks with the key."""
    screen, output = written(width=40)

    screen.welcome(WELCOME)

    lines = curls(output.getvalue())
    assert len(lines) == 3
    for line in lines:
        command, _, _ = line.partition(" | ")
        words = shlex.split(command)
        assert words[:3] == ["curl", "-s", "-H"]
        assert words[3] == f"Authorization: Bearer {WELCOME.api_key}"
        assert words[4].startswith(f"{WELCOME.base_url}/v1/")
    assert "status=due&status=approaching&status=scheduled&due_from=2026-12-25&due_to=2027-01-08" in lines[0]
    assert "/v1/journeys/ada'" in lines[1]


def test_without_a_child_there_is_no_journey_to_ask_for() -> None:
    """Where the log names no child, two questions remain."""
    screen, output = written()

    screen.welcome(Welcome(WELCOME.base_url, WELCOME.api_key, ".homeward", WELCOME.today, None))

    assert len(curls(output.getvalue())) == 2


def test_without_the_demonstration_the_screen_says_how_to_begin() -> None:
    """It names the commands that make an authority and a key."""
    screen, output = written()

    screen.welcome_without_demonstration("http://127.0.0.1:8000", ".homeward", "python -m services.cli")

    assert "python -m services.cli authority add northshire" in output.getvalue()
    assert "python -m services.cli keys add northshire --scope events:append" in output.getvalue()


def test_trouble_goes_to_where_errors_go() -> None:
    """It bears the program's name, as in all programs, and is not among what was asked for."""
    output, errors = io.StringIO(), io.StringIO()

    Screen(Console(file=output), Console(file=errors, soft_wrap=True)).trouble("The port is [taken].")

    assert (output.getvalue(), errors.getvalue()) == ("", "homeward: The port is [taken].\n")


def test_progress_is_a_few_plain_lines_where_nobody_watches() -> None:
    """Without a terminal there is a line for each fifth, and no control characters."""
    screen, output = written()

    with screen.progress("Loading") as progress:
        for done in range(1001):
            progress(done, 1000)

    assert output.getvalue().splitlines() == [f"Loading: {done} of 1000" for done in range(0, 1001, 200)]


def test_progress_leaves_nothing_on_a_terminal() -> None:
    """On a terminal the bar is gone when the work is done."""
    screen, output = written(terminal=True)

    with screen.progress("Loading") as progress:
        progress(0, 0)
        progress(5, 10)

    assert output.getvalue().rstrip().endswith("\x1b[2K") or "\x1b[1A" in output.getvalue()
