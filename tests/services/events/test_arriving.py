"""Bodies that are still arriving: how much of them is held, and for whom."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from services.events.api import append
from services.events.api.arriving import Arriving
from shared.identity import store
from shared.identity.keys import ApiKey
from shared.wire.content_modes import BATCH, NDJSON
from tests.services.events.posting import post, registered
from tests.support.clock import SettableClock
from tests.support.council import new_authority
from tests.support.serving import http_client, serving
from tests.support.waiting import eventually

PIECE = b"\n" * 40_000
SLOW = {"content-type": NDJSON[0]}


@pytest.fixture
async def client(app: FastAPI, key: ApiKey) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(app) as base_url, http_client(base_url, key) as opened:
        yield opened


async def pieces(pause: asyncio.Event) -> AsyncIterator[bytes]:
    yield PIECE
    await pause.wait()


async def many_pieces() -> AsyncIterator[bytes]:
    for _ in range(20):
        yield PIECE


def held(app: FastAPI) -> dict[str, int]:
    arriving: Arriving = app.state.arriving
    return dict(arriving._held)


async def test_one_authority_s_endless_bodies_are_bounded(
    client: httpx.AsyncClient, app: FastAPI, key: ApiKey, database_url: str
) -> None:
    """What is too much is refused and can be sent again; others are not asked to wait, and nothing stays counted."""
    app.state.arriving = Arriving(60_000)
    other, pause = await new_authority(database_url), asyncio.Event()
    first = asyncio.create_task(client.post("/v1/events", content=pieces(pause), headers=SLOW))
    await eventually(lambda: held(app) == {key.authority_id: len(PIECE)})

    refused = await client.post("/v1/events", content=many_pieces(), headers=SLOW)
    theirs = {"authorization": f"Bearer {other}", "content-type": BATCH}
    admitted = await client.post("/v1/events", json=[registered()], headers=theirs)
    assert (refused.status_code, admitted.status_code) == (503, 200)

    pause.set()
    assert (await first).status_code == 200
    assert held(app) == {}
    await post(client, registered())


async def test_a_key_that_is_revoked_while_its_body_arrives_appends_nothing(
    client: httpx.AsyncClient, app: FastAPI, key: ApiKey, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A body may take minutes; the key is looked at again when it is whole."""
    monkeypatch.setattr(append, "CACHE_SECONDS", 0.0)
    monkeypatch.setattr("shared.runtime.auth.CACHE_SECONDS", 0.0)
    pause = asyncio.Event()
    posting = asyncio.create_task(client.post("/v1/events", content=pieces(pause), headers=SLOW))
    await eventually(lambda: held(app) == {key.authority_id: len(PIECE)})
    async with app.state.resources.engine.begin() as connection:
        await connection.exec_driver_sql("SET LOCAL ROLE NONE")
        await store.revoke_key(connection, key.authority_id, key.key_id, now=clock.now())
    pause.set()

    assert (await posting).status_code == 401
