"""Each service reaches the database in a role that holds only what it needs."""

from __future__ import annotations

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_connection
from sqlalchemy.exc import DBAPIError

from shared.runtime import database
from shared.runtime.database import UnusableUrl, create_engine, driver_url, plain_url
from shared.runtime.migrations import BRANCHES
from tests.support.waiting import eventually

SERVICES = tuple(branch for branch in BRANCHES if branch != "identity")


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_acts_in_its_own_role(database_url: str, service: str) -> None:
    """Role, name and time zone are those of the service, whoever logged in."""
    engine = create_engine(database_url, service=service)
    async with engine.connect() as connection:
        role = await connection.scalar(text("SELECT current_user"))
        zone = await connection.scalar(text("SHOW timezone"))
        name = await connection.scalar(text("SHOW application_name"))
    await engine.dispose()

    assert (role, zone, name) == (f"homeward_{service}", "UTC", f"homeward-{service}")


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_cannot_write_identity(database_url: str, service: str) -> None:
    """No service makes authorities or keys."""
    engine = create_engine(database_url, service=service)
    async with engine.connect() as connection:
        with pytest.raises(DBAPIError, match="permission denied"):
            await connection.execute(text("INSERT INTO identity.authority VALUES ('mine', 'Mine', now())"))
    await engine.dispose()


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("other", SERVICES)
async def test_a_service_sees_only_its_own_schema(database_url: str, service: str, other: str) -> None:
    """A service meets the others over HTTP only: their tables are closed to it."""
    engine = create_engine(database_url, service=service)
    async with engine.connect() as connection:
        allowed = await connection.scalar(text("SELECT has_schema_privilege(:schema, 'USAGE')"), {"schema": other})
    await engine.dispose()

    assert allowed is (service == other)


@pytest.mark.parametrize("url", ["postgresql://a:b@c/d", "postgres://a:b@c/d", "postgresql+psycopg://a:b@c/d"])
def test_urls_of_postgresql_are_taken(url: str) -> None:
    """However it is spelt, the driver is ours."""
    try:
        driver = driver_url(url)
    except ValueError as error:
        pytest.fail(str(error))
    assert driver.drivername == "postgresql+asyncpg"
    assert driver.database == "d"


@pytest.mark.parametrize("url", ["", "hush", "mysql://a:hush@c/d", "http://hush"])
def test_other_urls_are_refused_without_repeating_them(url: str) -> None:
    """A URL may hold a password, so the message names the setting only."""
    with pytest.raises(ValueError, match="HOMEWARD_DATABASE_URL") as refusal:
        driver_url(url)
    assert "hush" not in str(refusal.value)


async def test_a_connection_that_was_lost_while_it_rested_is_not_lent(database_url: str) -> None:
    """Whoever asks next gets another one."""
    engine = create_engine(database_url, service="events", pool_size=1)
    async with engine.connect() as connection:
        lost = await connection.scalar(text("SELECT pg_backend_pid()"))
    operator = await asyncpg.connect(database.plain_url(database_url))
    await operator.execute("SELECT pg_terminate_backend($1)", lost)

    async def gone() -> bool:
        return not await operator.fetchval("SELECT count(*) FROM pg_stat_activity WHERE pid = $1", lost)

    await eventually(gone)
    await operator.close()
    async with engine.connect() as connection:
        assert await connection.scalar(text("SELECT pg_backend_pid()")) != lost
    await engine.dispose()


async def test_a_connection_that_gives_no_sign_of_life_is_not_lent(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one that broke without a word nobody knows, until one asks."""

    def silent(_: AsyncAdapt_asyncpg_connection) -> None:
        raise TimeoutError

    engine = create_engine(database_url, service="events", pool_size=1)
    async with engine.connect() as connection:
        broken = await connection.scalar(text("SELECT pg_backend_pid()"))
    monkeypatch.setattr(database, "RESTED_SECONDS", -1.0)
    monkeypatch.setattr(AsyncAdapt_asyncpg_connection, "ping", silent)
    async with engine.connect() as connection:
        assert await connection.scalar(text("SELECT pg_backend_pid()")) != broken
    await engine.dispose()


async def test_a_connection_that_hardly_rested_is_lent_without_a_question(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sign of life takes as long as what most requests ask: only one that has rested for long gives it."""
    asked: list[str] = []

    def counted(_: AsyncAdapt_asyncpg_connection) -> None:
        asked.append("ping")

    monkeypatch.setattr(AsyncAdapt_asyncpg_connection, "ping", counted)
    engine = create_engine(database_url, service="events", pool_size=1)
    for rested_seconds, pings in ((3600.0, 0), (-1.0, 2)):
        monkeypatch.setattr(database, "RESTED_SECONDS", rested_seconds)
        asked.clear()
        async with engine.connect():
            pass
        async with engine.connect():
            pass
        assert len(asked) == pings
    await engine.dispose()


@pytest.mark.parametrize("mode", ["disable", "require", "verify-full"])
def test_an_encrypted_connection_is_asked_for_as_elsewhere(mode: str) -> None:
    """`?sslmode=` of libpq reaches asyncpg by both ways, each under the name that it takes."""
    url = f"postgresql://a:b@c/d?sslmode={mode}&pooler=transaction"
    assert dict(driver_url(url).query) == {"ssl": mode}
    assert plain_url(url) == f"postgresql://a:b@c/d?sslmode={mode}"


def test_what_only_one_way_to_connect_understands_is_refused() -> None:
    """It would be an error of the driver for half of the connections; the message names what is taken."""
    with pytest.raises(UnusableUrl, match="no other than host, passfile, pooler, port, sslmode"):
        driver_url("postgresql://a:b@c/d?application_name=x")
