"""When a log is read changes neither what is on the record nor what is told of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from services.scheduler.model import NoticeKind
from services.scheduler.projection.council import Council
from services.scheduler.projection.whole import fold_history
from services.scheduler.tables import review_change
from shared.domain.timetable.causes import CauseKind
from tests.services.scheduler.scene import CHILD, Scene, accommodate, hold_review, scene
from tests.support.clock import SettableClock

STREAM = f"child-{CHILD}"
MISSED = NoticeKind.MISSED


def morning(day: int) -> datetime:
    return datetime(2026, 6, day, 9, tzinfo=UTC)


async def told(council: Scene) -> list[Any]:
    """Return the change log, but for the council's name."""
    statement = select(review_change).where(review_change.c.authority_id == council.authority_id)
    async with council.engine.connect() as connection:
        rows = await connection.execute(statement.order_by(*review_change.primary_key.columns))
        return [tuple(row)[1:] for row in rows]


async def tell_a_home_ahead(council: Scene, *, promptly: bool) -> None:
    """Record on 1 June a home that begins the day after, and two days later that it was wrong."""
    refresher = council.refresher()

    async def pass_by() -> None:
        if promptly:
            council.clock.set(council.log.events[-1].recorded_at)
            await council.catch_up()
            await refresher.round()

    accommodate(council.log, "2026-06-02", recorded_at=morning(1))
    home = council.log.events[-1]
    await pass_by()
    if promptly:
        council.clock.set(morning(2))
        await refresher.round()
    wrong: dict[str, Any] = {"retracts_source": home.source, "retracts_id": home.event_id, "reason": "recording_error"}
    council.log.add("record.retracted", STREAM, "2026-06-03", recorded_at=morning(3), **wrong)
    await pass_by()
    council.clock.set(morning(11))
    await council.catch_up()
    await council.refresher().round()


async def test_what_was_told_ahead_counts_on_its_day_however_late_it_is_read(
    database_url: str, clock: SettableClock
) -> None:
    """A home told ahead and retracted two days later was owed a review in between, whether anybody looked or not."""
    found = []
    for promptly in (True, False):
        async with scene(database_url, clock) as council:
            await tell_a_home_ahead(council, promptly=promptly)
            found.append((await council.reviews(), await told(council)))
    assert found[0] == found[1]
    causes = [(row[3], row[1]) for row in found[0][1]]
    assert {kind for kind, _ in causes} == {"day", "event"}


async def test_the_change_log_is_only_added_to_at_its_end(database_url: str, clock: SettableClock) -> None:
    """However late it is read, what is added lies behind all that was there: whoever follows it misses nothing."""
    async with scene(database_url, clock, page=1) as council:
        accommodate(council.log, "2026-06-05", recorded_at=morning(1))
        accommodate(council.log, "2026-06-03", child="c-2", recorded_at=morning(3))
        accommodate(council.log, "2026-06-07", child="c-3", recorded_at=morning(7))
        seen: list[Any] = []
        while await council.subscription.step(council.authority_id):
            now = await told(council)
            assert now[: len(seen)] == seen
            seen = now
        assert [row[3] for row in seen].count("day") == len({row[2] for row in seen if row[3] == "day"})
        assert {row[5] for row in seen} == {CHILD, "c-2", "c-3"}


async def test_a_day_begins_before_what_is_recorded_on_it(database_url: str, clock: SettableClock) -> None:
    """A child's own next event comes behind the day of a fact told ahead, in the whole history as well."""
    async with scene(database_url, clock) as council:
        await tell_a_home_ahead(council, promptly=False)
        whole = fold_history(CHILD, council.log.events, Council(()), morning(11).date())
    kinds = [each.cause.kind for each in whole.changes]
    assert kinds
    assert kinds == sorted(kinds)
    assert set(kinds) == {CauseKind.DAY, CauseKind.EVENT}


async def test_a_review_that_takes_the_place_of_another_is_not_told_missed_again(council: Scene) -> None:
    """Missed while no home was recorded, and told so: the home's review of the same due day is told as that one."""
    council.clock.set(datetime(2026, 2, 20, 9, tzinfo=UTC))
    council.log.add("child.accommodated", STREAM, "2026-01-05", episode_id="E1", legal_reason="section_25")
    await council.catch_up()
    await council.tick_all()
    [missed] = await council.notices(MISSED)
    council.clock.set(datetime(2026, 2, 21, 9, tzinfo=UTC))
    home: dict[str, Any] = {"home_id": "H1", "home_kind": "foster"}
    council.log.add("home.started", STREAM, "2026-01-05", recorded_at=council.clock.now(), **home)
    await council.catch_up()
    await council.tick_all()
    assert [each["id"] for each in await council.notices(MISSED)] == [missed["id"]]
    [heir] = [each for each in (await council.reviews()).values() if each.replaces is not None]
    assert heir.review.due_on is not None
    council.clock.set(datetime(2026, 2, 21, 9, tzinfo=UTC) + timedelta(days=14))
    await council.tick_all()
    assert [each["id"] for each in await council.notices(MISSED)] == [missed["id"]]
    overdue = {each["data"]["review_id"] for each in await council.notices(NoticeKind.OVERDUE)}
    assert str(heir.review.review_id) in overdue


async def test_only_days_on_which_people_rely_are_told_to_have_moved(council: Scene) -> None:
    """B14.  A review held early moves five: the one that becomes firm is told, with its cause, forecasts are not."""
    accommodate(council.log, "2026-05-15")
    hold_review(council.log, "2026-06-10")
    await council.catch_up()
    [moved] = await council.notices(NoticeKind.MOVED)
    assert (moved["data"]["moved_from"], moved["data"]["due_on"]) == ("2026-09-26", "2026-09-10")
    assert moved["data"]["cause"] == {"position": 3, "type": "meeting.held"}
    assert moved["data"]["certainty"] == "firm"


async def test_a_booked_forecast_that_moves_is_told(council: Scene) -> None:
    """A meeting is booked for a review that is counted from one not held yet: whoever booked it hears that it moved."""
    accommodate(council.log, "2026-05-15")
    booked: dict[str, Any] = {"meeting_kind": "looked_after_child_review"}
    council.log.add("meeting.scheduled", STREAM, "2026-05-16", meeting_id="M1", scheduled_for="2026-06-20", **booked)
    council.log.add("meeting.scheduled", STREAM, "2026-05-16", meeting_id="M2", scheduled_for="2026-09-20", **booked)
    wrong = council.log.events[1]
    replacement = {"occurred_on": "2026-05-12", "home_id": f"home-{CHILD}", "home_kind": "foster"}
    named: dict[str, Any] = {
        "corrects_source": wrong.source,
        "corrects_id": wrong.event_id,
        "corrects_type": wrong.type,
    }
    amended: dict[str, Any] = {"replacement": replacement, "reason": "recording_error"}
    council.log.add("record.corrected", STREAM, "2026-05-20", **named, **amended)
    await council.catch_up()
    moved = await council.notices(NoticeKind.MOVED)
    assert {each["data"]["certainty"] for each in moved} == {"firm", "provisional"}
    assert len(moved) == 2
