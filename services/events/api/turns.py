"""Turns at reading pages of the log, for those who follow it.

Whoever follows the log reads a page as soon as the one before has been taken, and one
authority may have two hundred who do so at the same time, behind the same long log.  Each of
them asking for a connection would put every append and every other page, of every authority,
behind two hundred pages.

So only few read at once, which leaves connections and time of the event loop to the rest;
and where more want to read, authorities take turns: however many read for one of them, a
reader of another waits for no more than a page or two.  Where nobody else reads, nobody waits.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.domain.errors import NotReady

#: How many pages may be read at once for those who follow: more would not be faster, as one event loop writes them all.
AT_ONCE = 2
#: How long one waits for a turn: longer than a full house takes, unless the database does not answer.
WAIT_SECONDS = 15.0


def turns_over(pool_size: int) -> Turns:
    """Return turns that leave at least half of ``pool_size`` connections to all else, if there are two."""
    return Turns(max(1, min(AT_ONCE, pool_size // 2)))


class Turns:
    """Who may read now, and who comes next."""

    def __init__(self, at_once: int, wait_seconds: float = WAIT_SECONDS) -> None:
        """Let so many read at once, and nobody wait for longer."""
        self._free = at_once
        self._wait_seconds = wait_seconds
        self._reading: Counter[str] = Counter()
        #: By authority, those that wait longest first; the authority whose turn is longest ago is the first.
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    @asynccontextmanager
    async def turn(self, authority_id: str) -> AsyncIterator[None]:
        """Lend a turn, as soon as there is one for this authority; it ends with the block, whatever happens.

        Raises NotReady when none has come in time.
        """
        if self._free:
            self._begin(authority_id)
        else:
            await self._wait(authority_id)
        try:
            yield
        finally:
            self._end(authority_id)

    async def _wait(self, authority_id: str) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(authority_id, deque()).append(turn)
        try:
            async with asyncio.timeout(self._wait_seconds):
                await turn
        except (asyncio.CancelledError, TimeoutError) as error:
            if turn.cancelled():
                self._leave(authority_id, turn)
            else:
                # The turn came in the instant in which the reader left: somebody else has it.
                self._end(authority_id)
            if isinstance(error, TimeoutError):
                raise NotReady("The log cannot be read in time just now; try again.") from None
            raise

    def _leave(self, authority_id: str, turn: asyncio.Future[None]) -> None:
        waiting = self._waiting.get(authority_id, deque())
        if turn in waiting:
            waiting.remove(turn)
            if not waiting:
                del self._waiting[authority_id]

    def _begin(self, authority_id: str) -> None:
        self._free -= 1
        self._reading[authority_id] += 1

    def _end(self, authority_id: str) -> None:
        self._free += 1
        self._reading[authority_id] -= 1
        if not self._reading[authority_id]:
            del self._reading[authority_id]
        while self._free and self._waiting:
            self._let_in(self._next())

    def _next(self) -> str:
        """Return the authority whose turn it is: one that is not being read for, if such a one waits."""
        longest = next(iter(self._waiting))
        return next((each for each in self._waiting if each not in self._reading), longest)

    def _let_in(self, authority_id: str) -> None:
        """Give the turn to whoever waits longest of this authority, which then comes last."""
        waiting = self._waiting.pop(authority_id)
        turn = waiting.popleft()
        if waiting:
            self._waiting[authority_id] = waiting
        if not turn.done():  # It is done if its reader is just leaving.
            self._begin(authority_id)
            turn.set_result(None)
