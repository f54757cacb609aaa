"""The database that a command works on: the one that is set or running, with the schema of this release."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.cli.command import Command, Refused, Status, write
from services.embedded.database import running_database
from services.embedded.settings import read_settings
from services.events.store.connection import Pool, open_pool
from shared.identity.store import authorities, has_authority
from shared.runtime.database import behind_pooler, create_engine, create_owner_engine
from shared.runtime.database_trouble import ANOTHER_RELEASE
from shared.runtime.migrations import applied_revisions, known_revisions, newest_revisions, upgrade

_UNDEFINED_TABLE = "42P01"


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
    """Return the URL of the database that is set or running; raises Refused if there is none, or CannotStart."""
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
    if not await has_authority(connection, authority_id):
        raise no_authority(authority_id)


def no_authority(authority_id: str) -> Refused:
    """Return the refusal to work for an authority that is not there."""
    return Refused(f"there is no authority {authority_id}; add it with `homeward authority add`")
