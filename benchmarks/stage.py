"""Where benchmarks run: a database of their own, and the real events app in a process of its own."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from benchmarks.http_load import Connection, request
from services.embedded.postgres import EmbeddedPostgres
from shared.domain.clock import SystemClock
from shared.identity import store
from shared.identity.keys import ALL_SCOPES, new_key
from shared.runtime import migrations
from shared.runtime.database import driver_url
from shared.runtime.signing import new_seed

AUTHORITY = "benchmark"


@dataclass(frozen=True, slots=True)
class Stage:
    """A running server on ``port``, the URL of its database, and a key of the authority that appends."""

    port: int
    database_url: str
    key: str


@asynccontextmanager
async def stage() -> AsyncIterator[Stage]:
    """Yield a stage over HOMEWARD_DATABASE_URL, or over an embedded server with PostgreSQL's default settings."""
    given = os.environ.get("HOMEWARD_DATABASE_URL")
    if given:
        async with _database(given) as url, _served(url) as set_up:
            yield set_up
        return
    with (
        tempfile.TemporaryDirectory(prefix="homeward-benchmark-", ignore_cleanup_errors=True) as folder,
        EmbeddedPostgres(Path(folder)) as server,
    ):
        async with _database(server.database_url) as url, _served(url) as set_up:
            yield set_up


@asynccontextmanager
async def _database(server_url: str) -> AsyncIterator[str]:
    """Make a database that only this run uses; the log could not be emptied afterwards."""
    name = f"homeward_benchmark_{os.getpid()}"
    await _execute(server_url, f"CREATE DATABASE {name}")
    url = make_url(server_url).set(database=name).render_as_string(hide_password=False)
    try:
        await asyncio.to_thread(migrations.upgrade, url)
        yield url
    finally:
        await _execute(server_url, f"DROP DATABASE {name} WITH (FORCE)")


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def new_authority(url: str, authority_id: str) -> str:
    """Add an authority and return a key of it with every scope."""
    key, now = new_key(authority_id), SystemClock().now()
    engine = create_async_engine(driver_url(url))
    async with engine.begin() as connection:
        await store.add_authority(connection, authority_id, "Benchmark", now)
        await store.add_key(connection, key, scopes=ALL_SCOPES, note="benchmark", now=now)
    await engine.dispose()
    return str(key)


@asynccontextmanager
async def _served(url: str) -> AsyncIterator[Stage]:
    """Serve the app in another process, on a socket that this one opened, so that the port is ours."""
    key = await new_authority(url, AUTHORITY)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        server = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "benchmarks.server",
            str(listener.fileno()),
            env={"HOMEWARD_SIGNING_KEY": new_seed(), **os.environ, "HOMEWARD_DATABASE_URL": url},
            pass_fds=(listener.fileno(),),
        )
        try:
            await _await_ready(port, server)
            yield Stage(port, url, key)
        finally:
            server.terminate()
            await server.wait()


async def _await_ready(port: int, server: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(30):
        while server.returncode is None:
            try:
                async with Connection(port) as connection:
                    if await connection.send(request("GET", "/readyz", {}, b"")) == 200:  # noqa: PLR2004 - HTTP
                        return
            except OSError:
                await asyncio.sleep(0.05)
    raise RuntimeError("the server under test did not start")
