"""kill -9 of any process, at any time, loses and doubles nothing."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from shared.domain.clock import civil_date
from tests.e2e.system import Receiver, System, eventually
from tests.e2e.telling import Council

CHILDREN = 40
KILLS_EVERY = 8


@pytest.fixture
def council(system: System) -> Iterator[Council]:
    """A council whose key may do everything."""
    with system.client(system.new_key("northshire")) as client:
        yield Council(client, civil_date(datetime.now(UTC)))


def test_kill_minus_nine_loses_and_doubles_nothing(system: System, council: Council, receiver: Receiver) -> None:
    """Processes die while children are recorded; afterwards log, reviews and notices are whole."""
    answer = council.client.post("/v1/webhook-endpoints", json={"url": receiver.url})
    receiver.trust(answer.json()["secret"])
    dice = random.Random(20_261_123)
    posted: list[dict[str, Any]] = []
    for number in range(CHILDREN):
        posted.extend(insist(council, events_of(council, f"kid{number}", ago=30 + number)))
        if number % KILLS_EVERY == KILLS_EVERY - 1:
            victim = system.programs[dice.choice(sorted(system.programs))]
            victim.kill()
            victim.start()
    log = whole_log(council)
    assert Counter((each["event"]["source"], each["event"]["id"]) for each in log) == Counter(
        (event["source"], event["id"]) for event in posted
    )
    assert [each["position"] for each in log] == list(range(1, len(log) + 1))
    assert_read_models_follow(council, len(log), children=CHILDREN)
    assert_notices_are_whole(council, receiver)


def test_a_killed_database_comes_back_and_has_everything(data_folder: Path) -> None:
    """Kill -9 of PostgreSQL, of one of its backends or of all, loses no accepted event and needs nobody's help."""
    system = System("embedded", data_folder, None)
    system.start()
    try:
        with system.client(system.new_key("northshire")) as client:
            council = Council(client, civil_date(datetime.now(UTC)))
            posted: list[dict[str, Any]] = []
            for number in range(12):
                posted.extend(insist(council, events_of(council, f"kid{number}", ago=30 + number)))
                if number in {3, 7}:
                    os.kill(victim_of(system.postmaster(), backend=number == 3), signal.SIGKILL)
            log = eventually(lambda: whole_log(council), what="the log being read after the crash")
            assert [each["event"]["id"] for each in log] == [event["id"] for event in posted]
            assert_read_models_follow(council, len(log), children=12)
    finally:
        system.stop()


def victim_of(postmaster: int, *, backend: bool) -> int:
    """Choose the postmaster, or one of the processes that it started for a connection of ours."""
    if not backend:
        return postmaster
    children = psutil.Process(postmaster).children()
    return next(each.pid for each in children if "homeward" in " ".join(each.cmdline()))


def events_of(council: Council, child: str, ago: int) -> list[dict[str, Any]]:
    """One child's first events."""
    stream = f"child-{child}"
    return [
        council.event("child.registered", stream, ago, team="north"),
        council.event("child.accommodated", stream, ago, episode_id=f"{child}-1", legal_reason="section_25"),
        council.event("home.started", stream, ago, home_id=f"{child}-h", home_kind="foster"),
    ]


def insist(council: Council, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Post until it is answered, as a case system does after a lost connection."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            council.tell(*events)
        except (httpx.TransportError, AssertionError):
            time.sleep(0.2)
        else:
            return events
    raise AssertionError("the events were never taken")


def whole_log(council: Council) -> list[dict[str, Any]]:
    """Read the feed to its head."""
    log: list[dict[str, Any]] = []
    while True:
        page = council.client.get("/v1/events", params={"after": len(log), "limit": 1000}).json()
        log.extend(page["events"])
        if page["at_head"]:
            return log


def assert_read_models_follow(council: Council, head: int, *, children: int) -> None:
    """Scheduler and reporting reach the head, and every child has each review once."""

    def caught_up() -> bool:
        answer = council.client.get("/v1/reviews", params={"limit": 1}).json()
        measure = council.client.get("/v1/measures/accommodated-to-recommendation").json()
        return bool(answer["projection_position"] == head and measure["projection_position"] == head)

    eventually(caught_up, seconds=60, what="both read models reaching the head")
    owed = council.reviews(kind="looked_after_child_review", due_to="2199-12-31")
    assert {review["child_id"] for review in owed} == {f"kid{number}" for number in range(children)}
    assert max(Counter((review["child_id"], review["ordinal"]) for review in owed).values()) == 1
    measure = council.client.get("/v1/measures/accommodated-to-recommendation").json()["result"]
    assert measure["children"] == children


def assert_notices_are_whole(council: Council, receiver: Receiver) -> None:
    """Each near or missed review was told at least once, under one id for each threshold."""
    kinds = {"approaching": "review.approaching", "due": "review.due", "overdue": "review.missed"}
    pressing = [
        (review["review_id"], kind)
        for status, kind in kinds.items()
        for review in council.reviews(status=status, due_to="2199-12-31")
    ]
    assert pressing

    def all_told() -> bool:
        arrived = {(notice["data"]["review_id"], notice["type"]) for notice in receiver.notices()}
        return arrived >= set(pressing)

    eventually(all_told, seconds=60, what="every pressing review being told")
    told = {
        (notice["data"]["review_id"], notice["type"], notice["data"].get("threshold"), notice["webhook_id"])
        for notice in receiver.notices()
    }
    assert max(Counter(each[:-1] for each in told).values()) == 1


def test_a_killed_embedded_server_finds_its_data(data_folder: Path) -> None:
    """After kill -9 of the one process, starting it again serves what was accepted."""
    system = System("embedded", data_folder, None)
    system.start()
    try:
        key = system.new_key("northshire")
        with system.client(key) as client:
            council = Council(client, civil_date(datetime.now(UTC)))
            council.accommodate("eve", 5)
            system.programs["embedded"].kill()
            system.programs["embedded"].start()
            assert len(whole_log(council)) == 3
            eventually(lambda: council.reviews(child="eve"), what="the reviews after the restart")
    finally:
        system.stop()
