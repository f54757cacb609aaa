"""Fixtures for every test: the database, settings, and a clock that stands still."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from shared.runtime.settings import ENVIRONMENT_PREFIX, Settings
from tests.support import databases
from tests.support.clock import SettableClock

#: Thursday; no holiday near it in Scotland or England.
NOW = datetime(2026, 6, 11, 9, 30, tzinfo=UTC)
SERVICE_TOKEN = "test-service-token-of-more-than-32-characters"


@pytest.fixture(scope="session")
def postgres() -> Iterator[databases.TestServer]:
    """Yield the server of this test run."""
    with databases.test_server() as server:
        yield server


@pytest.fixture(scope="session")
def database_url(postgres: databases.TestServer) -> Iterator[str]:
    """Yield a migrated database that all tests share: each uses an authority of its own."""
    url = postgres.migrated()
    yield url
    postgres.drop(url)


@pytest.fixture
def fresh_database_url(postgres: databases.TestServer) -> Iterator[str]:
    """Yield a migrated database that only this test uses."""
    url = postgres.migrated()
    yield url
    postgres.drop(url)


@pytest.fixture
def empty_database_url(postgres: databases.TestServer) -> Iterator[str]:
    """Yield a database in which nothing has been migrated."""
    url = postgres.empty()
    yield url
    postgres.drop(url)


@pytest.fixture
def clock() -> SettableClock:
    """Return a clock that stands at Thursday 11 June 2026, 09:30 UTC, until the test sets it."""
    return SettableClock(NOW)


@pytest.fixture
def settings(database_url: str) -> Settings:
    """Return settings over the shared database, with loops that turn quickly."""
    return Settings(
        database_url=database_url,
        service_token=SERVICE_TOKEN,
        lease_seconds=0.8,
        tick_seconds=0.02,
        delivery_seconds=0.02,
        pool_size=3,
    )


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep settings of the machine out of the tests."""
    for name in list(os.environ):
        if name.startswith(ENVIRONMENT_PREFIX) and not name.startswith(ENVIRONMENT_PREFIX + "TEST_"):
            monkeypatch.delenv(name)
