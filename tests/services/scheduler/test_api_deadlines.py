"""What is due besides reviews, over HTTP: visits, decisions, expiries."""

from __future__ import annotations

from typing import Any

import asyncpg
import orjson
import pytest

from tests.services.scheduler.scene import CHILD, accommodate, adopt
from tests.services.scheduler.served import Served
from tests.support.waiting import eventually

STREAM = f"child-{CHILD}"


async def write(running: Served) -> None:
    """Record one child, its visits, an order and a panel, in a council that adopted the duties; it is 11 June 2026."""
    adopt(running.log, "2026-01-01", effective_on="2026-01-01", pack="scotland-duties")
    accommodate(running.log, "2026-05-04")
    running.log.add("visit.made", STREAM, "2026-05-08", visit_id="V1", visited=["child", "foster_carer"])
    order: dict[str, Any] = {
        "legal_reason_id": "L1",
        "legal_reason": "compulsory_supervision_order",
        "expires_on": "2026-06-20",
    }
    running.log.add("legal_reason.started", STREAM, "2026-05-04", **order)
    running.log.add("panel.recommended", STREAM, "2026-06-01", route="adoption", advice="supported")
    await running.catch_up()


async def due(running: Served, path: str = "/v1/deadlines", **asked: object) -> set[tuple[str, str, str]]:
    """Return what, day and status of what is asked for and due until the end of August."""
    page = await running.get(path, due_to="2026-08-31", **asked)
    return {(each["what"], each["due_on"], each["status"]) for each in page["items"]}


FIRST_REVIEW = ("review", "2026-06-15", "approaching")
SECOND_VISIT = ("visit", "2026-08-08", "upcoming")
EXPIRY = ("expiry", "2026-06-20", "approaching")
DECISION = ("decision", "2026-06-15", "approaching")


async def test_deadlines_are_reviews_and_all_else(running: Served) -> None:
    """Every deadline is in the one list, and the list of reviews is as it was."""
    await write(running)
    first_visit = ("visit", "2026-05-11", "held_on_time")
    assert await due(running) == {FIRST_REVIEW, first_visit, SECOND_VISIT, EXPIRY, DECISION}
    assert await due(running, "/v1/reviews") == {FIRST_REVIEW}


@pytest.mark.parametrize("times", [{}, {"known_at": "2026-06-11T09:30:00Z"}])
async def test_deadlines_are_filtered_by_what_and_by_whose_work_they_are(
    running: Served, times: dict[str, str]
) -> None:
    """A worklist by role has what is its work, from the table and projected anew alike."""
    await write(running)
    assert await due(running, what=["expiry", "decision"], **times) == {EXPIRY, DECISION}
    assert await due(running, role="agency_decision_maker", **times) == {DECISION}
    assert await due(running, role=["solicitor", "independent_reviewing_officer"], **times) == {EXPIRY, FIRST_REVIEW}
    counts = (await running.get("/v1/deadlines", role="agency_decision_maker", **times))["counts"]
    assert (counts["approaching"], counts["upcoming"]) == (1, 0)


async def test_what_is_nobodys_in_particular_is_on_everybodys_worklist(running: Served) -> None:
    """A rule that names no role is in the list of every role: a worklist must not leave it out."""
    adopt(running.log, "2026-01-01", effective_on="2026-01-01")
    accommodate(running.log, "2026-06-01")
    await running.catch_up()
    for role in ("team_leader", "solicitor"):
        kinds = {each["kind"] for each in (await running.get("/v1/reviews", role=role))["items"]}
        assert "two_week_planning_meeting" in kinds
        assert ("looked_after_child_review" in kinds) == (role == "team_leader")


async def test_unknown_roles_and_whats_are_refused(running: Served) -> None:
    """A worklist of a role that there is not is refused, and not empty."""
    for asked in ({"role": "nobody"}, {"what": "nothing"}):
        answer = await running.client.get("/v1/deadlines", params=asked)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"].startswith(f"?{next(iter(asked))}")


async def test_deadlines_as_csv_name_roles_in_one_cell(running: Served) -> None:
    """In CSV the roles of a deadline are one cell."""
    await write(running)
    answer = await running.client.get("/v1/deadlines", params={"format": "csv", "what": "expiry"})
    header, row = answer.text.splitlines()[:2]
    assert dict(zip(header.split(","), row.split(","), strict=False))["what"] == "expiry"
    assert "solicitor team_leader" in row


async def test_deadlines_are_told_under_kinds_of_their_own(running: Served) -> None:
    """An integrator who asked for notices of reviews is told of no visit; the others say what is owed."""
    await write(running)

    expected = {
        ("review.approaching", "review"),
        ("deadline.approaching", "decision"),
        ("deadline.approaching", "expiry"),
        ("deadline.held", "visit"),
    }

    async def told() -> bool:
        return expected <= {(body["type"], body["data"]["what"]) for body in await notices(running)}

    await eventually(told, about="the notices")
    found = {(body["type"], body["data"]["what"]) for body in await notices(running)}
    assert all(kind.startswith("review.") == (what == "review") for kind, what in found)


async def notices(running: Served) -> list[dict[str, Any]]:
    connection = await asyncpg.connect(running.database_url)
    try:
        question = "SELECT body FROM scheduler.notice WHERE authority_id = $1 ORDER BY position"
        return [orjson.loads(row["body"]) for row in await connection.fetch(question, running.key.authority_id)]
    finally:
        await connection.close()
