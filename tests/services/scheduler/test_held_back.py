"""Notices about the past wait for a person: over HTTP, on PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import create_async_engine

from services.scheduler.tables import held_back, notice, review
from shared.identity.keys import Scope
from shared.runtime.database import driver_url
from tests.services.scheduler.scene import accommodate, hold_review
from tests.services.scheduler.served import Served
from tests.support.clients import client_of
from tests.support.council import new_authority
from tests.support.events import Log
from tests.support.waiting import eventually

PATH = "/v1/held-back-notices"
#: When old records are brought in: the clock of these tests says 11 June 2026.
LOADED_AT = datetime(2026, 6, 11, 9, tzinfo=UTC)


def history_of_2020(log: Log, child: str = "c-1", *, team: str = "north") -> None:
    """Record a child's stay of 2020 as it is brought in today: one review held, one missed."""
    stream = f"child-{child}"
    given: dict[str, Any] = {"recorded_at": LOADED_AT}
    log.add("child.registered", stream, "2020-01-02", team=team, **given)
    accommodate(log, "2020-01-02", child=child, **given)
    hold_review(log, "2020-02-13", child=child, recorded_at=LOADED_AT)
    home: dict[str, Any] = {"home_id": f"home-{child}", "reason": "returned_to_parents"}
    episode: dict[str, Any] = {"episode_id": f"ep-{child}", "destination": "parents"}
    log.add("home.ended", stream, "2020-11-20", **home, **given)
    log.add("episode.ended", stream, "2020-11-20", **episode, **given)


async def rows(running: Served, table: Any) -> list[Any]:
    engine = create_async_engine(driver_url(running.database_url))
    async with engine.connect() as connection:
        found = (await connection.execute(select(table))).all()
    await engine.dispose()
    return list(found)


async def held(running: Served, number: int, **asked: Any) -> dict[str, Any]:
    """Wait until so many notices wait, and return the page."""
    page: dict[str, Any] = {}

    async def enough() -> bool:
        page.update(await running.get(PATH, **asked))
        return bool(page["waiting"] == number)

    await running.catch_up()
    await eventually(enough, about="the notices held back")
    return page


async def decide(running: Served, what: str, **body: Any) -> dict[str, Any]:
    answer = await running.client.post(f"{PATH}/{what}", json=body)
    assert answer.status_code == 200, answer.text
    decided: dict[str, Any] = answer.json()
    return decided


async def test_a_history_of_2020_alarms_nobody_and_is_counted(running: Served) -> None:
    """What is brought in about 2020 makes no notice in the log; what it would tell waits, by kind and month."""
    history_of_2020(running.log)
    page = await held(running, 2)
    assert await rows(running, notice) == []
    assert page["counts"] == [
        {"kind": "review.held", "month": "2020-02", "waiting": 1},
        {"kind": "review.missed", "month": "2020-05", "waiting": 1},
    ]
    told = {each["kind"]: each["data"] for each in page["items"]}
    assert told["review.held"]["held_on"] == "2020-02-13"
    assert told["review.missed"]["crossed_on"] == "2020-05-14"
    assert all((each["state"], each["decided_by"]) == ("waiting", None) for each in page["items"])


async def test_what_is_released_is_told_once(running: Served) -> None:
    """Released notices stand in the log at gap-free positions and say that they were held back; again tells nothing."""
    history_of_2020(running.log)
    page = await held(running, 2)
    assert await decide(running, "release", everything=True) == {"decided": 2, "waiting": 0}
    assert await decide(running, "release", everything=True) == {"decided": 0, "waiting": 0}
    assert await decide(running, "dismiss", everything=True) == {"decided": 0, "waiting": 0}
    log = sorted(await rows(running, notice), key=lambda each: each.position)
    assert [each.position for each in log] == [1, 2]
    assert {str(each.notice_id) for each in log} == {each["notice_id"] for each in page["items"]}
    assert all(b'"held_back_on":"2026-06-11"' in each.body for each in log)
    released = (await running.get(PATH, state="released"))["items"]
    assert [(each["decided_by"], each["state"]) for each in released] == [(running.key.key_id, "released")] * 2


async def test_what_is_dismissed_is_never_told_and_stays_on_record(running: Served) -> None:
    """A dismissed notice cannot be released any more, and says who dismissed it and when."""
    history_of_2020(running.log)
    await held(running, 2)
    assert await decide(running, "dismiss", kinds=["review.held"]) == {"decided": 1, "waiting": 1}
    assert await decide(running, "release", kinds=["review.held"]) == {"decided": 0, "waiting": 1}
    assert await rows(running, notice) == []
    (dismissed,) = (await running.get(PATH, state="dismissed"))["items"]
    assert (dismissed["kind"], dismissed["decided_by"]) == ("review.held", running.key.key_id)
    assert datetime.fromisoformat(dismissed["decided_at"]) == running.clock.now()


async def test_some_are_released_by_child_team_and_kind_of_review(running: Served) -> None:
    """Each member narrows; a decision that names nothing, or everything and something, is refused."""
    for child, team in (("a", "north"), ("b", "north"), ("c", "south")):
        history_of_2020(running.log, child, team=team)
    await held(running, 6)
    assert (await running.get(PATH, team="north"))["waiting"] == 4
    assert (await running.get(PATH, child="c", kind="review.held"))["waiting"] == 1
    assert (await decide(running, "release", children=["a"]))["decided"] == 2
    assert (await decide(running, "release", teams=["north"], kinds=["review.missed"]))["decided"] == 1
    assert (await decide(running, "release", review_kinds=["emergency_review"]))["decided"] == 0
    assert await decide(running, "release", review_kinds=["looked_after_child_review"]) == {"decided": 3, "waiting": 0}
    refused: list[dict[str, Any]] = [{}, {"everything": True, "teams": ["north"]}, {"everything": False}, {"teams": []}]
    for body in refused:
        answer = await running.client.post(f"{PATH}/release", json=body)
        assert answer.status_code == 422, body


async def test_pages_of_what_waits_hold_each_once(running: Served) -> None:
    """Page by page every notice is listed once, and each page counts all."""
    for number in range(5):
        history_of_2020(running.log, f"c-{number}")
    await held(running, 10)
    seen: list[str] = []
    page = await running.get(PATH, limit=3)
    while True:
        assert page["waiting"] == 10
        seen += [each["notice_id"] for each in page["items"]]
        if page["next_cursor"] is None:
            break
        page = await running.get(PATH, limit=3, cursor=page["next_cursor"])
    assert len(seen) == len(set(seen)) == 10


async def test_an_open_review_of_long_ago_is_silent_until_released_and_then_told_every_week(running: Served) -> None:
    """It waits as missed, once; after its release it is told of at its coming thresholds, like any other."""
    given: dict[str, Any] = {"recorded_at": LOADED_AT}
    accommodate(running.log, "2020-01-02", child="open", **given)
    await held(running, 1)
    running.clock.set(LOADED_AT + timedelta(days=21))
    await running.catch_up()
    await settled(running)
    assert (await running.get(PATH))["waiting"] == 1
    assert await rows(running, notice) == []
    assert (await decide(running, "release", everything=True))["decided"] == 1
    running.clock.set(LOADED_AT + timedelta(days=28))
    await eventually(lambda: told_kinds(running, 2), about="the week after")
    assert [each.kind for each in await rows(running, notice)] == ["review.missed", "review.overdue"]


async def settled(running: Served) -> None:
    """Wait until the tick has nothing more to do today."""

    async def nothing_due() -> bool:
        today = running.clock.now().date()
        return all(each.next_notice_on is None or each.next_notice_on > today for each in await rows(running, review))

    await eventually(nothing_due, about="the tick")


async def told_kinds(running: Served, number: int) -> bool:
    return len(await rows(running, notice)) == number


async def test_what_is_not_true_any_more_does_not_wait(running: Served) -> None:
    """A missed review that is then recorded as held in time is not there to be released; that it was held is."""
    given: dict[str, Any] = {"recorded_at": LOADED_AT}
    accommodate(running.log, "2020-01-02", **given)
    (missed,) = (await held(running, 1))["items"]
    assert missed["kind"] == "review.missed"
    hold_review(running.log, "2020-02-13", recorded_at=LOADED_AT)
    await running.catch_up()
    await settled(running)
    assert missed["notice_id"] not in {each["notice_id"] for each in (await running.get(PATH))["items"]}
    assert (await decide(running, "release", everything=True))["decided"] == 2
    kinds = sorted((each.kind, bytes(each.body)) for each in await rows(running, notice))
    assert [kind for kind, _ in kinds] == ["review.held", "review.missed"]
    assert b'"due_on":"2020-05-13"' in kinds[1][1]


async def test_a_declared_backfill_holds_back_what_is_recent(running: Served) -> None:
    """A review missed last week is held back when it was declared that records up to this week are brought in."""
    declared: dict[str, Any] = {"recorded_at": LOADED_AT, "before_on": "2026-06-10"}
    running.log.add("backfill.declared", "authority", "2026-06-11", **declared)
    accommodate(running.log, "2026-04-20", child="recent", recorded_at=LOADED_AT)
    page = await held(running, 1)
    assert page["counts"] == [{"kind": "review.missed", "month": "2026-06", "waiting": 1}]
    assert await rows(running, notice) == []


async def test_what_is_recorded_a_few_days_late_alarms_as_ever(running: Served) -> None:
    """Without a declaration a review missed last week is told of as soon as it is known, and nothing is held back."""
    accommodate(running.log, "2026-04-20", child="recent", recorded_at=LOADED_AT)
    await running.catch_up()
    await eventually(lambda: told_kinds(running, 1), about="the notice")
    (told,) = await rows(running, notice)
    assert told.kind == "review.missed"
    assert await rows(running, held_back) == []


async def test_another_council_sees_and_releases_nothing_of_it(running: Served) -> None:
    """Counts, lists and decisions are bound to the council of the key."""
    history_of_2020(running.log)
    await held(running, 2)
    other, _ = await running.another_council()
    async with other:
        assert (await other.get(PATH)).json()["waiting"] == 0
        answer = await other.post(f"{PATH}/release", json={"everything": True})
        assert answer.json() == {"decided": 0, "waiting": 0}
    assert (await running.get(PATH))["waiting"] == 2


@pytest.mark.parametrize(("method", "path"), [("POST", "/release"), ("POST", "/dismiss"), ("GET", "")])
async def test_a_scope_of_its_own_is_needed_to_decide(running: Served, method: str, path: str) -> None:
    """Who may read reviews may see what waits; only who may release notices decides about it."""
    scope = Scope.NOTICES_RELEASE if method == "GET" else Scope.REVIEWS_READ
    key = await new_authority(running.database_url, running.key.authority_id, scopes=[scope])
    async with client_of(running.app, key) as client:
        answer = await client.request(method, f"{PATH}{path}", json={"everything": True})
    assert answer.status_code == 403
