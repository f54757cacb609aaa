"""Through pgbouncer in transaction mode: the log keeps its order, and the service its role.

Three connections to the server are lent to all clients in turn, one transaction at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from sqlalchemy import text

from services.events.app import create_app
from services.events.store.connection import open_pool
from shared.domain.errors import NotReady
from shared.identity.keys import ApiKey
from shared.runtime.database import create_engine, driver_url
from shared.runtime.settings import Settings
from tests.services.events.interleaving import connected
from tests.services.events.load import check, disturb, watched
from tests.services.events.posting import feed, positions, post, registered, statuses
from tests.services.events.stress import Log
from tests.support.clients import asgi_client
from tests.support.clock import SettableClock
from tests.support.council import new_authority
from tests.support.pooler import pooler
from tests.support.waiting import eventually

WHO_AND_HOW = "SELECT current_user, current_setting('enable_seqscan'), current_setting('TimeZone')"


@pytest.fixture
async def pooled_url(database_url: str) -> AsyncIterator[str]:
    """Yield the URL of the shared database through pgbouncer."""
    with pooler(database_url) as url:
        await eventually(lambda: answers(url), about="pgbouncer answering")
        yield url


async def answers(url: str) -> bool:
    with suppress(OSError):
        async with connected(url):
            return True
    return False


async def test_a_connection_through_a_pooler_that_nobody_told_of_is_refused(pooled_url: str) -> None:
    """A service that would lose its role there, and with it the bounds of what it may do, does not begin to work."""
    untold = driver_url(pooled_url).render_as_string(hide_password=False)
    async with open_pool(untold, size=1) as pool:
        with pytest.raises(NotReady):
            async with pool.connection():
                pass


def test_no_other_pooler_is_taken() -> None:
    """What a URL says of its pooler is believed in one word only, and never passed on to the server."""
    assert "pooler" not in driver_url("postgresql://host/homeward?pooler=transaction").query
    with pytest.raises(ValueError, match="pooler"):
        driver_url("postgresql://host/homeward?pooler=session")


async def test_every_transaction_is_in_the_role_and_leaves_nothing_behind(pooled_url: str) -> None:
    """The service acts in its role with its settings; whoever is lent the connection next finds none of them."""
    engine = create_engine(pooled_url, service="scheduler")
    async with open_pool(pooled_url, size=8) as pool, connected(pooled_url) as other:
        async with pool.connection() as connection, pool.transaction() as another, engine.connect() as third:
            assert await connection.fetchrow(WHO_AND_HOW) == ("homeward_events", "off", "UTC")
            assert await another.fetchrow(WHO_AND_HOW) == ("homeward_events", "off", "UTC")
            assert (await third.execute(text("SELECT current_user"))).scalar_one() == "homeward_scheduler"
        owner = await other.fetchval("SELECT session_user")
        # More often than the pooler has connections.
        assert {tuple(await other.fetchrow(WHO_AND_HOW))[:2] for _ in range(5)} == {(owner, "on")}
    await engine.dispose()


@pytest.mark.parametrize("name", ["Log", "GroupedLog"])
async def test_a_follower_misses_nothing_through_a_pooler(fresh_database_url: str, name: str) -> None:
    """Eight writers over three connections to the server, under the same load as without a pooler."""
    key = await new_authority(fresh_database_url)
    await disturb(fresh_database_url, Log.table)
    with pooler(fresh_database_url) as url:
        await eventually(lambda: answers(url), about="pgbouncer answering")

        load = await watched(url, (name, name), key.authority_id)

    await check(load, fresh_database_url, key.authority_id)
    assert load.told.unknown


async def test_the_service_works_through_a_pooler(
    settings: Settings, pooled_url: str, clock: SettableClock, key: ApiKey
) -> None:
    """Keys are read, events appended, repeated and followed, by more requests at once than there are connections."""
    app = create_app(settings.model_copy(update={"database_url": pooled_url}), clock=clock)
    events = [registered() for _ in range(20)]
    async with asgi_client(app, key) as client:
        answers_once = await asyncio.gather(*(post(client, each) for each in events))
        answers_again = await asyncio.gather(*(post(client, each) for each in events))

        assert {statuses(each)[0] for each in answers_once} == {"stored"}
        assert {statuses(each)[0] for each in answers_again} == {"duplicate"}
        assert [positions(each) for each in answers_again] == [positions(each) for each in answers_once]
        assert len(await feed(client)) == 20
        # What is read as of one instant is read in a transaction of another kind.
        verified = (await client.get("/v1/log/verification")).json()
        assert (verified["intact"], verified["at_head"]) == (True, True)
        assert (await client.get("/v1/log")).json()["position"] == 20
        assert (await client.get("/v1/log/proof")).text.count('"body"') == 20
