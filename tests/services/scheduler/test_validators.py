"""`ETag` and 304: the same answer is not read twice, and another one never taken for it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import asyncpg
import pytest

from services.scheduler.api import reading
from services.scheduler.store import reviews
from shared.identity.keys import Scope
from tests.services.scheduler.scene import accommodate, hold_review
from tests.services.scheduler.served import Served
from tests.support.clients import client_of
from tests.support.council import new_authority
from tests.support.waiting import eventually


async def answered(running: Served, path: str = "/v1/reviews", etag: str | None = None, **params: Any) -> Any:
    headers = {} if etag is None else {"if-none-match": etag}
    return await running.client.get(path, params=params, headers=headers)


async def etag_of(running: Served, path: str = "/v1/reviews", **params: Any) -> str:
    answer = await answered(running, path, **params)
    assert answer.status_code == 200, answer.text
    return str(answer.headers["etag"])


@pytest.fixture
async def written(running: Served) -> Served:
    """A council with two children; nothing is waited for any more."""
    accommodate(running.log, "2026-01-15")
    accommodate(running.log, "2026-06-01", child="c-2")
    await running.catch_up()
    return running


async def test_the_same_question_is_answered_304_without_a_body(written: Served) -> None:
    """With its own validator a list, a CSV, a past day and one review are not sent again."""
    review_id = (await written.get("/v1/reviews"))["items"][0]["review_id"]
    for path, params in (
        ("/v1/reviews", {}),
        ("/v1/reviews", {"format": "csv", "limit": 2}),
        ("/v1/reviews", {"as_of": "2026-06-10", "child": "c-2"}),
        (f"/v1/reviews/{review_id}", {}),
        (f"/v1/reviews/{review_id}", {"known_at": "2026-06-11T09:30:00Z"}),
    ):
        etag = await etag_of(written, path, **params)
        assert etag.startswith('W/"')
        for sent in (etag, etag.removeprefix("W/"), f'"other", {etag}'):
            again = await answered(written, path, sent, **params)
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
            assert again.headers["cache-control"] == "private, no-store"


async def test_a_304_reads_no_review(written: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is answered where every way to a row is barred; any other validator would need one."""
    etag = await etag_of(written)

    async def barred(*_: Any, **__: Any) -> Any:
        raise AssertionError("rows were asked for")

    for module, name in ((reviews, "page"), (reviews, "counts"), (reviews, "find"), (reading, "_projected")):
        monkeypatch.setattr(module, name, barred)
    assert (await answered(written, etag=etag)).status_code == 304
    assert (await answered(written, etag='W/"other"')).status_code == 500


async def test_another_question_has_another_validator(written: Served) -> None:
    """Filters, times, pages, forms and single reviews never share one, and none is taken for another."""
    review_id = (await written.get("/v1/reviews"))["items"][0]["review_id"]
    questions: list[tuple[str, dict[str, Any]]] = [
        ("/v1/reviews", {}),
        ("/v1/reviews", {"limit": 1}),
        ("/v1/reviews", {"format": "csv"}),
        ("/v1/reviews", {"status": "overdue"}),
        ("/v1/reviews", {"child": "c-2"}),
        ("/v1/reviews", {"as_of": "2026-06-10"}),
        ("/v1/reviews", {"known_at": "2026-06-11T09:30:00Z"}),
        (f"/v1/reviews/{review_id}", {}),
    ]
    etags = [await etag_of(written, path, **params) for path, params in questions]
    assert len(set(etags)) == len(etags)
    assert (await answered(written, "/v1/reviews", etags[1])).status_code == 200
    csv = await written.client.get("/v1/reviews", headers={"accept": "text/csv", "if-none-match": etags[0]})
    assert csv.status_code == 200


async def test_what_is_recorded_next_makes_it_another_answer(written: Served) -> None:
    """Every event that is projected changes the position, and with it the validator."""
    etag = await etag_of(written)
    hold_review(written.log, "2026-02-20")
    await written.catch_up()
    again = await answered(written, etag=etag)
    assert again.status_code == 200
    assert again.json()["projection_position"] == len(written.log.events)


async def test_a_new_day_makes_it_another_answer(written: Served) -> None:
    """What approached yesterday may be due today, though nothing was recorded."""
    etag, past = await etag_of(written), await etag_of(written, as_of="2026-06-10")
    written.clock.set(written.clock.now() + timedelta(days=1))
    assert (await answered(written, etag=etag)).status_code == 200
    assert (await answered(written, etag=past, as_of="2026-06-10")).status_code == 200


async def test_facts_of_the_day_make_it_another_answer_when_they_count(written: Served) -> None:
    """While facts told ahead for this day do not count yet, the answer is not the one that it is afterwards."""
    connection = await asyncpg.connect(written.database_url)
    try:
        # What the refresher has still to do on that day, however fast it is.
        awaited = "INSERT INTO scheduler.revisit VALUES ($1, 'c-9', $2)"
        await connection.execute(awaited, written.key.authority_id, date(2026, 6, 11))
        before = await etag_of(written)
        assert (await answered(written, etag=before)).status_code == 304
        await connection.execute("DELETE FROM scheduler.revisit WHERE child_id = 'c-9'")
    finally:
        await connection.close()
    assert (await answered(written, etag=before)).status_code == 200


async def test_other_rules_and_another_table_make_it_another_answer(written: Served) -> None:
    """Reviews that are projected anew by other rules, or exchanged by a rebuild, are not taken for the old ones."""
    connection = await asyncpg.connect(written.database_url)
    try:
        etag = await etag_of(written)
        await connection.execute("UPDATE scheduler.checkpoint SET timetable_digest = 'other rules'")
        by_rules = await answered(written, etag=etag)
        await connection.execute(
            "ALTER TABLE scheduler.review RENAME TO was;"
            "CREATE TABLE scheduler.review (LIKE scheduler.was INCLUDING ALL);"
            "GRANT SELECT, INSERT, UPDATE, DELETE ON scheduler.review TO homeward_scheduler"
        )
        by_table = await answered(written, etag=by_rules.headers["etag"])
    finally:
        await connection.close()
    assert (by_rules.status_code, by_table.status_code) == (200, 200)
    assert by_table.json()["items"] == []


async def test_a_validator_belongs_to_one_authority(written: Served) -> None:
    """Two councils that ask the same have validators of their own; keys of one council share them."""
    etag = await etag_of(written)
    stranger, log = await written.another_council()
    accommodate(log, "2026-01-15")
    accommodate(log, "2026-06-01", child="c-2")

    async def as_far() -> bool:
        answer = await stranger.get("/v1/reviews")
        return bool(answer.json()["projection_position"] == len(log.events))

    async with stranger:
        await eventually(as_far, about="the other council's projection")
        answer = await stranger.get("/v1/reviews", headers={"if-none-match": etag})
        assert answer.status_code == 200
        assert answer.headers["etag"] != etag


async def test_without_the_right_to_read_no_validator_helps(written: Served) -> None:
    """Who may not read learns nothing by 304, however the validator was come by."""
    etag = await etag_of(written)
    other = await new_authority(written.database_url, scopes=[Scope.EVENTS_READ])
    async with client_of(written.app, other) as client:
        answer = await client.get("/v1/reviews", headers={"if-none-match": etag})
    assert answer.status_code == 403
    nobody = await written.client.get("/v1/reviews", headers={"if-none-match": etag, "authorization": ""})
    assert nobody.status_code == 401
