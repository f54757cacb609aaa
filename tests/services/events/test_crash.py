"""kill -9 of the service or of PostgreSQL: what was acknowledged is there, and sending again is safe."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial

import asyncpg
import httpx
import orjson

from services.events.store.connection import Pool, open_pool
from shared.domain.errors import NotReady
from shared.identity.keys import ApiKey
from shared.runtime.settings import Settings
from shared.wire.content_modes import STRUCTURED
from tests.services.events.interleaving import connected
from tests.services.events.load import Watched, check, watched
from tests.services.events.posting import feed, positions, post, registered, statuses
from tests.services.events.stress import Follower, HastyLog, Log, Seen, difference
from tests.support.council import headers, new_authority
from tests.support.ports import free_port
from tests.support.servers import OwnServer, migrated_server, server_folder
from tests.support.waiting import eventually

#: How often PostgreSQL is killed under load, and how many events are stored before each time and behind the last.
KILLS = 2
UNDER_WAY = 200
NAMES = ("GroupedLog", "GroupedLog")
#: Events that are sent to both processes by two callers each.
REPEATED = 40


@asynccontextmanager
async def server(settings: Settings, port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the service in a process of its own; at the end it is killed, if it still runs."""
    environment = {"HOMEWARD_DATABASE_URL": str(settings.database_url), "HOMEWARD_PORT": str(port)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.events", env={**os.environ, **environment}
    )
    try:
        await eventually(lambda: answers(port), about="the server answering")
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def answers(port: int) -> bool:
    async with httpx.AsyncClient() as client:
        try:
            return (await client.get(f"http://127.0.0.1:{port}/readyz")).status_code == 200
        except httpx.TransportError:
            return False


async def test_an_event_whose_answer_was_lost_is_a_repetition(settings: Settings, key: ApiKey, pool: Pool) -> None:
    """The server dies as soon as the event is committed; the next server tells where the event lies."""
    event, port = registered(), free_port()
    async with server(settings, port) as process:
        body = orjson.dumps(event)
        head = f"POST /v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n"
        head += f"content-type: {STRUCTURED}\r\ncontent-length: {len(body)}\r\n\r\n"
        # The answer is never read: what counts is that the event is in the log when the process ends.
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head.encode() + body)
        await eventually(lambda: Log(key.authority_id).stored(pool), about="the event being committed")
        process.kill()
        await process.wait()
        writer.close()

    async with (
        server(settings, port),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers(key)) as client,
    ):
        again = await post(client, event)

        assert (statuses(again), positions(again)) == (["duplicate"], [1])
        assert len(await feed(client)) == 1


async def test_what_several_processes_are_sent_at_once_is_stored_once(settings: Settings, key: ApiKey) -> None:
    """Two processes of the service get the same events from many callers: each lies once, and all are told where."""
    events = [registered() for _ in range(REPEATED)]
    ports = (free_port(), free_port())
    async with AsyncExitStack() as opened:
        for port in ports:
            await opened.enter_async_context(server(settings, port))
        clients = [
            await opened.enter_async_context(
                httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers(key), timeout=30)
            )
            for port in ports * 2
        ]
        told = await asyncio.gather(*(post(client, event) for event in events for client in clients))

        assert Counter(statuses(each)[0] for each in told) == {"stored": REPEATED, "duplicate": REPEATED * 3}
        log = {each["event"]["id"]: each["position"] for each in await feed(clients[0])}
        assert sorted(log.values()) == list(range(1, REPEATED + 1))
        assert [positions(each)[0] for each in told] == [log[event["id"]] for event in events for _ in clients]


async def test_kill_minus_nine_of_postgresql_takes_back_nothing() -> None:
    """Under load, the whole server dies twice: what was acknowledged is there, and no follower saw what is not."""
    with server_folder() as folder, migrated_server(folder) as postgres:
        load, key = await killed_under_load(postgres)

        assert load.told.unknown
        await check(load, postgres.url, key.authority_id)


async def test_the_kill_finds_acknowledgements_that_came_too_early() -> None:
    """Must fail: where commits are answered before they are on disk, the same kill takes back what was seen."""
    # The server's own writer, which would bring them to disk soon, is told to wait.
    with server_folder() as folder, migrated_server(folder, wal_writer_delay="10s") as postgres:
        log = HastyLog((await new_authority(postgres.url)).authority_id)
        async with open_pool(postgres.url, size=2) as pool:
            follower = Follower(log, pool, limit=100)
            acknowledged = [seen for number in range(20) for seen in await log.commit(pool, [f"e{number}"])]
            await follower.catch_up()
            postgres.kill()
            stored = await eventually(lambda: stored_again(log, pool), about="the server coming back", within=60)

        assert follower.seen == acknowledged
        assert difference(follower.seen, stored[0]).invented


async def stored_again(log: Log, pool: Pool) -> list[list[Seen]]:
    """Return what is stored, in a list that is true however little that is; an empty one while the server is away."""
    with suppress(NotReady):
        return [await log.stored(pool)]
    return []


async def killed_under_load(postgres: OwnServer) -> tuple[Watched, ApiKey]:
    """Load a log, and kill the server whenever the load is well under way."""
    key = await new_authority(postgres.url)

    async def kills() -> None:
        stored = 0
        for _ in range(KILLS):
            wanted = stored + UNDER_WAY
            stored = await eventually(partial(at_least, wanted, postgres.url, key), within=60)
            postgres.kill()
        await eventually(partial(at_least, stored + UNDER_WAY, postgres.url, key), within=60)

    return await watched(postgres.url, NAMES, key.authority_id, meanwhile=kills, killing=False), key


async def at_least(wanted: int, url: str, key: ApiKey) -> int:
    """Return how many events are stored, if they are so many; 0 when not, or when the server is away."""
    with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError):
        async with connected(url) as connection:
            question = "SELECT count(*) FROM events.event WHERE authority_id = $1"
            count = int(await connection.fetchval(question, key.authority_id))
            return count if count >= wanted else 0
    return 0
