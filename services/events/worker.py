"""Signing: the head of every log that has moved, from time to time and at the end.

Before it signs, the signer looks whether the log still holds the event that was signed
last.  A log that was cut off or written anew is not signed again.  The trouble shows in the
log file, in readiness and in the figures, by authority: the other logs are signed on, and
``homeward verify`` tells what is wrong with this one.
"""

from __future__ import annotations

import asyncio
import logging

from sqlalchemy.ext.asyncio import AsyncEngine

from services.events.store.connection import Connection, Pool
from services.events.store.heads import head_of, keep_head, latest_head, links_at
from shared.domain.clock import Clock
from shared.runtime.rounds import OperatorsTrouble, for_every_authority
from shared.runtime.signing import Signer

log = logging.getLogger(__name__)

CLOSING_SECONDS = 5.0


class SignedLogChanged(OperatorsTrouble):
    """A log no longer holds the event at the position that was signed last."""

    def __init__(self, authority_id: str, position: int) -> None:
        """Say that the event at ``position`` is gone or another one."""
        super().__init__(
            f"the log is not the one that was signed at position {position}, and is signed no further; "
            f"run `homeward verify {authority_id}`"
        )


class HeadSigner:
    """The loop that signs the heads of all logs; several processes may run one each."""

    def __init__(self, pool: Pool, engine: AsyncEngine, clock: Clock, signer: Signer, *, seconds: float) -> None:
        """Sign with ``signer`` every ``seconds``; ``engine`` is asked for the authorities."""
        self._pool = pool
        self._engine = engine
        self._clock = clock
        self._signer = signer
        self._seconds = seconds
        #: What this process signed last, by authority: it outlives a deletion in the database.
        self._signed: dict[str, tuple[int, bytes]] = {}
        self.error: str | None = None
        self.troubles: dict[str, str] = {}

    async def run(self) -> None:
        """Sign until cancelled."""
        while True:
            await asyncio.sleep(self._seconds)
            await self.sign_all()

    async def close(self) -> None:
        """Sign what was appended since, within ``CLOSING_SECONDS``."""
        try:
            async with asyncio.timeout(CLOSING_SECONDS):
                await self.sign_all()
        except TimeoutError:
            log.warning("the heads of the logs could not be signed in time; the next start signs them")

    async def sign_all(self) -> None:
        """Sign the head of every log that has moved since it was signed last."""
        before = self.troubles
        _, self.error, self.troubles = await for_every_authority(self._engine, self.sign, doing="signing")
        for authority_id, trouble in self.troubles.items() - before.items():
            log.error("the log of %s is not signed: %s", authority_id, trouble)

    async def sign(self, authority_id: str) -> None:
        """Sign the head of one log if it has moved; raises SignedLogChanged, and NotReady."""
        async with self._pool.transaction() as connection:
            head = await head_of(connection, authority_id)
            signed = await self._check(connection, authority_id)
            if head is None or head.position <= signed:
                return
            signed_head = self._signer.head(authority_id, head.position, head.link, self._clock.now())
            await keep_head(connection, signed_head, self._signer.public_key)
        self._signed[authority_id] = (head.position, head.link)

    async def _check(self, connection: Connection, authority_id: str) -> int:
        """Return the position up to which the log is signed; raises SignedLogChanged."""
        signed = [self._signed[authority_id]] if authority_id in self._signed else []
        stored = await latest_head(connection, authority_id)
        if stored is not None:
            signed.append((stored.position, stored.link))
        for position, link in signed:
            if await links_at(connection, authority_id, position) != [link]:
                raise SignedLogChanged(authority_id, position)
        return max((position for position, _ in signed), default=0)
