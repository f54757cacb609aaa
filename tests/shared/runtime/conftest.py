"""A client of the sample service."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from shared.domain.clock import SettableClock
from shared.runtime.settings import Settings
from tests.shared.runtime.sample import create_app
from tests.support.clients import asgi_client


@pytest.fixture
async def client(settings: Settings, clock: SettableClock) -> AsyncIterator[httpx.AsyncClient]:
    async with asgi_client(create_app(settings, clock)) as opened:
        yield opened
