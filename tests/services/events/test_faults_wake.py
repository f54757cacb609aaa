"""Hints that a log has grown may be lost, all of them: a reader gets everything, a second later."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

import httpx
import pytest
from fastapi import FastAPI

from services.events import hints
from services.events.app import create_app
from services.events.wake import LOOK_SECONDS
from shared.identity.keys import ApiKey
from shared.runtime.settings import Settings
from tests.services.events.interleaving import connected
from tests.services.events.posting import post, registered
from tests.support.clients import asgi_client
from tests.support.clock import SettableClock

EVENTS = 40
#: How much longer than the pause between two looks a reader may take here, where other programs take their time too.
SLACK_SECONDS = 2.0
_END_LISTENING = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'homeward-events' AND query ILIKE '%listen%' AND pid <> $1
"""


@asynccontextmanager
async def clients_of(*apps: FastAPI, key: ApiKey) -> AsyncIterator[list[httpx.AsyncClient]]:
    """Run apps as two processes would, and yield a client of each."""
    async with asgi_client(apps[0], key) as one, asgi_client(apps[1], key) as other:
        yield [one, other]


async def followed(reader: httpx.AsyncClient, arrived: dict[str, float]) -> list[str]:
    """Follow by long polls until every event has come; note when each did, and return them in their order."""
    seen: list[str] = []
    after = 0
    while len(seen) < EVENTS:
        page = (await reader.get(f"/v1/events?wait=10&after={after}")).json()
        seen += [each["event"]["id"] for each in page["events"]]
        arrived.update(dict.fromkeys(seen[len(arrived) :], monotonic()))
        after = page["next_after"]
    return seen


@pytest.mark.parametrize("fault", ["the connection that listens is ended", "no hint is sent"])
async def test_a_reader_gets_everything_without_hints(
    fault: str, settings: Settings, clock: SettableClock, key: ApiKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is appended in one process comes to a reader that waits at another, in order, within a look's time."""
    if fault == "no hint is sent":
        monkeypatch.setattr(hints.Hints, "tell", lambda *_: None)
    apps = (create_app(settings, clock=clock), create_app(settings, clock=clock))
    async with connected(str(settings.database_url)) as owner, clients_of(*apps, key=key) as (writer, reader):
        arrived: dict[str, float] = {}
        answered: dict[str, float] = {}
        reading = asyncio.create_task(followed(reader, arrived))
        for number in range(EVENTS):
            if fault != "no hint is sent" and number % 10 == 0:
                await owner.fetchval(_END_LISTENING, owner.get_server_pid())
            answer = await post(writer, registered(id=f"e{number}"))
            assert answer.status_code == 200
            answered[f"e{number}"] = monotonic()
            # The reader waits, sees and waits again, instead of getting all in one page.
            await asyncio.sleep(0.01)
        seen = await asyncio.wait_for(reading, timeout=30)

    assert seen == [f"e{number}" for number in range(EVENTS)]
    assert max(arrived[each] - answered[each] for each in seen) < LOOK_SECONDS + SLACK_SECONDS
