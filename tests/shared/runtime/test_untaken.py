"""Answers that are not taken, over a transport that says how much of them is left."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from shared.runtime import room
from shared.runtime.connections import Connection
from shared.runtime.room import Connections
from shared.runtime.serve import configured
from shared.runtime.taking import LOOKS, TAKE_SECONDS

REQUEST = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
#: More than the server lets wait before it asks the operation to pause.
MUCH = 8_000_000


class Untaken(asyncio.Transport):
    """A transport from which nothing is taken unless a test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.left = 0
        self.ended = ""

    def get_write_buffer_size(self) -> int:
        return self.left

    def write(self, data: Any) -> None:
        self.left += len(data)

    def is_closing(self) -> bool:
        return bool(self.ended)

    def close(self) -> None:
        self.ended = self.ended or "closed"

    def abort(self) -> None:
        self.ended = "aborted"

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        pass

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


async def download(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with much."""
    del scope, receive
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", str(MUCH).encode())]})
    await send({"type": "http.response.body", "body": bytes(MUCH)})


def connected(connections: Connections) -> tuple[Connection, Untaken]:
    config = configured(download, lifespan="off")
    config.load()
    connection, transport = Connection(config, connections, {}), Untaken()
    connection.connection_made(transport)
    return connection, transport


async def downloading(connections: Connections) -> tuple[Connection, Untaken]:
    """Return a connection over which an answer has been written whole, and of which nothing was taken."""
    connection, transport = connected(connections)
    connection.data_received(REQUEST)
    for _ in range(10):
        await asyncio.sleep(0)
    assert transport.left > MUCH
    connection.pause_writing()
    return connection, transport


def wait(connections: Connections, times: int) -> None:
    """Let so many times pass in which something has to be taken, and the server look as often as it does."""
    now = asyncio.get_running_loop().time()
    for look in range(1, times * LOOKS + 1):
        connections.end_late(now + look * (TAKE_SECONDS / LOOKS + 1))


@pytest.fixture
def connections() -> Connections:
    """Return room for one connection."""
    return Connections(1)


async def test_a_download_is_not_ended_for_somebody_who_came_later(connections: Connections) -> None:
    """An answer that is still being taken is no silence: the one who comes later is refused."""
    _, transport = await downloading(connections)

    later, _ = connected(connections)

    assert transport.ended == ""
    assert later not in connections.connections


async def test_who_is_slow_for_long_makes_room(connections: Connections, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those who take their answers slowly on purpose, be they many, keep nobody out."""
    monkeypatch.setattr(room, "SLOW_SECONDS", 0.0)
    slow, transport = await downloading(connections)

    later, _ = connected(connections)

    assert transport.ended == "aborted"
    assert connections.connections == {later}
    assert slow not in connections.connections


async def test_a_connection_that_is_lost_leaves_nothing_behind(connections: Connections) -> None:
    """It is freed at once: the collector looks seldom, and of those who come and go there may be many."""
    connection, _ = await downloading(connections)
    left = weakref.ref(connection)
    gc.collect()
    gc.disable()
    try:
        connection.connection_lost(None)
        del connection
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert left() is None
    finally:
        gc.enable()


async def test_a_connection_that_was_refused_is_ended_although_it_takes_nothing(connections: Connections) -> None:
    """Whoever takes nothing and then sends what cannot be read has no more time than anybody else."""
    connection, transport = await downloading(connections)
    connection.data_received(b"\x00garbage\r\n")
    wait(connections, 2)
    assert transport.ended == "aborted"


async def test_the_rest_of_an_answer_has_to_be_taken_too(connections: Connections) -> None:
    """What is left when the server no longer counts it as much keeps no connection open for ever."""
    connection, transport = await downloading(connections)
    transport.left = 60_000
    connection.resume_writing()
    wait(connections, 3)
    assert transport.ended == "aborted"


async def test_whoever_takes_next_to_nothing_is_left_alone(connections: Connections) -> None:
    """A slow reader is served to the end, however slow: here it takes a byte from time to time."""
    _, transport = await downloading(connections)
    now = asyncio.get_running_loop().time()
    for time in range(1, 20):
        connections.end_late(now + (time - 0.5) * TAKE_SECONDS)
        transport.left -= 1
        connections.end_late(now + time * TAKE_SECONDS)
    assert transport.ended == ""
    connections.end_late(now + 19.5 * TAKE_SECONDS)
    connections.end_late(now + 20 * TAKE_SECONDS)
    assert transport.ended == "aborted"


async def test_whoever_takes_nothing_is_ended_when_the_time_is_over(connections: Connections) -> None:
    """It has the time once, and no more than a look beyond it."""
    _, transport = await downloading(connections)
    wait(connections, 1)
    assert transport.ended == "aborted"
