"""``homeward rebuild``: build what the services show anew from the log, beside the live tables, and exchange it.

::

    homeward rebuild                     both projections
    homeward rebuild reporting           one of them
    homeward rebuild --check             exchange nothing; say whether what is shown follows from the log

It works while the services serve and follow the log.  The services need no restart.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.progress import Progress, TaskID

from services.embedded.program import operated_database
from services.events.store.histories import open_histories
from services.events_bar import events_bar
from services.reporting.rebuild import JourneyRebuild
from services.scheduler.rebuild import ReviewRebuild
from shared.domain.clock import Clock, SystemClock
from shared.runtime.rebuild import Rebuildable, Rebuilt, Tells, job_of, rebuild
from shared.runtime.rebuild_compare import Difference
from shared.runtime.rebuild_schema import CannotRebuild
from shared.wire.feed import UnreadableEvent

PROJECTIONS: dict[str, Rebuildable] = {"scheduler": ReviewRebuild(), "reporting": JourneyRebuild()}

#: The exit status when what is shown does not follow from the log.
DIFFERENT = 1


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``rebuild`` to the operator's commands."""
    parser = commands.add_parser("rebuild", help="build a projection anew beside the live one, and exchange them")
    parser.add_argument("service", nargs="*", metavar="SERVICE", help=f"{' or '.join(PROJECTIONS)}; without one, both")
    parser.add_argument(
        "--check", action="store_true", help="exchange nothing; compare row for row, and exit with 1 if they differ"
    )
    parser.set_defaults(command=command)


def command(asked: argparse.Namespace) -> int:
    """Do what ``homeward rebuild`` was asked; return the exit status.  Raises CannotRebuild or CannotStart."""
    unknown = [name for name in asked.service if name not in PROJECTIONS]
    if unknown:
        raise CannotRebuild(f"there is no projection of {unknown[0]}; there are: {', '.join(PROJECTIONS)}")
    url = operated_database()
    names = [name for name in PROJECTIONS if name in (asked.service or PROJECTIONS)]
    with _progress() as shown:
        try:
            done = asyncio.run(run(url, names, SystemClock(), shown, check=asked.check))
        except UnreadableEvent as error:
            raise CannotRebuild(str(error)) from None
    for each in done:
        sys.stdout.write(_sentences(each, check=asked.check))
    return DIFFERENT if any(difference.differing for each in done for difference in each.differences) else 0


async def run(url: str, names: Sequence[str], clock: Clock, tell: Tells, *, check: bool) -> list[Rebuilt]:
    """Rebuild the projections of these names on the database of this URL."""
    services = [PROJECTIONS[name] for name in names]
    return await rebuild(job_of(url, open_histories, services, clock), services, clock, tell, check=check)


class Shown:
    """A rebuild as an operator sees it: a bar with events, rate and remaining time, and sentences above it."""

    def __init__(self, progress: Progress) -> None:
        """Show on ``progress``."""
        self._progress = progress
        self._bar: TaskID | None = None
        self._total = 0

    def say(self, sentence: str) -> None:
        """Show a sentence above the bar."""
        self._progress.console.print(sentence, highlight=False)

    def expect(self, events: int) -> None:
        """Make the bar longer."""
        self._total += events
        if self._bar is None:
            self._bar = self._progress.add_task("events", total=self._total, rate="")
        self._progress.update(self._bar, total=self._total)

    def did(self, events: int) -> None:
        """Move the bar on."""
        if self._bar is None:
            return
        self._progress.update(self._bar, advance=events)
        speed = self._progress.tasks[self._bar].speed
        self._progress.update(self._bar, rate=f"{speed:,.0f} events/s" if speed else "")


@contextmanager
def _progress() -> Iterator[Shown]:
    with events_bar() as progress:
        yield Shown(progress)


def _sentences(of: Rebuilt, *, check: bool) -> str:
    if not check:
        told = f" {of.told} notices tell what changed by it." if of.told else ""
        return f"{of.service}: rebuilt from {of.events:,} events and exchanged.{told}\n"
    wrong = [each for each in of.differences if each.differing]
    apart = sum(each.apart for each in of.differences)
    kept = f" ({apart:,} withdrawn reviews are told as of the day they were read.)" if apart else ""
    if not wrong:
        rows = sum(each.rows for each in of.differences)
        return f"{of.service}: all {rows:,} rows follow from {of.events:,} events.{kept}\n"
    return "".join(_told(of.service, each) for each in wrong)


def _told(service: str, of: Difference) -> str:
    more = f" and {of.differing - len(of.keys):,} more" if of.differing > len(of.keys) else ""
    return (
        f"{service}.{of.table}: {of.differing:,} of {of.rows:,} rows differ, in {', '.join(of.columns)}: "
        f"{'; '.join(of.keys)}{more}\n"
    )
