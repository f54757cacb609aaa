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
    assert [tuple(row) for row in digests] == [("read", "scheduler_0005"), ("unread", None)]
    await connection.close()


LOOKED_AT = """
INSERT INTO scheduler.review (authority_id, review_id, child_id, episode_id, kind, title, ordinal, certainty, outcome,
    due_on, position, next_notice_on, explanation)
SELECT 'council', gen_random_uuid(), which, 'e', 'k', 't', 1, 'firm', outcome, current_date + due, 7,
    current_date + planned, jsonb_build_object('anchor', jsonb_build_object('position', anchor))
FROM (VALUES ('told as missed', 'open', -40, NULL::int, 7), ('told as approaching', 'open', 10, 11, 7),
    ('missed while it was stopped', 'open', -3, -2, 7), ('planned', 'open', 40, 26, 7),
    ('counted from one not held', 'open', -5, NULL, NULL), ('held', 'held', -5, NULL, 7))
    AS made (which, outcome, due, planned, anchor)
"""


async def test_reviews_are_looked_at_for_more_thresholds_from_the_day_after_the_upgrade(
    empty_database_url: str,
) -> None:
    """What was told twice at most is looked at again; what was to be told by then still is, and the rest stays."""
    off_loop(command.upgrade, configuration(empty_database_url), "scheduler_0004")
    connection = await asyncpg.connect(empty_database_url)
    await connection.execute(LOOKED_AT)
    off_loop(upgrade, empty_database_url)
    rows = await connection.fetch("SELECT child_id, next_notice_on - current_date, known_on FROM scheduler.review")
    assert {tuple(row) for row in rows} == {
        ("told as missed", 1, None),
        ("told as approaching", 1, None),
        ("missed while it was stopped", -2, None),
        ("planned", 26, None),
        ("counted from one not held", None, None),
        ("held", None, None),
    }
    await connection.close()
