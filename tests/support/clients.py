"""HTTP clients that speak to an app in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI

from shared.identity.keys import ApiKey
from tests.support.council import headers

BASE_URL = "http://homeward.test"


@asynccontextmanager
async def asgi_client(app: FastAPI, key: ApiKey | None = None) -> AsyncIterator[httpx.AsyncClient]:
    """Enter the app's lifespan and yield a client of it, which presents ``key`` with every request."""
    async with app.router.lifespan_context(app), client_of(app, key) as client:
        yield client


def client_of(app: FastAPI, key: ApiKey | None = None) -> httpx.AsyncClient:
    """Return a client of an app whose lifespan somebody else has entered."""
    # An error that reached the server would be logged there with its text: none may.
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=True)
    return httpx.AsyncClient(transport=transport, base_url=BASE_URL, headers=headers(key) if key else None)
