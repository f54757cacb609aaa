"""A pgbouncer of a test's own, which lends connections to the server for one transaction at a time."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

import pytest
from sqlalchemy import make_url

from tests.support.servers import options, server_folder

_PROGRAM = "pgbouncer"
#: Debian puts it where only root looks.
_PLACES = f"{os.environ.get('PATH', '')}:/usr/sbin"
#: Names its socket, in a folder that nobody else uses.
_PORT = 6432
#: Connections to the server, fewer than there are clients: so each serves many of them in turn.
_CONNECTIONS = 3
_START_SECONDS = 10.0
_CONFIGURATION = """
[databases]
* = {server}
[pgbouncer]
listen_addr =
listen_port = {port}
unix_socket_dir = {folder}
auth_type = any
pool_mode = transaction
default_pool_size = {connections}
max_client_conn = 200
logfile = {folder}/pgbouncer.log
"""
#: Ends the program when the pipe does, because we are done or because we were killed.
_KEEPER = '"$@" & program=$!; read -r _; kill "$program"; wait "$program"'


@contextmanager
def pooler(server_url: str) -> Iterator[str]:
    """Run pgbouncer before a server, and yield the URL of the same database through it, which says so.

    Skips the test where pgbouncer is not installed.
    """
    program = shutil.which(_PROGRAM, path=_PLACES)
    if program is None:
        pytest.skip("pgbouncer is not installed; Debian has it as the package pgbouncer")
    with server_folder() as folder:
        configuration = folder / "pgbouncer.ini"
        server = _target(server_url)
        configuration.write_text(
            _CONFIGURATION.format(server=server, port=_PORT, folder=folder, connections=_CONNECTIONS), encoding="utf-8"
        )
        configuration.chmod(0o644)
        command = ["/bin/sh", "-c", _KEEPER, "keeper", program, "--quiet", str(configuration)]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd="/", **options()
        ) as keeper:
            try:
                _await_answer(folder / f".s.PGSQL.{_PORT}")
                yield _through(server_url, folder)
            finally:
                assert keeper.stdin is not None
                keeper.stdin.close()


def _await_answer(address: Path) -> None:
    """Return once something listens there; a test in a warm process is faster than a program starts."""
    until = monotonic() + _START_SECONDS
    while True:
        with socket.socket(socket.AF_UNIX) as asking:
            if asking.connect_ex(str(address)) == 0:
                return
        assert monotonic() < until, "pgbouncer did not start"
        sleep(0.01)


def _target(server_url: str) -> str:
    """Return how pgbouncer connects to the server."""
    url = make_url(server_url)
    parts = {
        "host": url.query.get("host") or url.host,
        "port": url.port,
        "user": url.username,
        "password": url.password,
    }
    return " ".join(f"{name}={value}" for name, value in parts.items() if value)


def _through(server_url: str, folder: Path) -> str:
    query = {"host": str(folder), "port": str(_PORT), "pooler": "transaction"}
    url = make_url(server_url).set(host=None, port=None, password=None, query=query)
    return url.render_as_string(hide_password=False)
