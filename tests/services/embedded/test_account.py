"""As root the server runs under an ordinary account, which is let in and no further."""

from __future__ import annotations

import os
import pwd
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.embedded import account

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to change its account")


@pytest.fixture
def closed() -> Iterator[Path]:
    """A folder below one that only root can enter."""
    with tempfile.TemporaryDirectory() as name:
        inner = Path(name) / "closed" / "inner"
        inner.mkdir(parents=True)
        inner.parent.chmod(0o700)
        yield inner


def may_read(who: account.Account, path: Path) -> bool:
    done = subprocess.run(["cat", str(path)], check=False, capture_output=True, cwd="/", **who.process_options())
    return done.returncode == 0


def ordinary() -> account.Account:
    entry = pwd.getpwnam("nobody")
    return account.Account("nobody", entry.pw_uid, entry.pw_gid)


def test_the_owner_of_the_data_runs_the_server(closed: Path) -> None:
    """Data that are there decide under which account the server runs."""
    os.chown(closed, ordinary().uid, ordinary().gid)

    assert account.account_for(closed) == ordinary()


def test_new_data_get_an_ordinary_account(closed: Path) -> None:
    """Without data it is an account that is not root's."""
    chosen = account.account_for(closed / "none")

    assert chosen is not None
    assert chosen.uid != 0


def test_passing_is_given_once_and_told(closed: Path) -> None:
    """Only folders that could not be passed are changed, they are named, and they still cannot be listed."""
    (closed / "file").write_text("x")
    assert not may_read(ordinary(), closed / "file")

    changed = account.let_pass(ordinary(), closed)

    assert closed.parent in changed
    assert closed not in changed
    assert may_read(ordinary(), closed / "file")
    assert closed.parent.stat().st_mode & 0o777 == 0o701
    assert account.let_pass(ordinary(), closed) == []


def test_a_strict_umask_at_installation_is_undone(closed: Path) -> None:
    """Programs that only root can read become readable, and remain unwritable."""
    program = closed / "program"
    program.write_text("x")
    program.chmod(0o700)
    account.let_pass(ordinary(), closed)

    account.let_read(ordinary(), closed)

    assert program.stat().st_mode & 0o777 == 0o705
    assert may_read(ordinary(), program)
