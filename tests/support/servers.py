"""PostgreSQL servers of a test's own, that it may kill, copy and promote."""

from __future__ import annotations

import atexit
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import make_url

from services.embedded.account import Account, account_for, let_pass
from services.embedded.postgres import EmbeddedPostgres, wheel_programs
from shared.runtime import migrations
from tests.support.databases import PROGRAMS_VARIABLE, off_loop

_KILLED_SECONDS = 10.0


def programs() -> Path:
    """Return the folder of the PostgreSQL programs that this test run is about."""
    given = os.environ.get(PROGRAMS_VARIABLE)
    return Path(given) if given else wheel_programs()


def program(name: str) -> Path:
    """Return one of the programs; skips the test where this PostgreSQL comes without it."""
    path = programs() / name
    if not path.exists():
        pytest.skip(f"this PostgreSQL comes without {name}: there is no {path}")
    return path


class OwnServer:
    """A server in a folder of its own; it ends with the test, and with the test's process."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        """Keep data in ``folder``, where there may be some already; ``settings`` are PostgreSQL's, by name."""
        self.data = folder / "postgres"
        self._embedded = EmbeddedPostgres(folder, programs=programs(), settings=settings)

    @property
    def url(self) -> str:
        """Where its database is reached, which stays the same when the server is killed and comes back."""
        return self._embedded.database_url

    @property
    def conninfo(self) -> str:
        """How programs of PostgreSQL connect to its database."""
        url = make_url(self.url)
        return f"host={url.query['host']} user={url.username} dbname={url.database}"

    def kill(self, *, for_good: bool = False) -> None:
        """Kill every process of the server at once, as a failing machine would; its keeper starts it again.

        With ``for_good`` the keeper is killed, too.
        """
        postmaster = psutil.Process(self._postmaster())
        top = postmaster.parent() if for_good else postmaster
        assert top is not None
        victims = (top, *top.children(recursive=True))
        for each in victims:
            # One may end by itself in this very moment.
            with suppress(psutil.NoSuchProcess):
                each.kill()
        psutil.wait_procs(victims, timeout=_KILLED_SECONDS)

    def _postmaster(self) -> int:
        return int((self.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()[0])


@contextmanager
def server(folder: Path, **settings: str) -> Iterator[OwnServer]:
    """Start a server over ``folder``, and stop it at the end; what it has committed survives its being killed."""
    # Without fsync what is written may lie in the memory of the machine, which outlives the server's processes.
    own = OwnServer(folder, {"fsync": "off", **settings})
    with own._embedded:
        yield own


@contextmanager
def migrated_server(folder: Path, **settings: str) -> Iterator[OwnServer]:
    """Start a new server whose database is migrated, and stop it at the end."""
    # As root, who alone runs servers under another account, this keeps the files that account's.
    subprocess.run(["cp", "-a", str(_migrated_data()), str(folder / "postgres")], check=True)
    with server(folder, **settings) as own:
        yield own


@cache
def _migrated_data() -> Path:
    """Make data that are migrated, once in a test run: that takes longer than most of what is tested with them."""
    kept = ExitStack()
    atexit.register(kept.close)
    folder = kept.enter_context(server_folder())
    with server(folder) as own:
        off_loop(migrations.upgrade, own.url)
    return own.data


@contextmanager
def server_folder() -> Iterator[Path]:
    """Yield a folder in which the account of the servers may work."""
    with tempfile.TemporaryDirectory(prefix="homeward-test-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        account = account_for(folder / "postgres")
        if account is not None:
            let_pass(account, folder)
            account.own(folder)
        yield folder


def run(name: str, *arguments: str, given: bytes = b"") -> bytes:
    """Run a program of PostgreSQL under the servers' account, and return what it prints; fails with what it says."""
    done: subprocess.CompletedProcess[bytes] = subprocess.run(
        [str(program(name)), *arguments], input=given, capture_output=True, check=False, cwd="/", **options()
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def options() -> dict[str, Any]:
    """Return what runs a program under the account of the servers, which is never root."""
    account: Account | None = account_for(Path("/nonexistent"))
    return account.process_options() if account is not None else {}
