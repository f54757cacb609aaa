"""The council that each test of the scheduler has to itself."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from shared.runtime.settings import Settings
from tests.services.scheduler.scene import Scene, scene
from tests.services.scheduler.served import Served, served
from tests.support.clock import SettableClock


@pytest_asyncio.fixture
async def council(database_url: str, clock: SettableClock) -> AsyncIterator[Scene]:
    """Yield a council with an empty log; today is Thursday 11 June 2026."""
    async with scene(database_url, clock) as opened:
        yield opened


@pytest_asyncio.fixture
async def running(fresh_database_url: str, settings: Settings, clock: SettableClock) -> AsyncIterator[Served]:
    """Yield a running scheduler on a database of its own."""
    own = settings.model_copy(update={"database_url": fresh_database_url, "webhook_allow": "127.0.0.1/32:*"})
    async with served(own, clock) as opened:
        yield opened
