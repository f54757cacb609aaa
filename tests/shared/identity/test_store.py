"""Authorities and keys in the database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from secrets import token_hex

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from shared.identity import store
from shared.identity.keys import Scope, new_key
from shared.runtime.database import driver_url
from tests.support.clock import SettableClock


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[AsyncConnection]:
    engine = create_async_engine(driver_url(database_url), poolclass=NullPool)
    async with engine.connect() as opened:
        yield opened
    await engine.dispose()


@pytest.fixture
async def council(connection: AsyncConnection, clock: SettableClock) -> str:
    authority_id = f"council-{token_hex(6)}"
    await store.add_authority(connection, authority_id, "A council", clock.now())
    return authority_id


async def test_an_authority_is_there_once_it_was_added(connection: AsyncConnection, council: str) -> None:
    """It is found and listed, and another is not."""
    found = await store.find_authority(connection, council)
    assert found is not None
    assert (found.authority_id, found.name) == (council, "A council")
    assert council in await store.authorities(connection)
    assert await store.find_authority(connection, "nowhere") is None


async def test_an_authority_that_is_there_keeps_its_name(
    connection: AsyncConnection, council: str, clock: SettableClock
) -> None:
    """Adding says whether it was new; the second time nothing of it changes."""
    before = await store.find_authority(connection, council)
    assert not await store.add_authority(connection, council, "Another name", clock.now() + timedelta(days=1))
    assert await store.find_authority(connection, council) == before
    assert await store.add_authority(connection, f"{council}-2", "Another name", clock.now())


async def test_no_name_or_note_is_stored_that_cannot_be_shown(
    connection: AsyncConnection, council: str, clock: SettableClock
) -> None:
    """Whoever calls, what would move a cursor or begin a line never reaches a table."""
    with pytest.raises(ValueError, match="leave out character 2"):
        await store.add_authority(connection, f"{council}-2", "A\x1b[2J", clock.now())
    with pytest.raises(ValueError, match="leave out character 2"):
        await store.add_key(connection, new_key(council), scopes=[], note="a\nb", now=clock.now())


async def test_a_key_is_found_only_within_its_authority(
    connection: AsyncConnection, council: str, clock: SettableClock
) -> None:
    """Another authority's key of the same id is another key, or none."""
    key = new_key(council)
    await store.add_key(connection, key, scopes=[Scope.EVENTS_READ], note="", now=clock.now())

    found = await store.find_key(connection, council, key.key_id)
    assert found is not None
    assert key.matches(found.digest)
    assert found.scopes == {Scope.EVENTS_READ}
    assert await store.find_key(connection, "nowhere", key.key_id) is None


async def test_a_key_works_until_it_expires(connection: AsyncConnection, council: str, clock: SettableClock) -> None:
    """The instant of expiry is the first at which it does not work."""
    key = new_key(council)
    expiry = clock.now() + timedelta(days=1)
    await store.add_key(connection, key, scopes=[Scope.EVENTS_READ], note="", now=clock.now(), expires_at=expiry)

    found = await store.find_key(connection, council, key.key_id)
    assert found is not None
    assert found.usable(expiry - timedelta(microseconds=1))
    assert not found.usable(expiry)


async def test_a_revoked_key_stays_revoked(connection: AsyncConnection, council: str, clock: SettableClock) -> None:
    """The first revocation counts, and the key remains in the list."""
    key = new_key(council)
    await store.add_key(connection, key, scopes=[Scope.EVENTS_READ], note="a reader", now=clock.now())
    revoked_at = clock.now()
    assert await store.revoke_key(connection, council, key.key_id, revoked_at)
    assert await store.revoke_key(connection, council, key.key_id, revoked_at + timedelta(days=1))

    found = await store.find_key(connection, council, key.key_id)
    listed = await store.keys_of(connection, council)

    assert found is not None
    assert not found.usable(clock.now())
    assert [(each.key_id, each.note, each.revoked_at) for each in listed] == [(key.key_id, "a reader", revoked_at)]


async def test_nobody_revokes_another_s_key(connection: AsyncConnection, council: str, clock: SettableClock) -> None:
    """Revoking under another authority finds nothing and changes nothing."""
    key = new_key(council)
    await store.add_key(connection, key, scopes=[Scope.EVENTS_READ], note="", now=clock.now())

    assert not await store.revoke_key(connection, "nowhere", key.key_id, clock.now())

    found = await store.find_key(connection, council, key.key_id)
    assert found is not None
    assert found.usable(clock.now())
