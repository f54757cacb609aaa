"""Hints between processes that a log has grown: NOTIFY after the commit, LISTEN in every process.

A hint is never relied on.  It names an authority and nothing more, it may be lost, and it may
come for nothing; it only makes a reader look sooner than it would by itself
(:mod:`services.events.wake`).  A NOTIFY within the append's own transaction would make appends
of all authorities wait for each other, so it is sent afterwards, by itself, for all authorities
that were appended to meanwhile.

A pooler that lends connections for a transaction (pgbouncer) loses what LISTEN should hear.
This is noticed and told; HOMEWARD_LISTEN_URL then names the server itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from secrets import token_hex
from typing import Any

import asyncpg

from services.events.store.connection import Pool
from shared.runtime.database import behind_pooler, plain_url, server_settings

log = logging.getLogger(__name__)

CHANNEL = "homeward_log"
#: Between two NOTIFY at least this long; what is appended meanwhile goes with the next.
PAUSE_SECONDS = 0.005
#: A connection on which nothing happens is asked for a sign of life.
IDLE_SECONDS = 30.0
#: How long a hint of our own may take until LISTEN counts as deaf.
HEARING_SECONDS = 2.0
_RECONNECT_SECONDS = (0.5, 10.0)
_TIMEOUT_SECONDS = 10.0

#: A hint that is lost with the server is missed by nobody, and written to disk it would keep appends from theirs.
_HASTE = {"synchronous_commit": "off"}
_NOTIFY = "SELECT pg_notify($1, hint) FROM unnest($2::text[]) AS hint"
#: Begins what is no authority: a hint by which a process finds out whether it hears any.
_TRIAL = "?"


class Hints:
    """One connection of this process that tells and hears.  It is a loop of the service: :meth:`run`."""

    def __init__(self, database_url: str, pool: Pool, hear: Callable[[str], None]) -> None:
        """Connect to ``database_url``, and call ``hear`` with the authority of each hint of another process."""
        # A pooler takes no settings of PostgreSQL's, on which nothing here depends, and keeps no statements.
        settings = {**server_settings("events"), **_HASTE}
        pooled = behind_pooler(database_url)
        self._how: dict[str, Any] = {"statement_cache_size": 0} if pooled else {"server_settings": settings}
        self._url = plain_url(database_url)
        self._pool = pool
        self._hear = hear
        self._untold: set[str] = set()
        self._something = asyncio.Event()
        self._trial = ""
        self._heard_trial = asyncio.Event()
        self._state = "not connected yet; logs are looked at each second"

    @property
    def error(self) -> str | None:
        """Nothing: without hints the service works as well, and up to a second later."""
        return None

    @property
    def state(self) -> str:
        """Whether hints are heard, in words for an operator."""
        return self._state

    def tell(self, authority_id: str) -> None:
        """Hint to the other processes, soon, that this authority's log has grown."""
        self._untold.add(authority_id)
        self._something.set()

    async def run(self) -> None:
        """Tell and hear until cancelled, over a new connection whenever one is lost."""
        pause, longest = _RECONNECT_SECONDS
        while True:
            try:
                async with self._connected() as connection:
                    pause, _ = _RECONNECT_SECONDS
                    await self._tell_on(connection)
            except Exception as error:  # Whatever it is, the logs are looked at each second.
                self._state = f"no connection ({type(error).__name__}); logs are looked at each second"
                log.warning("hints of appends: %s", self._state)
            await asyncio.sleep(pause)
            pause = min(pause * 2, longest)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Any]:
        connection = await asyncpg.connect(
            self._url,
            timeout=_TIMEOUT_SECONDS,
            command_timeout=_TIMEOUT_SECONDS,
            **self._how,
        )
        connection.add_termination_listener(lambda _: self._something.set())
        try:
            await connection.add_listener(CHANNEL, self._heard)
            self._state = await self._hearing()
            yield connection
        finally:
            connection.terminate()

    async def _hearing(self) -> str:
        """Find out whether hints that other connections send are heard here."""
        self._trial = _TRIAL + token_hex(8)
        self._heard_trial.clear()
        async with self._pool.connection() as other:
            await other.execute(_NOTIFY, CHANNEL, [self._trial])
        try:
            async with asyncio.timeout(HEARING_SECONDS):
                await self._heard_trial.wait()
        except TimeoutError:
            deaf = "LISTEN hears nothing, as behind a transaction-pooling pgbouncer: set HOMEWARD_LISTEN_URL"
            log.warning("hints of appends: %s", deaf)
            return f"{deaf}; logs are looked at each second"
        return "heard"

    def _heard(self, connection: Any, sender: int, _: str, hint: str) -> None:
        if hint == self._trial:
            self._heard_trial.set()
        elif sender != connection.get_server_pid():  # Our own appends have been told within the process.
            self._hear(hint)

    async def _tell_on(self, connection: Any) -> None:
        """Send what there is to tell; one NOTIFY at a time, and a sign of life when there is nothing."""
        later = asyncio.get_running_loop().call_later
        while not connection.is_closed():
            idle = later(IDLE_SECONDS, self._something.set)
            try:
                await self._something.wait()
            finally:
                idle.cancel()
            self._something.clear()
            if self._untold:
                hints, self._untold = list(self._untold), set()
                await connection.execute(_NOTIFY, CHANNEL, hints)
                await asyncio.sleep(PAUSE_SECONDS)
            elif not connection.is_closed():
                await connection.execute("SELECT 1")
        raise ConnectionError
