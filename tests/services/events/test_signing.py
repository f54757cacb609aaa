"""The events service signs the head of every log that has moved, and no log that was changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from services.events.app import create_app
from services.events.store.connection import Pool, open_pool
from services.events.store.heads import heads_between, public_keys
from services.events.worker import HeadSigner, SignedLogChanged
from shared.identity.keys import ApiKey
from shared.runtime.database import create_engine
from shared.runtime.settings import Settings
from shared.runtime.signing import PublicKeys, Signer, new_seed
from tests.services.events.posting import post, registered, statuses
from tests.services.events.tampering import SIGNER, STRANGER, chain_anew, superuser
from tests.support.clients import asgi_client, client_of
from tests.support.clock import SettableClock
from tests.support.council import new_authority
from tests.support.waiting import eventually


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    opened = create_engine(database_url, service="events", pool_size=1)
    yield opened
    await opened.dispose()


def head_signer(pool: Pool, engine: AsyncEngine, clock: SettableClock, signer: Signer = SIGNER) -> HeadSigner:
    return HeadSigner(pool, engine, clock, signer, seconds=0.01)


async def signed(pool: Pool, authority_id: str) -> list[Any]:
    async with pool.connection() as connection:
        return await heads_between(connection, authority_id, 0, 2**40)


async def test_a_log_is_signed_when_it_has_moved(
    client: Any, pool: Pool, engine: AsyncEngine, clock: SettableClock, key: ApiKey
) -> None:
    """An empty log is not signed, a new head is signed once, and the signature is valid at the clock's instant."""
    one = head_signer(pool, engine, clock)
    await one.sign(key.authority_id)
    assert await signed(pool, key.authority_id) == []

    await post(client, registered("a"))
    for _ in range(2):
        await one.sign(key.authority_id)
    (head,) = await signed(pool, key.authority_id)

    assert (head.position, head.signed_at, head.key_id) == (1, clock.now(), SIGNER.key_id)
    async with pool.connection() as connection:
        keys = await public_keys(connection, key.authority_id)
    assert keys == [SIGNER.public_key]
    assert PublicKeys(keys).valid(head)

    await post(client, registered("b"))
    await one.sign(key.authority_id)
    assert [each.position for each in await signed(pool, key.authority_id)] == [1, 2]


async def test_several_processes_may_sign_at_once(
    client: Any, pool: Pool, engine: AsyncEngine, clock: SettableClock, key: ApiKey
) -> None:
    """Replicas with one key leave one signed head for one position."""
    await post(client, registered("a"))
    await asyncio.gather(*(head_signer(pool, engine, clock).sign(key.authority_id) for _ in range(4)))

    assert len(await signed(pool, key.authority_id)) == 1


async def test_a_new_key_signs_what_comes_and_the_old_heads_stay_valid(
    client: Any, pool: Pool, engine: AsyncEngine, clock: SettableClock, key: ApiKey
) -> None:
    """After a change of keys both public keys are known, so every head can still be checked."""
    for signer in (SIGNER, STRANGER):
        await post(client, registered("a"))
        await head_signer(pool, engine, clock, signer).sign(key.authority_id)

    heads = await signed(pool, key.authority_id)
    async with pool.connection() as connection:
        keys = PublicKeys(await public_keys(connection, key.authority_id))
    assert [head.key_id for head in heads] == [SIGNER.key_id, STRANGER.key_id]
    assert all(keys.valid(head) for head in heads)


async def rewrite(connection: Any, authority_id: str) -> None:
    await connection.execute("UPDATE events.event SET recorded_by = 'x' WHERE authority_id = $1", authority_id)
    await chain_anew(connection, authority_id, 1)


async def cut_off_with_heads(connection: Any, authority_id: str) -> None:
    await connection.execute("DELETE FROM events.event WHERE authority_id = $1 AND position > 1", authority_id)
    await connection.execute("DELETE FROM events.signed_head WHERE authority_id = $1", authority_id)


@pytest.mark.parametrize("deed", [rewrite, cut_off_with_heads])
async def test_a_log_that_was_changed_is_not_signed_again(
    *, database_url: str, client: Any, pool: Pool, engine: AsyncEngine, clock: SettableClock, key: ApiKey, deed: Any
) -> None:
    """What was signed last must still be there; the signer remembers it even if its row was deleted."""
    for _ in range(2):
        await post(client, registered("a"))
    one = head_signer(pool, engine, clock)
    await one.sign(key.authority_id)
    before = len(await signed(pool, key.authority_id))
    async with superuser(database_url) as connection:
        await deed(connection, key.authority_id)
    left = await signed(pool, key.authority_id)

    with pytest.raises(SignedLogChanged):
        await one.sign(key.authority_id)
    assert before == 1
    assert await signed(pool, key.authority_id) == left


async def test_a_changed_log_is_told_loudly_and_stops_nobody_else(
    fresh_database_url: str, settings: Settings, clock: SettableClock, caplog: pytest.LogCaptureFixture
) -> None:
    """The loop signs by itself.  A log that was tampered with is named; the others are signed, the service is ready."""
    key = await new_authority(fresh_database_url)
    seed = new_seed()
    changed = {"database_url": fresh_database_url, "signing_key": SecretStr(seed), "sign_seconds": 0.02}
    app = create_app(settings.model_copy(update=changed), clock=clock)
    async with app.router.lifespan_context(app), client_of(app, key) as client:
        await post(client, registered("a"))

        await eventually(lambda: head_of(client))
        assert (await client.get("/readyz")).json()["checks"]["signing"] == "ok"
        async with superuser(fresh_database_url) as connection:
            await rewrite(connection, key.authority_id)

        other = await new_authority(fresh_database_url)

        async def trouble() -> Any:
            return (await client.get("/readyz")).json()["degraded"].get("signing")

        told = await eventually(trouble)
        assert told == {key.authority_id: str(SignedLogChanged(key.authority_id, 1))}
        assert figure(key.authority_id) == 1
        assert any(each.levelname == "ERROR" and told[key.authority_id] in each.message for each in caplog.records)

        async with client_of(app, other) as unharmed:
            await post(unharmed, registered("b"))
            await eventually(lambda: head_of(unharmed))
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
        assert ready.json()["checks"]["signing"] == "ok"
        assert ready.json()["signing_key_id"] == Signer(seed).key_id
        assert figure(other.authority_id) == 0
        # What happens to children is recorded all the same; the log is no longer proved, and that is told.
        assert statuses(await post(client, registered("c"))) == ["stored"]


async def head_of(client: Any) -> Any:
    return (await client.get("/v1/log")).json()["signed_head"]


def figure(authority_id: str) -> float | None:
    """Return what `/metrics` shows of signing an authority's log: 1 while it fails."""
    return REGISTRY.get_sample_value("homeward_work_failing", {"work": "signing", "authority": authority_id})


async def test_the_last_events_are_signed_when_the_service_stops(
    fresh_database_url: str, settings: Settings, clock: SettableClock
) -> None:
    """What was appended since the last round does not wait for the next start."""
    key = await new_authority(fresh_database_url)
    changed = {"database_url": fresh_database_url, "signing_key": SecretStr(new_seed()), "sign_seconds": 3600}
    async with asgi_client(create_app(settings.model_copy(update=changed), clock=clock), key) as client:
        await post(client, registered("a"))
        assert (await client.get("/v1/log")).json()["signed_head"] is None

    async with open_pool(fresh_database_url, size=1) as pool:
        assert [each.position for each in await signed(pool, key.authority_id)] == [1]


async def test_without_a_key_the_log_works_and_the_start_says_so(
    settings: Settings, key: ApiKey, clock: SettableClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is signed, readiness knows no signing, and one line of the log names the setting."""
    async with asgi_client(create_app(settings, clock=clock), key) as client:
        await post(client, registered("a"))
        ready = (await client.get("/readyz")).json()
        assert "signing" not in ready["checks"]
        assert ready["signing_key_id"] is None
        assert (await client.get("/v1/log")).json()["public_keys"] == []

    assert "HOMEWARD_SIGNING_KEY is not set" in caplog.text


async def test_time_stands_in_the_head_to_the_microsecond(
    client: Any, pool: Pool, engine: AsyncEngine, clock: SettableClock, key: ApiKey
) -> None:
    """What is read back is what was signed, so that the signature stays valid."""
    clock.set(clock.now() + timedelta(microseconds=123_457))
    await post(client, registered("a"))
    await head_signer(pool, engine, clock).sign(key.authority_id)

    (head,) = await signed(pool, key.authority_id)
    assert head.signed_at == clock.now()
    assert PublicKeys([SIGNER.public_key]).valid(head)
