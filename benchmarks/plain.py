"""What PostgreSQL does without any of our promises: the same rows into a plain table.

The table has the same columns and the same three unique indexes as the log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from statistics import median
from time import perf_counter
from typing import Any

import asyncpg

from benchmarks.http_load import Load

Row = tuple[Any, ...]

_TABLE = """
CREATE TABLE public.plain (
    authority_id text NOT NULL,
    position bigint NOT NULL,
    source text NOT NULL,
    event_id text NOT NULL,
    stream text NOT NULL,
    stream_position bigint NOT NULL,
    type text NOT NULL,
    recorded_at timestamptz NOT NULL,
    body bytea NOT NULL,
    digest bytea NOT NULL,
    PRIMARY KEY (authority_id, position),
    UNIQUE (authority_id, source, event_id),
    UNIQUE (authority_id, stream, stream_position)
)
"""
_ONE = "INSERT INTO public.plain VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
_MANY = """
INSERT INTO public.plain SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[],
    $6::bigint[], $7::text[], $8::timestamptz[], $9::bytea[], $10::bytea[])
"""
RECORDED_AT = datetime(2026, 1, 1, tzinfo=UTC)


async def create_table(url: str) -> None:
    """Create the plain table."""
    connection = await asyncpg.connect(url)
    await connection.execute(_TABLE)
    await connection.close()


async def single_rows(url: str, connections: int, seconds: float, next_row: Callable[[], Row]) -> Load:
    """Insert one row for each commit over ``connections``."""

    async def insert(connection: Any) -> None:
        await connection.execute(_ONE, *next_row())

    return await _load(url, connections, seconds, insert)


async def many_rows(url: str, seconds: float, next_rows: Callable[[], Sequence[Row]]) -> Load:
    """Insert many rows with one statement for each commit, over one connection."""

    async def insert(connection: Any) -> None:
        await connection.execute(_MANY, *(list(column) for column in zip(*next_rows(), strict=True)))

    return await _load(url, 1, seconds, insert)


async def copied_rows(url: str, seconds: float, next_rows: Callable[[], Sequence[Row]]) -> Load:
    """Copy many rows for each commit, over one connection."""

    async def copy(connection: Any) -> None:
        await connection.copy_records_to_table("plain", records=next_rows())

    return await _load(url, 1, seconds, copy)


async def _load(url: str, connections: int, seconds: float, insert: Callable[[Any], Any]) -> Load:
    opened = [await asyncpg.connect(url) for _ in range(connections)]
    durations: list[float] = []
    began = perf_counter()
    until = began + seconds

    async def one(connection: Any) -> None:
        while (at := perf_counter()) < until:
            await insert(connection)
            durations.append(perf_counter() - at)

    await asyncio.gather(*(one(connection) for connection in opened))
    rate = len(durations) / (perf_counter() - began)
    for connection in opened:
        await connection.close()
    return Load(rate, median(durations) * 1000)
