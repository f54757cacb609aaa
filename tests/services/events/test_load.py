"""Under load, while writers give up and die: a follower sees the log as it is, and writers were told the truth."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.services.events.load import check, disturb, watched
from tests.services.events.stress import CONTROLS, Log, control, difference
from tests.support.council import new_authority


@pytest.mark.parametrize(
    "names",
    [("Log", "Log"), ("GroupedLog", "GroupedLog"), ("GroupedLog", "Log")],
    ids=["by statement", "by group commit", "by both"],
)
async def test_a_follower_misses_nothing_under_load(fresh_database_url: str, names: Sequence[str]) -> None:
    """Eight writers in two processes, some of which conflict, give up, are refused or die."""
    key = await new_authority(fresh_database_url)
    await disturb(fresh_database_url, Log.table)

    load = await watched(fresh_database_url, names, key.authority_id)

    await check(load, fresh_database_url, key.authority_id)
    assert load.restarts
    assert load.told.unknown
    assert load.told.refused


@pytest.mark.parametrize("name", ["Naive", "Horizon"])
async def test_the_load_finds_what_is_wrong_with_other_arrangements(fresh_database_url: str, name: str) -> None:
    """Must fail: the same writers make the same follower of a sequence, and of a horizon, miss events."""
    async with control(fresh_database_url, CONTROLS[name]) as subject:
        await disturb(fresh_database_url, subject.table)

        load = await watched(fresh_database_url, (name, name), subject.table)

    assert difference(load.live, load.stored).skipped > 0
