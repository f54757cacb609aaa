"""Whether the PostgreSQL server keeps what it has committed: settings that no client can make good.

Every append asks for a commit that waits for the disk.  A server with ``fsync = off`` says that
it waited and did not, and one with ``full_page_writes = off`` may come back from a crash with
pages of which one half is old.  A service can only say so; it does, loudly, as long as it holds.
"""

from __future__ import annotations

import asyncio
import logging

from prometheus_client import Gauge
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

log = logging.getLogger(__name__)

#: How often the server is asked: its configuration can be loaded again while it runs.
LOOK_SECONDS = 60.0

_DANGERS = {
    "fsync": "PostgreSQL runs with fsync = off: when the machine crashes, events that were acknowledged can be lost "
    "and the whole database destroyed; set fsync = on",
    "full_page_writes": "PostgreSQL runs with full_page_writes = off: unless its file system writes whole pages (ZFS "
    "does), a crash of the machine can damage the log; set full_page_writes = on",
}
_SETTINGS = text("SELECT name, setting FROM pg_settings WHERE name = ANY (:names) ORDER BY name")

_unsafe = Gauge("homeward_database_unsafe", "1 while this setting of PostgreSQL endangers the log", ["setting"])


class Durability:
    """Asks the server from time to time, and warns.  It is a loop of the service: :meth:`run`."""

    def __init__(self, engine: AsyncEngine) -> None:
        """Ask over ``engine``."""
        self._engine = engine
        self._dangers: dict[str, str] = {}

    @property
    def error(self) -> str | None:
        """Nothing: a service that stopped for this would be of no more use than one that warns."""
        return None

    @property
    def warnings(self) -> list[str]:
        """What endangers the log, in words for an operator."""
        return list(self._dangers.values())

    async def run(self) -> None:
        """Ask until cancelled; a server that is away is asked again."""
        while True:
            try:
                await self.look()
            except Exception as error:  # The check of the database tells of it.
                log.debug("cannot ask for PostgreSQL's settings (%s)", type(error).__name__)
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Ask once; what is dangerous is logged when it is found, and shown as long as it is."""
        async with self._engine.connect() as connection:
            rows = await connection.execute(_SETTINGS, {"names": list(_DANGERS)})
            found = {row.name: _DANGERS[row.name] for row in rows if row.setting == "off"}
        for name in found.keys() - self._dangers.keys():
            log.error("%s", found[name])
        for name in _DANGERS:
            _unsafe.labels(name).set(name in found)
        self._dangers = found
