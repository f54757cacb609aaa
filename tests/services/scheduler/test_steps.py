"""How long one step may take, and that where it ends changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

from services.scheduler.worker import BUDGET_SECONDS, ReviewProjector
from tests.services.scheduler.scene import Scene, accommodate, adopt, following, hold_review, scene
from tests.support.clock import SettableClock

#: Homes, and as many meetings, of one child: more than any child ever had.
ABSURD = 150


def ticking(seconds: float) -> Iterator[float]:
    """Yield a time that is ``seconds`` later whenever it is asked for."""
    return (number * seconds for number in count())


def told_of_two_children(council: Scene) -> None:
    """Record two children's ways, and packs that the council adopts in between."""
    adopt(council.log, "2026-01-01", effective_on="2026-01-01")
    accommodate(council.log, "2026-01-15")
    accommodate(council.log, "2026-01-16", child="c-2")
    hold_review(council.log, "2026-02-20")
    adopt(council.log, "2026-03-01", effective_on="2026-01-01", pack="three-monthly-cadence")
    hold_review(council.log, "2026-02-21", child="c-2")


async def test_steps_of_any_length_give_the_same(database_url: str, clock: SettableClock) -> None:
    """Whether a step has time for one event or for all, reviews and notices are the same."""
    outcomes: list[Any] = []
    taken: list[int] = []
    for seconds in (0.0, BUDGET_SECONDS / 2, BUDGET_SECONDS):
        async with scene(database_url, clock) as council:
            told_of_two_children(council)
            times = ticking(seconds)
            projector = ReviewProjector(clock, seconds=lambda times=times: next(times))  # type: ignore[misc]  # bound
            subscription = following(council.engine, council.reader, clock, projector)
            steps = 0
            while await subscription.step(council.authority_id):
                steps += 1
            taken.append(steps)
            told = [(each["position"], each["type"], each["data"]) for each in await council.notices()]
            outcomes.append((await council.reviews(), await council.reviews("c-2"), told))
    assert outcomes[0][2]
    assert outcomes[0] == outcomes[1] == outcomes[2]
    assert taken[0] == 1
    assert taken[2] == 8


async def test_a_step_says_how_far_it_got(council: Scene) -> None:
    """A step without time still does one event, copies that one only, and returns its position."""
    told_of_two_children(council)
    times = ticking(BUDGET_SECONDS)
    projector = ReviewProjector(council.clock, seconds=lambda: next(times))
    async with council.engine.begin() as connection:
        assert await projector.checkpoint(connection, council.authority_id) == 0
        assert await projector.project(connection, council.authority_id, council.log.events) == 1


async def test_an_absurd_child_does_not_hold_up_the_others(database_url: str, clock: SettableClock) -> None:
    """However much one child's record holds, a step folds for its budget only, and the children behind come too."""
    began_on, a_step = date(2025, 1, 1), 20
    recorded_at = datetime(2026, 6, 1, tzinfo=UTC)
    async with scene(database_url, clock) as council:
        log = council.log
        log.add("child.accommodated", "child-absurd", began_on, episode_id="e", legal_reason="section_25")
        for number in range(ABSURD):
            day, home, meeting = began_on + timedelta(days=number), f"h{number}", f"m{number}"
            log.add("home.started", "child-absurd", day, recorded_at=recorded_at, home_id=home, home_kind="foster")
            held: dict[str, Any] = {"meeting_id": meeting, "meeting_kind": "looked_after_child_review"}
            log.add("meeting.held", "child-absurd", day, recorded_at=recorded_at, **held)
        accommodate(log, "2026-01-15")
        times = ticking(BUDGET_SECONDS / a_step)
        projector = ReviewProjector(clock, seconds=lambda: next(times))
        subscription = following(council.engine, council.reader, clock, projector)
        steps = 0
        while await subscription.step(council.authority_id):
            steps += 1
        assert len(log.events) / a_step <= steps <= len(log.events) / a_step + 2
        assert await council.reviews()
        closed = [each for each in (await council.reviews("absurd")).values() if each.vanished_at is None]
        assert sum(each.review.held_on is not None for each in closed) == ABSURD
