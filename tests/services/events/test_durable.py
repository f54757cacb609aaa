"""What is acknowledged is on disk, whatever PostgreSQL was told about commits: nobody can lower that promise."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial

import pytest
from sqlalchemy import make_url

from services.events.app import create_app
from services.events.appender import Appender
from services.events.store.connection import Pool, open_pool
from shared.domain.clock import SystemClock
from shared.runtime.settings import Settings
from tests.services.events.interleaving import connected
from tests.services.events.stress import GroupedLog, Log, Seen
from tests.services.events.test_crash import stored_again
from tests.support.clients import asgi_client
from tests.support.clock import SettableClock
from tests.support.council import new_authority
from tests.support.pooler import pooler
from tests.support.servers import migrated_server, server_folder
from tests.support.waiting import eventually

#: What PostgreSQL is told, and what an append's commit waits for then: whether for a standby, is for the operator.
COMMITS = {"off": "on", "local": "on", "on": "on", "remote_write": "remote_write", "remote_apply": "remote_apply"}
#: Notes, at the very commit of each transaction that appends, what that commit waits for.
WITNESS = """
CREATE TABLE public.witness (position bigint, commits text);
CREATE FUNCTION public.witness() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO public.witness VALUES (NEW.position, current_setting('synchronous_commit'));
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER witness AFTER INSERT ON events.event DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION public.witness();
"""


async def append_in_every_way(pool: Pool, authority_id: str) -> list[Seen]:
    """Append by a look at the log, then one event and several on what is remembered of it."""
    log = GroupedLog(authority_id, Appender(pool, SystemClock()))
    return [seen for ids in (["looked"], ["one"], ["two", "three"]) for seen in await log.commit(pool, ids)]


async def witnessed(url: str) -> set[str]:
    """Return what the commits waited for, having looked that there were as many events as were appended."""
    async with connected(url) as owner:
        rows = await owner.fetch("SELECT position, commits FROM public.witness ORDER BY position")
        await owner.execute("TRUNCATE public.witness")
    assert len(rows) == 4
    return {row["commits"] for row in rows}


@asynccontextmanager
async def of_database(url: str, value: str) -> AsyncIterator[str]:
    """Set what commits wait for in one database."""
    async with connected(url) as owner:
        await owner.execute(WITNESS)
        await owner.execute(f"ALTER DATABASE {make_url(url).database} SET synchronous_commit = '{value}'")
    yield url


@asynccontextmanager
async def through_pooler(url: str, value: str) -> AsyncIterator[str]:
    """The same, for connections that pgbouncer lends for one transaction."""
    async with of_database(url, value):
        with pooler(url) as pooled:
            await eventually(lambda: _answers(pooled), about="pgbouncer answering")
            yield pooled


async def _answers(url: str) -> bool:
    try:
        async with connected(url):
            return True
    except OSError:
        return False


@pytest.mark.parametrize("way", [of_database, through_pooler])
@pytest.mark.parametrize("told", COMMITS)
async def test_no_commit_of_an_append_waits_for_less_than_the_disk(
    fresh_database_url: str, told: str, way: Callable[[str, str], AbstractAsyncContextManager[str]]
) -> None:
    """`off` and `local` are raised to `on`, by every way to append; what waits for more is left as it is."""
    key = await new_authority(fresh_database_url)
    async with AsyncExitStack() as opened:
        url = await opened.enter_async_context(way(fresh_database_url, told))
        pool = await opened.enter_async_context(open_pool(url, size=2))
        await append_in_every_way(pool, key.authority_id)

        assert await witnessed(fresh_database_url) == {COMMITS[told]}
        async with pool.connection() as connection:
            assert await connection.fetchval("SHOW synchronous_commit") == told


@pytest.mark.parametrize(
    "order", ["ALTER SYSTEM SET synchronous_commit = off", "ALTER ROLE postgres SET synchronous_commit = off"]
)
async def test_a_server_that_forgets_commits_takes_back_no_acknowledged_event(order: str) -> None:
    """Told to answer commits early, before we connect or while we are connected, and killed: nothing is missing.

    The same kill takes back what is acknowledged too early: see test_crash.
    """
    # The server's own writer, which would bring commits to disk soon, is told to wait.
    with server_folder() as folder, migrated_server(folder, wal_writer_delay="10s") as postgres:
        async with open_pool(postgres.url, size=1) as early, open_pool(postgres.url, size=1) as late:
            async with early.connection():
                await obey(postgres.url, order)
            await eventually(lambda: forgets(late), about="the order being obeyed")
            told = {}
            for pool in (early, late):
                key = await new_authority(postgres.url)
                told[key.authority_id] = await append_in_every_way(pool, key.authority_id)
            postgres.kill()

            for authority_id, acknowledged in told.items():
                back = partial(stored_again, Log(authority_id), late)
                assert await eventually(back, about="the server coming back", within=60) == [acknowledged]


async def test_a_repetition_is_acknowledged_no_sooner_than_its_event_would_be() -> None:
    """What is known already was perhaps never acknowledged: while a standby is waited for, so does its `duplicate`."""
    with server_folder() as folder, migrated_server(folder) as postgres:
        async with open_pool(postgres.url, size=2) as pool, connected(postgres.url) as observer:
            log = GroupedLog((await new_authority(postgres.url)).authority_id, Appender(pool, SystemClock()))
            stored = await log.commit(pool, ["one"])
            await obey(postgres.url, "ALTER SYSTEM SET synchronous_standby_names = 'away'")
            repeated = asyncio.create_task(log.commit(pool, ["one"]))

            async def waits() -> bool:
                nonlocal repeated
                # The server's processes read the configuration one after the other, and none waits before that.
                if repeated.done():
                    repeated = asyncio.create_task(log.commit(pool, ["one"]))
                waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
                return bool(await observer.fetchval(waiting))

            await eventually(waits, about="the repetition waiting for the standby")

            assert not repeated.done()

            await obey(postgres.url, "ALTER SYSTEM RESET synchronous_standby_names")
            assert await repeated == stored


async def test_a_server_that_does_not_keep_its_word_is_told(settings: Settings, clock: SettableClock) -> None:
    """With `fsync = off` nothing that we ask of PostgreSQL helps: readiness warns, and the service goes on."""
    with server_folder() as folder, migrated_server(folder, fsync="off") as postgres:
        app = create_app(settings.model_copy(update={"database_url": postgres.url}), clock=clock)
        async with asgi_client(app) as client:

            async def warned() -> bool:
                return any("fsync = off" in each for each in (await client.get("/readyz")).json()["warnings"])

            await eventually(warned)
            assert (await client.get("/readyz")).status_code == 200


async def obey(url: str, order: str) -> None:
    """Give the order, and have the server load its configuration again."""
    async with connected(url) as owner:
        await owner.execute(order)
        await owner.execute("SELECT pg_reload_conf()")


async def forgets(pool: Pool) -> bool:
    async with pool.connection() as connection:
        return bool(await connection.fetchval("SHOW synchronous_commit") == "off")
