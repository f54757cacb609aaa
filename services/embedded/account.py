"""Under which account the embedded PostgreSQL runs: it refuses to run as root.

As root the server gets an ordinary account that every system has.  That account must be
able to pass through the folders above the programs and the data; where it cannot, it is
given that right (to pass, not to list), and the change is told.
"""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PREFERRED = ("postgres", "nobody")
_ROOT = 0


@dataclass(frozen=True, slots=True)
class Account:
    """An ordinary account of this system."""

    name: str
    uid: int
    gid: int

    def process_options(self) -> dict[str, Any]:
        """Return what :class:`subprocess.Popen` needs to run a program as this account."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, path: Path) -> None:
        """Give ``path`` to this account."""
        os.chown(path, self.uid, self.gid)


def account_for(data: Path) -> Account | None:
    """Return the account to run as, or None to run as ourselves.

    Data that is already there decides: the server runs as their owner.
    """
    if os.geteuid() != _ROOT:
        return None
    if data.exists() and data.stat().st_uid != _ROOT:
        return _account(pwd.getpwuid(data.stat().st_uid))
    for name in _PREFERRED:
        try:
            return _account(pwd.getpwnam(name))
        except KeyError:
            continue
    raise LookupError("PostgreSQL does not run as root, and there is neither an account 'postgres' nor 'nobody'")


def _account(entry: pwd.struct_passwd) -> Account:
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def let_pass(account: Account, folder: Path) -> list[Path]:
    """Let the account pass through ``folder`` and all folders above it; return those that were changed."""
    return [each for each in (*reversed(folder.resolve().parents), folder.resolve()) if _allow(account, each)]


def let_read(account: Account, folder: Path) -> None:
    """Let the account read everything in ``folder``, as a strict umask at installation may have prevented."""
    for each in _tree(folder):
        mode = each.stat().st_mode
        wanted = mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0)
        if wanted != mode and each.stat().st_uid != account.uid:
            each.chmod(wanted)


def _tree(folder: Path) -> Iterator[Path]:
    yield folder
    yield from (each for each in folder.rglob("*") if not each.is_symlink())


def _allow(account: Account, folder: Path) -> bool:
    status = folder.stat()
    bit = stat.S_IXUSR if status.st_uid == account.uid else stat.S_IXOTH
    if status.st_gid == account.gid and status.st_uid != account.uid:
        bit = stat.S_IXGRP
    if status.st_mode & bit:
        return False
    folder.chmod(status.st_mode | bit)
    return True
