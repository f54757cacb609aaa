"""A page goes into the read model whole or not at all, and only right behind the checkpoint."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.client.event_log import Page
from shared.domain.envelope import RecordedEvent
from shared.runtime.projecting import CheckpointMoved, LogEndsEarly, PositionGap, check_page, project_page, step
from tests.shared.runtime.following import Projector, Reader, event, events, seen, standing


async def test_a_page_moves_the_checkpoint_with_its_rows(engine: AsyncEngine, council: str) -> None:
    """Rows and checkpoint are there together, and a second page goes on from there."""
    assert await project_page(engine, Projector(), council, events(1, 3), after=0) == 3
    assert await project_page(engine, Projector(), council, events(4, 4), after=3) == 4
    assert await seen(engine, council) == [1, 2, 3, 4]
    assert (await standing(engine, council)).position == 4


async def test_a_failure_leaves_nothing(engine: AsyncEngine, council: str) -> None:
    """What the projector wrote before it failed is undone."""
    projector = Projector()
    projector.fail_at = 2
    with pytest.raises(RuntimeError):
        await project_page(engine, projector, council, events(1, 3), after=0)
    assert await seen(engine, council) == []


async def test_a_seal_that_refuses_leaves_nothing(engine: AsyncEngine, council: str) -> None:
    """The last word is the seal's: what it refuses is undone."""

    async def refuse(_: AsyncConnection) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await project_page(engine, Projector(), council, events(1, 3), after=0, seal=refuse)
    assert (await seen(engine, council), (await standing(engine, council)).position) == ([], 0)


async def test_of_several_at_once_one_projects(engine: AsyncEngine, council: str) -> None:
    """Whoever finds the checkpoint moved keeps nothing of its page."""
    pages = (project_page(engine, Projector(), council, events(1, 50), after=0) for _ in range(4))
    outcomes = await asyncio.gather(*pages, return_exceptions=True)
    assert sorted(map(repr, outcomes)) == ["50", *["CheckpointMoved()"] * 3]
    assert await seen(engine, council) == list(range(1, 51))


async def test_an_old_page_is_never_projected_again(engine: AsyncEngine, council: str) -> None:
    """A page that was read before somebody else projected it is refused."""
    await project_page(engine, Projector(), council, events(1, 3), after=0)
    with pytest.raises(CheckpointMoved):
        await project_page(engine, Projector(), council, events(1, 3), after=0)


async def test_a_projector_says_how_far_it_got(engine: AsyncEngine, council: str) -> None:
    """A checkpoint moves to where the projector stopped, which lies within the page."""

    class Beyond(Projector):
        async def project(self, connection: AsyncConnection, authority_id: str, page: Sequence[RecordedEvent]) -> int:
            return await super().project(connection, authority_id, page) + 1

    within = Projector()
    within.at_most = 2
    assert await project_page(engine, within, council, events(1, 3), after=0) == 2
    with pytest.raises(PositionGap):
        await project_page(engine, Beyond(), council, events(3, 3), after=2)
    assert await seen(engine, council) == [1, 2]


async def test_a_step_goes_no_further_than_it_is_told(engine: AsyncEngine, council: str) -> None:
    """With a limit, nothing behind it is projected, however far the log goes."""
    reader, position = Reader(events(1, 10)), 0
    for expected in (4, 7, 7):
        position = await step(engine, reader, Projector(), council, after=position, until=7, limit=4)
        assert position == expected
    assert await step(engine, reader, Projector(), council, after=7) == 10
    assert await step(engine, reader, Projector(), council, after=10) == 10
    assert await seen(engine, council) == list(range(1, 11))


@pytest.mark.parametrize("found", [[event(2)], [event(4)], [event(3), event(5)], [event(3), event(3)]])
def test_a_page_with_a_gap_is_refused(found: list[RecordedEvent]) -> None:
    """A page begins right behind the checkpoint and leaves nothing out."""
    with pytest.raises(PositionGap):
        check_page(Page(found, at_head=True, head=9), after=2)


def test_a_log_that_ends_before_the_checkpoint_is_refused() -> None:
    """A log that is shorter than what was read of it is not waited for."""
    with pytest.raises(LogEndsEarly, match="ends at position 7, before the checkpoint at 12"):
        check_page(Page([], at_head=True, head=7), after=12)
