"""``homeward``: the operator's program.

::

    homeward run                                       everything in one process
    homeward migrate                                   bring the database to the present schema
    homeward authority add ID --name NAME              make an authority (a council)
    homeward keys add AUTHORITY --scope SCOPE ...      make an API key and print it, once
    homeward keys list AUTHORITY                       list an authority's keys, without their secrets
    homeward keys revoke AUTHORITY KEY_ID              revoke a key
    homeward verify [AUTHORITY ...]                    is each log as it was recorded?
    homeward heads AUTHORITY                           signed heads, to keep elsewhere
    homeward proof AUTHORITY                           a proof of the log, to be checked without Homeward
    homeward consumers                                 how far each service has followed each log
    homeward consumers resume SERVICE AUTHORITY        let one that stands still try again
    homeward rebuild [SERVICE ...] [--check]           make projections anew beside the live ones

All but ``run`` work on the database of HOMEWARD_DATABASE_URL, or, where that is not set,
on the embedded server of a ``homeward run`` with the same data folder.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
from collections.abc import Awaitable, Callable, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from services import consumers, log_commands, rebuild
from services.embedded import program
from services.embedded.database import DATABASE_TROUBLE, in_words
from services.embedded.program import CannotStart, operated_database
from shared.domain.clock import Clock, SystemClock
from shared.domain.ids import AUTHORITY_PATTERN
from shared.identity import store
from shared.identity.keys import ALL_SCOPES, Scope, new_key
from shared.runtime import migrations
from shared.runtime.database import driver_url
from shared.runtime.rebuild_schema import CannotRebuild

Command = Callable[[argparse.Namespace], int]
Work = Callable[[AsyncConnection, argparse.Namespace, Clock], Awaitable[str]]


class Refused(Exception):
    """The operator asked for what cannot be done; the message says why."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what ``arguments`` ask; return the exit status."""
    asked = _parser().parse_args(arguments)
    command: Command = asked.command
    try:
        return command(asked)
    except (Refused, CannotStart, CannotRebuild) as error:
        sys.stderr.write(f"homeward: {error}\n")
    except DATABASE_TROUBLE as error:
        sys.stderr.write(f"homeward: {in_words(error)}\n")
    return 1


def _run(_: argparse.Namespace) -> int:
    return program.main()


def _migrate(_: argparse.Namespace) -> int:
    migrations.upgrade(operated_database())
    sys.stdout.write("The database has the present schema.\n")
    return 0


def _in_transaction(work: Work) -> Command:
    """Return a command that does ``work`` in one transaction and prints what it returns."""

    async def connect_and_work(asked: argparse.Namespace) -> str:
        engine = create_async_engine(driver_url(operated_database()), poolclass=NullPool)
        try:
            async with engine.begin() as connection:
                return await work(connection, asked, SystemClock())
        finally:
            await engine.dispose()

    def command(asked: argparse.Namespace) -> int:
        sys.stdout.write(asyncio.run(connect_and_work(asked)))
        return 0

    return command


async def _add_authority(connection: AsyncConnection, asked: argparse.Namespace, clock: Clock) -> str:
    if not re.fullmatch(AUTHORITY_PATTERN[1:-1], asked.authority):
        raise Refused("an authority's id is 2 to 40 of a-z, 0-9 and '-', and begins with a letter")
    await store.add_authority(connection, asked.authority, asked.name, clock.now())
    return f"The authority {asked.authority} is there.\n"


async def _add_key(connection: AsyncConnection, asked: argparse.Namespace, clock: Clock) -> str:
    await _refuse_unknown(connection, asked.authority)
    key = new_key(asked.authority)
    await store.add_key(connection, key, scopes=asked.scope, note=asked.note, now=clock.now())
    return f"{key}\nKeep it now: it is not shown again.\n"


async def _list_keys(connection: AsyncConnection, asked: argparse.Namespace, clock: Clock) -> str:
    await _refuse_unknown(connection, asked.authority)
    return "".join(_line(key, clock) for key in await store.keys_of(connection, asked.authority))


async def _revoke_key(connection: AsyncConnection, asked: argparse.Namespace, clock: Clock) -> str:
    if not await store.revoke_key(connection, asked.authority, asked.key_id, clock.now()):
        raise Refused(f"the authority {asked.authority} has no key {asked.key_id}")
    return f"The key {asked.key_id} is revoked; running services stop taking it within seconds.\n"


async def _refuse_unknown(connection: AsyncConnection, authority_id: str) -> None:
    if not await store.has_authority(connection, authority_id):
        raise Refused(f"there is no authority {authority_id}; add it with `homeward authority add`")


def _line(key: store.ListedKey, clock: Clock) -> str:
    state = "usable"
    if key.revoked_at is not None:
        state = f"revoked {key.revoked_at:%Y-%m-%d}"
    elif key.expires_at is not None and key.expires_at <= clock.now():
        state = f"expired {key.expires_at:%Y-%m-%d}"
    parts = (key.key_id, f"{key.created_at:%Y-%m-%d}", state, ",".join(sorted(key.scopes)), key.note)
    return "\t".join(parts) + "\n"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="homeward", description="Operate Homeward.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="run everything in one process")
    run.set_defaults(command=_run)
    migrate = commands.add_parser("migrate", help="bring the database to the present schema")
    migrate.set_defaults(command=_migrate)
    authority = commands.add_parser("authority", help="the councils that use this installation")
    _authority_commands(authority.add_subparsers(required=True, metavar="COMMAND"))
    keys = commands.add_parser("keys", help="the API keys of an authority")
    _keys_commands(keys.add_subparsers(required=True, metavar="COMMAND"))
    log_commands.add_commands(commands)
    consumers.add_command(commands)
    rebuild.add_command(commands)
    return parser


def _authority_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    add = commands.add_parser("add", help="make an authority; one that is there stays as it is")
    add.add_argument("authority", metavar="ID")
    add.add_argument("--name", required=True, help="its name in full")
    add.set_defaults(command=_in_transaction(_add_authority))


def _keys_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    add = commands.add_parser("add", help="make a key and print it, once")
    add.add_argument("authority", metavar="AUTHORITY")
    add.add_argument(
        "--scope",
        action="append",
        type=Scope,
        required=True,
        metavar="SCOPE",
        help=f"what the key may do; give one or more of: {', '.join(sorted(ALL_SCOPES))}",
    )
    add.add_argument("--note", default="", help="what the key is for")
    add.set_defaults(command=_in_transaction(_add_key))
    listing = commands.add_parser("list", help="list the keys, without their secrets")
    listing.add_argument("authority", metavar="AUTHORITY")
    listing.set_defaults(command=_in_transaction(_list_keys))
    revoke = commands.add_parser("revoke", help="revoke a key")
    revoke.add_argument("authority", metavar="AUTHORITY")
    revoke.add_argument("key_id", metavar="KEY_ID")
    revoke.set_defaults(command=_in_transaction(_revoke_key))


if __name__ == "__main__":
    raise SystemExit(main())
