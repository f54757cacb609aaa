"""Whether two projections hold the same rows: every row and every column, by key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.runtime.rebuild_schema import Schemas

#: Keys named for each table; a comparison that finds more says how many.
NAMED = 5

_KEY = """
SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)
WHERE i.indrelid = CAST(:table AS regclass) AND i.indisprimary ORDER BY array_position(i.indkey, a.attnum)
"""
_COLUMNS = """
SELECT attname FROM pg_attribute
WHERE attrelid = CAST(:table AS regclass) AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Apart:
    """What a comparison leaves out, because it does not follow from the log.

    ``columns`` are left out by table.  ``rows`` is for each table a condition over ``live``
    and ``rebuilt`` (either all NULL where there is no such row) under which a difference is
    counted apart: it is only the live side's to know.  ``none`` is for each table a condition
    over the columns of a row under which it says no more than if it were missing.
    """

    columns: Mapping[str, frozenset[str]] = field(default_factory=dict)
    rows: Mapping[str, str] = field(default_factory=dict)
    none: Mapping[str, str] = field(default_factory=dict)

    def told_by(self, table: str, name: str) -> str:
        """Return, as a table to select from, the rows of ``name``, which is ``table`` of a side, that say anything."""
        none = self.none.get(table)
        return name if none is None else f"(SELECT * FROM {name} WHERE ({none}) IS NOT TRUE)"  # noqa: S608 - conditions are ours


@dataclass(frozen=True, slots=True)
class Difference:
    """How the tables of one name differ.

    ``keys`` are those of the first few rows that are missing on one side or differ;
    ``columns`` the names of what differs; ``apart`` how many rows differ in what only the
    live side can know.
    """

    table: str
    rows: int
    differing: int
    apart: int
    columns: tuple[str, ...]
    keys: tuple[str, ...]


async def compare(connection: AsyncConnection, of: Schemas, apart: Apart) -> list[Difference]:
    """Compare live and rebuilt tables in one snapshot; return one entry for each table, alike or not."""
    return [await _compare(connection, of, table, apart) for table in of.tables]


async def _compare(connection: AsyncConnection, of: Schemas, table: str, apart: Apart) -> Difference:
    name = f"{of.live}.{table}"
    live, rebuilt = apart.told_by(table, name), apart.told_by(table, f"{of.rebuilt}.{table}")
    key = list(await connection.scalars(text(_KEY), {"table": name}))
    left_out = apart.columns.get(table, frozenset())
    columns = [each for each in await connection.scalars(text(_COLUMNS), {"table": name}) if each not in left_out]
    differs = " OR ".join(f"live.{each} IS DISTINCT FROM rebuilt.{each}" for each in columns)
    known = apart.rows.get(table, "false")
    both = f"{live} AS live FULL JOIN {rebuilt} AS rebuilt USING ({', '.join(key)})"
    which = ", ".join(f"count(*) FILTER (WHERE live.{each} IS DISTINCT FROM rebuilt.{each})" for each in columns)
    counted = await connection.execute(
        text(
            f"SELECT count(*), count(*) FILTER (WHERE NOT known), count(*) FILTER (WHERE known)"  # noqa: S608 - names from the catalogue
            f" FROM (SELECT ({known}) IS TRUE AS known, ({differs}) AS differs FROM {both}) AS joined WHERE differs"
        )
    )
    _, differing, kept = counted.one()
    rows = await connection.scalar(text(f"SELECT count(*) FROM {live} AS live"))  # noqa: S608 - as above
    if not differing:
        return Difference(table, rows or 0, 0, kept, (), ())
    where = f"({differs}) AND ({known}) IS NOT TRUE"
    found = await connection.execute(
        text(
            f"SELECT concat_ws(' ', {', '.join(key)}) FROM {both} WHERE {where} ORDER BY {', '.join(key)} LIMIT {NAMED}"  # noqa: S608 - as above
        )
    )
    keys = tuple(found.scalars())
    by_column = (await connection.execute(text(f"SELECT {which} FROM {both} WHERE {where}"))).one()  # noqa: S608 - as above
    names = tuple(each for each, count in zip(columns, by_column, strict=True) if count)
    return Difference(table, rows or 0, differing, kept, names, keys)
