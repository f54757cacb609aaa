"""``homeward authority``: the councils that use this installation.

::

    homeward authority add ID --name NAME              make an authority; one that is there stays as it is
    homeward authority list                            which there are, since when, with how many keys and events
    homeward authority list --json                     the same, one JSON object a line
"""

from __future__ import annotations

import argparse
import json
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from services.cli import arguments
from services.cli.command import ENDS, Commands, Parser, Status, write
from services.cli.database import Database, on_database
from services.cli.table import laid_out
from services.events.store.connection import Pool
from services.events.store.read import log_heads
from shared.domain.clock import SystemClock, civil_date
from shared.identity.store import add_authority, authorities, find_authority, keys_of

#: The name comes last: it is the one that may be long.
_HEADINGS = ("ID", "ADDED", "KEYS", "EVENTS", "NAME")


def add_to(commands: Commands[Parser]) -> None:
    """Add ``authority`` to the operator's commands."""
    authority = commands.add_parser(
        "authority",
        help="add and list councils",
        description="An authority is a council that uses this installation, with a log and keys of its own.",
    )
    verbs = authority.add_subparsers(required=True, metavar="COMMAND")
    add = verbs.add_parser(
        "add",
        help="add a council",
        description="Add a council. One that is there already stays as it is, with the name that it has. "
        "`homeward keys add` then makes its keys.",
        epilog=ENDS,
    )
    add.add_argument(
        "authority",
        type=arguments.new_authority,
        metavar="ID",
        help="a short name that never changes: 2 to 40 of a-z, 0-9 and '-', beginning with a letter",
    )
    add.add_argument("--name", type=arguments.name, required=True, help="the council's name in full")
    add.set_defaults(command=on_database(_add))
    listing = verbs.add_parser(
        "list",
        help="list the councils",
        description="List the councils: id, day on which each was added, its usable keys, the events in its log, "
        "its name.",
        epilog=ENDS,
    )
    listing.add_argument("--json", action="store_true", help="print one JSON object a line, for programs")
    listing.set_defaults(command=on_database(_list))


async def _add(database: Database, asked: argparse.Namespace) -> int:
    async with database.transaction() as connection:
        new = await add_authority(connection, asked.authority, asked.name, SystemClock().now())
        found = await find_authority(connection, asked.authority)
    assert found is not None
    write(_added(asked.authority) if new else _already(asked.authority, found.name))
    return Status.WELL


def _added(authority_id: str) -> str:
    return (
        f"The authority {authority_id} was added. Now make a key for each system that is to use it: "
        f"`homeward keys add {authority_id} --scope SCOPE ...`; `homeward keys add --help` names the scopes.\n"
    )


def _already(authority_id: str, name: str) -> str:
    return f"The authority {authority_id} is there already, as {name!r}, and stays so.\n"


async def _list(database: Database, asked: argparse.Namespace) -> int:
    async with database.transaction() as connection, database.log() as pool:
        figures = await _figures(connection, pool, SystemClock().now())
    if asked.json:
        lines = [json.dumps(each) for each in figures]
    else:
        lines = laid_out(_HEADINGS, [[str(value) for value in each.values()] for each in figures])
    for line in lines:
        write(line + "\n")
    return Status.WELL


async def _figures(connection: AsyncConnection, pool: Pool, now: datetime) -> list[dict[str, Any]]:
    """Return what there is to tell of each authority, in the order of a line."""
    ids = await authorities(connection)
    async with pool.connection() as log:
        heads = await log_heads(log, ids)
    figures = []
    for authority_id in ids:
        found = await find_authority(connection, authority_id)
        assert found is not None
        figures.append(
            {
                "authority": authority_id,
                "added_on": civil_date(found.created_at).isoformat(),
                "keys": sum(key.usable(now) for key in await keys_of(connection, authority_id)),
                "events": heads.get(authority_id, 0),
                "name": found.name,
            }
        )
    return figures
