"""PostgreSQL for tests: one server, one migrated template, and copies of it."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy import make_url

from services.embedded.postgres import EmbeddedPostgres
from shared.runtime import migrations

#: A server where databases may be created; without it the embedded server is started.
SERVER_VARIABLE = "HOMEWARD_TEST_DATABASE_URL"
#: A folder with the programs of another PostgreSQL (initdb, postgres, pg_ctl) to start instead of the wheel's.
PROGRAMS_VARIABLE = "HOMEWARD_TEST_POSTGRES_PROGRAMS"

#: Tests need no data to outlive the machine.
FAST = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "max_prepared_transactions": "5",
    "jit": "off",
}


class TestServer:
    """A PostgreSQL server whose databases come and go with the tests."""

    __test__ = False

    def __init__(self, server_url: str) -> None:
        """Work through ``server_url``, the URL of a database that exists on the server."""
        self._server_url = server_url
        self._numbers = count(1)
        self._template: str | None = None

    def empty(self) -> str:
        """Make an empty database and return its URL."""
        return self._create("CREATE DATABASE {name}")

    def migrated(self) -> str:
        """Make a migrated database and return its URL; the migrations themselves run once."""
        if self._template is None:
            url = self.empty()
            off_loop(migrations.upgrade, url)
            self._template = make_url(url).database
        return self._create(f"CREATE DATABASE {{name}} TEMPLATE {self._template}")

    def drop(self, database_url: str) -> None:
        """Remove a database, whoever is still connected to it."""
        self._execute(f"DROP DATABASE IF EXISTS {make_url(database_url).database} WITH (FORCE)")

    def drop_template(self) -> None:
        """Remove the migrated template."""
        if self._template is not None:
            self._execute(f"DROP DATABASE IF EXISTS {self._template} WITH (FORCE)")

    def _create(self, statement: str) -> str:
        name = f"homeward_test_{os.getpid()}_{next(self._numbers)}"
        self._execute(statement.format(name=name))
        return make_url(self._server_url).set(database=name).render_as_string(hide_password=False)

    def _execute(self, statement: str) -> None:
        off_loop(asyncio.run, _execute(self._server_url, statement))


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def off_loop(function: Callable[..., Any], *arguments: object) -> None:
    """Call a function that runs an event loop of its own, from wherever we are."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(function, *arguments).result()


@contextmanager
def test_server() -> Iterator[TestServer]:
    """Yield the server that the environment names, or an embedded one that ends with the tests."""
    given = os.environ.get(SERVER_VARIABLE)
    if given:
        server = TestServer(given)
        yield server
        server.drop_template()
        return
    programs = os.environ.get(PROGRAMS_VARIABLE)
    with tempfile.TemporaryDirectory(prefix="homeward-test-", ignore_cleanup_errors=True) as folder:
        embedded = EmbeddedPostgres(Path(folder), programs=Path(programs) if programs else None, settings=FAST)
        with embedded:
            yield TestServer(embedded.database_url)
