"""A client of the sample service, and a database with the tables of the sample consumer."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.runtime.settings import Settings
from tests.shared.runtime.following import make_tables
from tests.shared.runtime.sample import create_app
from tests.support.clients import asgi_client
from tests.support.clock import SettableClock
from tests.support.council import new_authority


@pytest.fixture
async def engine(fresh_database_url: str) -> AsyncIterator[AsyncEngine]:
    """An engine for the sample consumer's tables."""
    opened = await make_tables(fresh_database_url)
    yield opened
    await opened.dispose()


@pytest.fixture
async def council(fresh_database_url: str) -> str:
    """An authority whose log is followed."""
    return (await new_authority(fresh_database_url)).authority_id


@pytest.fixture
async def client(settings: Settings, clock: SettableClock) -> AsyncIterator[httpx.AsyncClient]:
    async with asgi_client(create_app(settings, clock)) as opened:
        yield opened
