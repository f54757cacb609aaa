"""Rounds over all authorities: each is worked for, whatever befalls another."""

from __future__ import annotations

from prometheus_client import REGISTRY

from shared.runtime.database import create_engine
from shared.runtime.rounds import OperatorsTrouble, for_every_authority
from tests.support.council import new_authority


async def test_one_authoritys_trouble_does_not_stop_the_others(fresh_database_url: str) -> None:
    """The others are worked for; the trouble is told by authority, in its kind's name unless its words are ours."""
    names = sorted([(await new_authority(fresh_database_url)).authority_id for _ in range(3)])
    engine = create_engine(fresh_database_url, service="scheduler")

    async def work(authority_id: str) -> str:
        if authority_id == names[0]:
            raise ValueError("a child's data")
        if authority_id == names[1]:
            raise OperatorsTrouble("look here")
        return authority_id

    try:
        done, error, troubles = await for_every_authority(engine, work, doing="the work")
        shown = [failing(name) for name in names]
        well = await for_every_authority(engine, nothing, doing="the work")
    finally:
        await engine.dispose()

    assert done == names[2:]
    assert error is None
    assert troubles == {names[0]: "ValueError", names[1]: "look here"}
    assert shown == [1, 1, 0]
    assert well == ([None] * 3, None, {})
    assert [failing(name) for name in names] == [0, 0, 0]


def failing(authority_id: str) -> float | None:
    """Return what `/metrics` shows of the work for an authority."""
    labels = {"work": "the work", "authority": authority_id}
    return REGISTRY.get_sample_value("homeward_work_failing", labels)


async def nothing(_: str) -> None:
    """Do nothing, well."""


async def test_a_database_that_is_away_is_trouble() -> None:
    """Where authorities cannot even be listed nothing is done, and that is told instead of raised."""
    engine = create_engine("postgresql://nobody@127.0.0.1:1/nothing", service="scheduler")
    try:
        done, error, troubles = await for_every_authority(engine, nothing, doing="the work")
    finally:
        await engine.dispose()

    assert (done, troubles) == ([], {})
    assert (error or "").startswith("cannot list authorities (")
