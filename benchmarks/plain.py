"""What PostgreSQL does without any of our promises: the same rows into a plain table.

The table has the same columns and the same three unique indexes as the log.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg

from benchmarks.drive import Driven
from benchmarks.http_load import Load
from benchmarks.material import RECORDED_BY, SOURCE, STREAMS, Row, body
from services.embedded.postgres import PostgresTrouble, wheel_programs

_TABLE = """
CREATE TABLE public.{name} (
    authority_id text NOT NULL,
    position bigint NOT NULL,
    source text NOT NULL,
    event_id text NOT NULL,
    stream text NOT NULL,
    stream_position bigint NOT NULL,
    type text NOT NULL,
    recorded_at timestamptz NOT NULL,
    recorded_by text NOT NULL,
    body bytea NOT NULL,
    digest bytea NOT NULL,
    link bytea NOT NULL,
    PRIMARY KEY (authority_id, position),
    UNIQUE (authority_id, source, event_id),
    UNIQUE (authority_id, stream, stream_position)
)
"""
_ONE = "INSERT INTO public.plain VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
_MANY = """
INSERT INTO public.plain SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[],
    $6::bigint[], $7::text[], $8::timestamptz[], $9::text[], $10::bytea[], $11::bytea[], $12::bytea[])
"""
# pgbench prepares this once; what its variables do not make up is sent once.  It saves what we send each time.
_PGBENCH = r"""
\set number :number + 1
\set place :client_id * 1000000000 + :run * 10000000 + :number
INSERT INTO public.pgbench VALUES ('benchmark', :place::bigint, '{source}', 'event-' || :place::bigint,
    'child-' || (:place::bigint % {streams}), :place::bigint, 'meeting.scheduled', now(), '{recorded_by}',
    '\x{body}'::bytea, '\x{digest}'::bytea, '\x{digest}'::bytea);
"""
_PROGRAMS = Path("/usr/lib/postgresql/15/bin")
_RATE = re.compile(r"tps = ([0-9.]+)")
_runs = count(1)


class Plain:
    """Connections to the plain table, which hold what PostgreSQL has prepared and cached."""

    def __init__(self, connections: Sequence[Any]) -> None:
        """Insert over these connections, one for each writer."""
        self._connections = connections

    async def single_row(self, writer: int, row: Row) -> None:
        """Insert one row and commit."""
        await self._connections[writer].execute(_ONE, *row)

    async def many_rows(self, writer: int, rows: Sequence[Row]) -> None:
        """Insert many rows with one statement and commit."""
        await self._connections[writer].execute(_MANY, *(list(column) for column in zip(*rows, strict=True)))

    async def copied_rows(self, writer: int, rows: Sequence[Row]) -> None:
        """Copy many rows and commit."""
        await self._connections[writer].copy_records_to_table("plain", records=rows)


async def open_plain(url: str, connections: int) -> Driven[Plain]:
    """Create the plain tables and open connections to them; the second of the pair closes them."""
    opened = [await asyncpg.connect(url) for _ in range(connections)]
    for name in ("plain", "pgbench"):
        await opened[0].execute(_TABLE.format(name=name))

    async def close() -> None:
        for connection in opened:
            await connection.close()

    return Plain(opened), close


def pgbench_program() -> Path | None:
    """Return PostgreSQL's own load generator, of the wheel or of Debian, if there is one."""
    try:
        candidates = [wheel_programs() / "pgbench", _PROGRAMS / "pgbench"]
    except PostgresTrouble:
        candidates = [_PROGRAMS / "pgbench"]
    return next((each for each in candidates if os.access(each, os.X_OK)), None)


async def pgbench(program: Path, url: str, clients: int, seconds: float, folder: Path) -> Load:
    """Let pgbench insert one row for each commit with ``clients``; it counts in whole seconds."""
    script = folder / "pgbench.sql"
    text = _PGBENCH.format(
        source=SOURCE, streams=STREAMS, recorded_by=RECORDED_BY, body=body(1).hex(), digest=("5a" * 32)
    )
    script.write_text(text)
    settings = ["-n", "-M", "prepared", "-c", str(clients), "-j", "2", "-T", str(max(1, round(seconds)))]
    variables = ["-D", "number=0", "-D", f"run={next(_runs)}"]
    process = await asyncio.create_subprocess_exec(
        program, *settings, *variables, "-f", script, url, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    rate = _RATE.search(output.decode())
    if process.returncode or rate is None:
        raise RuntimeError("pgbench failed")
    return Load(float(rate[1]), clients / float(rate[1]) * 1000)
