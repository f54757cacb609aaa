"""The calculator over HTTP: the dates of the vectors, in the words of the record, and no bad input that breaks it."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any

import httpx
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scheduler.api.parameters import MAX_BODY_BYTES
from services.scheduler.calculator import dates_answer, read_asked
from shared.domain.errors import InvalidInput
from shared.identity.keys import Scope
from shared.policies.dates import Asked, dates
from tests.services.scheduler.served import Served
from tests.support.clients import client_of
from tests.support.council import new_authority
from tests.support.timetable_vectors import CASES, told, wanted

PATH = "/v1/timetables/dates"
GOOD = {"packs": ["scotland"], "accommodated_on": "2025-08-31"}


async def post(running: Served, asked: Any) -> httpx.Response:
    return await running.client.post(PATH, content=orjson.dumps(asked), headers={"content-type": "application/json"})


async def answered(running: Served, asked: Any) -> dict[str, Any]:
    answer = await post(running, asked)
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def test_dates_are_those_on_file(running: Served, subtests: pytest.Subtests) -> None:
    """Every case of the vectors has over HTTP the days and instants that the engine gives."""
    for name, case in CASES.items():
        with subtests.test(name):
            answer = await answered(running, case["asked"])
            assert told(answer["reviews"], case) == wanted(case)
            assert [pack["pack"] for pack in answer["packs"]] == case["asked"]["packs"]
            assert answer["not_counted"] == []


async def test_the_words_are_those_of_the_record(running: Served) -> None:
    """A review is explained as the one that a council's record of the same owes, but for the place in a log."""
    story = (
        ("child.accommodated", "2026-05-01", {"episode_id": "e1", "legal_reason": "other"}),
        ("home.started", "2026-05-04", {"home_id": "h1", "home_kind": "kinship", "emergency": True}),
        ("meeting.held", "2026-06-10", {"meeting_id": "m1", "meeting_kind": "looked_after_child_review"}),
    )
    for kind, on, data in story:
        running.log.add(kind, "child-c1", on, **data)
    await running.catch_up()
    recorded = (await running.get("/v1/reviews", child="c1", limit=1000))["items"]
    asked = GOOD | {"accommodated_on": "2026-05-01", "placed_on": "2026-05-04", "home_kind": "kinship"}
    answer = await answered(running, asked | {"emergency": True, "held": [{"held_on": "2026-06-10"}]})

    for review in recorded:
        review["explanation"]["anchor"]["position"] = None
    shown = answer["reviews"][0].keys()
    assert [{name: review[name] for name in shown} for review in recorded] == answer["reviews"]
    assert len(recorded) > 3
    assert {review["explanation"]["verified"] for review in recorded} == {True, False}


async def test_statuses_are_seen_from_the_day_that_is_asked(running: Served) -> None:
    """Without a day they are today's; the day does not change what is owed."""
    today = await answered(running, GOOD)
    then = await answered(running, GOOD | {"on": "2025-09-30"})
    assert (today["on"], then["on"]) == ("2026-06-11", "2025-09-30")
    assert [answer["reviews"][0]["status"] for answer in (today, then)] == ["overdue", "approaching"]
    owed = [[review["due_on"] for review in answer["reviews"]] for answer in (today, then)]
    assert owed[0] == owed[1]


async def test_a_meeting_that_counts_as_nothing_is_told(running: Served) -> None:
    """It is in the answer, so that nobody takes it for a review."""
    odd = {"held_on": "2025-09-09", "meeting_kind": "other"}
    answer = await answered(running, GOOD | {"held": [odd]})
    assert answer["not_counted"] == [odd]


async def test_what_is_not_asked_about_is_told(running: Served) -> None:
    """A rule of which nothing can follow here is named with the event that starts its clock."""
    answer = await answered(running, GOOD | {"packs": ["scotland", "scotland-guidance"]})
    assert {review["what"] for review in answer["reviews"]} == {"review", "direction"}
    title = "Health assessment of a child who is looked after"
    told = {"pack": "scotland-guidance", "kind": "health_assessment", "title": title, "event": "health_board.notified"}
    assert answer["not_asked"] == [told]


async def test_nothing_is_stored_and_nothing_of_the_council_is_read(running: Served) -> None:
    """It owes no review on record, adopts no pack, and answers one council what it answers another."""
    asked = GOOD | {"packs": ["scotland", "two-week-planning-meeting"]}
    first = await answered(running, asked)
    assert (await running.get("/v1/reviews"))["items"] == []
    assert [each["pack"] for each in (await running.get("/v1/timetables"))["adopted"]] == ["scotland"]
    other, _ = await running.another_council()
    async with other:
        assert (await other.post(PATH, json=asked)).json() == first


async def test_a_key_that_may_read_reviews_is_needed(running: Served) -> None:
    """Without a key it is 401, with a key for something else 403."""
    assert (await running.client.post(PATH, json=GOOD, headers={"authorization": ""})).status_code == 401
    key = await new_authority(running.database_url, scopes=[Scope.EVENTS_READ])
    async with client_of(running.app, key) as stranger:
        assert (await stranger.post(PATH, json=GOOD)).status_code == 403


BAD: list[tuple[Any, str]] = [
    ([], ""),
    ("lovely", ""),
    (None, ""),
    ({}, "/packs"),
    ({"packs": ["scotland"]}, "/accommodated_at"),
    (GOOD | {"packs": []}, "/packs"),
    (GOOD | {"packs": "scotland"}, "/packs"),
    (GOOD | {"packs": ["lovely"]}, "/packs/0"),
    (GOOD | {"packs": ["../lovely"]}, "/packs/0"),
    (GOOD | {"packs": ["scotland"] * 21}, "/packs"),
    (GOOD | {"packs": ["scotland", "lovely" * 11]}, "/packs/1"),
    (GOOD | {"packs": ["scotland", 1]}, "/packs/1"),
    (GOOD | {"accommodated_on": "31.08.2025"}, "/accommodated_on"),
    (GOOD | {"accommodated_on": "2025-02-29"}, "/accommodated_on"),
    (GOOD | {"accommodated_on": "1899-12-31"}, "/accommodated_on"),
    (GOOD | {"accommodated_on": "9999-12-31"}, "/accommodated_on"),
    (GOOD | {"accommodated_on": 1756598400}, "/accommodated_on"),
    (GOOD | {"accommodated_on": "\N{FULLWIDTH DIGIT TWO}025-08-31"}, "/accommodated_on"),
    (GOOD | {"accommodated_on": None, "accommodated_at": "2025-08-31T10:00"}, "/accommodated_at"),
    (GOOD | {"accommodated_on": None, "accommodated_at": "2025-08-31"}, "/accommodated_at"),
    (GOOD | {"accommodated_on": None, "accommodated_at": "2025-08-31T25:00Z"}, "/accommodated_at"),
    (GOOD | {"accommodated_on": None, "accommodated_at": "0001-01-01T00:00:00+23:59"}, "/accommodated_at"),
    (GOOD | {"accommodated_on": None, "accommodated_at": "9999-12-31T23:59:59-23:59"}, "/accommodated_at"),
    (GOOD | {"accommodated_on": None, "accommodated_at": "1900-01-01T00:00:00+01:00"}, "/accommodated_at"),
    (GOOD | {"accommodated_on": None, "accommodated_at": "2199-12-31T23:59:59-01:00"}, "/accommodated_at"),
    (GOOD | {"accommodated_on": None, "accommodated_at": "2025-08-31T10:00:00+99:99"}, "/accommodated_at"),
    (GOOD | {"placed_on": "2025-08-30"}, "/placed_on"),
    (GOOD | {"placed_at": "2025-08-31T10:00"}, "/placed_at"),
    (GOOD | {"home_kind": "lovely"}, "/home_kind"),
    (GOOD | {"emergency": "true"}, "/emergency"),
    (GOOD | {"emergency": 1}, "/emergency"),
    (GOOD | {"held": "2025-10-12"}, "/held"),
    (GOOD | {"held": ["2025-10-12"]}, "/held/0"),
    (GOOD | {"held": [{}]}, "/held/0/held_on"),
    (GOOD | {"held": [{"held_on": "2025-08-30"}]}, "/held/0/held_on"),
    (GOOD | {"held": [{"held_on": "2025-10-12", "meeting_kind": "lovely"}]}, "/held/0/meeting_kind"),
    (GOOD | {"held": [{"held_on": "2025-10-12", "lovely": 1}]}, "/held/0"),
    (GOOD | {"held": [{"held_on": "2025-10-12"}] * 101}, "/held"),
    (GOOD | {"closed": ["2025-10-12"] * 101}, "/closed"),
    (GOOD | {"ended_on": "2025-08-30"}, "/ended_on"),
    (GOOD | {"on": "lovely"}, "/on"),
    (GOOD | {"lovely": "lovely"}, ""),
]


async def test_bad_input_is_told_where_it_is(running: Served, subtests: pytest.Subtests) -> None:
    """What cannot be is a 422 that points at the member and repeats no value."""
    for asked, pointer in BAD:
        with subtests.test(asked=asked):
            answer = await post(running, asked)
            assert answer.status_code == 422
            assert answer.headers["content-type"] == "application/problem+json"
            assert {each["pointer"] for each in answer.json()["errors"]} == {pointer}
            assert not any(sent in answer.text for sent in ("lovely", "31.08", "9999", "2025-08-30"))


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b'{"packs": ["scotland"], "accommodated_on": NaN}', 400),
        (b'{"packs": ["scotland"], "packs": ["scotland"], "accommodated_on": "2025-08-31"}', 400),
        (b'{"packs": ["\\ud800"], "accommodated_on": "2025-08-31"}', 400),
        (b'{"packs": ["scotland\\u0000"], "accommodated_on": "2025-08-31"}', 400),
        (b"[" * 40 + b"]" * 40, 400),
        (b'{"packs": [99999999999999999999]}', 400),
        (b" " * (MAX_BODY_BYTES + 1), 413),
    ],
)
async def test_what_is_no_json_is_refused(running: Served, body: bytes, status: int) -> None:
    """Bytes that cannot be read as one meaning, and bodies over the limit, are refused before anything is counted."""
    answer = await running.client.post(PATH, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == status


async def test_as_much_as_can_be_asked_is_answered(running: Served) -> None:
    """A body at every bound is answered, and holds nobody else up for long."""
    days = [date.fromordinal(date(2000, 1, 1).toordinal() + 30 * number).isoformat() for number in range(100)]
    asked = {
        "packs": ["scotland", "two-week-planning-meeting", "three-monthly-cadence", "seventy-two-hour-meeting"],
        "accommodated_on": "2000-01-01",
        "held": [{"held_on": day, "meeting_kind": "looked_after_child_review"} for day in days],
        "closed": days,
    }
    async with asyncio.timeout(10):
        answer = await answered(running, asked)
    assert sum(review["held_on"] is not None for review in answer["reviews"]) > 100


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
written_days = st.dates().map(str) | st.sampled_from(["2025-08-31", "0000-00-00", "2026-02-30", "-2026-01-01"])
written_instants = st.builds(
    "{}T{:02}:{:02}{}".format,
    written_days,
    st.integers(0, 25),
    st.integers(0, 61),
    st.sampled_from(["Z", "", "+01:00", "-23:59", "+24:00", ":00+14:00", ":60Z", ":00.5Z"]),
)
members = st.fixed_dictionaries(
    {"packs": st.just(["scotland", "seventy-two-hour-meeting"]), "accommodated_on": written_days | st.none()},
    optional={
        name: json_values
        | written_days
        | written_instants
        | st.booleans()
        | st.lists(st.fixed_dictionaries({"held_on": written_days}), max_size=3)
        for name in Asked.model_fields
        if name not in {"packs", "accommodated_on"}
    },
)


@given(json_values | members)
def test_whatever_json_is_sent_is_answered_or_refused(sent: Any) -> None:
    """Any JSON is either answered, in JSON again, or refused with faults that have pointers and messages."""
    try:
        asked = read_asked(sent)
        answer = dates_answer(dates(asked), asked.on or date(2026, 6, 11))
    except InvalidInput as refused:
        faults = refused.faults
    else:
        assert orjson.loads(answer.model_dump_json())["reviews"]
        return
    assert faults
    assert all(fault.message and fault.pointer[:1] in {"", "/"} for fault in faults)
