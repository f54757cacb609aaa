"""Following the log, on PostgreSQL."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.exc import DBAPIError

from services.scheduler.model import NoticeKind
from services.scheduler.store import events
from services.scheduler.tables import attempt, checkpoint, event, held_back, notice
from services.scheduler.worker import ReviewProjector
from shared.domain.timetable.reviews import Certainty, Outcome
from tests.services.scheduler.scene import CHILD, Scene, accommodate, adopt, hold_review, scene
from tests.support.clock import SettableClock

SOURCE = "/test/case-system"


def story(council: Scene) -> None:
    """Record a child's way with a late meeting, a correction, and a pack adopted part-way."""
    accommodate(council.log, "2026-01-15")
    accommodate(council.log, "2026-03-01", child="c-2")
    hold_review(council.log, "2026-02-20")
    adopt(council.log, "2026-03-01", effective_on="2026-03-01")
    hold_review(council.log, "2026-05-21")
    council.log.add(
        "record.corrected",
        f"child-{CHILD}",
        "2026-05-25",
        corrects_source=SOURCE,
        corrects_id="e5",
        corrects_type="meeting.held",
        replacement={"occurred_on": "2026-02-10", "meeting_id": "m", "meeting_kind": "looked_after_child_review"},
        reason="recording_error",
    )


async def test_pages_of_any_size_give_the_same_reviews_and_notices(database_url: str, clock: SettableClock) -> None:
    """However the log is cut into pages, the reviews, notices and positions are the same."""
    outcomes = []
    for page in (1, 2, 3, 1000):
        async with scene(database_url, clock, page=page) as council:
            story(council)
            await council.catch_up()
            told = [(each["position"], each["type"], each["data"]) for each in await council.notices()]
            outcomes.append((await council.reviews(), await council.reviews("c-2"), told))
    assert outcomes[0][2]
    assert all(outcome == outcomes[0] for outcome in outcomes)


async def test_an_event_that_comes_twice_changes_nothing(council: Scene) -> None:
    """Projecting the same events again writes no review and tells nothing."""
    story(council)
    await council.catch_up()
    before = await council.reviews(), await council.notices()
    async with council.engine.begin() as connection:
        await ReviewProjector(council.clock).project(connection, council.authority_id, council.log.events[2:5])
    assert (await council.reviews(), await council.notices()) == before


async def test_a_rolled_back_page_leaves_nothing_and_comes_again_with_the_same_ids(council: Scene) -> None:
    """A process that dies before its transaction ends has done nothing; the next one tells with the same ids."""
    story(council)
    projector = ReviewProjector(council.clock)
    async with council.engine.connect() as connection:
        await projector.checkpoint(connection, council.authority_id)
        await projector.project(connection, council.authority_id, council.log.events)
        ids = set(await connection.scalars(notice.select().with_only_columns(notice.c.notice_id)))
        await connection.rollback()
    assert await council.notices() == []
    await council.catch_up()
    assert {each["id"] for each in await council.notices()} <= ids
    assert await council.notices()


async def test_a_held_review_is_told_and_moves_the_next(council: Scene) -> None:
    """A review held early is told as held, and the next one as moved, from when to when."""
    accommodate(council.log, "2026-01-15")
    await council.catch_up()
    assert await council.notices() == []
    hold_review(council.log, "2026-02-10")
    await council.catch_up()
    (held,) = await council.notices(NoticeKind.HELD)
    assert (held["data"]["held_on"], held["data"]["days_late"]) == ("2026-02-10", 0)
    moved = {each["data"]["due_on"]: each["data"]["moved_from"] for each in await council.notices(NoticeKind.MOVED)}
    assert moved["2026-05-10"] == "2026-05-26"
    assert [each["position"] for each in await council.notices()] == list(range(1, len(moved) + 2))


async def test_a_retracted_home_leaves_its_reviews_withdrawn(council: Scene) -> None:
    """A review that the record no longer makes owed stays, withdrawn, with the reason."""
    accommodate(council.log, "2026-01-15")
    await council.catch_up()
    firm = [each.review for each in (await council.reviews()).values() if each.review.certainty is Certainty.FIRM]
    council.log.add(
        "record.retracted",
        f"child-{CHILD}",
        "2026-02-01",
        retracts_source=SOURCE,
        retracts_id="e2",
        reason="recording_error",
    )
    await council.catch_up()
    gone = (await council.reviews())[firm[0].review_id]
    assert gone.review.outcome is Outcome.WITHDRAWN
    assert gone.review.closed_on == date(2026, 2, 1)
    assert "position 3" in (gone.review.closed_because or "")
    assert not gone.review.forecast
    assert gone.next_notice_on is None


async def test_an_adopted_pack_projects_every_child_anew(council: Scene) -> None:
    """When the council adopts a pack, children without any new event get its reviews."""
    accommodate(council.log, "2026-06-01")
    await council.catch_up()
    before = {each.review.kind for each in (await council.reviews()).values()}
    adopt(council.log, "2026-06-02", effective_on="2026-01-01")
    await council.catch_up()
    added = {each.review.kind for each in (await council.reviews()).values()} - before
    assert added == {"two_week_planning_meeting"}


async def test_a_fact_told_ahead_counts_from_its_day(council: Scene) -> None:
    """A fact recorded on the day before it occurs makes reviews owed only when the day has come."""
    accommodate(council.log, "2026-06-12", recorded_at=council.clock.now())
    await council.catch_up()
    await council.refresher().round()
    assert await council.reviews() == {}
    council.clock.set(datetime(2026, 6, 12, 6, tzinfo=UTC))
    await council.refresher().round()
    assert await council.reviews()


async def test_a_council_without_events_has_no_checkpoint(council: Scene) -> None:
    """Looking after it each day writes nothing: what is shown of an empty log is nothing."""
    await council.refresher().round()
    async with council.engine.connect() as connection:
        found = await connection.execute(select(checkpoint).where(checkpoint.c.authority_id == council.authority_id))
        assert found.all() == []


async def test_new_rules_project_everything_anew(council: Scene) -> None:
    """A process that starts with other packs or calendars than the last one projects all children anew."""
    accommodate(council.log, "2026-01-15")
    await council.catch_up()
    stale = await council.reviews()
    async with council.engine.begin() as connection:
        await connection.execute(
            update(checkpoint)
            .where(checkpoint.c.authority_id == council.authority_id)
            .values(timetable_digest="of another release")
        )
    await council.refresher().round()
    assert await council.reviews() == stale
    async with council.engine.connect() as connection:
        digest = await events.timetable_digest(connection, council.authority_id)
    assert digest not in {None, "of another release"}


async def test_councils_never_see_each_others_children(database_url: str, clock: SettableClock) -> None:
    """Two councils with a child of the same id keep reviews and notices of their own."""
    async with scene(database_url, clock) as one, scene(database_url, clock) as other:
        accommodate(one.log, "2026-01-15")
        hold_review(one.log, "2026-02-10")
        accommodate(other.log, "2026-04-01")
        await one.catch_up()
        await other.catch_up()
        assert await one.notices()
        assert await other.notices() == []
        due = min(each.review.due_on for each in (await other.reviews()).values() if each.review.due_on)
        assert due == date(2026, 4, 1) + timedelta(weeks=6)


async def test_of_what_was_held_back_only_the_decision_is_written(council: Scene) -> None:
    """The service's own role may note who released a notice, but neither change what it says nor delete it."""
    decided = {"state": "released", "decided_at": council.clock.now(), "decided_by": "k"}
    async with council.engine.connect() as connection:
        await connection.execute(update(held_back).where(held_back.c.authority_id == "none").values(decided))
    for statement in (delete(held_back), *(update(held_back).values({name: None}) for name in ("data", "dedupe_key"))):
        async with council.engine.connect() as connection:
            with pytest.raises(DBAPIError, match="permission denied"):
                await connection.execute(statement)


@pytest.mark.parametrize("table", [event, notice, attempt], ids=lambda table: str(table.name))
async def test_what_was_read_told_and_tried_cannot_be_changed(council: Scene, table: object) -> None:
    """The service's own role may neither update nor delete events, notices and attempts."""
    for statement in (delete(table), update(table).values(authority_id="other")):  # type: ignore[arg-type]  # any table
        async with council.engine.connect() as connection:
            with pytest.raises(DBAPIError, match="permission denied"):
                await connection.execute(statement)
