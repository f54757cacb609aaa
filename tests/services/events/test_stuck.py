"""A reader of the live feed that opens a connection and then takes nothing, on a real socket."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx
import psutil
import pytest
from fastapi import FastAPI
from starlette.types import Message, Send

from services.events.api import live, live_answer
from services.events.app import create_app
from services.events.store.read import Page, read_log
from shared.identity.keys import ApiKey
from shared.runtime import taking
from shared.runtime.settings import Settings
from shared.wire import limits
from shared.wire.content_modes import STRUCTURED
from tests.services.events.posting import post_raw, registered
from tests.support.clock import SettableClock
from tests.support.council import headers
from tests.support.serving import serving
from tests.support.waiting import eventually

#: Together more than the system keeps for the two ends of a connection.
EVENTS = 60


@pytest.fixture
def app(settings: Settings, clock: SettableClock, monkeypatch: pytest.MonkeyPatch) -> FastAPI:
    monkeypatch.setattr(taking, "TAKE_SECONDS", 1.0)
    return create_app(settings, clock=clock)


@pytest.fixture
async def base_url(app: FastAPI, key: ApiKey) -> AsyncIterator[str]:
    """Serve a log that holds 15 MB."""
    async with serving(app) as url:
        async with httpx.AsyncClient(base_url=url, headers=headers(key), timeout=40) as client:
            for _ in range(EVENTS):
                body = json.dumps(registered()).encode()
                filling = b" " * (limits.EVENT_BYTES - len(body))
                assert (await post_raw(client, STRUCTURED, body.replace(b"{", b"{" + filling, 1))).status_code == 200
        yield url


@contextmanager
def following(base_url: str, key: ApiKey) -> Iterator[socket.socket]:
    """Ask for the live feed over a connection whose end keeps little, and take nothing of what comes."""
    there = urlsplit(base_url)
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect((there.hostname, there.port))
        fields = "".join(f"{name}: {value}\r\n" for name, value in headers(key).items())
        connection.sendall(f"GET /v1/events/live HTTP/1.1\r\nhost: homeward\r\n{fields}\r\n".encode())
        yield connection


class Handed(NamedTuple):
    """A part of the answer that the server has taken, its size in bytes, and when."""

    size: int
    at: float


@pytest.fixture
def handed(monkeypatch: pytest.MonkeyPatch) -> list[Handed]:
    """Return what is handed to the server from now on."""
    found: list[Handed] = []

    class Handing(live_answer.LiveAnswer):
        async def __call__(self, scope: Any, receive: Any, send: Send) -> None:
            async def hand(message: Message) -> None:
                await send(message)
                found.append(Handed(len(message.get("body", b"")), monotonic()))

            await super().__call__(scope, receive, hand)

    monkeypatch.setattr(live, "LiveAnswer", Handing)
    return found


def open_connections(base_url: str) -> int:
    """Count the connections to the server that this process keeps, as the server's end of them."""
    port = urlsplit(base_url).port
    ours = psutil.Process(os.getpid()).net_connections("tcp")
    return sum(each.laddr.port == port and each.status != psutil.CONN_LISTEN for each in ours)


async def test_a_reader_that_takes_nothing_costs_little_and_is_let_go(
    base_url: str, app: FastAPI, key: ApiKey, handed: list[Handed], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No more than a page is read for it and a piece handed over, its place becomes free, and its connection ends."""
    pages: list[int] = []

    async def reading(*arguments: Any, **more: Any) -> Page:
        page = await read_log(*arguments, **more)
        pages.append(sum(len(row["body"]) for row in page.rows))
        return page

    monkeypatch.setattr(live, "read_log", reading)
    with following(base_url, key):
        await eventually(lambda: app.state.wake._count == 1)
        await eventually(lambda: app.state.wake._count == 0, within=10)
        await eventually(lambda: open_connections(base_url) == 0, within=10)

    pieces = [each.size for each in handed]
    assert max(pages) <= limits.EVENT_BYTES
    assert max(pieces) == live_answer.PIECE_BYTES
    # It stopped in the middle: the rest of the log was neither read nor written for it.
    assert sum(pages) - sum(pieces) <= limits.EVENT_BYTES
    assert sum(pages) < EVENTS * limits.EVENT_BYTES


async def test_a_slow_reader_is_not_a_stuck_one(base_url: str, app: FastAPI, key: ApiKey, handed: list[Handed]) -> None:
    """Whoever takes a little from time to time is served on, though that is nothing to the server's own system.

    What it takes leaves the server no room to hand on a piece for longer than a stuck reader has.
    """
    loop = asyncio.get_running_loop()
    with following(base_url, key) as reader:
        reader.setblocking(False)
        async with asyncio.timeout(20):
            while not handed or monotonic() - handed[-1].at < 2 * taking.TAKE_SECONDS:
                assert await loop.sock_recv(reader, 2048)
                await asyncio.sleep(0.05)
        assert app.state.wake._count == 1
