"""Hints between processes: told after the commit, heard elsewhere, and never needed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import asyncpg
import pytest

from services.events import hints as hints_module
from services.events.hints import CHANNEL, Hints
from services.events.store.connection import Pool
from tests.support.pooler import pooler
from tests.support.waiting import eventually


@asynccontextmanager
async def running(database_url: str, pool: Pool) -> AsyncIterator[tuple[Hints, list[str]]]:
    heard: list[str] = []
    hints = Hints(database_url, pool, heard.append)
    task = asyncio.create_task(hints.run())
    try:
        await eventually(lambda: "not connected" not in hints.state)
        yield hints, heard
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_a_hint_is_heard_by_others_and_not_by_oneself(database_url: str, pool: Pool) -> None:
    """What this process appended it has told itself already."""
    async with running(database_url, pool) as (one, by_one), running(database_url, pool) as (other, by_other):
        assert (one.state, other.state) == ("heard", "heard")
        one.tell("hinting-a")
        await eventually(lambda: "hinting-a" in by_other)
        other.tell("hinting-b")
        await eventually(lambda: "hinting-b" in by_one)

        assert "hinting-a" not in by_one
        assert "hinting-b" not in by_other


async def test_many_appends_are_one_hint(database_url: str, pool: Pool) -> None:
    """While one NOTIFY is under way the next ones are put together."""
    async with running(database_url, pool) as (one, _), running(database_url, pool) as (_, heard):
        for _ in range(1000):
            one.tell("many-appends")
        one.tell("another")
        await eventually(lambda: {"many-appends", "another"} <= set(heard))
        await eventually(lambda: not one._untold)

        assert heard.count("many-appends") <= 2


async def listening(owner: asyncpg.Connection) -> set[int]:
    """Return the server's processes whose connections of the service have said LISTEN."""
    rows = await owner.fetch(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name = 'homeward-events' AND query LIKE 'LISTEN%'"
    )
    return {row["pid"] for row in rows}


async def anew(owner: asyncpg.Connection, before: set[int]) -> bool:
    """Tell whether as many others listen now, and none of those from before."""
    now = await listening(owner)
    return len(now) >= len(before) and now.isdisjoint(before)


async def test_a_lost_connection_is_made_anew(database_url: str, pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the server has ended the connection hints are heard again."""
    monkeypatch.setattr(hints_module, "_RECONNECT_SECONDS", (0.01, 0.02))
    owner = await asyncpg.connect(database_url)
    try:
        async with running(database_url, pool) as (one, _), running(database_url, pool) as (other, heard):
            before = await listening(owner)
            assert len(before) >= 2
            await owner.execute("SELECT pg_terminate_backend(pid) FROM unnest($1::int[]) AS pid", list(before))
            # A new connection is made sooner than anybody could look at the loss of the old one.
            await eventually(lambda: anew(owner, before))
            await eventually(lambda: (one.state, other.state) == ("heard", "heard"))
            one.tell("after-loss")
            await eventually(lambda: "after-loss" in heard)
    finally:
        await owner.close()


async def test_whoever_may_notify_can_make_us_look_and_no_more(database_url: str, pool: Pool) -> None:
    """A hint of anything is taken as the name of an authority, and means nothing else."""
    owner = await asyncpg.connect(database_url)
    try:
        async with running(database_url, pool) as (_, heard):
            await owner.execute("SELECT pg_notify($1, $2)", CHANNEL, "'; DROP TABLE events.event; --")
            await eventually(lambda: "'; DROP TABLE events.event; --" in heard)
    finally:
        await owner.close()


async def test_behind_a_pooler_it_says_that_it_hears_nothing(
    database_url: str, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transaction-pooling pgbouncer loses what LISTEN should hear: that is noticed, and is no failure."""
    monkeypatch.setattr(hints_module, "HEARING_SECONDS", 0.3)
    monkeypatch.setattr(hints_module, "_RECONNECT_SECONDS", (0.05, 0.05))
    with pooler(database_url) as pooled:
        async with running(pooled, pool) as (hints, _):
            await eventually(lambda: "HOMEWARD_LISTEN_URL" in hints.state)
            assert hints.error is None
