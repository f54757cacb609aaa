"""What the person who typed ``make run`` sees: progress, one calm screen, a goodbye."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

AHEAD = timedelta(days=14)
_PLAIN_STEPS = 5


@dataclass(frozen=True, slots=True)
class Welcome:
    """What the first screen tells; ``child_id`` is a child of whom there is much to see."""

    base_url: str
    api_key: str
    data: str
    today: date
    child_id: str | None


def write_any_text() -> None:
    """Have characters that standard output's encoding lacks written out: a locale ends no program half-way."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


class Screen:
    """Writes to standard output, in plain lines when that is no terminal; trouble to standard error."""

    def __init__(self, console: Console | None = None, errors: Console | None = None) -> None:
        """Write to ``console``, and trouble to ``errors``."""
        self._console = console or Console(highlight=False, soft_wrap=True)
        self._errors = errors or Console(highlight=False, soft_wrap=True, stderr=True)

    def tell(self, text: str) -> None:
        """Write one line about what is going on."""
        self._console.print(text, style="dim", markup=False)

    def trouble(self, text: str) -> None:
        """Write why this cannot go on, and what to do, as all programs of Homeward do."""
        self._errors.print(f"homeward: {text}", style="bold", markup=False)

    @contextmanager
    def progress(self, what: str) -> Iterator[Callable[[int, int], None]]:
        """Yield a function that shows how much of ``what`` is done."""
        if not self._console.is_terminal:
            yield self._plain_progress(what)
            return
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, console=self._console, transient=True) as bar:
            task = bar.add_task(what, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)

    def _plain_progress(self, what: str) -> Callable[[int, int], None]:
        told = -1

        def show(done: int, total: int) -> None:
            nonlocal told
            step = done * _PLAIN_STEPS // total if total else _PLAIN_STEPS
            if step > told:
                told = step
                self.tell(f"{what}: {done} of {total}")

        return show

    def welcome(self, welcome: Welcome) -> None:
        """Write the screen that stays: where everything is, and three questions to ask."""
        self._heading(welcome.base_url, welcome.data)
        self._row("API key", welcome.api_key)
        until = welcome.today + AHEAD
        self._question(
            "What is due in the next 14 days",
            welcome,
            "/v1/reviews?status=due&status=approaching&status=scheduled"
            f"&due_from={welcome.today.isoformat()}&due_to={until.isoformat()}&limit=3",
        )
        if welcome.child_id is not None:
            self._question("One child's journey", welcome, f"/v1/journeys/{welcome.child_id}", lines=80)
        self._question(
            "Days from accommodation to recommendation",
            welcome,
            "/v1/measures/accommodated-to-recommendation",
            lines=20,
        )
        self._ending()

    def welcome_without_demonstration(self, base_url: str, data: str, operate: str) -> None:
        """Write how to begin with a council of one's own; ``operate`` starts the operator's program."""
        self._heading(base_url, data)
        self._line()
        self._line("No demonstration council was loaded. Make an authority and a key of it:", style="bold")
        self._line(f"{operate} authority add northshire --name 'Northshire Council'")
        self._line(f"{operate} keys add northshire --scope events:append --scope events:read --scope reviews:read")
        self._ending()

    def goodbye(self) -> None:
        """Write that everything has stopped."""
        self._console.print("Stopped. Your data are kept; `make run` continues with them.", markup=False)

    def _heading(self, base_url: str, data: str) -> None:
        self._line()
        self._line("Homeward is running.", style="bold green")
        self._line()
        self._row("Address", base_url)
        self._row("API docs", f"{base_url}/docs")
        self._row("Data", data)

    def _row(self, label: str, value: str) -> None:
        self._line(f"{label:<10}{value}")

    def _question(self, question: str, welcome: Welcome, target: str, *, lines: int | None = None) -> None:
        """Write a question and the line that asks it; of a long answer only the first ``lines``."""
        self._line()
        self._line(question, style="bold")
        ask = f"curl -s -H 'Authorization: Bearer {welcome.api_key}' '{welcome.base_url}{target}'"
        shown = "" if lines is None else f" | sed -n 1,{lines}p"
        self._line(f"{ask} | python3 -m json.tool{shown}")

    def _ending(self) -> None:
        self._line()
        self._line("Ctrl-C stops everything.", style="dim")

    def _line(self, text: str = "", *, style: str | None = None) -> None:
        self._console.print(f"  {text}" if text else "", style=style, markup=False)
