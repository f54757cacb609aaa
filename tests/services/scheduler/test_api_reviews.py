"""What is due, over HTTP."""

from __future__ import annotations

import csv
import io
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.domain.timetable.reviews import Status
from tests.services.scheduler.scene import CHILD, accommodate, adopt, hold_review
from tests.services.scheduler.served import Served

STREAM = f"child-{CHILD}"


async def write(running: Served) -> None:
    """Record three children; today is 11 June 2026."""
    running.log.add("child.registered", STREAM, "2026-01-10", team="north")
    accommodate(running.log, "2026-01-15")
    hold_review(running.log, "2026-02-10")
    accommodate(running.log, "2026-05-04", child="c-2")
    accommodate(running.log, "2026-06-01", child="c-3")
    await running.catch_up()


async def every_page(running: Served, **params: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = await running.get("/v1/reviews", **params, **cursor)
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}


async def test_reviews_come_by_due_date_with_their_explanation(running: Served) -> None:
    """The list is in order of due date, says how each review stands today, and why it is owed."""
    await write(running)
    page = await running.get("/v1/reviews")
    assert (page["as_of"], page["known_at"], page["projection_position"]) == ("2026-06-11", None, 8)
    assert [each["due_on"] for each in page["items"]] == sorted(each["due_on"] for each in page["items"])
    first = page["items"][0]
    assert (first["status"], first["held_on"], first["days_late"], first["days_early"], first["team"]) == (
        "held_early", "2026-02-10", 0, 16, "north",
    )  # fmt: skip
    why = first["explanation"]
    assert why["basis"] == "statute"
    assert "45" in why["citation"]
    assert "6 weeks" in why["arithmetic"]
    assert why["anchor"]["event_type"] == "home.started"
    assert why["anchor"]["position"] == 3
    second = page["items"][1]
    assert (second["due_on"], second["status"], second["last_working_day_on"]) == (
        "2026-05-10", "overdue", "2026-05-08",
    )  # fmt: skip
    listed = {name: number for name, number in page["counts"].items() if name != "withdrawn"}
    assert sum(listed.values()) == len(page["items"])


@pytest.mark.parametrize("limit", [1, 2, 5])
async def test_pages_join_to_the_whole_list(running: Served, limit: int) -> None:
    """Following the cursor gives every review once, from the table and for another day alike."""
    await write(running)
    whole = (await running.get("/v1/reviews"))["items"]
    assert await every_page(running, limit=limit) == whole
    past = (await running.get("/v1/reviews", as_of="2026-06-10"))["items"]
    assert await every_page(running, limit=limit, as_of="2026-06-10") == past


async def test_filters_narrow_the_list_and_the_counts(running: Served) -> None:
    """Child, team, kind, status and due dates each narrow the list; repeated ones widen it again."""
    await write(running)
    running.log.add("child.registered", "child-nobody", "2026-06-01")
    await running.catch_up()
    for filters, expected in (
        ({"child": "c-2", "status": "approaching"}, {("c-2", "2026-06-15")}),
        ({"team": "north", "due_to": "2026-05-31"}, {(CHILD, "2026-02-26"), (CHILD, "2026-05-10")}),
        ({"child": ["c-2", "c-3"], "due_from": "2026-06-01", "due_to": "2026-07-20"},
         {("c-2", "2026-06-15"), ("c-3", "2026-07-13")}),
        ({"status": ["overdue", "held_early"]}, {(CHILD, "2026-02-26"), (CHILD, "2026-05-10")}),
        ({"kind": "no_such_kind"}, set()),
        ({"child": "nobody"}, set()),
    ):  # fmt: skip
        for when in ({}, {"known_at": "2026-06-11T09:30:00Z"}):
            page = await running.get("/v1/reviews", **filters, **when)
            assert {(each["child_id"], each["due_on"]) for each in page["items"]} == expected


async def test_counts_say_how_all_stand_whatever_is_listed(running: Served) -> None:
    """Who lists what comes next is told of everything overdue and withdrawn; child, team and kind narrow the counts."""
    await write(running)
    running.log.add("home.started", STREAM, "2026-06-09", home_id="last", home_kind="kinship")
    running.log.add("episode.ended", STREAM, "2026-06-10", episode_id=f"ep-{CHILD}", destination="parents")
    await running.catch_up()
    for when in ({}, {"known_at": "2026-06-11T09:30:00Z"}):
        whole = (await running.get("/v1/reviews", limit=1000, status=list(Status), **when))["items"]
        for narrowed, concerned in (
            ({}, whole),
            ({"child": "c-2"}, [each for each in whole if each["child_id"] == "c-2"]),
            ({"team": "north"}, [each for each in whole if each["team"] == "north"]),
            ({"kind": "looked_after_child_review"}, [each for each in whole if each["kind"].startswith("looked")]),
            ({"kind": "no_such_kind"}, []),
        ):
            expected = {each.value: 0 for each in Status} | Counter(each["status"] for each in concerned)
            for asked in ({}, {"status": "approaching"}, {"due_from": "2026-06-11", "due_to": "2026-06-25"}):
                page = await running.get("/v1/reviews", limit=1, **asked, **narrowed, **when)
                assert page["counts"] == expected
        assert {each["status"] for each in whole} >= {"approaching", "missed", "held_early", "withdrawn"}


async def test_both_ways_to_answer_give_the_same(running: Served) -> None:
    """What the table says today equals what is projected from the record as known now, down to each member."""
    await write(running)
    adopt(running.log, "2026-06-02", effective_on="2026-01-01")
    running.log.add(
        "record.retracted",
        "child-c-3",
        "2026-06-05",
        retracts_source="/test/case-system",
        retracts_id="e8",
        reason="wrong_child",
    )
    await running.catch_up()
    from_table = await running.get("/v1/reviews", limit=1000, status=list(Status))
    projected = await running.get("/v1/reviews", limit=1000, status=list(Status), known_at="2026-06-11T09:30:00Z")
    assert from_table["items"] == projected["items"]
    assert from_table["counts"] == projected["counts"]
    assert from_table["counts"]["withdrawn"] == 1


async def test_as_of_asks_about_another_day(running: Served) -> None:
    """Before a meeting was held its review was open; before the child came nothing was owed."""
    await write(running)
    before = await running.get("/v1/reviews", child=CHILD, as_of="2026-02-09")
    assert before["items"][0]["status"] == "upcoming" or before["items"][0]["status"] == "approaching"
    assert before["items"][0]["held_on"] is None
    assert (await running.get("/v1/reviews", as_of="2026-01-14"))["items"] == []
    later = await running.get("/v1/reviews", child="c-2", as_of="2026-06-16")
    assert later["items"][0]["status"] == "overdue"


async def test_known_at_leaves_out_what_was_recorded_later(running: Served) -> None:
    """A meeting recorded weeks late was not known before: the review then counted as overdue."""
    accommodate(running.log, "2026-01-15")
    hold_review(running.log, "2026-02-10", recorded_at=datetime(2026, 4, 1, 12, tzinfo=UTC))
    await running.catch_up()
    then = {"as_of": "2026-03-03", "child": CHILD}
    known_now = (await running.get("/v1/reviews", **then))["items"][0]
    known_then = (await running.get("/v1/reviews", **then, known_at="2026-03-03T12:00:00Z"))["items"][0]
    assert known_now["review_id"] == known_then["review_id"]
    assert (known_now["status"], known_then["status"]) == ("held_early", "overdue")
    assert (known_now["recorded_on"], known_now["days_late"], known_now["days_recorded_late"]) == ("2026-04-01", 0, 34)
    one = await running.get(
        f"/v1/reviews/{known_then['review_id']}", as_of="2026-03-03", known_at="2026-03-03T12:00:00Z"
    )
    assert one["review"] == known_then


async def test_every_stop_point_can_be_asked_for_again(running: Served) -> None:
    """For each event, what was known just after it is what the table said then."""
    said: list[tuple[datetime, list[dict[str, Any]]]] = []
    at = datetime(2026, 6, 1, tzinfo=UTC)
    story: list[tuple[str, str, dict[str, Any]]] = [
        ("child.accommodated", "2026-01-15", {"episode_id": "e", "legal_reason": "section_25"}),
        ("home.started", "2026-01-15", {"home_id": "h", "home_kind": "foster", "emergency": True}),
        ("meeting.held", "2026-02-20", {"meeting_id": "m", "meeting_kind": "looked_after_child_review"}),
        ("home.ended", "2026-04-01", {"home_id": "h", "reason": "planned_move"}),
        ("home.started", "2026-04-01", {"home_id": "h2", "home_kind": "kinship"}),
        ("episode.ended", "2026-06-01", {"episode_id": "e", "destination": "parents"}),
    ]
    for number, (kind, day, data) in enumerate(story):
        recorded_at = at + timedelta(hours=number)
        running.log.add(kind, STREAM, day, recorded_at=recorded_at, **data)
        await running.catch_up()
        said.append((recorded_at, (await running.get("/v1/reviews", limit=1000))["items"]))
    for recorded_at, items in said:
        again = await running.get("/v1/reviews", limit=1000, known_at=recorded_at.isoformat().replace("+00:00", "Z"))
        assert again["items"] == items


async def test_csv_holds_the_same_rows(running: Served) -> None:
    """CSV, by parameter or by header, has one row for each review and names the next cursor in a header."""
    await write(running)
    page = await running.get("/v1/reviews", limit=2)
    for answer in (
        await running.client.get("/v1/reviews", params={"limit": 2, "format": "csv"}),
        await running.client.get("/v1/reviews", params={"limit": 2}, headers={"accept": "text/csv"}),
    ):
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        assert answer.headers["homeward-next-cursor"] == page["next_cursor"]
        rows = list(csv.DictReader(io.StringIO(answer.text)))
        assert [each["review_id"] for each in rows] == [each["review_id"] for each in page["items"]]
        assert rows[0]["arithmetic"] == page["items"][0]["explanation"]["arithmetic"]
        assert answer.headers["homeward-projection-position"] == str(page["projection_position"])
        for name in ("days_late", "days_early", "recorded_on", "days_recorded_late"):
            assert rows[0][name] == str(page["items"][0][name])
        assert [each["verified"] for each in rows] == ["false", "false"]


async def test_one_review_is_read_by_its_id(running: Served) -> None:
    """The link of a notice leads to the review; an unknown id is not found, for any times."""
    await write(running)
    item = (await running.get("/v1/reviews"))["items"][0]
    assert (await running.get(f"/v1/reviews/{item['review_id']}"))["review"] == item
    for params in ({}, {"as_of": "2026-01-01"}):
        answer = await running.client.get("/v1/reviews/00000000-0000-4000-8000-000000000000", params=params)
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
    before = await running.client.get(f"/v1/reviews/{item['review_id']}", params={"as_of": "2026-01-01"})
    assert before.status_code == 404


async def test_another_council_sees_nothing(running: Served) -> None:
    """A key of another council lists none of these reviews and cannot read one by its id."""
    await write(running)
    item = (await running.get("/v1/reviews"))["items"][0]
    stranger, _ = await running.another_council()
    async with stranger:
        for params in ({}, {"as_of": "2026-06-10"}):
            assert (await stranger.get("/v1/reviews", params=params)).json()["items"] == []
            answer = await stranger.get(f"/v1/reviews/{item['review_id']}", params=params)
            assert answer.status_code == 404


async def test_timetables_tell_what_is_adopted_from_when(running: Served) -> None:
    """The statutory pack is always adopted; others from their day; one that is not installed is shown as such."""
    adopt(running.log, "2026-03-01", effective_on="2026-03-15")
    running.log.add(
        "timetable.adopted", "authority", "2026-04-01", pack="unheard-of", edition="2026-01", effective_on="2026-04-01"
    )
    await running.catch_up()
    answer = await running.get("/v1/timetables")
    adopted = {each["pack"]: (each["effective_on"], each["position"], each["available"]) for each in answer["adopted"]}
    assert adopted == {
        "scotland": (None, None, True),
        "two-week-planning-meeting": ("2026-03-15", 1, True),
        "unheard-of": ("2026-04-01", 2, False),
    }
    assert {each["pack"] for each in answer["known"]} >= {"scotland", "two-week-planning-meeting"}
    assert {rule["verified"] for pack in answer["known"] for rule in pack["rules"]} == {True, False}
    assert all(rule["citation"] for pack in answer["known"] for rule in pack["rules"])
    earlier = await running.get("/v1/timetables", as_of="2026-02-01")
    assert {each["pack"] for each in earlier["adopted"]} == {"scotland"}


BAD_QUESTIONS = [
    ("limit=0", "?limit"),
    ("limit=1001", "?limit"),
    ("limit=99999999999999999999999", "?limit"),
    ("limit=x", "?limit"),
    ("cursor=x", "?cursor"),
    ("cursor=" + "A" * 501, "?cursor"),
    ("cursor=WzEsMiwzXQ", "?cursor"),
    ("cursor=%F0%9F%98%80", "?cursor"),
    ("status=lovely", "?status.0"),
    ("kind=" + "a" * 65, "?kind.0"),
    ("child=1234567890%27", "?child.0"),
    ("child=1234567890", "?child.0"),
    ("due_from=1761990000", "?due_from"),
    ("due_from=2026-02-30", "?due_from"),
    ("due_to=9999-12-31", "?due_to"),
    ("as_of=yesterday", "?as_of"),
    ("known_at=2026-06-11", "?known_at"),
    ("known_at=9999-12-31T23:59:59-14:00", "?known_at"),
    ("format=xml", "?format"),
    ("colour=red", "?"),
    ("limit=1&limit=2", "?limit"),
    ("&".join(["team=a"] * 51), "?team"),
]


async def test_bad_questions_are_told_where_they_are_wrong(running: Served, subtests: pytest.Subtests) -> None:
    """Every parameter out of form or bounds is a 422 that names it and repeats no value."""
    for query, pointer in BAD_QUESTIONS:
        with subtests.test(query):
            answer = await running.client.get(f"/v1/reviews?{query}")
            assert answer.status_code == 422
            assert answer.json()["errors"][0]["pointer"] == pointer
            assert "lovely" not in answer.text


async def test_a_period_that_ends_before_it_begins_is_refused(running: Served) -> None:
    """Due dates from a later day than to are a slip, and answered as such; a single day is a period."""
    answer = await running.client.get("/v1/reviews", params={"due_from": "2026-03-02", "due_to": "2026-03-01"})
    assert answer.status_code == 422
    assert [(each["pointer"], each["code"]) for each in answer.json()["errors"]] == [("?due_to", "period_reversed")]
    await running.get("/v1/reviews", due_from="2026-03-01", due_to="2026-03-01")


async def test_a_cursor_belongs_to_its_filters(running: Served) -> None:
    """A cursor sent with other filters or times is refused, in CSV too: its page would leave reviews out."""
    await write(running)
    cursor = (await running.get("/v1/reviews", limit=1))["next_cursor"]
    for other in ({"child": CHILD}, {"as_of": "2026-06-10"}, {"known_at": "2026-06-11T09:30:00Z", "format": "csv"}):
        answer = await running.client.get("/v1/reviews", params={"cursor": cursor, **other})
        assert answer.status_code == 422
        assert [fault["code"] for fault in answer.json()["errors"]] == ["cursor_unknown"]
    again = await running.client.get("/v1/reviews", params={"cursor": cursor, "format": "csv", "limit": 7})
    assert again.status_code == 200


async def test_the_scope_is_needed(running: Served) -> None:
    """Without a key there is no answer."""
    answer = await running.client.get("/v1/reviews", headers={"authorization": ""})
    assert answer.status_code == 401


async def test_withdrawn_reviews_are_listed_when_asked_for(running: Served) -> None:
    """A home that ended withdraws the review owed next for it; a list shows that only under that status."""
    await write(running)
    running.log.add("home.started", f"child-{CHILD}", "2026-06-09", home_id="last", home_kind="kinship")
    running.log.add("episode.ended", f"child-{CHILD}", "2026-06-10", episode_id=f"ep-{CHILD}", destination="parents")
    await running.catch_up()
    usual = await running.get("/v1/reviews", child=CHILD, limit=1000)
    withdrawn = await running.get("/v1/reviews", child=CHILD, limit=1000, status="withdrawn")
    assert "withdrawn" not in {each["status"] for each in usual["items"]}
    assert {each["status"] for each in withdrawn["items"]} == {"withdrawn"}
