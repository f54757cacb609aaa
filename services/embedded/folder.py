"""The data folder: the locks that say who is using it, and the secrets that are kept in it.

A lock is an open file: the kernel lets go of it when its last holder ends, however that
holder ended, so no stale process number is ever believed.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

#: A child that inherits the lock may be a shell, which uses the lowest descriptors for its redirections.
_DESCRIPTORS_OF_SHELLS = 100


class FolderInUse(Exception):
    """Another process holds the lock."""


class FileLock:
    """An exclusive lock on one file, held from entering to leaving."""

    def __init__(self, path: Path) -> None:
        """Lock the file at ``path``, which is made when it is not there."""
        self._path = path
        self._descriptor: int | None = None

    @property
    def descriptor(self) -> int:
        """The open file; a child process that inherits it holds the lock too."""
        assert self._descriptor is not None
        return self._descriptor

    def acquire(self) -> None:
        """Take the lock; raises FolderInUse at once when somebody else has it."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise FolderInUse(str(self._path)) from None
        self._descriptor = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _DESCRIPTORS_OF_SHELLS)
        os.close(descriptor)

    def release(self) -> None:
        """Close our hold on the lock; does nothing when we have none."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def keep_secret(path: Path, text: str) -> None:
    """Write a secret whole or not at all, durably, readable by its owner only; raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(descriptor)
    unfinished.replace(path)
