"""How a command shows what it does while it works through a log: a bar on a terminal, and nothing elsewhere.

The bar stands on standard error and goes when the work is done; what came of the work stays,
in a sentence on standard output.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from services.cli.command import plain


class Shown:
    """The events of one piece of work, done and to do; a rebuild tells it how it goes."""

    def __init__(self, bar: Progress, label: str) -> None:
        """Show on ``bar``, by the name ``label``."""
        self._bar = bar
        # Without a total the bar moves to and fro: it is not known yet how much there is to do.
        self._task = bar.add_task(label, total=None, told="")
        self._done = self._total = 0

    def say(self, sentence: str) -> None:
        """Write a sentence that stays, above the bar if there is one."""
        if self._bar.disable:
            sys.stderr.write(f"{plain(sentence)}\n")
        else:
            self._bar.console.print(plain(sentence), highlight=False, markup=False, soft_wrap=True)

    def expect(self, events: int) -> None:
        """Make the bar longer by so many events."""
        self._total += events
        self._bar.update(self._task, total=self._total, told=self._told())

    def did(self, events: int) -> None:
        """Move the bar on by so many events."""
        self._done += events
        self._bar.update(self._task, completed=self._done, told=self._told())

    def _told(self) -> str:
        speed = self._bar.tasks[0].speed
        rate = f", {speed:,.0f} a second" if speed else ""
        # Behind the last event there may be more to do than read events: a bar that is full does not mean the end.
        return f"{self._done:,} of {self._total:,} events" + (rate if self._done < self._total else ", finishing")


@contextmanager
def shown(label: str) -> Iterator[Shown]:
    """Show a piece of work as long as it lasts."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[told]}"), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        yield Shown(bar, label)
