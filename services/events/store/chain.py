"""Walking the log to verify or to export it: whole rows, page by page, in the order of positions.

Each page is a transaction of its own, so that a long walk holds back neither appends nor
the database's housekeeping.  Within a page the rows, the head of the log and the signed heads
are seen as of one instant: a head that is signed meanwhile is no false alarm.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from services.events.store.connection import Connection, Pool
from services.events.store.heads import furthest_head, heads_between, links_among, links_at, public_keys
from shared.domain.hash_chain import first_link
from shared.domain.signed_head import Keyring, SignedHead
from shared.domain.verification import Finding, Heads, LogRow, Walk, Wrong
from shared.runtime.signing import PublicKeys

#: Rows and bytes that one page holds in memory.
PAGE_ROWS = 2_000
PAGE_BYTES = 4_000_000

_COLUMNS = "position, stream, stream_position, type, source, event_id, recorded_at, recorded_by, digest, link, body"
# A page ends early rather than hold much more than PAGE_BYTES; it always holds one row.
_PAGE = f"""
SELECT {_COLUMNS}
FROM (
    SELECT {_COLUMNS}, sum(size) OVER (ORDER BY position) - size AS bytes_before
    FROM (
        SELECT {_COLUMNS}, coalesce(octet_length(body), 0) AS size
        FROM events.event WHERE authority_id = $1 AND position > $2 ORDER BY position LIMIT $3
    ) AS page
) AS weighed
WHERE bytes_before < $4
ORDER BY position
"""  # noqa: S608 - made of constants
_LAST = "SELECT max(position) FROM events.event WHERE authority_id = $1"
#: At the beginning everything is read, also what stands where nothing can.
_LEAST = -(2**63)


class BeyondEnd(Exception):
    """A walk was to begin behind a position that the log has not reached; ``end`` is where it ends."""

    def __init__(self, end: int) -> None:
        self.end = end
        super().__init__(f"the log ends at position {end}")


@dataclass(frozen=True, slots=True)
class Stretch:
    """Consecutive rows of a log with their signed heads.

    ``at_head``: they reach the head of the log.  ``furthest_head`` is the greatest position
    that was ever signed, 0 for none.
    """

    rows: Sequence[LogRow]
    heads: Sequence[SignedHead]
    at_head: bool
    furthest_head: int


async def read_stretch(connection: Connection, authority_id: str, *, after: int, limit: int) -> Stretch:
    """Return up to ``limit`` rows behind ``after``; the caller's transaction gives them one snapshot."""
    found = await connection.fetch(_PAGE, authority_id, after or _LEAST, limit, PAGE_BYTES)
    rows = [LogRow._make(row) for row in found]
    last = rows[-1].position if rows else after
    end = await connection.fetchval(_LAST, authority_id) or 0
    heads = await heads_between(connection, authority_id, after, last) if rows else []
    return Stretch(rows, heads, not rows or last >= end, await furthest_head(connection, authority_id))


def snapshot(pool: Pool) -> AbstractAsyncContextManager[Connection]:
    """Lend a connection on which everything is seen as of one instant; raises NotReady."""
    return pool.snapshot()


async def link_before(connection: Connection, authority_id: str, after: int) -> bytes:
    """Return the link with which a walk behind ``after`` begins; raises BeyondEnd if the log is shorter.

    For a position that is missing within the log it is b"", from which nothing follows.
    """
    if after == 0:
        return first_link(authority_id)
    links = await links_at(connection, authority_id, after)
    if links:
        return links[0]
    end = await connection.fetchval(_LAST, authority_id) or 0
    if end < after:
        raise BeyondEnd(end)
    return b""


def _position(head: SignedHead) -> int:
    return head.position


def _wrong_at(links: Sequence[bytes], link: bytes, otherwise: Wrong) -> Wrong | None:
    """Say what is wrong with a position that has these links if it should have this one: ``otherwise`` for another."""
    if not links:
        return Wrong.POSITION_MISSING
    if len(links) > 1:
        return Wrong.POSITION_DOUBLED
    return None if links[0] == link else otherwise


class Verifier:
    """Verifies one log, page by page.

    ``finding`` is the first thing wrong, once it was found; ``at_head`` says that the end of
    the log, as it was just now, was reached; ``last`` is the last position found intact.
    """

    def __init__(
        self,
        pool: Pool,
        authority_id: str,
        *,
        after: int = 0,
        kept: Sequence[SignedHead] = (),
        keys: Keyring | None = None,
    ) -> None:
        """Begin behind position ``after``, with the link that is stored there.

        ``kept`` are signed heads that were kept elsewhere.  Those of positions up to ``after``
        are compared with the links that are stored there.  Signatures count if they are of
        ``keys``; without them, of the keys that stand beside the log.
        """
        self._pool = pool
        self._authority_id = authority_id
        self._kept = sorted(kept, key=_position)
        self._kept_furthest = self._kept[-1].position if kept else 0
        self._keys = keys
        self._walk: Walk | None = None
        self.last = after
        self.signed_to = 0
        self.at_head = False
        self.finding: Finding | None = None

    @property
    def over(self) -> bool:
        """Whether there is nothing left to verify."""
        return self.at_head or self.finding is not None

    async def step(self, limit: int = PAGE_ROWS) -> None:
        """Verify up to ``limit`` further events; raises NotReady, and BeyondEnd at the first step."""
        async with snapshot(self._pool) as connection:
            walk = self._walk
            if walk is None:
                walk = self._walk = await self._begin(connection)
                self.finding = await self._compared_before(connection, walk)
            self.finding = self.finding or await self._resumed(connection, walk)
            if self.finding is not None:
                self.last = walk.position - 1
                return
            stretch = await read_stretch(connection, self._authority_id, after=walk.position, limit=limit)
            if stretch.heads and self._keys is None:
                walk.keys = PublicKeys(await public_keys(connection, self._authority_id))
        self._judge(walk, stretch)

    async def _begin(self, connection: Connection) -> Walk:
        keys = self._keys or PublicKeys(())
        try:
            previous = await link_before(connection, self._authority_id, self.last)
        except BeyondEnd as beyond:
            if max(self._kept_furthest, await furthest_head(connection, self._authority_id)) <= beyond.end:
                raise
            self.last, previous = beyond.end, await link_before(connection, self._authority_id, beyond.end)
        return Walk(self._authority_id, keys, after=self.last, previous=previous)

    async def _compared_before(self, connection: Connection, walk: Walk) -> Finding | None:
        """Compare the kept heads that the walk will not come to with the rows of their positions."""
        before = self._kept[: bisect_right(self._kept, walk.position, key=_position)]
        for start in range(0, len(before), PAGE_ROWS):
            heads = before[start : start + PAGE_ROWS]
            links = await links_among(connection, self._authority_id, {head.position for head in heads})
            for head in heads:
                code = _wrong_at(links[head.position], head.link, Wrong.KEPT_HEAD_DIFFERS)
                if code is not None:
                    return Finding(head.position, code)
        return None

    async def _resumed(self, connection: Connection, walk: Walk) -> Finding | None:
        """Look whether the event with which the next page begins is there once, and as it was when it was verified."""
        if walk.position == 0:
            return None
        code = _wrong_at(await links_at(connection, self._authority_id, walk.position), walk.link, Wrong.LINK_BROKEN)
        return None if code is None else Finding(walk.position, code)

    def _judge(self, walk: Walk, stretch: Stretch) -> None:
        last = stretch.rows[-1].position if stretch.rows else walk.position
        begin, end = (bisect_right(self._kept, position, key=_position) for position in (walk.position, last))
        self.finding = walk.over(stretch.rows, Heads(stretch.heads, self._kept[begin:end]))
        if self.finding is None and stretch.at_head:
            self.finding = walk.end(max(stretch.furthest_head, self._kept_furthest))
        self.at_head = stretch.at_head and self.finding is None
        self.last, self.signed_to = walk.position, walk.signed_to
