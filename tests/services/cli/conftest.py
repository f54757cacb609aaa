"""What the operator's commands work on in tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from shared.runtime.settings import Settings
from tests.services.cli.rebuilding import LOADED, Site, site
from tests.support.clock import SettableClock


@pytest.fixture
def operated(fresh_database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a migrated database that only this test uses, and that the commands of this process work on."""
    monkeypatch.setenv("HOMEWARD_DATABASE_URL", fresh_database_url)
    return fresh_database_url


@pytest.fixture
async def here(fresh_database_url: str, settings: Settings) -> AsyncIterator[Site]:
    """Yield a council on a database that only this test uses, on the day of the demonstration council."""
    async with site(fresh_database_url, settings, SettableClock(LOADED)) as found:
        yield found
