"""Councils (authorities) with their keys, put into a test's database."""

from __future__ import annotations

from collections.abc import Iterable
from secrets import token_hex

from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from shared.domain.clock import SystemClock
from shared.identity import store
from shared.identity.keys import ALL_SCOPES, ApiKey, Scope, new_key
from shared.runtime.database import driver_url

ALL = ALL_SCOPES


async def new_authority(
    database_url: str, authority_id: str | None = None, scopes: Iterable[Scope] = ALL, *, key: ApiKey | None = None
) -> ApiKey:
    """Add an authority, by default one nobody else uses, and return a key of it with these scopes.

    Calling it again with the same ``authority_id`` gives another key of that authority.
    """
    key = key or new_key(authority_id or f"council-{token_hex(6)}")
    now = SystemClock().now()
    engine = create_async_engine(driver_url(database_url), poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            await store.add_authority(connection, key.authority_id, f"Council {key.authority_id}", now)
            await store.add_key(connection, key, scopes=scopes, note="test", now=now)
    finally:
        await engine.dispose()
    return key


def headers(key: ApiKey) -> dict[str, str]:
    """Return the headers with which a caller presents the key."""
    return {"authorization": f"Bearer {key}"}
