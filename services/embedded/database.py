"""The database of this run: the one that is set, or a server of our own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from services.embedded.folder import FileLock, FolderInUse
from services.embedded.postgres import EmbeddedPostgres, PostgresTrouble
from shared.runtime.settings import Settings

#: Holds the URL of the embedded server while it runs, for the operator's program.
_ADDRESS = "database-url"


@contextmanager
def open_database(settings: Settings, tell: Callable[[str], None]) -> Iterator[str]:
    """Yield the URL of a database that is there until the end; ``tell`` hears what is worth knowing.

    Raises PostgresTrouble when the embedded server cannot run.
    """
    if settings.database_url is not None:
        yield settings.database_url
        return
    folder = settings.data_dir.resolve()
    _make(folder)
    lock = FileLock(folder / "homeward.lock")
    try:
        lock.acquire()
    except FolderInUse:
        raise PostgresTrouble(
            f"Another Homeward is running with the data in {folder}. Stop it, or start this one beside it: "
            "HOMEWARD_DATA_DIR=.homeward-2 HOMEWARD_PORT=8010 make run"
        ) from None
    with _released(lock), EmbeddedPostgres(folder) as server:
        for notice in server.notices:
            tell(notice)
        address = folder / _ADDRESS
        address.write_text(server.database_url, encoding="utf-8")
        try:
            yield server.database_url
        finally:
            address.unlink(missing_ok=True)


def running_database(settings: Settings) -> str | None:
    """Return the URL of the database that is set, or of an embedded server that is running, or None."""
    if settings.database_url is not None:
        return settings.database_url
    folder = settings.data_dir.resolve()
    try:
        with FileLock(folder / "homeward.lock"):
            return None  # Nobody holds it, so no embedded server is running.
    except (FileNotFoundError, PermissionError):
        return None
    except FolderInUse:
        address = folder / _ADDRESS
        return address.read_text(encoding="utf-8") if address.exists() else None


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PostgresTrouble(
            f"The data folder {folder} cannot be made ({error.strerror}); set HOMEWARD_DATA_DIR."
        ) from None


@contextmanager
def _released(lock: FileLock) -> Iterator[None]:
    try:
        yield
    finally:
        lock.release()
