"""Rounds over all authorities: each is worked for, whatever befalls another."""

from __future__ import annotations

from shared.runtime.database import create_engine
from shared.runtime.rounds import for_every_authority
from tests.support.council import new_authority


async def test_one_authoritys_trouble_does_not_stop_the_others(fresh_database_url: str) -> None:
    """The others are worked for, and the trouble names its kind and its authority, not what it said."""
    names = sorted([(await new_authority(fresh_database_url)).authority_id for _ in range(3)])
    engine = create_engine(fresh_database_url, service="scheduler")

    async def work(authority_id: str) -> str:
        if authority_id == names[0]:
            raise ValueError("a child's data")
        return authority_id

    try:
        done, trouble = await for_every_authority(engine, work, doing="the work")
        well = await for_every_authority(engine, nothing, doing="the work")
    finally:
        await engine.dispose()

    assert sorted(done) == names[1:]
    assert trouble == f"ValueError for {names[0]}"
    assert well == ([None] * 3, None)


async def nothing(_: str) -> None:
    """Do nothing, well."""


async def test_a_database_that_is_away_is_trouble() -> None:
    """Where authorities cannot even be listed nothing is done, and that is told instead of raised."""
    engine = create_engine("postgresql://nobody@127.0.0.1:1/nothing", service="scheduler")
    try:
        done, trouble = await for_every_authority(engine, nothing, doing="the work")
    finally:
        await engine.dispose()

    assert done == []
    assert (trouble or "").startswith("cannot list authorities (")
