"""A log from before the chain is bound by the migration, and verifies like one that was always bound."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import asyncpg
import pytest
from alembic import command

from services.events.store.chain import Verifier
from services.events.store.connection import open_pool
from shared.domain.hash_chain import LeafFields, first_link, leaf, link
from shared.runtime.migrations import configuration, upgrade
from tests.support.databases import off_loop

COUNCILS = ("northshire", "a-council", "z2")
#: Sources as senders write them; the texts of the chain are UTF-8 in SQL as in Python.
SOURCES = ("/council/case-system", "/rådhus/straße-№1", "子ども", "\U0001f3e0", "a\\b'c\"d", "é")
#: Instants with and without a fraction, in both halves of the year.
BEGAN = datetime(2026, 3, 29, 0, 59, 59, 999_999, tzinfo=UTC)

_INSERT = """
INSERT INTO events.event (authority_id, position, source, event_id, stream, stream_position, type, recorded_at, body,
                          digest)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""


def row(authority_id: str, position: int) -> tuple[Any, ...]:
    source, stream = SOURCES[position % len(SOURCES)], f"child-{position % 3}"
    posted = {"type": "child.registered", "source": source, "id": f"e{position}", "subject": stream}
    body = json.dumps(posted, ensure_ascii=position % 2 == 0).encode()
    recorded_at = BEGAN + timedelta(days=position, microseconds=position * position)
    named = (source, f"e{position}", stream, (position + 2) // 3, "child.registered")
    return (authority_id, position, *named, recorded_at, body, sha256(body).digest())


async def fill(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        for authority_id in COUNCILS:
            await connection.execute(
                "INSERT INTO identity.authority (authority_id, name, created_at) VALUES ($1, $1, now())", authority_id
            )
            # Not in the order of positions, so that the order of storage is no help.
            for position in (5, 3, 1, 2, 4, *range(6, 31)):
                await connection.execute(_INSERT, *row(authority_id, position))
    finally:
        await connection.close()


@pytest.fixture
async def upgraded_url(empty_database_url: str) -> str:
    """Return a database whose logs were filled before the chain, and then brought to the present schema."""
    off_loop(command.upgrade, configuration(empty_database_url), "events_0001")
    await fill(empty_database_url)
    off_loop(upgrade, empty_database_url)
    return empty_database_url


async def test_an_upgraded_log_verifies(upgraded_url: str) -> None:
    """Every event of every authority has its link; who recorded it is not known."""
    async with open_pool(upgraded_url, size=1) as pool:
        for authority_id in COUNCILS:
            verifier = Verifier(pool, authority_id)
            while not verifier.over:
                await verifier.step(7)
            assert (verifier.finding, verifier.last) == (None, 30)
        async with pool.connection() as connection:
            recorded_by = await connection.fetch("SELECT DISTINCT recorded_by FROM events.event")
    assert [each["recorded_by"] for each in recorded_by] == ["unknown"]


async def test_sql_and_python_write_the_same_text(upgraded_url: str) -> None:
    """Each link of the migration is the one that Python computes, whatever characters the fields hold."""
    connection = await asyncpg.connect(upgraded_url)
    try:
        for authority_id in COUNCILS:
            rows = await connection.fetch(
                "SELECT position, stream, stream_position, type, source, event_id, recorded_at, recorded_by, digest, "
                "link FROM events.event WHERE authority_id = $1 ORDER BY position",
                authority_id,
            )
            previous = first_link(authority_id)
            for each in rows:
                previous = link(previous, leaf(LeafFields(authority_id, *tuple(each)[:-1])))
                assert each["link"] == previous
    finally:
        await connection.close()


async def test_an_upgraded_log_is_append_only_again(upgraded_url: str) -> None:
    """The migration that had to touch the rows leaves the trigger in place."""
    connection = await asyncpg.connect(upgraded_url)
    try:
        with pytest.raises(asyncpg.RestrictViolationError):
            await connection.execute("UPDATE events.event SET recorded_by = 'somebody'")
    finally:
        await connection.close()
