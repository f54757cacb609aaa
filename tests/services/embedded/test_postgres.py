"""The embedded PostgreSQL keeps its data, and nothing of it outlives its owner."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import psutil
import pytest

from services.embedded.postgres import EmbeddedPostgres, PostgresTrouble
from tests.meta.repository import ROOT
from tests.support.waiting import eventually

FAST = {"fsync": "off"}


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data folder with an awkward name, which the server's account may have to be let into."""
    with tempfile.TemporaryDirectory(prefix="homeward test-", ignore_cleanup_errors=True) as name:
        yield Path(name) / "data"


@contextmanager
def owner(folder: Path) -> Iterator[tuple[subprocess.Popen[str], psutil.Process]]:
    """Another process with an embedded server; yields it and the server."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.services.embedded.owner", str(folder)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield process, psutil.Process(int(process.stdout.readline()))
        finally:
            process.kill()


async def run(server: EmbeddedPostgres, statement: str) -> object:
    connection = await asyncpg.connect(server.database_url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


def gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


async def test_data_outlive_the_server(folder: Path) -> None:
    """What was committed before a stop is there after the next start."""
    with EmbeddedPostgres(folder, settings=FAST) as server:
        await run(server, "CREATE TABLE kept AS SELECT 7 AS seven")
    with EmbeddedPostgres(folder, settings=FAST) as server:
        assert await run(server, "SELECT seven FROM kept") == 7


async def test_the_server_is_postgresql_18_and_listens_on_no_network(folder: Path) -> None:
    """The wheel carries version 18, and only a socket in a private folder leads to it."""
    with EmbeddedPostgres(folder, settings=FAST) as server:
        assert str(await run(server, "SHOW server_version")).startswith("18.")
        assert await run(server, "SHOW listen_addresses") == ""
        sockets = Path(str(await run(server, "SHOW unix_socket_directories")))
        assert sockets.stat().st_mode & 0o777 == 0o700
    assert not sockets.exists()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_no_server_outlives_its_owner(folder: Path, how: signal.Signals) -> None:
    """However the owner ends, the server ends by itself, and what it kept can be used at once."""
    with owner(folder) as (process, postmaster):
        keeper = postmaster.parent()
        assert keeper is not None
        process.send_signal(how)
        process.wait()
        await eventually(lambda: gone(postmaster) and gone(keeper), about="server and keeper ending")
    with EmbeddedPostgres(folder, settings=FAST) as server:
        assert await run(server, "SELECT 1") == 1


async def test_a_server_left_behind_is_replaced(folder: Path) -> None:
    """Even a server whose owner and keeper were killed together is found and stopped by the next start."""
    with owner(folder) as (process, postmaster):
        for each in (*postmaster.parent().children(), postmaster.parent()):  # type: ignore[union-attr]  # it has one
            if each.pid != postmaster.pid:
                each.kill()
        process.kill()
        process.wait()
        assert not gone(postmaster)
        sockets = Path((folder / "postgres/postmaster.pid").read_text().splitlines()[4])
        assert sockets.exists()
    with EmbeddedPostgres(folder, settings=FAST) as server:
        await eventually(lambda: gone(postmaster), about="the server left behind ending")
        assert not sockets.exists()
        assert await run(server, "SELECT 1") == 1


async def test_a_stale_process_number_is_not_believed(folder: Path) -> None:
    """A leftover `postmaster.pid` that names a living process of another kind does not hinder a start."""
    with EmbeddedPostgres(folder, settings=FAST):
        pass
    (folder / "postgres/postmaster.pid").write_text(f"{os.getpid()}\n{folder}/postgres\n1\n5432\n/tmp\n\n1 1\nready\n")

    with EmbeddedPostgres(folder, settings=FAST) as server:
        assert await run(server, "SELECT 1") == 1
    assert psutil.pid_exists(os.getpid())


async def test_half_made_data_are_made_again(folder: Path) -> None:
    """A process killed while it made the data leaves nothing that the next one would trust."""
    unfinished = folder / "postgres.unfinished"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n")

    with EmbeddedPostgres(folder, settings=FAST) as server:
        assert await run(server, "SELECT current_database()") == "homeward"
    assert not unfinished.exists()


def test_data_of_another_version_are_refused(folder: Path) -> None:
    """Data of another major version are left alone, and the message says what to do."""
    (folder / "postgres").mkdir(parents=True)
    (folder / "postgres/PG_VERSION").write_text("16\n")

    with pytest.raises(PostgresTrouble, match=r"PostgreSQL 16 and this is 18.*HOMEWARD_DATABASE_URL"):
        EmbeddedPostgres(folder).start()


def test_a_start_that_fails_says_why_and_leaves_nothing(folder: Path) -> None:
    """A server that ends while it starts is told with the end of its log, and the lock is free again."""
    with pytest.raises(PostgresTrouble, match="shared_buffers"):
        EmbeddedPostgres(folder, settings={"shared_buffers": "nonsense"}).start()

    with EmbeddedPostgres(folder, settings=FAST) as server:
        assert server.running()
    assert not server.running()


def test_variables_of_libpq_do_not_lead_it_astray(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PGDATA, PGPORT and the like in the environment belong to another server."""
    monkeypatch.setenv("PGDATA", "/nowhere")
    monkeypatch.setenv("PGPORT", "1")

    with EmbeddedPostgres(folder, settings=FAST) as server:
        assert server.running()
