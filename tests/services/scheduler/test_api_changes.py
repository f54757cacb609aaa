"""What changed, over HTTP: of one review, and of all as a feed."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.exc import DBAPIError

from services.scheduler.tables import checkpoint, review_change
from tests.services.scheduler.scene import CHILD, Scene, accommodate, adopt, hold_review
from tests.services.scheduler.served import Served

STREAM = f"child-{CHILD}"


async def placed_and_held(running: Served) -> Any:
    """Record a child's first review, held early; return the second as it is now."""
    running.log.add("child.team_assigned", STREAM, "2026-01-15", team="north")
    accommodate(running.log, "2026-01-15")
    hold_review(running.log, "2026-02-10")
    await running.catch_up()
    page = await running.get("/v1/reviews", child=CHILD, kind="looked_after_child_review", limit=1000)
    [second] = [each for each in page["items"] if each["ordinal"] == 2]
    return second


async def test_a_review_tells_what_changed_and_why(running: Served) -> None:
    """From what to what, because of which event, and in a sentence; the review itself says how often that was."""
    second = await placed_and_held(running)
    page = await running.get(f"/v1/reviews/{second['review_id']}/changes")
    [change] = page["items"]
    assert (change["from"]["due_on"], change["to"]["due_on"]) == ("2026-05-26", "2026-05-10")
    assert set(change["aspects"]) >= {"due_on", "certainty"}
    assert change["cause"] == {
        "kind": "event",
        "position": 4,
        "type": "meeting.held",
        "recorded_at": "2026-02-10T12:00:00Z",
        "on": "2026-02-10",
    }
    assert change["sentence"].startswith("Moved from 26 May to 10 May 2026, because the review before it was held")
    assert page["at_end"]
    record = (await running.get(f"/v1/reviews/{second['review_id']}"))["record"]
    assert (record["changes"], record["changed_at"]) == (1, "2026-02-10T12:00:00Z")


async def test_the_feed_tells_each_change_once_in_order(running: Served) -> None:
    """Asked page by page, and again when more has come, it has every change, and none twice."""
    await placed_and_held(running)
    whole = await running.get("/v1/review-changes", limit=1000)
    places = [(each["changed_at"], each["cause"]["position"]) for each in whole["items"]]
    assert places == sorted(places)
    found: list[Any] = []
    after: dict[str, str] = {}
    while True:
        page = await running.get("/v1/review-changes", limit=1, **after)
        found += page["items"]
        after = {"after": page["next_after"]}
        if page["at_end"]:
            break
    assert found == whole["items"]
    assert len(found) > 1
    empty = await running.get("/v1/review-changes", limit=1, **after)
    assert (empty["items"], empty["next_after"], empty["at_end"]) == ([], after["after"], True)
    running.log.add("home.ended", STREAM, "2026-03-01", home_id=f"home-{CHILD}", reason="planned_move")
    await running.catch_up()
    news = await running.get("/v1/review-changes", limit=1000, **after)
    assert {each["cause"]["type"] for each in news["items"]} == {"home.ended"}
    [withdrawn] = [each for each in news["items"] if each["to"]["outcome"] == "withdrawn"]
    assert (await running.get(f"/v1/reviews/{withdrawn['review_id']}/changes"))["items"][-1] == withdrawn


async def test_the_feed_can_be_narrowed(running: Served) -> None:
    """By child and by team; a child of whom nothing is recorded is refused, as in other lists."""
    await placed_and_held(running)
    accommodate(running.log, "2026-03-01", child="c-2")
    await running.catch_up()
    of_child = await running.get("/v1/review-changes", child="c-2")
    assert {each["child_id"] for each in of_child["items"]} == {"c-2"}
    of_team = await running.get("/v1/review-changes", team="north")
    assert {each["child_id"] for each in of_team["items"]} == {CHILD}
    assert (await running.client.get("/v1/review-changes", params={"child": "c-9"})).status_code == 404
    foreign = await running.client.get("/v1/review-changes", params={"after": of_child["next_after"], "team": "north"})
    assert (foreign.status_code, foreign.json()["errors"][0]["pointer"]) == (422, "?after")


async def test_nobody_sees_what_changed_for_another_council(running: Served) -> None:
    """Another council's feed is empty, and a review of ours is unknown to it."""
    second = await placed_and_held(running)
    stranger, _ = await running.another_council()
    async with stranger:
        assert (await stranger.get("/v1/review-changes")).json()["items"] == []
        assert (await stranger.get(f"/v1/reviews/{second['review_id']}/changes")).status_code == 404


async def test_a_home_recorded_late_is_shown_with_what_it_replaces(running: Served) -> None:
    """B1, over HTTP: what stood overdue for want of a home stays readable, and names the review in its place."""
    running.log.add("child.accommodated", STREAM, "2026-01-05", episode_id="E1", legal_reason="section_25")
    await running.catch_up()
    page = await running.get("/v1/reviews", child=CHILD, status="overdue")
    [gap] = page["items"]
    late = running.clock.now()
    running.log.add("home.started", STREAM, "2026-01-05", recorded_at=late, home_id="H1", home_kind="foster")
    await running.catch_up()
    answer = await running.get(f"/v1/reviews/{gap['review_id']}")
    assert answer["review"]["status"] == "withdrawn"
    record = answer["record"]
    assert (record["stood_overdue_from"], record["stood_overdue_until"]) == ("2026-02-17", "2026-06-11")
    home = await running.get(f"/v1/reviews/{record['replaced_by']}")
    assert (home["review"]["status"], home["record"]["replaces"]) == ("overdue", gap["review_id"])
    await running.catch_up()
    connection = await asyncpg.connect(running.database_url)
    missed = await connection.fetchval("SELECT count(*) FROM scheduler.notice WHERE kind = 'review.missed'")
    await connection.close()
    assert missed <= 1


async def test_the_change_log_cannot_be_changed(council: Scene) -> None:
    """The service's own role may add to it, and neither update nor delete."""
    accommodate(council.log, "2026-01-15")
    await council.catch_up()
    for statement in (delete(review_change), update(review_change).values(sentence="other")):
        async with council.engine.connect() as connection:
            with pytest.raises(DBAPIError, match="permission denied"):
                await connection.execute(statement)


async def test_an_upgrade_fills_the_change_log(council: Scene, database_url: str) -> None:
    """A database whose migration asks for it gets what folding the log event by event would have told."""
    accommodate(council.log, "2026-01-15")
    hold_review(council.log, "2026-02-10")
    adopt(council.log, "2026-03-01", effective_on="2026-01-01")
    await council.catch_up()
    before, owed = await told(council), await council.reviews()
    notices = await council.notices()
    connection = await asyncpg.connect(database_url)
    await connection.execute("DELETE FROM scheduler.review_change WHERE authority_id = $1", council.authority_id)
    await connection.execute("UPDATE scheduler.review SET clock = '' WHERE authority_id = $1", council.authority_id)
    await connection.close()
    async with council.engine.begin() as writing:
        of_authority = checkpoint.c.authority_id == council.authority_id
        await writing.execute(update(checkpoint).where(of_authority).values(timetable_digest="scheduler_0005"))
    await council.refresher().round()
    assert await told(council) == before
    assert await council.reviews() == owed
    assert await council.notices() == notices


async def told(council: Scene) -> list[Any]:
    """Return every row of the change log of a council."""
    statement = select(review_change).where(review_change.c.authority_id == council.authority_id)
    async with council.engine.connect() as connection:
        rows = await connection.execute(statement.order_by(review_change.c.changed_at, review_change.c.review_id))
        return [tuple(row) for row in rows]
