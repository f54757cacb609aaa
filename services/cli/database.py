"""The database that a command works on: the one that is set or running, with the schema of this release."""

from __future__ import annotations

import argparse
import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from difflib import get_close_matches

from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.cli.command import Command, Refused, Status, write
from services.embedded.database import running_database
from services.events.store.connection import Pool, open_pool
from shared.domain.ids import AUTHORITY_PATTERN
from shared.identity.store import authorities
from shared.runtime.database import behind_pooler, create_engine, create_owner_engine
from shared.runtime.database_trouble import ANOTHER_RELEASE
from shared.runtime.environment import read_settings
from shared.runtime.migrations import applied_revisions, known_revisions, newest_revisions, upgrade

_UNDEFINED_TABLE = "42P01"
#: As many authorities are named to somebody who named one that is not there.
_NAMED = 5
#: No id is longer.
_LONGEST = 40


@dataclass(frozen=True, slots=True)
class Database:
    """The operator's database, by its URL."""

    url: str

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """Yield a connection in the role of the URL, in a transaction that is committed at the end."""
        engine = create_owner_engine(self.url)
        try:
            async with engine.begin() as connection:
                yield connection
        finally:
            await engine.dispose()

    def log(self) -> AbstractAsyncContextManager[Pool]:
        """Return a connection to the logs, in the role of the service that keeps them."""
        return open_pool(self.url, size=1)

    async def authorities(self) -> list[str]:
        """Return the ids of all authorities, in the role of the service that keeps the logs."""
        engine = create_engine(self.url, service="events", pool_size=1)
        try:
            async with engine.connect() as connection:
                return await authorities(connection)
        finally:
            await engine.dispose()

    async def refuse_other_schema(self) -> None:
        """Raise Refused unless the database has exactly the schema of this release."""
        try:
            async with self.transaction() as connection:
                applied = await applied_revisions(connection)
        except ProgrammingError as error:
            if getattr(error.orig, "sqlstate", None) != _UNDEFINED_TABLE:
                raise
            raise Refused("there is nothing of Homeward in this database yet; `homeward migrate` makes it") from None
        if applied - known_revisions():
            raise Refused(ANOTHER_RELEASE)
        if applied != newest_revisions():
            raise Refused("the database has the schema of an earlier release; `homeward migrate` brings it up to date")


Work = Callable[[Database, argparse.Namespace], Awaitable[int]]


def on_database(work: Work) -> Command:
    """Return a command that does ``work`` on the database that is set or running, once its schema fits."""

    async def look_and_work(asked: argparse.Namespace) -> int:
        database = Database(operated_database())
        await database.refuse_other_schema()
        return await work(database, asked)

    def command(asked: argparse.Namespace) -> int:
        return asyncio.run(look_and_work(asked))

    return command


def operated_database() -> str:
    """Return the URL of the database that is set or running; raises Refused if there is none, or UnusableSettings."""
    url = running_database(read_settings())
    if url is None:
        raise Refused(
            "which database? Set HOMEWARD_DATABASE_URL=postgresql://user:password@host/database, "
            "or start `make run` first to use its embedded one."
        )
    return url


def migrate(_: argparse.Namespace) -> int:
    """Bring the database that is set or running to the schema of this release."""
    url = operated_database()
    if behind_pooler(url):
        raise Refused("migrating goes to the server itself; give it a HOMEWARD_DATABASE_URL without ?pooler=")
    upgrade(url)
    write("The database has the present schema.\n")
    return Status.WELL


async def refuse_unknown(connection: AsyncConnection, authority_id: str) -> None:
    """Raise Refused unless there is such an authority."""
    refuse_others([authority_id], await authorities(connection))


def refuse_others(named: Iterable[str], present: Sequence[str]) -> None:
    """Raise Refused unless all that are named are present."""
    for authority_id in named:
        if authority_id not in present:
            raise no_authority(authority_id, present)


def no_authority(authority_id: str, present: Sequence[str]) -> Refused:
    """Return the refusal to work for an authority that is not there, which names those that may have been meant.

    It is not said how to add one: most often an id was misspelt, and a second council would be made.
    """
    if not present:
        return Refused("there is no authority yet; `homeward authority add` makes one")
    # What cannot be an id is not repeated: it may be anything.
    known = re.fullmatch(AUTHORITY_PATTERN[1:-1], authority_id)
    missing = f"there is no authority {authority_id}" if known else "there is no authority of that id"
    near = get_close_matches(authority_id[:_LONGEST].lower(), present, n=_NAMED)
    if near:
        return Refused(f"{missing}; did you mean {' or '.join(near)}? `homeward authority list` shows all")
    if len(present) <= _NAMED:
        return Refused(f"{missing}; there are: {', '.join(present)}")
    return Refused(f"{missing}; `homeward authority list` shows the {len(present)} that there are")
