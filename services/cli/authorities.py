"""``homeward authority``: the councils that use this installation.

::

    homeward authority add ID --name NAME              make an authority; one that is there stays as it is
"""

from __future__ import annotations

import argparse
import re

from services.cli.command import Commands, Parser, Refused, Status, write
from services.cli.database import Database, on_database
from shared.domain.clock import SystemClock
from shared.domain.ids import AUTHORITY_PATTERN
from shared.identity.store import add_authority


def add_to(commands: Commands[Parser]) -> None:
    """Add ``authority`` to the operator's commands."""
    authority = commands.add_parser("authority", help="the councils that use this installation")
    add = authority.add_subparsers(required=True, metavar="COMMAND").add_parser(
        "add", help="make an authority; one that is there stays as it is"
    )
    add.add_argument("authority", metavar="ID")
    add.add_argument("--name", required=True, help="its name in full")
    add.set_defaults(command=on_database(_add))


async def _add(database: Database, asked: argparse.Namespace) -> int:
    if not re.fullmatch(AUTHORITY_PATTERN[1:-1], asked.authority):
        raise Refused("an authority's id is 2 to 40 of a-z, 0-9 and '-', and begins with a letter")
    async with database.transaction() as connection:
        await add_authority(connection, asked.authority, asked.name, SystemClock().now())
    write(f"The authority {asked.authority} is there.\n")
    return Status.WELL
