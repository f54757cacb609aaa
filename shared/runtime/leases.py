"""Which process follows which log: a row for each authority, with a holder and a token.

A lease is a row and not a lock of a session, so that it also holds behind a proxy that lends
a connection for one transaction at a time.  It says who *should* work; that nobody else
*can* is said by the token: it grows with each change of hands, and a transaction that
projects ends with :meth:`Leases.seal`, which refuses a token that is no longer the newest.

Every time here is the database's.  Clocks of two machines differ, and a process that
compared its own with a time that another wrote could take a lease that is still held.
(The injected clock is for civil facts: it may be set, and tests let it stand.)

Nothing here commits.
"""

from __future__ import annotations

import os
import random
import socket
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from secrets import token_hex

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    DateTime,
    Interval,
    MetaData,
    Table,
    Text,
    and_,
    any_,
    bindparam,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

#: Whoever works on leases is done in no time, or was stopped in the middle of it and must not hold up others.
_BRIEFLY = text(
    "SELECT set_config('lock_timeout', '1s', true), set_config('idle_in_transaction_session_timeout', '2s', true)"
)


class LeaseLost(Exception):
    """Another process has taken over; whatever this one was about to write must not be kept."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease that has not run out."""

    holder: str
    token: int


def new_holder() -> str:
    """Name this process as a holder: host, process and chance, for containers repeat the first two."""
    return f"{socket.gethostname()}/{os.getpid()}/{token_hex(3)}"


def declare_lease(metadata: MetaData) -> Table:
    """Declare the table ``lease`` in the schema of ``metadata``."""
    return Table(
        "lease",
        metadata,
        Column("authority_id", Text, primary_key=True),
        Column("holder", Text, nullable=False),
        Column("token", BigInteger, nullable=False),
        Column("expires_at", DateTime(timezone=True), nullable=False),
    )


@asynccontextmanager
async def briefly(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Yield a transaction that is committed at the end, and in which nothing waits for long."""
    async with engine.begin() as connection:
        await connection.execute(_BRIEFLY)
        yield connection


class Leases:
    """What holders ask of the leases of one service, and do to them."""

    def __init__(self, lease: Table) -> None:
        """Keep to the table that :func:`declare_lease` declared."""
        self._lease = lease
        # These two are asked each second: to put them together would take longer than to ask them.
        of_these = lease.c.authority_id == any_(bindparam("authority_ids", type_=ARRAY(Text)))
        self._held = select(lease).where(of_these, lease.c.expires_at > _now())
        self._renewed = (
            update(lease)
            .where(of_these, lease.c.holder == bindparam("by"))
            .values(expires_at=_now() + bindparam("lasting", type_=Interval))
            .returning(lease.c.authority_id, lease.c.token)
        )

    async def held(self, connection: AsyncConnection, authority_ids: Sequence[str]) -> dict[str, Lease]:
        """Return the leases on the logs of these authorities that have not run out."""
        rows = await connection.execute(self._held, {"authority_ids": authority_ids})
        return {row.authority_id: Lease(row.holder, row.token) for row in rows}

    async def renew(
        self, connection: AsyncConnection, holder: str, authority_ids: Sequence[str], lasting: timedelta
    ) -> dict[str, int]:
        """Renew those of these leases that are still the holder's; return their tokens.

        One that ran out and that nobody took is renewed as well.
        """
        if not authority_ids:
            return {}
        asked = {"authority_ids": authority_ids, "by": holder, "lasting": lasting}
        rows = await connection.execute(self._renewed, asked)
        return {row.authority_id: row.token for row in rows}

    async def take(
        self, connection: AsyncConnection, authority_id: str, holder: str, lasting: timedelta, *, over: int = 0
    ) -> int | None:
        """Take a lease that nobody holds, or whose token is ``over``; return the new token.

        None says that another process came first.
        """
        lease = self._lease
        row = insert(lease).values(authority_id=authority_id, holder=holder, token=1, expires_at=_now() + lasting)
        statement = row.on_conflict_do_update(
            index_elements=[lease.c.authority_id],
            set_={"holder": row.excluded.holder, "token": lease.c.token + 1, "expires_at": _now() + lasting},
            where=or_(lease.c.expires_at <= _now(), lease.c.token == over),
        )
        token: int | None = await connection.scalar(statement.returning(lease.c.token))
        return token

    async def release(self, connection: AsyncConnection, holder: str, authority_ids: Sequence[str]) -> None:
        """Let go of those of these leases that are the holder's, so that another process can go on at once."""
        lease = self._lease
        mine = and_(lease.c.authority_id.in_(authority_ids), lease.c.holder == holder)
        await connection.execute(update(lease).where(mine).values(expires_at=_now()))

    async def seal(self, connection: AsyncConnection, authority_id: str, token: int) -> None:
        """End a transaction that projects: raises LeaseLost unless the token is still the newest.

        A lease that ran out while nobody took it still counts: nobody else has written.
        """
        lease = self._lease
        newest = await connection.scalar(select(lease.c.token).where(lease.c.authority_id == authority_id))
        if newest != token:
            raise LeaseLost


def _now() -> ColumnElement[object]:
    # Not now(), which is when the transaction began: it may have waited for a lock since then.
    return func.clock_timestamp(type_=DateTime(timezone=True))


def too_many(holder: str, held: Mapping[str, Lease]) -> tuple[str, int] | None:
    """Choose a lease for ``holder`` to take from whoever holds most: authority and token, None if shares are even.

    Shares are even when they differ by one at most, so two processes never take from each
    other in turn.  Chance chooses, so that several that come at once seldom choose alike.
    """
    shares = Counter(lease.holder for lease in held.values())
    busiest, most = max(shares.items(), key=lambda share: share[1], default=("", 0))
    if most - shares[holder] < 2:  # noqa: PLR2004 - as the docstring says
        return None
    authority_id = random.choice(sorted(name for name, lease in held.items() if lease.holder == busiest))  # noqa: S311 - no secret
    return authority_id, held[authority_id].token
