"""A reader that takes nothing and is let go, as the program that served it sees and logs it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import psutil
import pytest

from shared.identity.keys import ApiKey
from shared.wire import limits
from shared.wire.content_modes import STRUCTURED
from tests.services.events.posting import post_raw, registered
from tests.support.council import headers
from tests.support.ports import free_port
from tests.support.waiting import eventually

#: Together more than the system keeps for the two ends of a connection.
EVENTS = 40
#: The service with less patience: of its own, and of the system beneath it.
PROGRAM = """
import runpy
from shared.runtime import serve, taking
taking.TAKE_SECONDS, serve.UNTAKEN_SECONDS = {take_seconds}, {untaken_seconds}
runpy.run_module("services.events", run_name="__main__", alter_sys=True)
"""
#: So long that it does not matter.
LONG = 600
#: Starting and stopping, and what is said at the start of the databases of the tests and of a service without a key.
ORDINARY = (b" INFO ", b" shared.runtime.durability ", b"HOMEWARD_SIGNING_KEY")


@dataclass
class Program:
    """The events service in a process of its own, with a log of 10 MB."""

    client: httpx.AsyncClient
    process: asyncio.subprocess.Process
    port: int
    #: What it logged that is not ordinary, once it has ended.
    logged: list[bytes] = field(default_factory=list)

    def connections(self, of: socket.socket) -> list[str]:
        """Return the state of this process's end of a connection, or nothing once it has closed it."""
        ours = psutil.Process(self.process.pid).net_connections("tcp")
        return [each.status for each in ours if each.raddr and each.raddr.port == of.getsockname()[1]]

    async def follows(self, readers: int) -> bool:
        """Tell whether so many have a place on the live feed."""
        return f"homeward_feed_waiting {readers}.0" in (await self.client.get("/metrics")).text


@asynccontextmanager
async def program(
    database_url: str, key: ApiKey, *, take_seconds: float = LONG, untaken_seconds: int = LONG
) -> AsyncIterator[Program]:
    """Run the service until the end of the block, and then read what it logged."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM.format(take_seconds=take_seconds, untaken_seconds=untaken_seconds),
        env={**os.environ, "HOMEWARD_DATABASE_URL": database_url, "HOMEWARD_PORT": str(port)},
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers(key), timeout=40) as client:
            await eventually(lambda: answers(client), within=30, about="the start of the service")
            for _ in range(EVENTS):
                body = json.dumps(registered()).encode()
                filling = b" " * (limits.EVENT_BYTES - len(body))
                assert (await post_raw(client, STRUCTURED, body.replace(b"{", b"{" + filling, 1))).status_code == 200
            running = Program(client, process, port)
            yield running
        process.send_signal(signal.SIGTERM)
        _, errors = await asyncio.wait_for(process.communicate(), 20)
        running.logged += [line for line in errors.splitlines() if not any(known in line for known in ORDINARY)]
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def answers(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/readyz")).status_code == 200
    except httpx.TransportError:
        return False


async def follow(port: int, key: ApiKey) -> socket.socket:
    """Ask for the live feed over a connection that takes little, and take nothing."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(connection, ("127.0.0.1", port))
    fields = "".join(f"{name}: {value}\r\n" for name, value in headers(key).items())
    await loop.sock_sendall(connection, f"GET /v1/events/live HTTP/1.1\r\nhost: homeward\r\n{fields}\r\n".encode())
    return connection


@pytest.mark.parametrize("patience", ["take_seconds", "untaken_seconds"])
async def test_a_connection_that_is_given_up_is_no_fault(database_url: str, key: ApiKey, patience: str) -> None:
    """A closed laptop is an ordinary thing: its place is freed, its connection ends, and nothing is logged.

    It ends by us, or by the system beneath us, whoever sees first that nothing is taken.
    """
    async with program(database_url, key, **{patience: 1}) as service:
        with await follow(service.port, key) as reader:
            await eventually(lambda: service.follows(1))
            await eventually(lambda: service.follows(0))
            await eventually(lambda: not service.connections(reader))

    assert service.logged == []


async def test_a_reader_that_comes_to_again_is_served_on(database_url: str, key: ApiKey) -> None:
    """Whoever takes nothing for less than that time, and then reads, has missed nothing."""
    async with program(database_url, key) as service:
        with await follow(service.port, key) as reader:
            await eventually(lambda: service.follows(1))
            received = bytearray()
            async with asyncio.timeout(20):
                while b"\nevent: head\n" not in received[-200:]:
                    part = await asyncio.get_running_loop().sock_recv(reader, 1_000_000)
                    assert part, "the answer was cut off"
                    received += part

    assert received.count(b"\nevent: recorded\n") == EVENTS
    assert service.logged == []


async def test_a_reader_that_takes_nothing_when_the_service_stops_is_no_fault(database_url: str, key: ApiKey) -> None:
    """It is not waited for longer than any other, nothing breaks, and nothing is logged as an error."""
    async with program(database_url, key) as service:
        readers = [await follow(service.port, key) for _ in range(2)]
        await eventually(lambda: service.follows(2))
    for reader in readers:
        reader.close()

    assert service.process.returncode == -signal.SIGTERM
    assert service.logged == []
