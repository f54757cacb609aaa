"""``homeward consumers``: how far each consumer of the log has come, and making one try again.

::

    homeward consumers                              each service and authority: position, lag, state, holder
    homeward consumers --json                       the same, one JSON object a line
    homeward consumers resume SERVICE AUTHORITY     let one that stands still try again at once

It reads the database, and so tells the truth while no service is running.  The list ends
with 1 if a consumer stands still or nobody follows a log, otherwise with 0; either command
ends with 2 if it could not do what was asked.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from services.embedded.database import DATABASE_TROUBLE, in_words
from services.embedded.program import CannotStart, operated_database
from services.events.store.connection import Pool, open_pool
from services.events.store.lag import Behind, behind
from services.reporting.store import log as reporting
from services.scheduler.store import events as scheduler
from shared.domain.clock import SystemClock
from shared.domain.errors import NotReady
from shared.identity.store import authorities
from shared.runtime.database import driver_url
from shared.runtime.leases import Lease, Leases
from shared.runtime.log_copy import LogCopy, Standing, State

CONSUMERS: dict[str, tuple[LogCopy, Leases]] = {
    "scheduler": (scheduler.log_copy, scheduler.leases),
    "reporting": (reporting.log_copy, reporting.leases),
}

GOING_ON, STANDING_STILL, NOT_DONE = 0, 1, 2

_HEADINGS = ("SERVICE", "AUTHORITY", "POSITION", "HEAD", "LAG", "SECONDS", "STATE", "HOLDER")

Work = Callable[[AsyncConnection, Pool, argparse.Namespace], Awaitable[int]]


class Refused(Exception):
    """What is asked for cannot be done; the message says why."""


@dataclass(frozen=True, slots=True)
class Followed:
    """One authority's log as one service follows it."""

    service: str
    authority_id: str
    standing: Standing
    behind: Behind
    lease: Lease | None

    @property
    def well(self) -> bool:
        """Whether somebody follows it, and nothing stops it."""
        return self.state is State.RUNNING and self.lease is not None

    @property
    def state(self) -> State:
        """Its state; a log that ends before the checkpoint shows here even if no process has come upon it yet."""
        if self.behind.head < self.standing.position:
            return State.AHEAD
        return State.RUNNING if self.standing.stop is None else self.standing.stop.state

    def figures(self, now: datetime) -> dict[str, Any]:
        """Return what there is to tell, in the order of a line."""
        stop, since = self.standing.stop, self.behind.since
        return {
            "service": self.service,
            "authority": self.authority_id,
            "position": self.standing.position,
            "head": self.behind.head,
            "lag_events": max(self.behind.head - self.standing.position, 0),
            "lag_seconds": 0.0 if since is None else round(max((now - since).total_seconds(), 0.0), 3),
            "state": self.state.value,
            "holder": None if self.lease is None else self.lease.holder,
            "stop": None if stop is None else str(stop),
            "stopped_at": None if self.standing.stopped_at is None else self.standing.stopped_at.isoformat(),
        }


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``consumers`` to the operator's commands."""
    parser = commands.add_parser("consumers", help="how far each consumer of the log has come")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.set_defaults(command=_command(_list))
    resume = parser.add_subparsers(metavar="COMMAND").add_parser("resume", help="let one that stands still try again")
    resume.add_argument("service", choices=sorted(CONSUMERS), metavar="SERVICE", help=" or ".join(CONSUMERS))
    resume.add_argument("authority", metavar="AUTHORITY")
    resume.set_defaults(command=_command(_resume))


def _command(work: Work) -> Callable[[argparse.Namespace], int]:
    """Return a command that does ``work`` in one transaction on the database that is set or running."""

    async def connect_and_work(asked: argparse.Namespace) -> int:
        url = operated_database()
        engine = create_async_engine(driver_url(url), poolclass=NullPool)
        try:
            async with engine.begin() as connection, open_pool(url, size=1) as pool:
                return await work(connection, pool, asked)
        finally:
            await engine.dispose()

    def command(asked: argparse.Namespace) -> int:
        try:
            return asyncio.run(connect_and_work(asked))
        except (Refused, CannotStart, NotReady) as error:
            sys.stderr.write(f"homeward: {error}\n")
        except DATABASE_TROUBLE as error:
            sys.stderr.write(f"homeward: {in_words(error)}\n")
        return NOT_DONE

    return command


async def _list(connection: AsyncConnection, pool: Pool, asked: argparse.Namespace) -> int:
    found = await followed(connection, pool)
    now = SystemClock().now()
    figures = [each.figures(now) for each in found]
    if asked.json:
        sys.stdout.writelines(json.dumps(each) + "\n" for each in figures)
    else:
        sys.stdout.writelines(line + "\n" for line in _table(figures))
    return GOING_ON if all(each.well for each in found) else STANDING_STILL


async def followed(connection: AsyncConnection, pool: Pool) -> list[Followed]:
    """Return how each service follows each authority's log."""
    names = await authorities(connection)
    found: list[Followed] = []
    for service, (log_copy, leases) in CONSUMERS.items():
        held = await leases.held(connection, names)
        for name in names:
            standing = await log_copy.standing(connection, name)
            async with pool.connection() as log:
                rest = await behind(log, name, standing.position)
            found.append(Followed(service, name, standing, rest, held.get(name)))
    return found


def _table(figures: Sequence[dict[str, Any]]) -> list[str]:
    """Lay out columns, and under each line what stops that consumer."""
    rows = [_HEADINGS, *(tuple(_cell(value) for value in list(each.values())[: len(_HEADINGS)]) for each in figures)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    told = [[], *([f"  since {each['stopped_at']}: {each['stop']}"] if each["stop"] else [] for each in figures)]
    return [part for line, more in zip(lines, told, strict=True) for part in (line, *more)]


def _cell(value: object) -> str:
    return "nobody" if value is None else str(value)


async def _resume(connection: AsyncConnection, _: Pool, asked: argparse.Namespace) -> int:
    log_copy, leases = CONSUMERS[asked.service]
    if asked.authority not in await authorities(connection):
        raise Refused(f"there is no authority {asked.authority}")
    if not await log_copy.ask_to_resume(connection, asked.authority):
        raise Refused(f"{asked.service} does not stand still for {asked.authority}")
    held = await leases.held(connection, [asked.authority])
    when = "now" if held else "as soon as a process follows this log: none does"
    sys.stdout.write(f"{asked.service} tries again {when}; `homeward consumers` shows what comes of it.\n")
    return GOING_ON
