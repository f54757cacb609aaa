"""One process holds a lease, and whoever held it before can write nothing any more."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.runtime.leases import Lease, LeaseLost, briefly, new_holder, too_many
from tests.shared.runtime.following import leases
from tests.support.waiting import eventually

LONG = timedelta(hours=1)
GONE = timedelta(seconds=-1)
COUNCIL = "northshire"


async def take(engine: AsyncEngine, holder: str, lasting: timedelta = LONG, *, over: int = 0) -> int | None:
    async with briefly(engine) as connection:
        return await leases.take(connection, COUNCIL, holder, lasting, over=over)


async def held(engine: AsyncEngine) -> dict[str, Lease]:
    async with briefly(engine) as connection:
        return await leases.held(connection, [COUNCIL])


async def seal(engine: AsyncEngine, token: int) -> None:
    async with briefly(engine) as connection:
        await leases.seal(connection, COUNCIL, token)


async def test_one_of_many_takes_it(engine: AsyncEngine) -> None:
    """Of processes that come at once exactly one gets the lease, and the others hear that they did not."""
    tokens = await asyncio.gather(*(take(engine, f"holder-{number}") for number in range(5)))
    assert sorted(tokens, key=str) == [1, *[None] * 4]


async def test_a_lease_that_ran_out_can_be_taken(engine: AsyncEngine) -> None:
    """Each change of hands gives a greater token, and only the newest can end a transaction."""
    assert await take(engine, "one", GONE) == 1
    await seal(engine, 1)
    assert await held(engine) == {}
    assert await take(engine, "other") == 2
    assert await held(engine) == {COUNCIL: Lease("other", 2)}
    await seal(engine, 2)
    with pytest.raises(LeaseLost):
        await seal(engine, 1)


async def test_what_runs_out_is_decided_by_the_database(engine: AsyncEngine) -> None:
    """A lease that is held can be taken by nobody, until its time has passed."""
    await take(engine, "one", timedelta(seconds=0.3))
    assert await take(engine, "other") is None

    async def taken() -> bool:
        return await take(engine, "other") == 2

    await eventually(taken)


async def test_a_holder_renews_its_own_only(engine: AsyncEngine) -> None:
    """Renewing keeps the token, brings back a lease that ran out untaken, and touches nobody else's."""
    await take(engine, "one", GONE)
    async with briefly(engine) as connection:
        assert await leases.renew(connection, "one", [COUNCIL, "elsewhere"], LONG) == {COUNCIL: 1}
        assert await leases.renew(connection, "other", [COUNCIL], LONG) == {}
        assert await leases.renew(connection, "one", [], LONG) == {}
    assert await held(engine) == {COUNCIL: Lease("one", 1)}


async def test_a_released_lease_is_free_at_once(engine: AsyncEngine) -> None:
    """Whoever stops does not make the others wait; nobody releases what is another's."""
    await take(engine, "one")
    async with briefly(engine) as connection:
        await leases.release(connection, "other", [COUNCIL])
    assert await take(engine, "other") is None
    async with briefly(engine) as connection:
        await leases.release(connection, "one", [COUNCIL])
    assert await take(engine, "other") == 2


async def test_a_share_is_taken_by_its_token(engine: AsyncEngine) -> None:
    """A lease that is held can be taken by whoever names its token, once."""
    await take(engine, "one")
    assert await take(engine, "other", over=1) == 2
    assert await take(engine, "third", over=1) is None


async def test_who_works_on_leases_waits_for_nobody_for_long(engine: AsyncEngine) -> None:
    """A transaction on leases gives up a lock after a second, and is ended when it falls silent."""
    async with briefly(engine) as connection:
        settings = [await connection.scalar(text(f"SHOW {name}")) for name in ("lock_timeout", _SILENT)]
    assert settings == ["1s", "2s"]


_SILENT = "idle_in_transaction_session_timeout"


def test_every_process_has_a_name_of_its_own() -> None:
    """Containers repeat host names and process numbers."""
    assert new_holder() != new_holder()


@given(
    holders=st.dictionaries(st.integers(0, 20).map(str), st.sampled_from("abc"), max_size=12),
    me=st.sampled_from("abcd"),
)
def test_shares_become_even_and_stay(holders: dict[str, str], me: str) -> None:
    """Taking from the busiest ends, with shares that differ from mine by one at most."""
    for _ in range(13):
        held = {name: Lease(holder, 1) for name, holder in holders.items()}
        chosen = too_many(me, held)
        if chosen is None:
            break
        assert holders[chosen[0]] != me
        holders[chosen[0]] = me
    assert chosen is None
    shares = Counter(holders.values())
    assert max(shares.values(), default=0) - shares[me] <= 1
