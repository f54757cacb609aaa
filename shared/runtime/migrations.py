"""Bringing a database to the present schema, and asking whether it is there."""

from __future__ import annotations

import os
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import to_tuple
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.runtime.database import driver_url

FOLDER = Path(__file__).resolve().parents[2] / "migrations"
#: Oldest first: the services' schemas refer to the roles that ``identity`` creates.
BRANCHES = ("identity", "events", "scheduler", "reporting")


def configuration(database_url: str) -> Config:
    """Return the Alembic configuration for this database."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.set_main_option("path_separator", "os")
    config.set_main_option("version_locations", os.pathsep.join(str(FOLDER / branch) for branch in BRANCHES))
    config.attributes["url"] = driver_url(database_url)
    return config


def upgrade(database_url: str) -> None:
    """Bring all schemas to their newest revision; safe to run twice and at once.

    Blocking: it runs an event loop of its own.
    """
    command.upgrade(configuration(database_url), "heads")


def newest_revisions() -> frozenset[str]:
    """Return the newest revisions, from the files, as a database records them.

    Alembic does not record a revision on which another applied one depends.
    """
    scripts = ScriptDirectory.from_config(configuration("postgresql://unused"))
    implied = {name for each in scripts.walk_revisions() for name in to_tuple(each.dependencies, default=())}
    return frozenset(scripts.get_heads()) - implied


def known_revisions() -> frozenset[str]:
    """Return every revision that this release has a file for."""
    scripts = ScriptDirectory.from_config(configuration("postgresql://unused"))
    return frozenset(each.revision for each in scripts.walk_revisions())


async def applied_revisions(connection: AsyncConnection) -> frozenset[str]:
    """Return the revisions that the database is at."""
    return frozenset(await connection.scalars(text("SELECT version_num FROM public.alembic_version")))
