"""The schema in which a projection is built anew, and its exchange with the live one.

The new tables are made from the live ones as they are, so that a migration has one place:
columns, defaults and checks at once; keys, indexes and foreign keys, by the same names, once the rows are
there, which costs a fraction of keeping them up to date row by row; and the same grants.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

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


async def finish(connection: AsyncConnection, of: Schemas) -> None:
    """Give the filled tables the keys, indexes and foreign keys of the live ones, and statistics to plan by."""
    for statement in [*await _indexes(connection, of), *await _constraints(connection, of)]:
        await connection.execute(text(statement))
    for table in of.tables:
        await connection.execute(text(f"ANALYZE {of.rebuilt}.{table}"))


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


async def _indexes(connection: AsyncConnection, of: Schemas) -> list[str]:
    """Return the statements that create the live tables' indexes, other than those of keys, in the rebuilt schema."""
    rows = await _rows(
        connection,
        of,
        "SELECT c.relname AS table, pg_get_indexdef(i.indexrelid) AS definition"
        " FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid"
        " WHERE c.oid = ANY(CAST(:ours AS regclass[]))"
        " AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))"
        " ORDER BY i.indexrelid",
    )
    return [row.definition.replace(f" ON {of.live}.{row.table} ", f" ON {of.rebuilt}.{row.table} ", 1) for row in rows]


async def _constraints(connection: AsyncConnection, of: Schemas) -> list[str]:
    """Return the statements that add the live tables' keys, and then their foreign keys, in the rebuilt schema."""
    rows = await _rows(
        connection,
        of,
        "SELECT c.relname AS table, quote_ident(k.conname) AS name, pg_get_constraintdef(k.oid) AS definition"
        " FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid"
        " WHERE c.oid = ANY(CAST(:ours AS regclass[])) AND k.contype IN ('p', 'u', 'x', 'f')"
        " ORDER BY k.contype = 'f', k.oid",
    )
    return [
        f"ALTER TABLE {of.rebuilt}.{row.table} ADD CONSTRAINT {row.name} "
        + row.definition.replace(f" REFERENCES {of.live}.", f" REFERENCES {of.rebuilt}.", 1)
        for row in rows
    ]


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
