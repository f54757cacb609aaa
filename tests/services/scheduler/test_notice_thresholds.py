"""Thresholds that a council decided, and ticks that are cut off, on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import event

from services.scheduler.store import looks
from tests.services.scheduler.scene import Scene, accommodate, adopt, hold_review

#: Accommodated on 15 January 2026: the first review is due on 26 February.
ACCOMMODATED = "2026-01-15"


def at(day: str) -> datetime:
    return datetime.fromisoformat(f"{day}T08:00:00+00:00").astimezone(UTC)


def decide(council: Scene, on: str, **thresholds: Any) -> None:
    given = {"before": [], "on_the_day": False, "after": [], **thresholds}
    council.log.add("notice_thresholds.set", "authority", on, **given)


async def tick_on(council: Scene, *days: str) -> None:
    for day in days:
        council.clock.set(at(day))
        await council.tick_all()


async def crossed(council: Scene) -> list[tuple[int, str]]:
    told = [each["data"] for each in await council.notices() if "threshold" in each["data"]]
    return [(each["threshold"], each["crossed_on"]) for each in told]


async def test_a_council_is_told_at_the_days_that_it_decided(council: Scene) -> None:
    """Also of reviews that were planned before it decided so, and earlier than any threshold was until then."""
    accommodate(council.log, ACCOMMODATED)
    decide(council, "2026-01-20", before=[30, 3], after=[2], then_every_days=10)
    await council.catch_up()
    await tick_on(council, "2026-03-12")
    assert await crossed(council) == [
        (-30, "2026-01-27"),
        (-3, "2026-02-23"),
        (2, "2026-02-28"),
        (12, "2026-03-10"),
    ]


async def test_what_is_decided_later_tells_nothing_of_the_past(council: Scene) -> None:
    """A council that asks for 21 days when only 10 are left is told from then on, and of nothing anew."""
    accommodate(council.log, ACCOMMODATED)
    await council.catch_up()
    await tick_on(council, "2026-02-16")
    decide(council, "2026-02-16", before=[21, 14, 9], on_the_day=True)
    await council.catch_up()
    await tick_on(council, "2026-02-16", "2026-03-20")
    assert await crossed(council) == [(-14, "2026-02-12"), (-9, "2026-02-17"), (0, "2026-02-26")]


async def test_weekly_repeats_can_be_asked_for_after_all_was_told(council: Scene) -> None:
    """A review for which nothing was planned any more is told of again once the council wants repeats."""
    accommodate(council.log, ACCOMMODATED)
    decide(council, "2026-01-16", after=[1])
    await council.catch_up()
    await tick_on(council, "2026-04-01")
    assert await crossed(council) == [(1, "2026-02-27")]
    decide(council, "2026-04-01", after=[1], then_every_days=7)
    await council.catch_up()
    await tick_on(council, "2026-04-12")
    assert await crossed(council) == [(1, "2026-02-27"), (36, "2026-04-03"), (43, "2026-04-10")]


async def test_a_rule_can_have_thresholds_of_its_own(council: Scene) -> None:
    """A local meeting is told of otherwise than the statutory reviews, which keep the default."""
    local = "two_week_planning_meeting"
    adopt(council.log, "2026-01-01", effective_on="2026-01-01")
    decide(council, "2026-01-02", pack="scotland", before=[5])
    decide(council, "2026-01-14", kind=local, before=[2])
    accommodate(council.log, ACCOMMODATED)
    await council.catch_up()
    await tick_on(council, "2026-02-21")
    told = [(each["data"]["kind"], each["data"]["threshold"]) for each in await council.notices()]
    assert told == [(local, -2), ("looked_after_child_review", -5)]


class Killed(Exception):
    """The process ended here."""


@contextmanager
def killed_before_statement(council: Scene, number: int) -> Iterator[list[str]]:
    """End whatever is under way just before its statement of this number, counted from 1."""
    asked: list[str] = []

    def note(*arguments: Any) -> None:
        asked.append(arguments[2])
        if len(asked) == number:
            raise Killed

    event.listen(council.engine.sync_engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(council.engine.sync_engine, "before_cursor_execute", note)


async def state(council: Scene) -> tuple[list[Any], list[date | None]]:
    plans = [each.next_notice_on for _, each in sorted((await council.reviews()).items())]
    return [each["position"] for each in await council.notices()], plans


async def test_a_tick_cut_off_before_any_statement_has_done_nothing_or_all(council: Scene) -> None:
    """Wherever it ends, notices and plans are as before it; the next one tells each once, at gap-free positions."""
    await council.add_endpoint("https://receiver.example.org/hook")
    accommodate(council.log, ACCOMMODATED)
    await council.catch_up()
    council.clock.set(at("2026-02-20"))
    before = await state(council)
    number = 0
    while True:
        number += 1
        with killed_before_statement(council, number) as asked:
            try:
                await council.tick().step(council.authority_id)
            except Killed:
                pass
            else:
                break
        assert await state(council) == before
    assert len(asked) == number - 1 > 6
    await council.tick_all()
    assert [each["position"] for each in await council.notices()] == [1, 2]
    assert await crossed(council) == [(-14, "2026-02-12"), (-7, "2026-02-19")]


async def test_positions_are_gap_free_after_ticks_and_events_in_any_order(council: Scene) -> None:
    """Notices of events and of the calendar share one sequence; ticks cut off between leave no gap in it."""
    for number in range(6):
        accommodate(council.log, f"2026-01-{10 + number}", child=f"c-{number}")
    await council.catch_up()
    for number, day in enumerate(("2026-02-08", "2026-02-14", "2026-02-18", "2026-03-01")):
        council.clock.set(at(day))
        with killed_before_statement(council, 5 + number), pytest.raises(Killed):
            await council.tick().step(council.authority_id)
        await council.tick_all()
        hold_review(council.log, day, child=f"c-{number}")
        await council.catch_up()
    positions = [each["position"] for each in await council.notices()]
    assert positions == list(range(1, len(positions) + 1))
    assert len(positions) > 20


async def test_a_day_with_more_reviews_than_one_transaction_takes_is_finished(
    council: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many cross a threshold on one day, each is told once, in order of their ids."""
    monkeypatch.setattr(looks, "ROWS", 4)
    for number in range(11):
        accommodate(council.log, ACCOMMODATED, child=f"c-{number}")
    await council.catch_up()
    await tick_on(council, "2026-02-12")
    ids = [each["data"]["review_id"] for each in await council.notices()]
    assert len(ids) == 11
    assert ids == sorted(ids)
