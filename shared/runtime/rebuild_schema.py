"""The schema in which a projection is built anew, and its exchange with the live one.

The new tables are made from the live ones as they are, so that a migration has one place:
columns, defaults and checks at once; keys, indexes and foreign keys, by the same names, once the rows are
there, which costs a fraction of keeping them up to date row by row; and the same grants.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.runtime.database import behind_pooler, plain_url

#: How long an exchange waits for one lock.  PostgreSQL looks for a deadlock after a second: giving up sooner
#: means that it is never a service that has to start anew.
LOCK_SECONDS = 0.5

#: The rebuilt tables have no other reader than PostgreSQL's own vacuum, which gives way after a second.
VACUUM_SECONDS = 5.0

_UNAVAILABLE = "55P03"


class Busy(Exception):
    """A lock could not be had in time; nothing was changed, and trying again is all there is to do."""


class CannotRebuild(Exception):
    """What is asked for cannot be done; the message says why, in words for an operator."""


@dataclass(frozen=True, slots=True)
class Schemas:
    """Where one service's projection lives: ``live``, and ``rebuilt`` beside it.

    ``tables`` are its tables, each before those that refer to it.
    """

    live: str
    tables: Sequence[str]

    @property
    def rebuilt(self) -> str:
        """The schema in which the projection is built anew."""
        return f"{self.live}_rebuild"

    @property
    def translation(self) -> dict[str | None, str | None]:
        """SQLAlchemy's ``schema_translate_map`` under which the service's statements work on the rebuilt tables."""
        return {self.live: self.rebuilt}


async def refuse_poolers(database_url: str) -> None:
    """Raise CannotRebuild if the URL does not lead to the server itself.

    A pooler may give each transaction another connection of the server, and then what keeps
    rebuilds apart belongs to nobody.  It tells its clients of a server process of its own making.
    """
    if not behind_pooler(database_url):
        connection = await asyncpg.connect(plain_url(database_url), timeout=10, statement_cache_size=0)
        try:
            async with connection.transaction():
                own = await connection.fetchval("SELECT pg_backend_pid()") == connection.get_server_pid()
        finally:
            await connection.close()
        if own:
            return
    raise CannotRebuild(
        "HOMEWARD_DATABASE_URL leads through a pooler such as pgbouncer, and a rebuild needs connections of its own;"
        " give it the address of PostgreSQL itself"
    )


async def claim(connection: AsyncConnection, of: Schemas) -> None:
    """Make this session the only one that rebuilds the service, until the session ends.

    Raises CannotRebuild while another does.
    """
    claimed = text("SELECT pg_try_advisory_lock(hashtextextended(:name, 0))")
    if not await connection.scalar(claimed, {"name": f"homeward rebuild {of.live}"}):
        raise CannotRebuild(f"another rebuild of {of.live} is running on this database; wait for it, or stop it")


async def create(connection: AsyncConnection, of: Schemas, *, note: str) -> str | None:
    """Create empty tables without keys and indexes; return the note of what an earlier rebuild left, which is dropped.

    ``note`` says what it is, for whoever finds the schema.  Raises CannotRebuild when a
    table outside the projection refers into it.
    """
    await _refuse_references(connection, of)
    left = text("SELECT coalesce(obj_description(oid, 'pg_namespace'), '') FROM pg_namespace WHERE nspname = :schema")
    found: str | None = await connection.scalar(left, {"schema": of.rebuilt})
    await drop(connection, of)
    await connection.execute(text(f"CREATE SCHEMA {of.rebuilt}"))
    quoted = note.replace("'", "''")
    await connection.execute(text(f"COMMENT ON SCHEMA {of.rebuilt} IS '{quoted}'"))
    for table in of.tables:
        like = f"(LIKE {of.live}.{table} INCLUDING ALL EXCLUDING INDEXES)"
        await connection.execute(text(f"CREATE TABLE {of.rebuilt}.{table} {like}"))
    for grant in await _grants(connection, of):
        await connection.execute(text(grant))
    return found


async def drop(connection: AsyncConnection, of: Schemas) -> None:
    """Drop the rebuilt tables and their schema, if they are there."""
    await connection.execute(text("SET LOCAL client_min_messages = warning"))
    await connection.execute(text(f"DROP SCHEMA IF EXISTS {of.rebuilt} CASCADE"))


async def take_log(connection: AsyncConnection, of: Schemas, other: Schemas, columns: Sequence[str]) -> None:
    """Take over the copy of the log that was made for another service."""
    names = ", ".join(columns)
    taken = f"INSERT INTO {of.rebuilt}.event ({names}) SELECT {names} FROM {other.rebuilt}.event"  # noqa: S608 - names of ours
    await connection.execute(text(taken))


async def finish(engine: AsyncEngine, of: Schemas) -> None:
    """Give the filled tables the keys, indexes and foreign keys of the live ones, and statistics to plan by."""
    async with engine.connect() as connection:
        statements = [await _finishing(connection, of, table) for table in of.tables]
        references = [each for table in of.tables for each in await _references(connection, of, table)]
    # Each table takes a process of the server.
    await asyncio.gather(*(_execute(engine, of_table) for of_table in statements))
    await _execute(engine, references)


async def _execute(engine: AsyncEngine, statements: Iterable[str]) -> None:
    async with engine.begin() as connection:
        for statement in statements:
            await connection.execute(text(statement))


async def hold(connection: AsyncConnection, of: Schemas) -> None:
    """Keep the live side from moving its checkpoints, but nobody from reading, until the transaction ends.

    Raises Busy when a step of the live side is under way for longer than a lock is waited for.
    """
    await _lock(connection, f"LOCK TABLE {of.live}.checkpoint IN EXCLUSIVE MODE")


async def exchange(connection: AsyncConnection, of: Schemas) -> None:
    """Put the rebuilt tables in place of the live ones, which are dropped; raises Busy.

    All of them are locked before any is moved: who has read one of the old tables in a
    transaction that goes on is waited for, and sees none of the new ones beside it.
    """
    rebuilt = ", ".join(f"{of.rebuilt}.{table}" for table in of.tables)
    tables = ", ".join(f"{of.live}.{table}" for table in of.tables)
    await _lock(connection, f"LOCK TABLE {rebuilt} IN ACCESS EXCLUSIVE MODE", seconds=VACUUM_SECONDS)
    await _lock(connection, f"LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE")
    # A copy of children's data that nobody reads is one too many: the old tables go at once.
    await connection.execute(text(f"DROP TABLE {tables}"))
    for table in of.tables:
        await connection.execute(text(f"ALTER TABLE {of.rebuilt}.{table} SET SCHEMA {of.live}"))
    await connection.execute(text(f"DROP SCHEMA {of.rebuilt}"))


async def _lock(connection: AsyncConnection, statement: str, *, seconds: float = LOCK_SECONDS) -> None:
    await connection.execute(text(f"SET LOCAL lock_timeout = {round(seconds * 1000)}"))
    try:
        await connection.execute(text(statement))
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == _UNAVAILABLE:
            raise Busy from None
        raise


async def _refuse_references(connection: AsyncConnection, of: Schemas) -> None:
    statement = text(
        "SELECT conrelid::regclass::text FROM pg_constraint"
        " WHERE contype = 'f' AND confrelid = ANY(CAST(:ours AS regclass[]))"
        " AND NOT conrelid = ANY(CAST(:ours AS regclass[]))"
    )
    ours = [f"{of.live}.{table}" for table in of.tables]
    others = sorted(await connection.scalars(statement, {"ours": ours}))
    if others:
        raise CannotRebuild(f"{', '.join(others)} refers to a table of the projection of {of.live}")


async def _indexes(connection: AsyncConnection, of: Schemas, table: str) -> list[str]:
    """Return the statements that create a live table's indexes, other than those of keys, in the rebuilt schema."""
    definitions = await connection.scalars(
        text(
            "SELECT pg_get_indexdef(i.indexrelid) FROM pg_index i WHERE i.indrelid = CAST(:table AS regclass)"
            " AND NOT EXISTS"
            " (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))"
            " ORDER BY i.indexrelid"
        ),
        {"table": f"{of.live}.{table}"},
    )
    return [each.replace(f" ON {of.live}.{table} ", f" ON {of.rebuilt}.{table} ", 1) for each in definitions]


async def _finishing(connection: AsyncConnection, of: Schemas, table: str) -> list[str]:
    """Return the statements that finish a table by itself."""
    made = [*await _indexes(connection, of, table), *await _keys(connection, of, table)]
    return [*made, await _analysis(connection, of, table)]


async def _keys(connection: AsyncConnection, of: Schemas, table: str) -> list[str]:
    """Return the statements that add a live table's keys in the rebuilt schema."""
    return await _constraints(connection, of, table, "p", "u", "x")


async def _references(connection: AsyncConnection, of: Schemas, table: str) -> list[str]:
    """Return the statements that add a live table's foreign keys in the rebuilt schema."""
    return await _constraints(connection, of, table, "f")


async def _constraints(connection: AsyncConnection, of: Schemas, table: str, *kinds: str) -> list[str]:
    rows = await connection.execute(
        text(
            "SELECT quote_ident(conname) AS name, pg_get_constraintdef(oid) AS definition FROM pg_constraint"
            " WHERE conrelid = CAST(:table AS regclass) AND CAST(contype AS text) = ANY(:kinds) ORDER BY oid"
        ),
        {"table": f"{of.live}.{table}", "kinds": list(kinds)},
    )
    return [
        f"ALTER TABLE {of.rebuilt}.{table} ADD CONSTRAINT {row.name} "
        + row.definition.replace(f" REFERENCES {of.live}.", f" REFERENCES {of.rebuilt}.", 1)
        for row in rows
    ]


async def _analysis(connection: AsyncConnection, of: Schemas, table: str) -> str:
    """Return the statement that counts what is in the columns by which rows are looked up, and no document."""
    columns = await connection.scalars(
        text(
            "SELECT DISTINCT quote_ident(attname) FROM pg_index JOIN pg_attribute"
            " ON attrelid = indrelid AND attnum = ANY(indkey) WHERE indrelid = CAST(:table AS regclass)"
        ),
        {"table": f"{of.live}.{table}"},
    )
    return f"ANALYZE {of.rebuilt}.{table} ({', '.join(sorted(columns))})"


async def _grants(connection: AsyncConnection, of: Schemas) -> list[str]:
    """Return the statements that grant on the rebuilt schema and tables what is granted on the live ones."""
    on_schema = await connection.execute(
        text(
            "SELECT quote_ident(a.grantee::regrole::text) AS grantee, a.privilege_type AS privilege"
            " FROM pg_namespace n, aclexplode(n.nspacl) a"
            " WHERE n.nspname = :schema AND a.grantee NOT IN (0, n.nspowner)"
        ),
        {"schema": of.live},
    )
    on_tables = await _rows(
        connection,
        of,
        "SELECT c.relname AS table, quote_ident(a.grantee::regrole::text) AS grantee, a.privilege_type AS privilege,"
        " '' AS columns FROM pg_class c, aclexplode(c.relacl) a"
        " WHERE c.oid = ANY(CAST(:ours AS regclass[])) AND a.grantee NOT IN (0, c.relowner)"
        " UNION ALL SELECT c.relname, quote_ident(a.grantee::regrole::text), a.privilege_type,"
        " ' (' || quote_ident(t.attname) || ')'"
        " FROM pg_class c JOIN pg_attribute t ON t.attrelid = c.oid, aclexplode(t.attacl) a"
        " WHERE c.oid = ANY(CAST(:ours AS regclass[])) AND NOT t.attisdropped AND a.grantee NOT IN (0, c.relowner)",
    )
    return [
        *(f"GRANT {row.privilege} ON SCHEMA {of.rebuilt} TO {row.grantee}" for row in on_schema),
        *(f"GRANT {row.privilege}{row.columns} ON {of.rebuilt}.{row.table} TO {row.grantee}" for row in on_tables),
    ]


async def _rows(connection: AsyncConnection, of: Schemas, statement: str) -> Sequence[Any]:
    ours = [f"{of.live}.{table}" for table in of.tables]
    return (await connection.execute(text(statement), {"ours": ours})).all()
