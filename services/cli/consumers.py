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
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from services.cli.command import COUNCIL, Commands, Parser, Refused, Status, plain, write
from services.cli.database import Database, on_database, refuse_unknown
from services.cli.table import laid_out
from services.events.store.connection import Pool
from services.events.store.lag import Behind, behind
from services.reporting.store import log as reporting
from services.scheduler.store import events as scheduler
from shared.domain.clock import SystemClock
from shared.identity.store import authorities
from shared.runtime.leases import Lease, Leases
from shared.runtime.log_copy import LogCopy, Standing, State

CONSUMERS: dict[str, tuple[LogCopy, Leases]] = {
    "scheduler": (scheduler.log_copy, scheduler.leases),
    "reporting": (reporting.log_copy, reporting.leases),
}

GOING_ON, STANDING_STILL = Status.WELL, Status.NOT_WELL

_HEADINGS = ("SERVICE", "AUTHORITY", "POSITION", "HEAD", "LAG", "SECONDS", "STATE", "HOLDER")


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


def add_to(commands: Commands[Parser]) -> None:
    """Add ``consumers`` to the operator's commands."""
    parser = commands.add_parser(
        "consumers",
        help="tell how far scheduler and reporting have followed each log",
        # argparse does not show that a subcommand may be left out.
        usage="homeward consumers [-h] [--json]\n       homeward consumers resume [-h] SERVICE AUTHORITY",
        description="List how far scheduler and reporting have followed each council's log, whether one stands still, "
        "and why. It reads the database, and so works while no service runs.",
        epilog="It ends with 0 if all are followed, 1 if one stands still or nobody follows it, and 2 if that could "
        "not be told. docs/operations.md, A consumer that stands still, says what to do.",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object a line, for programs")
    parser.set_defaults(command=on_database(_list), not_done=Status.NOT_DONE)
    verbs = parser.add_subparsers(prog="homeward consumers", metavar="COMMAND")
    resume = verbs.add_parser(
        "resume",
        help="let one that stands still try again at once",
        description="Let a consumer that stands still try again at once, and not at its next try, up to a minute "
        "later. It begins with the event at which it stands: none is ever skipped.",
        epilog="It ends with 0 when it was told to, and 2 if it does not stand still or could not be told.",
    )
    resume.add_argument("service", choices=sorted(CONSUMERS), metavar="SERVICE", help=" or ".join(CONSUMERS))
    resume.add_argument("authority", metavar="AUTHORITY", help=COUNCIL)
    resume.set_defaults(command=on_database(_resume))


async def _list(database: Database, asked: argparse.Namespace) -> int:
    async with database.transaction() as connection, database.log() as pool:
        found = await followed(connection, pool)
    now = SystemClock().now()
    figures = [each.figures(now) for each in found]
    for line in map(json.dumps, figures) if asked.json else _table(figures):
        write(line + "\n")
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


def _table(figures: list[dict[str, Any]]) -> list[str]:
    """Lay out columns, and under each line what stops that consumer."""
    rows = [tuple(_cell(value) for value in list(each.values())[: len(_HEADINGS)]) for each in figures]
    lines = laid_out(_HEADINGS, rows)
    told = [[], *([plain(f"  since {each['stopped_at']}: {each['stop']}")] if each["stop"] else [] for each in figures)]
    return [part for line, more in zip(lines, told, strict=True) for part in (line, *more)]


def _cell(value: object) -> str:
    return "nobody" if value is None else str(value)


async def _resume(database: Database, asked: argparse.Namespace) -> int:
    log_copy, leases = CONSUMERS[asked.service]
    async with database.transaction() as connection:
        await refuse_unknown(connection, asked.authority)
        if not await log_copy.ask_to_resume(connection, asked.authority):
            raise Refused(f"{asked.service} does not stand still for {asked.authority}; there is nothing to resume")
        held = await leases.held(connection, [asked.authority])
    when = "now" if held else "as soon as a process follows this log: none does"
    write(f"{asked.service} tries again {when}; `homeward consumers` shows what comes of it.\n")
    return GOING_ON
