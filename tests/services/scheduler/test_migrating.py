"""What a new column needs is projected from the log, not written by the migration."""

from __future__ import annotations

import asyncpg
from alembic import command

from shared.runtime.migrations import configuration, upgrade
from tests.support.databases import off_loop

BEFORE = """
INSERT INTO scheduler.checkpoint (authority_id, position, timetable_digest) VALUES
    ('read', 7, 'of the release before'), ('unread', 0, NULL);
INSERT INTO scheduler.review (authority_id, review_id, child_id, episode_id, kind, title, ordinal, certainty, outcome,
    held_on, position, explanation)
VALUES ('read', gen_random_uuid(), 'c-1', 'e', 'k', 't', 1, 'firm', 'held', DATE '2026-01-01', 7, '{}')
"""


async def test_the_day_of_recording_is_left_to_the_next_start(empty_database_url: str) -> None:
    """The migration leaves the rows as they are, and the rules by which they were made are none that there are."""
    off_loop(command.upgrade, configuration(empty_database_url), "scheduler_0003")
    connection = await asyncpg.connect(empty_database_url)
    await connection.execute(BEFORE)
    off_loop(upgrade, empty_database_url)
    rows = await connection.fetch("SELECT held_on IS NULL AS lost, recorded_on FROM scheduler.review")
    assert [tuple(row) for row in rows] == [(False, None)]
    digests = await connection.fetch("SELECT authority_id, timetable_digest FROM scheduler.checkpoint ORDER BY 1")
    assert [tuple(row) for row in digests] == [("read", "scheduler_0004"), ("unread", None)]
    await connection.close()
