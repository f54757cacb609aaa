"""A server whose settings endanger the log is told of, for as long as they do."""

from __future__ import annotations

import logging

import asyncpg
import pytest
from prometheus_client import REGISTRY

from shared.runtime.database import create_engine
from shared.runtime.durability import Durability
from tests.support.servers import migrated_server, server_folder
from tests.support.waiting import eventually


def unsafe(setting: str) -> float | None:
    """Return what `/metrics` shows of a setting."""
    return REGISTRY.get_sample_value("homeward_database_unsafe", {"setting": setting})


async def set_on_server(url: str, value: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(f"ALTER SYSTEM SET full_page_writes = {value}")
        await connection.execute("SELECT pg_reload_conf()")
    finally:
        await connection.close()


async def test_dangerous_settings_are_told_while_they_are(caplog: pytest.LogCaptureFixture) -> None:
    """Each is logged once as an error when it is found, and shown by warnings and figures until it is mended."""
    with server_folder() as folder, migrated_server(folder, fsync="off") as postgres:
        engine = create_engine(postgres.url, service="events")
        try:
            durability = Durability(engine)

            async def warns_of(*names: str) -> bool:
                await durability.look()
                return [warning.split()[3] for warning in durability.warnings] == list(names)

            assert await warns_of("fsync")
            assert (unsafe("fsync"), unsafe("full_page_writes")) == (1, 0)
            await set_on_server(postgres.url, "off")
            await eventually(lambda: warns_of("fsync", "full_page_writes"))
            assert unsafe("full_page_writes") == 1
            await set_on_server(postgres.url, "on")
            await eventually(lambda: warns_of("fsync"))
        finally:
            await engine.dispose()

    errors = [each.getMessage() for each in caplog.records if each.levelno == logging.ERROR]
    assert ["fsync" in errors[0], "full_page_writes" in errors[1], len(errors)] == [True, True, 2]


async def test_a_safe_server_is_not_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    """With PostgreSQL's own settings there is nothing to tell."""
    with server_folder() as folder, migrated_server(folder, fsync="on") as postgres:
        engine = create_engine(postgres.url, service="events")
        try:
            durability = Durability(engine)
            await durability.look()
        finally:
            await engine.dispose()

    assert durability.warnings == []
    assert caplog.records == []
