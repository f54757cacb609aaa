"""Who is admitted, and on whose behalf."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest
from sqlalchemy.ext.asyncio import create_async_engine

from shared.identity import store
from shared.identity.keys import ApiKey, Scope, new_key
from shared.runtime import auth
from shared.runtime.database import driver_url
from shared.wire.feed import AUTHORITY_HEADER
from tests.conftest import SERVICE_TOKEN
from tests.support.clock import SettableClock
from tests.support.council import headers, new_authority


async def ask(client: httpx.AsyncClient, **sent: str) -> httpx.Response:
    return await client.get("/v1/events/me", headers=sent)


async def test_a_key_speaks_for_its_authority(client: httpx.AsyncClient, database_url: str) -> None:
    """The caller is the authority that stands in the key."""
    key = await new_authority(database_url)

    answer = await ask(client, **headers(key))

    assert answer.json() == {"authority": key.authority_id, "key": key.key_id}


@pytest.mark.parametrize(
    "sent", [{}, {"authorization": "Basic x"}, {"authorization": "Bearer x"}, {"authorization": ""}]
)
async def test_without_a_key_nobody_is_admitted(client: httpx.AsyncClient, sent: dict[str, str]) -> None:
    """The answer is 401 and says how to authenticate."""
    answer = await ask(client, **sent)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_key_is_tied_to_its_secret_and_its_authority(client: httpx.AsyncClient, database_url: str) -> None:
    """With another secret, or another authority's name before it, a key is unknown."""
    key, other = await new_authority(database_url), await new_authority(database_url)

    for wrong in (
        ApiKey(key.authority_id, key.key_id, new_key("x1").secret),
        ApiKey(other.authority_id, key.key_id, key.secret),
    ):
        assert (await ask(client, **headers(wrong))).status_code == 401


async def test_a_key_without_the_scope_is_not_permitted(client: httpx.AsyncClient, database_url: str) -> None:
    """The answer is 403 and names the scope that is needed."""
    key = await new_authority(database_url, scopes=[Scope.EVENTS_APPEND])

    answer = await ask(client, **headers(key))

    assert answer.status_code == 403
    assert "events:read" in answer.json()["detail"]


async def test_a_revoked_key_stops_working_soon(
    client: httpx.AsyncClient, database_url: str, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It works until it is forgotten, which takes seconds, and not afterwards."""
    now = 100.0
    monkeypatch.setattr(auth, "monotonic", lambda: now)
    key = await new_authority(database_url)
    assert (await ask(client, **headers(key))).status_code == 200
    engine = create_async_engine(driver_url(database_url))
    async with engine.begin() as connection:
        assert await store.revoke_key(connection, key.authority_id, key.key_id, clock.now() - timedelta(days=1))
    await engine.dispose()

    now += auth.CACHE_SECONDS

    assert (await ask(client, **headers(key))).status_code == 401


async def test_a_sister_service_reads_for_the_authority_it_names(client: httpx.AsyncClient) -> None:
    """The shared token admits a service, and only with the authority on whose behalf it reads."""
    bearer = f"Bearer {SERVICE_TOKEN}"

    named = await client.get("/v1/events/me", headers={"authorization": bearer, AUTHORITY_HEADER: "northshire"})
    nameless = await ask(client, authorization=bearer)

    assert named.json() == {"authority": "northshire", "key": "service"}
    assert nameless.status_code == 401


async def test_a_key_cannot_name_another_authority(client: httpx.AsyncClient, database_url: str) -> None:
    """The header by which services name an authority changes nothing for a key."""
    key = await new_authority(database_url)

    answer = await client.get("/v1/events/me", headers={**headers(key), AUTHORITY_HEADER: "northshire"})

    assert answer.json()["authority"] == key.authority_id
