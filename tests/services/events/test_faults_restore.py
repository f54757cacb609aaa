"""The log on another server: restored from a dump, or on a standby that takes over.

Positions are numbers in the rows themselves, so a reader goes on from its position wherever
the rows are.  What refers to the server they were written on does not survive this.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from services.events.appender import Appender
from services.events.store.connection import Connection, Pool, open_pool
from shared.domain.clock import SystemClock
from tests.services.events.interleaving import connected
from tests.services.events.load import check, watched
from tests.services.events.stress import Follower, GroupedLog, Horizon, Log, Subject, control, difference
from tests.support.council import new_authority
from tests.support.servers import OwnServer, migrated_server, run, server, server_folder
from tests.support.waiting import eventually

#: The old server has had more transactions than a new one when a dump has been restored into it.
TRANSACTIONS = "DO $$ BEGIN FOR i IN 1..3000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$"
#: Events stored before a standby takes over.
UNDER_WAY = 300


def restore(old: OwnServer, new: OwnServer) -> None:
    """Bring roles and database from one server to another, as an operator would."""
    roles = run("pg_dumpall", "--roles-only", "--dbname", old.conninfo)
    run("psql", "--quiet", "--dbname", new.conninfo, given=roles)
    dump = run("pg_dump", "--format=custom", "--dbname", old.conninfo)
    run("pg_restore", "--exit-on-error", "--single-transaction", "--dbname", new.conninfo, given=dump)


async def test_readers_go_on_after_a_restore_into_a_new_server() -> None:
    """From their old positions they see the rest of the log and what is added, and a retry finds its first try.

    Must fail: a reader behind a horizon of transaction ids sees nothing more, for the ids
    that are stored lie in the new server's future.
    """
    with server_folder() as first, server_folder() as second, migrated_server(first) as old, server(second) as new:
        key = await new_authority(old.url)
        log = Log(key.authority_id)
        async with control(old.url, Horizon) as horizon, open_pool(old.url, size=2) as pool:
            async with connected(old.url) as owner:
                await owner.execute(TRANSACTIONS)
            subjects: Sequence[Subject] = (log, horizon)
            readers = [Follower(each, pool, limit=17) for each in subjects]
            for subject, reader in zip(subjects, readers, strict=True):
                for number in range(30):
                    await subject.commit(pool, [f"e{number}"])
                await reader.step()
            restore(old, new)

        async with open_pool(new.url, size=2) as pool:
            at_rest, behind_horizon = [
                Follower(subject, pool, limit=17, seen=reader.seen)
                for subject, reader in zip(subjects, readers, strict=True)
            ]
            assert await log.commit(pool, ["e7"]) == [(8, "e7")]
            assert await log.commit(pool, ["e30"]) == [(31, "e30")]
            await at_rest.catch_up()
            await behind_horizon.catch_up()

            assert at_rest.seen == await log.stored(pool) == [(number + 1, f"e{number}") for number in range(31)]
            assert difference(behind_horizon.seen, await horizon.stored(pool)).skipped == 13


class Moving(Pool):
    """Connections to where the log is now: a reader's pool that can be pointed at another server."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        async with self.pool.connection() as connection:
            yield connection


@contextmanager
def standby_of(primary: OwnServer, folder: Path) -> Iterator[OwnServer]:
    """Start a standby that streams from ``primary``."""
    conninfo = f"{primary.conninfo} application_name=standby"
    run("pg_basebackup", "--write-recovery-conf", "--checkpoint=fast", "-d", conninfo, "-D", str(folder / "postgres"))
    with server(folder) as standby:
        yield standby


async def promote(standby: OwnServer) -> None:
    async with connected(standby.url) as owner:
        assert await owner.fetchval("SELECT pg_promote()")


async def set_on_server(url: str, **settings: str) -> None:
    """Change settings of a server while it runs."""
    async with connected(url) as owner:
        for name, value in settings.items():
            await owner.execute(f"ALTER SYSTEM SET {name} = '{value}'")
        await owner.execute("SELECT pg_reload_conf()")


async def test_readers_go_on_when_a_standby_takes_over() -> None:
    """Under load the primary dies: the standby has what was acknowledged, and no reader of either saw more.

    The primary commits with ``synchronous_commit = remote_apply``.  A reader of the standby
    had only lagged; a reader of the primary goes on at the standby from its position.
    """
    with server_folder() as first, server_folder() as second, migrated_server(first) as primary:
        key = await new_authority(primary.url)
        log = Log(key.authority_id)
        with standby_of(primary, second) as standby:
            await set_on_server(primary.url, synchronous_standby_names="standby", synchronous_commit="remote_apply")
            await eventually(lambda: synchronous(primary), about="the standby being synchronous")
            async with open_pool(primary.url, size=4) as before, open_pool(standby.url, size=4) as after:
                moving, lagging = Moving(before), Follower(log, after, limit=1000)

                async def takeover() -> None:
                    await eventually(lambda: stored_on_standby(lagging), within=60, about="the load")
                    primary.kill(for_good=True)
                    await promote(standby)
                    moving.pool = after

                load = await watched(
                    primary.url,
                    ("GroupedLog", "GroupedLog"),
                    key.authority_id,
                    meanwhile=takeover,
                    killing=False,
                    reading=moving,
                )
                await lagging.catch_up()

                assert lagging.seen == load.stored
                await check(load, standby.url, key.authority_id)
                goes_on = GroupedLog(key.authority_id, Appender(after, SystemClock()))
                assert await goes_on.commit(after, ["more"]) == [(len(load.stored) + 1, "more")]


async def synchronous(primary: OwnServer) -> bool:
    async with connected(primary.url) as owner:
        return bool(await owner.fetchval("SELECT sync_state = 'sync' FROM pg_stat_replication"))


async def stored_on_standby(follower: Follower) -> bool:
    """Follow on the standby, and tell whether enough has come there."""
    await follower.catch_up()
    return len(follower.seen) >= UNDER_WAY


async def test_a_takeover_finds_acknowledgements_that_came_too_early() -> None:
    """Must fail: without synchronous replication, the standby may lack what was acknowledged and read."""
    with server_folder() as first, server_folder() as second, migrated_server(first) as primary:
        key = await new_authority(primary.url)
        log = Log(key.authority_id)
        with standby_of(primary, second) as standby:
            async with open_pool(primary.url, size=2) as before, open_pool(standby.url, size=2) as after:
                await log.commit(before, ["early"])
                reader = Follower(log, after, limit=100)
                await eventually(reader.step, about="the standby having the first event")
                await set_on_server(standby.url, primary_conninfo="")
                await eventually(lambda: cut_off(primary), about="the standby being cut off")
                await log.commit(before, ["late"])
                reader = Follower(log, before, limit=100)
                await reader.catch_up()
                primary.kill(for_good=True)
                await promote(standby)

                assert difference(reader.seen, await log.stored(after)).invented == 1


async def cut_off(primary: OwnServer) -> bool:
    async with connected(primary.url) as owner:
        return not await owner.fetchval("SELECT count(*) FROM pg_stat_replication")
