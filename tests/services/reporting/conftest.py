"""Reporting running in this process, and one council that uses it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from shared.domain.clock import SettableClock
from shared.identity.keys import ApiKey
from shared.runtime.settings import Settings
from tests.services.reporting.feed import Reporting, running
from tests.support.council import new_authority


@pytest.fixture
async def reporting(settings: Settings, clock: SettableClock) -> AsyncIterator[Reporting]:
    """Reporting with a feed to write to."""
    async with running(settings, clock) as started:
        yield started


@pytest.fixture
async def key(database_url: str) -> ApiKey:
    """A key of a council that no other test uses."""
    return await new_authority(database_url)


@pytest.fixture
async def client(reporting: Reporting, key: ApiKey) -> AsyncIterator[httpx.AsyncClient]:
    """A client of that council."""
    async with reporting.client(key) as opened:
        yield opened
