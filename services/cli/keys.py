"""``homeward keys``: the API keys of an authority.

::

    homeward keys add AUTHORITY --scope SCOPE ...      make a key and print it, once
    homeward keys list AUTHORITY                       list the keys, without their secrets
    homeward keys list AUTHORITY --json                the same, one JSON object a line
    homeward keys revoke AUTHORITY KEY_ID              revoke a key
"""

from __future__ import annotations

import argparse
import json
from datetime import datetime
from typing import Any

from services.cli.arguments import SCOPES, note, scope
from services.cli.command import COUNCIL, ENDS, Commands, Parser, Refused, Status, write
from services.cli.database import Database, on_database, refuse_unknown
from services.cli.table import laid_out
from shared.domain.clock import SystemClock, civil_date
from shared.identity import store
from shared.identity.keys import new_key

#: The note comes last: it is the one that may be long.
_HEADINGS = ("ID", "MADE", "STATE", "SCOPES", "NOTE")


def add_to(commands: Commands[Parser]) -> None:
    """Add ``keys`` to the operator's commands."""
    keys = commands.add_parser(
        "keys",
        help="make, list and revoke the API keys of a council",
        description="An API key lets a system read or append for one council, as far as its scopes go.",
    )
    verbs = keys.add_subparsers(required=True, metavar="COMMAND")
    add = verbs.add_parser(
        "add",
        help="make a key and print it, once",
        description="Make a key and print it. Only a hash of it is kept, so this is the only time that it is shown.",
        epilog=ENDS,
    )
    add.add_argument("authority", metavar="AUTHORITY", help=COUNCIL)
    add.add_argument(
        "--scope",
        action="append",
        type=scope,
        required=True,
        metavar="SCOPE",
        help=f"what the key may do, one of: {SCOPES}. For several, give --scope several times",
    )
    add.add_argument("--note", type=note, default="", help="what the key is for, for the list of keys")
    add.set_defaults(command=on_database(_add))
    listing = verbs.add_parser(
        "list",
        help="list the keys, without their secrets",
        description="List the keys, oldest first: id, day on which it was made, whether it is usable, scopes, note.",
        epilog=ENDS,
    )
    listing.add_argument("authority", metavar="AUTHORITY", help=COUNCIL)
    listing.add_argument("--json", action="store_true", help="print one JSON object a line, for programs")
    listing.set_defaults(command=on_database(_list))
    revoke = verbs.add_parser(
        "revoke",
        help="revoke a key, for good",
        description="Revoke a key, for good: services that run stop taking it within seconds. One that is revoked "
        "already stays so.",
        epilog=ENDS,
    )
    revoke.add_argument("authority", metavar="AUTHORITY", help=COUNCIL)
    revoke.add_argument("key_id", metavar="KEY_ID", help="id of the key, as `homeward keys list` shows it")
    revoke.set_defaults(command=on_database(_revoke))


async def _add(database: Database, asked: argparse.Namespace) -> int:
    async with database.transaction() as connection:
        await refuse_unknown(connection, asked.authority)
        key = new_key(asked.authority)
        await store.add_key(connection, key, scopes=asked.scope, note=asked.note, now=SystemClock().now())
    write(f"{key}\nKeep it now: it is not shown again.\n")
    return Status.WELL


async def _list(database: Database, asked: argparse.Namespace) -> int:
    async with database.transaction() as connection:
        await refuse_unknown(connection, asked.authority)
        found = await store.keys_of(connection, asked.authority)
    now = SystemClock().now()
    if asked.json:
        lines = [json.dumps(_figures(key, now)) for key in found]
    else:
        lines = laid_out(_HEADINGS, [_cells(key, now) for key in found])
    for line in lines:
        write(line + "\n")
    return Status.WELL


async def _revoke(database: Database, asked: argparse.Namespace) -> int:
    async with database.transaction() as connection:
        await refuse_unknown(connection, asked.authority)
        if not await store.revoke_key(connection, asked.authority, asked.key_id, SystemClock().now()):
            raise Refused(
                f"the authority {asked.authority} has no key of that id; `homeward keys list {asked.authority}` shows "
                "those it has"
            )
    write(f"The key {asked.key_id} is revoked; running services stop taking it within seconds.\n")
    return Status.WELL


def _figures(key: store.ListedKey, now: datetime) -> dict[str, Any]:
    """Return what a program learns of a key."""
    return {
        "key_id": key.key_id,
        "made_on": civil_date(key.created_at).isoformat(),
        "usable": key.usable(now),
        "revoked_on": _day(key.revoked_at),
        "expires_on": _day(key.expires_at),
        "scopes": sorted(key.scopes),
        "note": key.note,
    }


def _day(instant: datetime | None) -> str | None:
    return None if instant is None else civil_date(instant).isoformat()


def _cells(key: store.ListedKey, now: datetime) -> list[str]:
    made_on = civil_date(key.created_at).isoformat()
    return [key.key_id, made_on, _state(key, now), ",".join(sorted(key.scopes)), key.note]


def _state(key: store.ListedKey, now: datetime) -> str:
    if key.revoked_at is not None:
        return f"revoked {civil_date(key.revoked_at)}"
    if key.expires_at is not None and not key.usable(now):
        return f"expired {civil_date(key.expires_at)}"
    return "usable"
