"""A rebuild beside services that serve and follow, and one that is killed at any point."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg
import psutil
import pytest
from sqlalchemy import make_url, text

from services.cli.rebuild import run
from services.scheduler.store import rebuilt
from shared.domain.ids import AUTHORITY_STREAM
from shared.runtime import rebuild
from shared.runtime.database import plain_url, snapshot
from shared.runtime.rebuild_schema import CannotRebuild
from shared.runtime.settings import Settings
from tests.services.cli.rebuilding import SERVICES, Heard, Site, site
from tests.services.demonstration.councils import council
from tests.support.pooler import pooler
from tests.support.waiting import eventually

EVENTS = council(1).events[:900]

#: Whether an exchange waits for a reader.
WAITING = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'LOCK TABLE reporting.%'"

#: What ``homeward rebuild`` does, in batches so small that several processes take part.
PROGRAM = """
from services.cli.program import main
from shared.runtime import rebuild_work
rebuild_work.BATCH_EVENTS, rebuild_work.WORTH_A_PROCESS = 40, 0
if __name__ == "__main__":
    raise SystemExit(main(["rebuild"]))
"""


@asynccontextmanager
async def meanwhile(*works: Any) -> AsyncIterator[None]:
    """Let these go on in the background; what one raises is raised at the end."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            if not task.done():
                task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        for each in ended:
            if isinstance(each, Exception):
                raise each


async def notices(here: Site) -> list[Any]:
    found = await here.execute("SELECT dedupe_key, count(*) FROM scheduler.notice GROUP BY 1 ORDER BY 1")
    return [tuple(row) for row in found]


async def test_the_live_side_serves_and_follows_throughout(here: Site, postgres: Any, settings: Settings) -> None:
    """Events appended meanwhile arrive, readers see every position in order, and each notice is told once."""
    await here.append(EVENTS[:400])
    await here.follow()
    seen: list[tuple[int, int]] = []

    async def append_and_follow() -> None:
        for begin in range(400, 900, 20):
            await here.append(EVENTS[begin : begin + 20])
            await here.follow()

    async def read() -> None:
        while True:
            async with snapshot(here.engines["reporting"]) as connection:
                position = await connection.scalar(text("SELECT position FROM reporting.checkpoint"))
                copied = await connection.scalar(text("SELECT count(*) FROM reporting.event"))
            seen.append((position, copied))
            await asyncio.sleep(0)

    appending = asyncio.create_task(append_and_follow())
    rebuilt = 0
    async with meanwhile(read()):
        while not appending.done():
            await here.rebuild()
            rebuilt += 1
        await appending
        await here.rebuild()
    assert rebuilt > 0
    assert all(position == copied for position, copied in seen)
    assert [position for position, _ in seen] == sorted(position for position, _ in seen)
    checked = await here.rebuild(check=True)
    assert not [each for done in checked for each in done.differences if each.differing]
    told = await notices(here)
    undisturbed = postgres.migrated()
    async with site(undisturbed, settings, here.clock) as other:
        await other.append(EVENTS)
        await other.follow()
        assert await notices(other) == told
    postgres.drop(undisturbed)


async def test_a_reader_in_the_middle_of_an_answer_is_waited_for(here: Site) -> None:
    """Its answer is of one moment; the exchange follows, and others are served meanwhile."""
    await here.append(EVENTS[:100])
    await here.follow()
    async with snapshot(here.engines["reporting"]) as reader:
        position = await reader.scalar(text("SELECT position FROM reporting.checkpoint"))
        rebuilding = asyncio.create_task(here.rebuild("reporting", heard=Heard()))
        await eventually(lambda: here.execute(WAITING), within=30)
        assert not rebuilding.done()
        async with here.engines["reporting"].connect() as another:
            assert await another.scalar(text("SELECT position FROM reporting.checkpoint")) == position
        assert await reader.scalar(text("SELECT count(*) FROM reporting.event")) == position
    await asyncio.wait_for(rebuilding, 20)


async def test_what_is_worked_out_for_all_is_worked_out_while_the_live_side_goes_on(
    here: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Held still, the live side waits for the children of whom something came in since, however many there are."""
    asked: list[int | None] = []
    meant = rebuilt.changed

    async def changed(connection: Any, children: Any) -> Any:
        asked.append(None if children is None else len(children))
        found = await meant(connection, children)
        if children is None:
            # Would wait for ever, were the live side held.
            await here.append(late)
            await here.follow()
        return found

    monkeypatch.setattr(rebuilt, "changed", changed)
    late = EVENTS[600:605]
    of_children = {each["subject"] for each in late}
    await here.append(EVENTS[:600])
    await here.follow()
    wrong = "UPDATE scheduler.review SET due_on = due_on + 30 WHERE outcome = 'open' AND due_on IS NOT NULL"
    await here.execute(wrong)
    [done] = await here.rebuild("scheduler")
    assert asked == [None, len(of_children)]
    told = await here.execute("SELECT count(*) AS moved FROM scheduler.notice WHERE kind = 'review.moved'")
    assert told[0]["moved"] >= done.told
    # What was owed so long ago is told to nobody before a person has decided.
    held = await here.execute("SELECT count(*) AS moved FROM scheduler.held_back WHERE kind = 'review.moved'")
    assert told[0]["moved"] + held[0]["moved"] > 0
    [checked] = await here.rebuild("scheduler", check=True)
    assert not [each for each in checked.differences if each.differing]


async def test_what_concerns_every_child_is_carried_over_anew(here: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """An event of the council that comes in meanwhile is no matter for a moment: all is worked out again first."""
    asked: list[int | None] = []
    meant = rebuilt.changed
    adopted = [each for each in council(1).events if each["subject"] == AUTHORITY_STREAM]

    async def changed(connection: Any, children: Any) -> Any:
        asked.append(None if children is None else len(children))
        found = await meant(connection, children)
        if len(asked) == 1:
            await here.append(adopted)
            await here.follow()
        return found

    monkeypatch.setattr(rebuilt, "changed", changed)
    monkeypatch.setattr(rebuild, "REST_SECONDS", 0)
    await here.append(each for each in EVENTS if each["subject"] != AUTHORITY_STREAM)
    await here.follow()
    await here.rebuild("scheduler")
    assert asked == [None, None]
    [checked] = await here.rebuild("scheduler", check=True)
    assert not [each for each in checked.differences if each.differing]


async def test_a_pooler_before_the_database_is_refused(here: Site) -> None:
    """Whether the URL says so or not: what keeps two rebuilds apart would belong to nobody."""
    with pooler(here.url) as says_so:
        says_nothing = make_url(says_so).difference_update_query(["pooler"]).render_as_string(hide_password=False)
        await eventually(lambda: answers(says_nothing), about="pgbouncer answering")
        for url in (says_so, says_nothing):
            with pytest.raises(CannotRebuild, match="leads through a pooler"):
                await run(url, SERVICES, here.clock, Heard(), check=False)


async def answers(url: str) -> bool:
    try:
        connection = await asyncpg.connect(plain_url(url), statement_cache_size=0)
    except (OSError, asyncpg.PostgresError):
        return False
    await connection.close()
    return True


MOMENTS = (
    "SELECT 1 FROM pg_namespace WHERE nspname = 'reporting_rebuild'",
    "SELECT 1 FROM scheduler_rebuild.event LIMIT 1",
    "SELECT 1 FROM pg_class WHERE relname = 'review_due' AND relnamespace = 'scheduler_rebuild'::regnamespace",
    "SELECT 1 FROM pg_indexes WHERE schemaname = 'reporting_rebuild' AND indexname = 'event_stream'",
)


@pytest.mark.parametrize("moment", range(len(MOMENTS)))
async def test_killed_at_any_point_it_leaves_the_live_side_as_it_was(here: Site, moment: int) -> None:
    """No row changes, no process stays, and the next rebuild says what it found and goes on from the beginning."""
    await here.append(EVENTS[:400])
    await here.follow()
    before = {service: await here.rows(service) for service in SERVICES}
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, env={**os.environ, "HOMEWARD_DATABASE_URL": here.url}
    )
    family = await _await_moment(here, program, MOMENTS[moment])
    program.send_signal(signal.SIGKILL)
    await program.wait()
    _, alive = psutil.wait_procs(family, timeout=10)
    assert not alive
    assert {service: await here.rows(service) for service in SERVICES} == before
    heard = Heard()
    await here.rebuild(heard=heard)
    assert {service: await here.rows(service) for service in SERVICES} == before
    assert any("dropped what an earlier rebuild left unfinished" in sentence for sentence in heard.said)


async def _await_moment(here: Site, program: asyncio.subprocess.Process, moment: str) -> list[psutil.Process]:
    """Wait until the database shows that the rebuild has come so far; return the processes that take part."""
    async with asyncio.timeout(60):
        while program.returncode is None:
            # What is asked about is not there yet.
            with suppress(asyncpg.InvalidSchemaNameError, asyncpg.UndefinedTableError):
                if await here.execute(moment):
                    break
    assert program.returncode is None, "it was done before it could be killed"
    return psutil.Process(program.pid).children(recursive=True)
