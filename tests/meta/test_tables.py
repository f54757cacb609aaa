"""The authority leads every key, so that nobody reads across and tables can be spread by authority."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

import asyncpg
import pytest
from sqlalchemy import MetaData

from shared.runtime.migrations import BRANCHES

#: Alembic's own; it holds four words and no data.
EXEMPT = "public.alembic_version"

_KEYS = """
SELECT format('%I.%I', space.nspname, class.relname) AS name, index.indexrelid::regclass::text AS key,
       attribute.attname AS leading
FROM pg_index AS index
JOIN pg_class AS class ON class.oid = index.indrelid
JOIN pg_namespace AS space ON space.oid = class.relnamespace
LEFT JOIN pg_attribute AS attribute ON attribute.attrelid = index.indrelid AND attribute.attnum = index.indkey[0]
WHERE (index.indisunique OR index.indisprimary)
  AND space.nspname NOT LIKE 'pg\\_%' AND space.nspname <> 'information_schema'
"""
_TABLES = """
SELECT format('%I.%I', space.nspname, class.relname) AS name,
       EXISTS (SELECT FROM pg_index WHERE indrelid = class.oid AND indisprimary) AS has_key,
       EXISTS (SELECT FROM pg_attribute WHERE attrelid = class.oid AND attname = 'authority_id' AND attnotnull) AS bound
FROM pg_class AS class JOIN pg_namespace AS space ON space.oid = class.relnamespace
WHERE class.relkind IN ('r', 'p') AND space.nspname NOT LIKE 'pg\\_%' AND space.nspname <> 'information_schema'
"""
_COLUMNS = """
SELECT column_name, is_nullable = 'YES' AS nullable FROM information_schema.columns
WHERE table_schema = $1 AND table_name = $2
"""


def package_of(owner: str) -> str:
    return "shared.identity" if owner == "identity" else f"services.{owner}"


async def ask(database_url: str, question: str, *values: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(database_url)
    try:
        records: list[asyncpg.Record] = await connection.fetch(question, *values)
        return records
    finally:
        await connection.close()


async def test_every_table_belongs_to_authorities(database_url: str) -> None:
    """Every table of every schema has a primary key and an authority_id that is never null."""
    tables = [record for record in await ask(database_url, _TABLES) if record["name"] != EXEMPT]

    assert tables
    assert [record["name"] for record in tables if not (record["has_key"] and record["bound"])] == []


async def test_the_authority_leads_every_key(database_url: str) -> None:
    """The first column of every primary key and of every unique constraint and index is authority_id."""
    keys = [record for record in await ask(database_url, _KEYS) if record["name"] != EXEMPT]

    assert keys
    assert [record["key"] for record in keys if record["leading"] != "authority_id"] == []


async def test_every_table_lies_in_the_schema_of_its_owner(database_url: str) -> None:
    """There is no schema besides those of identity and the services."""
    names = {record["name"] for record in await ask(database_url, _TABLES)}

    assert {name.split(".")[0] for name in names - {EXEMPT}} == set(BRANCHES)


@pytest.mark.parametrize("owner", [owner for owner in BRANCHES if find_spec(f"{package_of(owner)}.tables")])
async def test_the_code_knows_the_tables_as_they_are(database_url: str, owner: str) -> None:
    """Every table in `tables.py` has the columns that the migrations made, null where they may be null."""
    metadata: MetaData = import_module(f"{package_of(owner)}.tables").metadata
    for table in metadata.tables.values():
        made = {each["column_name"]: each["nullable"] for each in await ask(database_url, _COLUMNS, owner, table.name)}
        assert {column.name: column.nullable for column in table.columns} == made, table.fullname
