"""Notices that become due because a day begins, on PostgreSQL."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime

from sqlalchemy import text

from services.scheduler.model import NoticeKind
from tests.services.scheduler.scene import CHILD, Scene, accommodate, hold_review, scene
from tests.support.clock import SettableClock

#: Accommodated on 15 January 2026: the first review is due on 26 February.
FIRST_DUE = date(2026, 2, 26)


def at(day: str) -> datetime:
    return datetime.fromisoformat(f"{day}T08:00:00+00:00").astimezone(UTC)


async def told(council: Scene, kind: NoticeKind, due_on: date = FIRST_DUE) -> int:
    return sum(each["data"]["due_on"] == due_on.isoformat() for each in await council.notices(kind))


async def thresholds(council: Scene, due_on: date = FIRST_DUE) -> list[int]:
    """Return the thresholds told for a due date, in order of position."""
    told = [each["data"] for each in await council.notices() if "threshold" in each["data"]]
    return [each["threshold"] for each in told if each["due_on"] == due_on.isoformat()]


async def test_approaching_is_told_from_fourteen_days_before_at_each_threshold_once(council: Scene) -> None:
    """On the fourteenth, seventh and last day before the due date, and not a day earlier, one notice is made."""
    accommodate(council.log, "2026-01-15")
    await council.catch_up()
    council.clock.set(at("2026-02-11"))
    await council.tick_all()
    assert await council.notices() == []
    for day, number in (("2026-02-12", 1), ("2026-02-13", 1), ("2026-02-19", 2), ("2026-02-25", 3), ("2026-02-26", 3)):
        council.clock.set(at(day))
        await council.tick_all()
        assert await told(council, NoticeKind.APPROACHING) == number
    assert await told(council, NoticeKind.DUE) == 1
    assert await told(council, NoticeKind.MISSED) == 0


async def test_missed_is_told_once_from_the_day_after(council: Scene) -> None:
    """A review that is still open on the day after its due date is told as missed, once."""
    accommodate(council.log, "2026-01-15")
    await council.catch_up()
    for day in ("2026-02-20", "2026-02-27", "2026-02-28", "2026-03-05"):
        council.clock.set(at(day))
        await council.tick_all()
    assert await told(council, NoticeKind.APPROACHING) == 3
    assert await told(council, NoticeKind.MISSED) == 1


async def test_what_stays_open_is_told_every_week_as_overdue(council: Scene) -> None:
    """Who wants to hear of a missed review once has a kind for that; the weekly repeats are another."""
    accommodate(council.log, "2026-01-15")
    await council.catch_up()
    council.clock.set(at("2026-03-21"))
    await council.tick_all()
    overdue = [each["data"] for each in await council.notices(NoticeKind.OVERDUE)]
    assert [(each["threshold"], each["crossed_on"]) for each in overdue] == [
        (8, "2026-03-06"),
        (15, "2026-03-13"),
        (22, "2026-03-20"),
    ]
    hold_review(council.log, "2026-03-21")
    await council.catch_up()
    council.clock.set(at("2026-04-30"))
    await council.tick_all()
    assert await told(council, NoticeKind.OVERDUE) == 3


async def test_the_day_is_that_of_the_council_not_of_utc(council: Scene) -> None:
    """At 23:30 UTC in summer the next civil day has begun, and with it what is due on it."""
    accommodate(council.log, "2026-06-01")
    await council.catch_up()
    council.clock.set(datetime(2026, 6, 28, 22, 30, tzinfo=UTC))
    await council.tick_all()
    assert await council.notices() == []
    council.clock.set(datetime(2026, 6, 28, 23, 30, tzinfo=UTC))
    await council.tick_all()
    assert len(await council.notices(NoticeKind.APPROACHING)) == 1


async def test_three_days_without_a_scheduler_lose_no_notice(council: Scene) -> None:
    """After a jump over three days every threshold that was crossed is told, in order, each with its own day."""
    accommodate(council.log, "2026-01-15")
    await council.catch_up()
    council.clock.set(at("2026-02-24"))
    await council.tick_all()
    council.clock.set(at("2026-02-27"))
    await council.tick_all()
    told_of = [each["data"] for each in await council.notices()]
    assert [(each["threshold"], each["crossed_on"]) for each in told_of] == [
        (-14, "2026-02-12"),
        (-7, "2026-02-19"),
        (-1, "2026-02-25"),
        (0, "2026-02-26"),
        (1, "2026-02-27"),
    ]


async def test_downtime_changes_neither_what_is_told_nor_its_order(database_url: str, clock: SettableClock) -> None:
    """Of many reviews, the log of notices after three weeks without a scheduler is that of one which ticked daily."""
    logs = []
    for days in (range(1, 22), (21,)):
        async with scene(database_url, clock) as council:
            for number in range(12):
                accommodate(council.log, date(2026, 1, 5 + number), child=f"c-{number}")
            await council.catch_up()
            for day in days:
                clock.set(at(f"2026-02-{day:02}"))
                await council.tick_all()
            logs.append([(each["position"], each["data"]) for each in await council.notices()])
    assert len(logs[0]) > 12
    assert [each["crossed_on"] for _, each in logs[0]] == sorted(each["crossed_on"] for _, each in logs[0])
    assert logs[0] == logs[1]


async def test_a_clock_that_goes_back_tells_nothing_again(council: Scene) -> None:
    """Days that come a second time, because somebody set the clock, tell nothing a second time."""
    accommodate(council.log, "2026-01-15")
    await council.catch_up()
    for day in ("2026-02-20", "2026-02-10", "2026-02-19", "2026-02-27", "2026-02-01", "2026-02-27"):
        council.clock.set(at(day))
        await council.tick_all()
    assert await thresholds(council) == [-14, -7, -1, 0, 1]


async def test_a_held_review_is_neither_approaching_nor_missed(council: Scene) -> None:
    """A review held in time makes no notice of the calendar."""
    accommodate(council.log, "2026-01-15")
    hold_review(council.log, "2026-02-10")
    await council.catch_up()
    council.clock.set(at("2026-02-28"))
    await council.tick_all()
    assert await thresholds(council) == []


async def test_a_moved_review_approaches_anew_for_its_new_date(council: Scene) -> None:
    """When the due date moves, the new date gets notices of its own."""
    accommodate(council.log, "2026-01-15")
    hold_review(council.log, "2026-02-10")
    await council.catch_up()
    council.clock.set(at("2026-05-01"))
    await council.tick_all()
    assert await told(council, NoticeKind.APPROACHING, date(2026, 5, 10)) == 1
    council.log.add(
        "record.corrected",
        f"child-{CHILD}",
        "2026-05-01",
        corrects_source="/test/case-system",
        corrects_id="e3",
        corrects_type="meeting.held",
        replacement={"occurred_on": "2026-02-12", "meeting_id": "m", "meeting_kind": "looked_after_child_review"},
        reason="recording_error",
    )
    await council.catch_up()
    await council.tick_all()
    assert await told(council, NoticeKind.APPROACHING, date(2026, 5, 12)) == 1
    council.clock.set(at("2026-05-11"))
    await council.tick_all()
    assert await told(council, NoticeKind.MISSED, date(2026, 5, 10)) == 0


async def test_a_home_that_ended_without_its_review_is_told_as_missed(council: Scene) -> None:
    """A review that can no longer be held is told as missed, even if nobody ticked between."""
    accommodate(council.log, "2026-01-15")
    council.log.add("home.ended", f"child-{CHILD}", "2026-03-10", home_id=f"home-{CHILD}", reason="returned_to_parents")
    council.log.add("episode.ended", f"child-{CHILD}", "2026-03-10", episode_id=f"ep-{CHILD}", destination="parents")
    await council.catch_up()
    await council.tick_all()
    assert await told(council, NoticeKind.MISSED) == 1


async def test_two_schedulers_racing_tell_each_thing_once(council: Scene) -> None:
    """Replicas that tick at the same moment make exactly one notice for each threshold, at gap-free positions."""
    children = [f"c-{number}" for number in range(60)]
    for child in children:
        accommodate(council.log, "2026-01-15", child=child)
    await council.catch_up()
    council.clock.set(at("2026-02-20"))
    ticks = [council.tick() for _ in range(4)]
    await asyncio.gather(*(each.round() for each in ticks))
    assert [(each.error, each.troubles) for each in ticks] == [(None, {})] * 4
    notices = await council.notices()
    assert sorted(each["data"]["child_id"] for each in notices) == sorted(2 * children)
    assert [each["position"] for each in notices] == list(range(1, 2 * len(children) + 1))
    assert len({each["id"] for each in notices}) == len(notices)


async def test_the_calendar_waits_for_the_log(council: Scene) -> None:
    """While the reader is behind, nothing is told: the meeting may be in what was not read yet."""
    accommodate(council.log, "2026-01-15")
    await council.catch_up()
    council.clock.set(at("2026-02-27"))
    hold_review(council.log, "2026-02-10")
    council.reader.page = 0
    await council.subscription.step(council.authority_id)
    await council.tick_all()
    assert await council.notices() == []
    council.reader.page = 1000
    await council.catch_up()
    await council.tick_all()
    assert {each["type"] for each in await council.notices()} == {"review.held", "review.moved"}


async def test_another_replica_being_further_on_makes_this_one_wait(council: Scene) -> None:
    """A process whose view of the log's head is older than the checkpoint does not tick."""
    accommodate(council.log, "2026-01-15")
    await council.catch_up()
    council.clock.set(at("2026-02-20"))
    async with council.engine.begin() as connection:
        statement = text("UPDATE scheduler.checkpoint SET position = position + 1 WHERE authority_id = :authority")
        await connection.execute(statement, {"authority": council.authority_id})
    assert not await council.tick().step(council.authority_id)
    assert await council.notices() == []


async def test_a_tick_looks_only_at_what_is_due(council: Scene) -> None:
    """The tick reads through the index of days: what is not due costs nothing."""
    first = (
        "SELECT min(next_notice_on) FROM scheduler.review WHERE authority_id = 'x' AND next_notice_on <= '2026-06-11'"
    )
    query = (
        f"EXPLAIN SELECT * FROM scheduler.review WHERE authority_id = 'x' AND next_notice_on = ({first}) "
        "ORDER BY review_id LIMIT 500"
    )
    async with council.engine.connect() as connection:
        await connection.execute(text("SET LOCAL enable_seqscan = off"))
        plan = "\n".join(await connection.scalars(text(query)))
    assert plan.count("review_next_notice") == 2
    assert "Sort" not in plan


async def test_one_omission_is_told_once(council: Scene) -> None:
    """Of a first review not held and the later ones counted from it, only the first is told as missed."""
    accommodate(council.log, "2026-01-15")
    await council.catch_up()
    council.clock.set(at("2027-03-01"))
    await council.tick_all()
    missed = await council.notices(NoticeKind.MISSED)
    assert [each["data"]["due_on"] for each in missed] == ["2026-02-26"]


async def test_a_review_that_becomes_firm_is_told_of(council: Scene) -> None:
    """Once the review before is held on its due day, the next keeps its date and is announced in its turn."""
    accommodate(council.log, "2026-01-15")
    await council.catch_up()
    hold_review(council.log, "2026-02-26")
    await council.catch_up()
    council.clock.set(at("2026-05-27"))
    await council.tick_all()
    assert await told(council, NoticeKind.MISSED, date(2026, 5, 26)) == 1
