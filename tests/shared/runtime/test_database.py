"""Each service reaches the database in a role that holds only what it needs."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from shared.runtime.database import create_engine, driver_url
from shared.runtime.migrations import BRANCHES

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
