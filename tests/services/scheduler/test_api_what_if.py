"""What a draft pack would change, asked over HTTP."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scheduler import what_if
from services.scheduler.api import what_if as api
from services.scheduler.projection.what_if import Draft
from services.scheduler.what_if import Room, differences
from shared.domain.errors import NotReady
from shared.identity.keys import ALL_SCOPES, Scope
from shared.policies import loader
from shared.runtime.database import snapshot
from tests.services.scheduler.scene import CHILD, Scene, accommodate, adopt, hold_review
from tests.services.scheduler.served import Served
from tests.support.clients import client_of
from tests.support.council import new_authority
from tests.support.packs import load_pack

PATH = "/v1/timetables/what-if"
PACKS = Path(loader.__file__).parent
TWO_WEEKS = (PACKS / "two-week-planning-meeting.toml").read_text(encoding="utf-8")
#: As the statutory pack, but for the first review, which would be due a week sooner.
SOONER = """
pack = "scotland"
edition = "2027-01"
title = "Sooner"
jurisdiction = "Scotland"
source = "a draft"
calendar = "scot_bank_holidays"

[[rule]]
key = "looked_after_child_review"
title = "Looked After Child Review"
anchor = "home_started"
basis = "statute"
citation = "SSI 2009/210 reg 45"
home_kinds = ["kinship", "foster", "residential"]
satisfied_by = ["looked_after_child_review"]

[[rule.step]]
title = "First Looked After Child Review, within five weeks"
within = { weeks = 5 }

[[rule.step]]
title = "Second Looked After Child Review, within three months of the first"
within = { months = 3 }
from = "previous_held"

[[rule.step]]
title = "Looked After Child Review, within six months of the one before"
within = { months = 6 }
from = "previous_held"
repeats = true
"""


async def write(running: Served) -> None:
    """Record three children; today is 11 June 2026."""
    running.log.add("child.registered", f"child-{CHILD}", "2026-01-10", team="north")
    accommodate(running.log, "2026-01-15")
    hold_review(running.log, "2026-02-10")
    accommodate(running.log, "2026-05-04", child="c-2")
    accommodate(running.log, "2026-06-05", child="c-3")
    await running.catch_up()


async def ask(running: Served, pack: str, adopt_on: str) -> dict[str, Any]:
    answer = await running.client.post(PATH, json={"pack": pack, "adopt_on": adopt_on})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def reviews(running: Served) -> dict[str, dict[str, Any]]:
    items = (await running.get("/v1/reviews", limit=1000, status=[*_STATUSES]))["items"]
    return {each["review_id"]: each for each in items}


_STATUSES = (
    "frequency_not_agreed", "provisional", "upcoming", "approaching", "scheduled", "due", "overdue", "held_early",
    "held_on_time", "held_late", "missed", "withdrawn",
)  # fmt: skip


async def test_what_is_told_is_what_adopting_does(running: Served) -> None:
    """The reviews that would appear, and would be overdue, are those that do and are once the pack is adopted."""
    await write(running)
    before = await reviews(running)
    told = await ask(running, TWO_WEEKS, "2026-01-01")
    assert await reviews(running) == before
    adopt(running.log, "2026-06-11", effective_on="2026-01-01")
    await running.catch_up()
    after = await reviews(running)
    appeared = {review_id: each for review_id, each in after.items() if review_id not in before}
    listed = {each["review_id"]: each for each in told["changes"]}
    assert len(appeared) == told["counts"]["appearing"] == 3
    assert {each["change"] for each in listed.values()} == {"appearing"}
    for review_id, review in appeared.items():
        change = listed[review_id]
        assert (change["due_on"], change["would_be_due_on"]) == (None, review["due_on"])
        assert (change["status"], change["would_be_status"]) == (None, review["status"])
        assert change["would_be_overdue"] == (review["status"] == "overdue")
        assert change["child_id"] == review["child_id"]
    overdue = sum(each["status"] == "overdue" for each in after.values())
    assert (told["counts"]["overdue_by_draft"], told["counts"]["reviews"]) == (overdue, len(before))
    assert told["counts"]["would_be_reviews"] == len(after)
    assert told["counts"]["would_be_overdue"] == 2


async def test_a_new_edition_moves_reviews_under_their_ids(running: Served) -> None:
    """A rule with another interval tells each open review's day now and by the draft, those overdue by it first."""
    await write(running)
    told = await ask(running, SOONER, "2026-01-01")
    moved = [each for each in told["changes"] if each["change"] == "moved"]
    assert told["counts"]["moved"] == len(moved)
    days = {(each["child_id"], each["ordinal"]): (each["due_on"], each["would_be_due_on"]) for each in moved}
    assert days["c-2", 1] == ("2026-06-15", "2026-06-08")
    assert days["c-3", 1] == ("2026-07-17", "2026-07-10")
    assert days[CHILD, 1] == ("2026-02-26", "2026-02-19")
    first = told["changes"][0]
    assert (first["child_id"], first["ordinal"], first["would_be_overdue"]) == ("c-2", 1, True)
    assert (first["status"], first["would_be_status"]) == ("approaching", "overdue")
    stored = await reviews(running)
    assert all(stored[each["review_id"]]["due_on"] == each["due_on"] for each in moved)


async def test_a_pack_reaches_clocks_from_its_day_on(running: Served) -> None:
    """A draft that counts from tomorrow changes nothing for the children of today, and says so in numbers."""
    await write(running)
    told = await ask(running, TWO_WEEKS, "2026-06-12")
    assert (told["changes"], told["left_out"]) == ([], 0)
    assert told["counts"]["children"] == 3
    assert told["counts"]["reviews"] == told["counts"]["would_be_reviews"] == len(await reviews(running))


async def test_the_load_is_told_by_month_and_team(running: Served) -> None:
    """Open reviews are counted in the month they fall due, of twelve, by team, now and by the draft."""
    await write(running)
    told = await ask(running, SOONER, "2026-01-01")
    stored = await reviews(running)
    months = {each["month"] for each in told["load"]}
    assert min(months) >= "2026-06"
    assert max(months) <= "2027-05"
    for each in told["load"]:
        due = [
            review
            for review in stored.values()
            if (review["due_on"] or "")[:7] == each["month"]
            and review["team"] == each["team"]
            and review["outcome"] == "open"
        ]
        assert each["reviews"] == len(due)
    first = next(each for each in told["load"] if (each["month"], each["team"]) == ("2026-06", None))
    assert (first["reviews"], first["would_be_reviews"]) == (1, 1)


async def test_beyond_the_bound_changes_are_counted(running: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """The most pressing are listed; how many are left out is told, and no count is bounded."""
    await write(running)
    whole = await ask(running, TWO_WEEKS, "2026-01-01")
    monkeypatch.setattr(what_if, "MOST_LISTED", 1)
    told = await ask(running, TWO_WEEKS, "2026-01-01")
    assert (told["changes"], told["left_out"]) == (whole["changes"][:1], 2)
    assert told["counts"] == whole["counts"]


async def test_a_draft_with_errors_is_refused_with_every_line(running: Served) -> None:
    """Each error stands with its line, column and key, and the code of the linter."""
    wrong = TWO_WEEKS.replace("{ weeks = 2 }", "{ fortnights = 1 }").replace('basis = "local_policy"', 'basis = "law"')
    answer = await running.client.post(PATH, json={"pack": wrong, "adopt_on": "2026-01-01"})
    assert (answer.status_code, answer.json()["type"]) == (422, "/v1/problems/invalid-input")
    errors = answer.json()["errors"]
    assert [(each["pointer"], each["code"]) for each in errors] == [
        ("/pack", "code_unknown"), ("/pack", "unit_unknown"),
    ]  # fmt: skip
    line = 1 + wrong[: wrong.index("fortnights")].count("\n")
    assert errors[1]["message"].startswith(f"Line {line}, column ")
    assert "rule[0].step[0].within" in errors[1]["message"]


async def test_warnings_come_with_the_answer(running: Served) -> None:
    """A draft that nobody has verified is answered, and what its author should look at is told."""
    told = await ask(running, SOONER, "2026-01-01")
    assert ("not_verified", "rule[0]") in {(each["code"], each["key"]) for each in told["findings"]}
    assert (told["pack"], told["edition"], told["adopt_on"]) == ("scotland", "2027-01", "2026-01-01")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"pack": TWO_WEEKS}, "/adopt_on"),
        ({"adopt_on": "2026-01-01"}, "/pack"),
        ({"pack": TWO_WEEKS, "adopt_on": "soon"}, "/adopt_on"),
        ({"pack": "x" * 200_001, "adopt_on": "2026-01-01"}, "/pack"),
    ],
)
async def test_what_cannot_be_asked_is_refused(running: Served, body: dict[str, Any], pointer: str) -> None:
    """A pack and a day are needed, and a pack is at most as long as a pack can be."""
    answer = await running.client.post(PATH, json=body)
    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]


async def test_a_body_beyond_any_pack_is_not_read(running: Served) -> None:
    """More bytes than a pack can have are refused as a body that is too large."""
    body = b'{"pack": "' + b"x" * api.MAX_DRAFT_BYTES + b'"}'
    answer = await running.client.post(PATH, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 413


async def stored(database_url: str) -> dict[str, list[str]]:
    """Return every row of the scheduler, with the transaction that wrote it, but for leases, which are renewed."""
    connection = await asyncpg.connect(database_url)
    try:
        named = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'scheduler'"
        names = [record["table_name"] for record in await connection.fetch(named)]
        return {
            name: [
                record["told"]
                for record in await connection.fetch(
                    f'SELECT each.xmin || each::text AS told FROM scheduler."{name}" each'
                )
            ]
            for name in names
            if name != "lease"
        }
    finally:
        await connection.close()


async def test_nothing_is_written(council: Scene, database_url: str) -> None:
    """One read-only transaction, to which PostgreSQL gave no number to write under; every row is as before."""
    accommodate(council.log, "2026-01-15")
    await council.catch_up()
    await council.tick_all()
    before = await stored(database_url)
    draft = Draft(load_pack("two-week-planning-meeting"), date(2026, 1, 1))
    async with snapshot(council.engine) as connection:
        found = await differences(connection, council.authority_id, draft, date(2026, 6, 11))
        assert await connection.scalar(text("SHOW transaction_read_only")) == "on"
        assert await connection.scalar(text("SHOW transaction_isolation")) == "repeatable read"
        assert await connection.scalar(text("SELECT pg_current_xact_id_if_assigned()")) is None
    assert found.kinds.total() == 1
    assert before["review"]
    assert await stored(database_url) == before


async def test_an_operation_could_not_write(running: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked over HTTP is worked out on such a transaction: a statement that writes is refused there."""
    await write(running)
    refused: list[str] = []

    async def writing(connection: AsyncConnection, *rest: Any) -> Any:
        with pytest.raises(DBAPIError) as caught:
            await connection.execute(text("DELETE FROM scheduler.revisit"))
        refused.append(str(getattr(caught.value.orig, "sqlstate", "")))
        await connection.rollback()
        return await differences(connection, *rest)

    monkeypatch.setattr(api, "differences", writing)
    await ask(running, TWO_WEEKS, "2026-01-01")
    assert refused == ["25006"]


async def test_one_question_of_a_council_is_answered_at_a_time(
    running: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one is worked out another of that council is told to come back; another council's is answered."""
    await write(running)
    began, go_on = asyncio.Event(), asyncio.Event()
    inner = what_if.differences

    async def held_up(connection: Any, authority_id: str, draft: Draft, today: date) -> Any:
        if authority_id == running.key.authority_id:
            began.set()
            await go_on.wait()
        return await inner(connection, authority_id, draft, today)

    monkeypatch.setattr(api, "differences", held_up)
    first = asyncio.create_task(ask(running, TWO_WEEKS, "2026-01-01"))
    await began.wait()
    body = {"pack": TWO_WEEKS, "adopt_on": "2026-01-01"}
    second: httpx.Response = await running.client.post(PATH, json=body)
    assert (second.status_code, second.json()["type"]) == (503, "/v1/problems/not-ready")
    assert second.headers["retry-after"] == "1"
    client, _ = await running.another_council()
    async with client:
        other = await client.post(PATH, json=body)
    assert (other.status_code, other.json()["counts"]["children"]) == (200, 0)
    go_on.set()
    assert (await first)["counts"]["appearing"] == 3
    assert (await ask(running, TWO_WEEKS, "2026-01-01"))["counts"]["appearing"] == 3


async def test_a_question_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the time that it may take there is a problem, and the next question of the council is taken."""
    room = Room()
    monkeypatch.setattr(what_if, "SECONDS", 0.01)
    with pytest.raises(NotReady, match="within 0 seconds"):
        async with room.of("northshire"):
            await asyncio.Event().wait()
    assert room.asking == set()


async def test_it_needs_the_scope_of_reading_reviews(running: Served) -> None:
    """A key that may not read reviews is told nothing of them by a draft."""
    key = await new_authority(running.database_url, running.key.authority_id, ALL_SCOPES - {Scope.REVIEWS_READ})
    async with client_of(running.app, key) as client:
        answer = await client.post(PATH, json={"pack": TWO_WEEKS, "adopt_on": "2026-01-01"})
    assert answer.status_code == 403


async def test_another_council_s_children_are_not_compared(running: Served) -> None:
    """Only the children of the council that asks are counted."""
    await write(running)
    client, log = await running.another_council()
    accommodate(log, "2026-06-01", child="theirs", recorded_at=datetime(2026, 6, 11, 9, tzinfo=UTC))
    async with client:
        told = (await client.post(PATH, json={"pack": TWO_WEEKS, "adopt_on": "2026-01-01"})).json()
    assert told["counts"]["children"] <= 1
    assert {each["child_id"] for each in told["changes"]} <= {"theirs"}
