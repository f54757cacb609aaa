"""A forecast that the facts no longer make is kept nowhere, and can still be read where a notice named it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import asyncpg
from alembic import command

from shared.runtime.migrations import configuration, upgrade
from tests.services.scheduler.scene import CHILD, Scene, accommodate, hold_review
from tests.services.scheduler.served import Served
from tests.support.databases import off_loop
from tests.support.waiting import eventually

STREAM = f"child-{CHILD}"

#: A review of each kind that the table may hold: owed, withdrawn though it was owed, held, and a forecast.
REVIEWS = """
INSERT INTO scheduler.review (authority_id, review_id, child_id, episode_id, kind, title, ordinal, certainty, outcome,
    held_on, vanished_at, position, explanation)
SELECT 'council', gen_random_uuid(), 'c-1', 'e', 'k', title, 1, certainty, outcome, held_on, vanished_at, 1, '{}'
FROM (VALUES
    ('owed', 'provisional', 'open', NULL::date, NULL::timestamptz),
    ('withdrawn', 'firm', 'withdrawn', NULL, now()),
    ('held', 'provisional', 'withdrawn', DATE '2026-01-01', now()),
    ('forecast', 'provisional', 'withdrawn', NULL, now())
) AS of (title, certainty, outcome, held_on, vanished_at)
"""


def leave_care(log: Any, on: str) -> None:
    """Record that the child went home, which ends every forecast."""
    log.add("episode.ended", STREAM, on, episode_id=f"ep-{CHILD}", destination="parents")


async def test_what_is_no_longer_forecast_leaves_no_row(council: Scene) -> None:
    """Leaving care ends the forecasts; what was owed by then stays, and every stored review is one of the two."""
    accommodate(council.log, "2026-01-15")
    hold_review(council.log, "2026-02-10")
    await council.catch_up()
    before = await council.reviews()
    leave_care(council.log, "2026-03-01")
    await council.catch_up()
    after = await council.reviews()
    forecasts = {key for key, each in before.items() if each.review.forecast}
    assert forecasts
    assert after.keys() == before.keys() - forecasts


async def test_the_link_of_a_notice_leads_to_a_forecast_that_is_gone(running: Served) -> None:
    """A notice told that it comes near: it can be read ever after, withdrawn and with the reason, for any times."""
    running.log.add("child.accommodated", STREAM, "2026-05-05", episode_id=f"ep-{CHILD}", legal_reason="section_25")
    await running.catch_up()
    connection = await asyncpg.connect(running.database_url)

    async def told() -> UUID | None:
        named: UUID | None = await connection.fetchval(
            "SELECT review_id FROM scheduler.notice WHERE authority_id = $1 AND kind = 'review.approaching' LIMIT 1",
            running.key.authority_id,
        )
        return named

    named = await eventually(told, about="the notice")
    owed = (await running.get(f"/v1/reviews/{named}"))["review"]
    running.log.add(
        *("home.started", STREAM, "2026-05-05"),
        recorded_at=running.clock.now(),
        home_id=f"home-{CHILD}",
        home_kind="foster",
    )
    await running.catch_up()
    kept = await connection.fetchval("SELECT count(*) FROM scheduler.review WHERE review_id = $1", named)
    await connection.close()
    gone = (await running.get(f"/v1/reviews/{named}"))["review"]
    assert (owed["status"], gone["status"], kept) == ("approaching", "withdrawn", 0)
    assert (gone["due_on"], gone["explanation"]) == (owed["due_on"], owed["explanation"])
    assert "position 2" in gone["closed_because"]
    before = await running.get(f"/v1/reviews/{named}", known_at="2026-05-06T00:00:00Z")
    assert before["review"]["status"] == "approaching"
    listed = await running.get("/v1/reviews", child=CHILD, limit=1000, status="withdrawn")
    assert str(named) not in {each["review_id"] for each in listed["items"]}
    stranger, _ = await running.another_council()
    async with stranger:
        assert (await stranger.get(f"/v1/reviews/{named}")).status_code == 404


async def test_a_database_that_keeps_forecasts_is_rid_of_them(empty_database_url: str) -> None:
    """The migration deletes those that vanished and nothing else, and lets the service delete the next ones."""
    off_loop(command.upgrade, configuration(empty_database_url), "scheduler_0002")
    connection = await asyncpg.connect(empty_database_url)
    await connection.execute(REVIEWS)
    off_loop(upgrade, empty_database_url)
    kept = await connection.fetch("SELECT title FROM scheduler.review ORDER BY title")
    assert [row["title"] for row in kept] == ["held", "owed", "withdrawn"]
    assert await connection.fetchval("SELECT has_table_privilege('homeward_scheduler', 'scheduler.review', 'DELETE')")
    await connection.close()
