"""A council with its key, a client of the app, and connections to the log."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from services.events.app import create_app
from services.events.store.connection import Pool, open_pool
from shared.identity.keys import ApiKey
from shared.runtime.settings import Settings
from tests.support.clients import asgi_client
from tests.support.clock import SettableClock
from tests.support.council import new_authority


@pytest.fixture
async def key(database_url: str) -> ApiKey:
    """Return a key of a council of its own."""
    return await new_authority(database_url)


@pytest.fixture
def app(settings: Settings, clock: SettableClock) -> FastAPI:
    """Return the app, for whoever enters its lifespan."""
    return create_app(settings, clock=clock)


@pytest.fixture
async def client(app: FastAPI, key: ApiKey) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of the app that presents the key."""
    async with asgi_client(app, key) as opened:
        yield opened


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    """Yield connections in the role of the events service."""
    async with open_pool(database_url, size=10) as opened:
        yield opened
