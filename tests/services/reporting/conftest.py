"""Reporting running in this process, and one council that uses it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from shared.identity.keys import ApiKey
from shared.runtime.settings import Settings
from tests.services.reporting.feed import Reporting, running
from tests.support.clock import SettableClock
from tests.support.council import new_authority


@pytest.fixture
async def reporting(fresh_database_url: str, settings: Settings, clock: SettableClock) -> AsyncIterator[Reporting]:
    """Reporting with a feed to write to, on a database of its own: it follows every authority there is in one."""
    own = settings.model_copy(update={"database_url": fresh_database_url})
    async with running(own, clock) as started:
        yield started


@pytest.fixture
async def key(fresh_database_url: str) -> ApiKey:
    """A key of the council that reporting follows."""
    return await new_authority(fresh_database_url)


@pytest.fixture
async def client(reporting: Reporting, key: ApiKey) -> AsyncIterator[httpx.AsyncClient]:
    """A client of that council."""
    async with reporting.client(key) as opened:
        yield opened
