"""Reading part of the log: filters, and followers that use them in every way."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.events.appender import Appender
from services.events.store import read
from services.events.store.connection import Pool, open_pool
from services.events.store.read import Filter, Page, known_head, log_head, read_log
from services.events.wake import Wake
from shared.identity.keys import ApiKey
from tests.conftest import NOW
from tests.services.events.posting import append_request, post_batch, registered
from tests.support.clock import SettableClock
from tests.support.council import new_authority
from tests.support.events import cloud_event

TEAM = "child.team_assigned"


def told(child: str, *, team: bool = False) -> dict[str, Any]:
    if not team:
        return registered(child)
    return cloud_event(TEAM, f"child-{child}", {"occurred_on": "2026-01-15", "team": "north"})


async def positions(client: httpx.AsyncClient, query: str) -> list[int]:
    """Return the positions that a reader who follows `next_after` up to the end is given."""
    got: list[int] = []
    after, at_head = 0, False
    while not at_head:
        page = (await client.get(f"/v1/events?after={after}&{query}")).json()
        got += [each["position"] for each in page["events"]]
        assert page["next_after"] > after or page["at_head"]
        after, at_head = page["next_after"], page["at_head"]
    assert after == page["head"]
    return got


@pytest.mark.parametrize("limit", [1, 2, 100])
@pytest.mark.parametrize("looked_at", [1, 3, 10_000])
async def test_a_filter_admits_what_it_says(
    client: httpx.AsyncClient, limit: int, looked_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Types are alternatives; type, prefix and child must all be right; pages may be small."""
    monkeypatch.setattr(read, "LOOKED_AT", looked_at)
    batch = [told("a1"), told("a2"), told("b1"), told("a1", team=True), told("a2", team=True), told("a1")]
    assert (await post_batch(client, batch)).status_code == 200

    expected = {
        "": [1, 2, 3, 4, 5, 6],
        f"type={TEAM}": [4, 5],
        f"type={TEAM}&type=child.registered": [1, 2, 3, 4, 5, 6],
        "type=meeting.held": [],
        "stream_prefix=child-a": [1, 2, 4, 5, 6],
        "stream_prefix=child-a2": [2, 5],
        "stream_prefix=authority": [],
        "child=a1": [1, 4, 6],
        f"child=a1&type={TEAM}": [4],
        "child=a1&stream_prefix=child-a": [1, 4, 6],
        "child=a1&stream_prefix=child-b": [],
        "child=nobody": [],
        f"stream_prefix=child-b&type={TEAM}": [],
    }
    for query, wanted in expected.items():
        assert await positions(client, f"limit={limit}&{query}") == wanted, query


async def test_a_sparse_filter_looks_at_so_much_and_no_more(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty page that is not at the end says how far it looked."""
    monkeypatch.setattr(read, "LOOKED_AT", 3)
    await post_batch(client, [told("a1") for _ in range(7)])

    page = (await client.get(f"/v1/events?type={TEAM}")).json()
    last = (await client.get(f"/v1/events?type={TEAM}&after=6")).json()

    assert (page["events"], page["next_after"], page["at_head"], page["head"]) == ([], 3, False, 7)
    assert (last["events"], last["next_after"], last["at_head"], last["head"]) == ([], 7, True, 7)


async def test_a_filter_knows_what_had_been_recorded(client: httpx.AsyncClient, clock: SettableClock) -> None:
    """known_at cuts the log off first; what is left is filtered."""
    for _ in range(3):
        await post_batch(client, [told("a1"), told("b1")])
        clock.set(clock.now() + timedelta(hours=1))

    for query in ("child=b1", "stream_prefix=child-b"):
        page = (await client.get(f"/v1/events?{query}&known_at=2026-06-11T10:30:00Z")).json()
        assert ([each["position"] for each in page["events"]], page["next_after"], page["at_head"]) == ([2, 4], 4, True)


@pytest.mark.parametrize(
    "query",
    [
        "type=child.registred", "type=", "stream_prefix=", "stream_prefix=a%25", "stream_prefix=_",
        "child=a%20b", "child=0101991234", "child=a1&child=b2", "stream_prefix=a&stream_prefix=b",
        "&".join(["type=child.registered"] * 51),
    ],
)  # fmt: skip
async def test_a_filter_that_breaks_a_rule_is_refused(client: httpx.AsyncClient, query: str) -> None:
    """A filter that could match nothing by mistake is named."""
    assert (await client.get(f"/v1/events?{query}")).status_code == 422


async def test_the_end_of_the_log_then_is_found_by_halving(pool: Pool, key: ApiKey, clock: SettableClock) -> None:
    """Whatever the instant, it is the last position recorded by then."""
    appender = Appender(pool, clock)
    instants = []
    for size in (1, 1, 3, 1, 2, 1):
        await appender.append(key.authority_id, append_request(*(registered() for _ in range(size))))
        instants += [clock.now()] * size
        clock.set(clock.now() + timedelta(minutes=1))
    async with pool.connection() as connection:
        for instant in {each + shift for each in instants for shift in (timedelta(0), timedelta(seconds=-1))}:
            wanted = sum(each <= instant for each in instants)
            assert await known_head(connection, key.authority_id, instant) == wanted
        assert await known_head(connection, "nobody", NOW) == 0
        assert await log_head(connection, "nobody") == 0


@dataclass(frozen=True)
class Step:
    """What happens next: so many events are appended, or one page is read."""

    append: tuple[tuple[str, bool], ...] = ()
    limit: int = 0
    resume: bool = False


APPENDS = st.lists(st.tuples(st.sampled_from(["a1", "a2", "b1"]), st.booleans()), min_size=1, max_size=5)
STEPS = st.lists(
    st.one_of(
        APPENDS.map(lambda events: Step(append=tuple(events))),
        st.builds(Step, limit=st.integers(1, 4), resume=st.booleans()),
    ),
    max_size=25,
)
FILTERS = st.builds(
    Filter,
    types=st.sampled_from([(), (TEAM,), (TEAM, "child.registered"), ("meeting.held",)]),
    stream_prefix=st.sampled_from(["", "child-a", "child-b1"]),
    stream=st.sampled_from([None, "child-a1", "child-b1", "child-nobody"]),
)


class Following:
    """A log that is written to, and a follower of it with a filter."""

    def __init__(self, pool: Pool, authority_id: str, only: Filter) -> None:
        self.pool, self.authority_id, self.only = pool, authority_id, only
        self.wake = Wake(pool)
        self.appender = Appender(pool, SettableClock(NOW), self.wake.appended)
        self.matching: list[int] = []
        self.seen: list[int] = []
        self.pages: list[Page] = []
        self.after = self.count = 0

    async def append(self, events: Sequence[tuple[str, bool]]) -> None:
        await self.appender.append(
            self.authority_id, append_request(*(told(child, team=team) for child, team in events))
        )
        for child, team in events:
            self.count += 1
            admitted = (
                (not self.only.types or (TEAM if team else "child.registered") in self.only.types)
                and f"child-{child}".startswith(self.only.stream_prefix)
                and self.only.stream in {None, f"child-{child}"}
            )
            self.matching += [self.count] if admitted else []

    async def read(self, limit: int, *, resume: bool = False) -> Page:
        """Read a page; on resuming, begin behind the last event seen instead of at `next_after`."""
        after = (self.seen[-1] if self.seen else 0) if resume else self.after
        async with self.pool.connection() as connection:
            page = await read_log(
                connection, self.authority_id, after=after, limit=limit, only=self.only, page_bytes=700
            )
        self.seen += [row["position"] for row in page.rows if row["position"] > (self.seen or [0])[-1]]
        assert page.head == self.count
        assert page.at_head == (page.next_after >= self.count)
        self.after = page.next_after
        return page


@given(steps=STEPS, only=FILTERS, looked_at=st.integers(1, 6))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_follower_sees_exactly_what_matches(
    database_url: str, steps: list[Step], only: Filter, looked_at: int
) -> None:
    """For any order of appends, pages and resumptions, and any filter: every match once and in order."""

    async def follow() -> None:
        key = await new_authority(database_url)
        async with open_pool(database_url, size=2) as pool:
            following = Following(pool, key.authority_id, only)
            for step in steps:
                if step.append:
                    await following.append(step.append)
                else:
                    await following.read(step.limit, resume=step.resume)
                    assert following.seen == [each for each in following.matching if each <= following.after]
            while not (await following.read(2)).at_head:
                pass
            assert following.seen == following.matching
            assert all(one < other for one, other in pairwise(following.seen))

    before, read.LOOKED_AT = read.LOOKED_AT, looked_at
    try:
        asyncio.run(follow())
    finally:
        read.LOOKED_AT = before


@given(batches=st.lists(APPENDS, min_size=1, max_size=8), only=FILTERS)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_follower_that_waits_sees_exactly_what_matches(
    database_url: str, batches: list[list[tuple[str, bool]]], only: Filter
) -> None:
    """While others append, a follower that is only ever woken by appends misses none."""

    async def follow() -> None:
        key = await new_authority(database_url)
        async with open_pool(database_url, size=2) as pool:
            following = Following(pool, key.authority_id, only)
            following.read = _uncounted(following)  # type: ignore[method-assign]  # appends go on while it reads
            appending = asyncio.create_task(_append_all(following, batches))
            with following.wake.waiter(key.authority_id) as waiter:
                while True:
                    waiter.watch()
                    page = await following.read(3)
                    waiter.saw(page.head)
                    if page.at_head and appending.done() and page.head == following.count:
                        break
                    if page.at_head:
                        assert await waiter.wait(20)
            assert following.seen == following.matching

    asyncio.run(follow())


def _uncounted(following: Following) -> Any:
    async def read_page(limit: int) -> Page:
        async with following.pool.connection() as connection:
            page = await read_log(
                connection, following.authority_id, after=following.after, limit=limit, only=following.only
            )
        following.seen += [row["position"] for row in page.rows]
        following.after = page.next_after
        return page

    return read_page


async def _append_all(following: Following, batches: list[list[tuple[str, bool]]]) -> None:
    for batch in batches:
        await following.append(batch)
    # The follower asks whether this is done each time that it is woken.
    asyncio.get_running_loop().call_soon(following.wake.hinted, following.authority_id)
