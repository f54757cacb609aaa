"""At every checkpoint the read model is the fold of the log up to there, however many processes work on it."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from typing import Any

from hypothesis import HealthCheck, given, settings

from services.scheduler.model import NoticeKind
from services.scheduler.tick import Tick
from shared.domain.envelope import RecordedEvent
from tests.services.scheduler.scene import Scene, accommodate, adopt, following, hold_review, scene
from tests.services.scheduler.test_projection import HISTORIES, STREAM, TODAY, folded
from tests.support.clock import SettableClock

_ONE_DATABASE = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def write(council: Scene, history: list[tuple[tuple[str, dict[str, Any]], date]]) -> list[RecordedEvent]:
    """Record a drawn history, in the order of the list."""
    for number, ((kind, data), day) in enumerate(history, 1):
        council.log.add(kind, STREAM, day, recorded_at=datetime(2026, 10, 1, 12, number, tzinfo=UTC), **data)
    return council.log.events


@given(HISTORIES)
@_ONE_DATABASE
async def test_the_reviews_at_every_position_are_a_fold(
    database_url: str, history: list[tuple[tuple[str, dict[str, Any]], date]]
) -> None:
    """Stopped behind any event, the stored reviews and what was told, or held back, are those of one fold."""
    clock = SettableClock(datetime(TODAY.year, TODAY.month, TODAY.day, 12, tzinfo=UTC))
    async with scene(database_url, clock, page=1) as council:
        events = write(council, history)
        for position in range(1, len(events) + 1):
            assert await council.subscription.step(council.authority_id)
            expected = folded(events[:position])
            assert council.subscription.progress[council.authority_id].position == position
            assert await council.reviews() == expected.reviews
            told = sorted(notice.kind.value for _, notice in expected.notices)
            log = [each["type"] for each in await council.notices()]
            assert sorted(log + await council.held_back()) == told


async def test_processes_that_fold_at_once_leave_what_one_leaves(database_url: str, clock: SettableClock) -> None:
    """Four followers without leases, racing page by page, write each event's part once and in order."""
    outcomes = []
    for number in (1, 4):
        async with scene(database_url, clock, page=1) as council:
            accommodate(council.log, "2026-01-15")
            hold_review(council.log, "2026-02-20")
            adopt(council.log, "2026-03-01", effective_on="2026-03-01")
            hold_review(council.log, "2026-05-21")
            racing = [following(council.engine, council.reader, clock) for _ in range(number)]
            for _ in council.log.events:
                await asyncio.gather(*(each.step(council.authority_id) for each in racing))
            await council.catch_up()
            told = [(each["position"], each["type"], each["data"]) for each in await council.notices()]
            outcomes.append((await council.reviews(), told))
    assert outcomes[0][1]
    assert outcomes[0] == outcomes[1]


async def test_refreshing_and_following_at_once_is_safe(database_url: str, clock: SettableClock) -> None:
    """Processes that project anew while another follows wait for each other, and nothing is told twice."""
    async with scene(database_url, clock, page=1) as council:
        accommodate(council.log, "2026-01-15")
        hold_review(council.log, "2026-02-20")
        await council.subscription.step(council.authority_id)
        refreshers = [council.refresher() for _ in range(3)]
        await asyncio.gather(council.catch_up(), *(each.refresh(council.authority_id) for each in refreshers))
        assert await council.reviews() == folded(council.log.events).reviews
        held = await council.notices(NoticeKind.HELD)
        assert len(held) == 1


async def test_who_does_not_follow_does_not_tick(database_url: str, clock: SettableClock) -> None:
    """Of two processes only the one that follows tells what was missed: the other may not know of the meeting."""
    async with scene(database_url, clock) as council:
        accommodate(council.log, "2026-01-15")
        await council.catch_up()
        standby = following(council.engine, council.reader, clock)
        assert not await Tick(council.engine, clock, standby.caught_up, pause_seconds=1).step(council.authority_id)
        assert await council.notices() == []
        await council.tick_all()
        assert await council.notices(NoticeKind.MISSED)
