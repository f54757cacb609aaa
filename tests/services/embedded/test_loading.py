"""The demonstration council is loaded once and to the end, whatever interrupts it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from typing import Any

import httpx
import pytest

from services.demonstration.council import generate
from services.demonstration.load import LoadFailed
from services.embedded import loading
from services.embedded.demonstration import child_with_much_to_see
from services.events.app import create_app
from shared.runtime.settings import Settings
from tests.support.clients import asgi_client
from tests.support.council import new_authority
from tests.support.events import cloud_event

MONDAY, TUESDAY = date(2026, 6, 8), date(2026, 6, 9)


@pytest.fixture(autouse=True)
def _small_council(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "generate", lambda seed, until: generate(seed, until, years=1)[:1200])


@asynccontextmanager
async def empty_log(settings: Settings, database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    key = await new_authority(database_url)
    async with asgi_client(create_app(settings), key) as client:
        yield client


async def everything(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    while page := await loading.read(client, "/v1/events", {"after": len(events), "limit": 1000}):
        events += [view["event"] for view in page]
    return events


def nothing(done: int, total: int) -> None:
    """Ignore progress."""


def interrupted(done: int, total: int) -> None:
    """Stop behind the first batch, as Ctrl-C would."""
    if done:
        raise KeyboardInterrupt


async def test_an_empty_log_gets_the_whole_council_once(settings: Settings, database_url: str) -> None:
    """The first start loads every event, the second none, on the same day or a later one."""
    async with empty_log(settings, database_url) as client:
        assert await loading.load_once(client, MONDAY, nothing)
        stored = await everything(client)
        assert {event["id"] for event in stored} == {event["id"] for event in loading.draw(MONDAY).events}

        assert not await loading.load_once(client, MONDAY, nothing)
        assert not await loading.load_once(client, TUESDAY, nothing)
        assert await everything(client) == stored


async def test_an_interrupted_load_is_finished_on_a_later_day(settings: Settings, database_url: str) -> None:
    """What is loaded in the end is the council of the first day, each event once."""
    async with empty_log(settings, database_url) as client:
        with pytest.raises(KeyboardInterrupt):
            await loading.load_once(client, MONDAY, interrupted)
        assert 0 < len(await everything(client)) < 1000

        assert await loading.load_once(client, TUESDAY, nothing)

        stored = [event["id"] for event in await everything(client)]
        assert stored == list(dict.fromkeys(event["id"] for event in loading.draw(MONDAY).events))


async def test_a_log_that_is_somebody_s_is_left_alone(settings: Settings, database_url: str) -> None:
    """Nothing is loaded behind events that are not of the demonstration."""
    event = cloud_event("child.registered", "child-ada", {"occurred_on": "2026-01-15"})
    async with empty_log(settings, database_url) as client:
        assert (await client.post("/v1/events", json=[event], headers=BATCH)).status_code == 200

        assert not await loading.load_once(client, MONDAY, nothing)
        assert len(await everything(client)) == 1


@pytest.mark.parametrize("mark", ["2026-06-08.0123456789abcdef", "yesterday", "2026-06-08"])
async def test_a_council_of_another_edition_is_left_alone(settings: Settings, database_url: str, mark: str) -> None:
    """A load that another edition of Homeward began is not mixed with events of this one."""
    event = cloud_event("child.registered", "child-ada", {"occurred_on": "2026-01-15"}, demonstration=mark)
    async with empty_log(settings, database_url) as client:
        assert (await client.post("/v1/events", json=[event], headers=BATCH)).status_code == 200

        assert not await loading.load_once(client, MONDAY, nothing)
        assert len(await everything(client)) == 1


async def test_a_log_that_cannot_be_read_is_told() -> None:
    """An answer that is no success ends the load with a message."""
    transport = httpx.MockTransport(lambda _: httpx.Response(500))
    async with httpx.AsyncClient(transport=transport, base_url="http://homeward.test") as client:
        with pytest.raises(LoadFailed, match="500"):
            await loading.load_once(client, MONDAY, nothing)


def test_the_same_day_gives_the_same_mark() -> None:
    """Another day is another council, with another mark."""
    assert loading.draw(MONDAY).mark == loading.draw(MONDAY).mark
    assert loading.draw(MONDAY).mark != loading.draw(TUESDAY).mark


def test_the_child_shown_is_one_of_whom_there_is_much_to_see() -> None:
    """A child still away from home with the most kinds of events; none where there are no children."""
    events = [
        {"subject": "authority", "type": "timetable.adopted"},
        *({"subject": "child-gone", "type": each} for each in ("child.accommodated", "home.started", "episode.ended")),
        *({"subject": "child-b", "type": each} for each in ("child.accommodated", "home.started")),
        *({"subject": "child-a", "type": each} for each in ("child.accommodated", "home.started")),
        {"subject": "child-c", "type": "child.accommodated"},
    ]

    assert child_with_much_to_see(events) == "a"
    assert child_with_much_to_see(events[:1]) is None


BATCH = {"content-type": "application/cloudevents-batch+json"}
