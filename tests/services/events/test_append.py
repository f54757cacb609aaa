"""Appending over HTTP: verdicts, statuses, and what is stored."""

from __future__ import annotations

import json
from datetime import timedelta
from hashlib import sha256
from typing import Any

import httpx
import orjson
import pytest

from services.events.app import create_app
from shared.domain.clock import civil_date
from shared.identity.keys import ApiKey, Scope
from shared.runtime.settings import Settings
from shared.wire import limits
from shared.wire.content_modes import BATCH, BINARY, NDJSON, STRUCTURED
from tests.services.events.posting import feed, positions, post, post_batch, post_lines, post_raw, registered, statuses
from tests.support.clock import SettableClock
from tests.support.council import headers, new_authority
from tests.support.events import SOURCE, cloud_event


async def test_an_event_is_stored_and_read_back_as_posted(client: httpx.AsyncClient, clock: SettableClock) -> None:
    """The answer names its places, and the feed gives it back with a digest that a reader can check."""
    posted = registered(team="north")

    answer = await post(client, posted)

    assert answer.status_code == 200
    (item,) = answer.json()["items"]
    assert item | {"id": posted["id"], "status": "stored", "position": 1, "stream_position": 1} == item
    (view,) = await feed(client)
    assert view["event"] == posted
    assert view["digest"] == f"sha256:{sha256(orjson.dumps(posted)).hexdigest()}"
    assert view["recorded_at"] == clock.now().isoformat().replace("+00:00", "Z")
    assert (view["position"], view["stream"], view["stream_position"]) == (1, "child-a1", 1)


async def test_positions_are_dense_over_streams_and_in_each(client: httpx.AsyncClient) -> None:
    """The log counts every event, each stream its own, over several requests."""
    await post_batch(client, [registered("a1"), registered("b2"), registered("a1")])
    answer = await post_lines(client, [registered("b2"), registered("c3")])

    assert positions(answer) == [4, 5]
    assert [(each["stream"], each["stream_position"]) for each in await feed(client)] == [
        ("child-a1", 1),
        ("child-b2", 1),
        ("child-a1", 2),
        ("child-b2", 2),
        ("child-c3", 1),
    ]


async def test_good_events_land_and_bad_ones_are_named(client: httpx.AsyncClient) -> None:
    """A mixed request is answered 207, each verdict with the event's index and id."""
    good, taken = registered(), registered()
    await post(client, taken)

    answer = await post_batch(client, [good, {**registered(id="bad"), "type": "no.such"}, {**taken, "time": None}, 7])

    assert answer.status_code == 207
    body = answer.json()
    assert (body["accepted"], body["duplicates"], body["rejected"]) == (1, 1, 2)
    assert [(item["index"], item["id"], item["status"]) for item in body["items"]] == [
        (0, good["id"], "stored"),
        (1, "bad", "invalid"),
        (2, taken["id"], "duplicate"),
        (3, None, "invalid"),
    ]
    assert body["items"][1]["problem"]["errors"][0]["pointer"] == "/type"
    assert len(await feed(client)) == 2


async def test_a_refused_request_is_answered_with_what_kind_it_is(client: httpx.AsyncClient) -> None:
    """Only conflicts give 409, anything invalid 422; the verdicts stand in the body of both."""
    taken = registered(id="taken")
    await post(client, taken)
    conflict = registered(id="taken", team="south")

    conflicts = await post_batch(client, [conflict, conflict])
    invalid = await post_batch(client, [conflict, 5])

    assert (conflicts.status_code, statuses(conflicts)) == (409, ["conflict", "conflict"])
    assert positions(conflicts) == [1, 1]
    assert (invalid.status_code, statuses(invalid)) == (422, ["conflict", "invalid"])


@pytest.mark.parametrize(
    ("event", "status", "slug"),
    [
        (registered(id="taken", team="south"), 409, "event-id-conflict"),
        ({**registered(), "type": "no.such"}, 422, "invalid-input"),
        (registered(team="x" * limits.EVENT_BYTES), 413, "body-too-large"),
        (5, 422, "invalid-input"),
    ],
)
async def test_a_refused_single_event_is_a_problem(
    client: httpx.AsyncClient, event: Any, status: int, slug: str
) -> None:
    """In a single mode the refusal is itself the answer, with its own status."""
    await post(client, registered(id="taken"))

    answer = await post(client, event)

    assert (answer.status_code, answer.json()["type"]) == (status, f"/v1/problems/{slug}")
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_conflict_names_the_stored_position(client: httpx.AsyncClient) -> None:
    """Whoever meets a taken id learns where the other event lies."""
    await post_batch(client, [registered(), registered(id="taken")])

    answer = await post(client, registered(id="taken", team="south"))

    assert "position 2 " in answer.json()["detail"]


async def test_an_atomic_request_stores_all_or_none(client: httpx.AsyncClient) -> None:
    """With one event refused the others are withheld; without, all are stored."""
    events = [registered(), registered()]

    refused = await post_batch(client, [*events, {**registered(), "subject": "x"}], "?atomic=true")
    stored = await post_batch(client, events, "?atomic=true")

    assert (refused.status_code, statuses(refused)) == (422, ["withheld", "withheld", "invalid"])
    assert refused.json()["rejected"] == 3
    assert positions(refused) == [None, None, None]
    assert (stored.status_code, positions(stored)) == (200, [1, 2])


async def test_an_atomic_request_in_conflict_is_a_conflict(client: httpx.AsyncClient) -> None:
    """Where nothing is invalid, the one conflict gives the status, though others were stored before."""
    before, taken = registered(), registered(id="taken")
    await post_batch(client, [before, taken])

    again = [before, registered(id="taken", team="south"), registered()]
    answer = await post_batch(client, again, "?atomic=true")

    assert (answer.status_code, statuses(answer)) == (409, ["duplicate", "conflict", "withheld"])
    assert len(await feed(client)) == 2


async def test_a_dry_run_tells_and_stores_nothing(client: httpx.AsyncClient) -> None:
    """Every verdict is told, without a position for what has none, and the log stays empty."""
    event = registered()

    answer = await post_batch(client, [event, event, {**event, "time": "2026-01-01T00:00:00Z"}, 5], "?dry_run=true")

    assert (answer.status_code, statuses(answer)) == (207, ["valid", "duplicate", "conflict", "invalid"])
    assert positions(answer) == [None] * 4
    assert await feed(client) == []


@pytest.mark.parametrize(
    ("media_type", "body"), [(BATCH, b"[]"), (NDJSON[0], b""), (NDJSON[0], b"\n \n"), (NDJSON[1], b"\r\n")]
)
async def test_a_request_without_events_stores_nothing(client: httpx.AsyncClient, media_type: str, body: bytes) -> None:
    """An empty batch or file is no mistake."""
    answer = await post_raw(client, media_type, body)

    assert (answer.status_code, answer.json()["items"]) == (200, [])


async def test_binary_mode_stores_the_same_event(client: httpx.AsyncClient) -> None:
    """An event sent with ce- headers is a repetition of the same event sent as JSON."""
    posted = registered(id="e1")
    attributes = {f"ce_{name}": str(value) for name, value in posted.items() if name != "data"}

    first = await post(client, posted)
    again = await post_raw(client, BINARY, json.dumps(posted["data"]).encode(), **attributes)

    assert (statuses(first), statuses(again)) == (["stored"], ["duplicate"])
    assert positions(again) == [1]


async def test_what_has_occurred_lies_in_the_past(client: httpx.AsyncClient) -> None:
    """Tomorrow in London is the last day that is taken; a correction may not say later either."""
    tomorrow, later = "2026-06-12", "2026-06-13"
    correction = {
        "occurred_on": "2026-06-11",
        "corrects_source": SOURCE,
        "corrects_id": "e1",
        "corrects_type": "child.registered",
        "reason": "recording_error",
    }

    answer = await post_batch(
        client,
        [
            registered(id="e1", occurred_on=tomorrow),
            registered(occurred_on=later),
            cloud_event("record.corrected", "child-a1", {**correction, "replacement": {"occurred_on": later}}),
            cloud_event("record.corrected", "child-a1", {**correction, "replacement": {"occurred_on": tomorrow}}),
        ],
    )

    assert statuses(answer) == ["stored", "invalid", "invalid", "stored"]
    assert answer.json()["items"][1]["problem"]["errors"][0]["pointer"] == "/data/occurred_on"
    assert answer.json()["items"][2]["problem"]["errors"][0]["pointer"] == "/data/replacement/occurred_on"


async def test_tomorrow_is_tomorrow_in_london(client: httpx.AsyncClient, clock: SettableClock) -> None:
    """At 23:30 UTC in June it is already the next day in London."""
    clock.set(clock.now().replace(hour=23, minute=30))

    assert (await post(client, registered(occurred_on="2026-06-13"))).status_code == 200


async def test_only_a_known_timetable_is_adopted(client: httpx.AsyncClient) -> None:
    """A pack or an edition that nobody knows is refused, with those that are known."""
    data = {"occurred_on": "2026-01-15", "pack": "scotland", "effective_on": "2026-02-01"}

    answer = await post(client, cloud_event("timetable.adopted", "authority", {**data, "edition": "no-such"}))

    (fault,) = answer.json()["errors"]
    assert (answer.status_code, fault["code"]) == (422, "unknown_pack")
    known = fault["message"].split("known are: ")[1].split(", ")
    edition = next(each.split()[1] for each in known if each.startswith("scotland "))
    adopted = await post(client, cloud_event("timetable.adopted", "authority", {**data, "edition": edition}))
    assert adopted.status_code == 200


DECISIONS = [
    ("holiday.declared", {"calendar": "lunar", "holiday_on": "2026-05-18"}, ["/data/calendar"]),
    ("holiday.removed", {"calendar": "lunar", "holiday_on": "2026-05-18"}, ["/data/calendar"]),
    ("working_calendar.set", {"calendar": "council", "follows": "lunar"}, ["/data/follows"]),
    ("working_calendar.set", {"calendar": "lunar", "follows": "solar"}, ["/data/calendar", "/data/follows"]),
]


@pytest.mark.parametrize(("kind", "data", "pointers"), DECISIONS)
async def test_only_known_calendars_are_decided_about(
    client: httpx.AsyncClient, kind: str, data: dict[str, str], pointers: list[str]
) -> None:
    """A calendar that nobody knows is refused where it is named, with those that are known, and not repeated."""
    answer = await post(client, cloud_event(kind, "authority", {"occurred_on": "2026-05-01", **data}))

    faults = answer.json()["errors"]
    assert answer.status_code == 422
    assert [(fault["pointer"], fault["code"]) for fault in faults] == [(each, "unknown_calendar") for each in pointers]
    assert all("scot_bank_holidays" in fault["message"] for fault in faults)
    assert "lunar" not in answer.text
    known = {member: "council" if value in ("lunar", "solar") else value for member, value in data.items()}
    answer = await post(client, cloud_event(kind, "authority", {"occurred_on": "2026-05-01", **known}))
    assert answer.status_code == 200


async def test_a_correction_names_a_known_calendar_too(client: httpx.AsyncClient) -> None:
    """The replacement of a decision is held to what the decision is held to."""
    data = {"occurred_on": "2026-05-01", "calendar": "council", "holiday_on": "2026-05-18"}
    wrong = cloud_event("holiday.declared", "authority", data)
    named = {"corrects_source": wrong["source"], "corrects_id": wrong["id"], "corrects_type": "holiday.declared"}
    correction = {**named, "occurred_on": "2026-05-02", "reason": "other", "replacement": {**data, "calendar": "lunar"}}
    assert (await post(client, wrong)).status_code == 200

    answer = await post(client, cloud_event("record.corrected", "authority", correction))

    (fault,) = answer.json()["errors"]
    assert (fault["pointer"], fault["code"]) == ("/data/replacement/calendar", "unknown_calendar")


@pytest.mark.parametrize("stream", ["authority", "child-a1"])
async def test_a_decision_is_amended_in_its_own_stream(client: httpx.AsyncClient, stream: str) -> None:
    """A correction and a retraction lie beside the council's own event; from a child's stream neither reaches it."""
    data = {"occurred_on": "2026-05-01", "calendar": "council", "holiday_on": "2026-05-18"}
    wrong = cloud_event("holiday.declared", "authority", data)
    assert (await post(client, wrong)).status_code == 200
    named = {"occurred_on": "2026-05-02", "reason": "other"}
    corrects = {"corrects_source": wrong["source"], "corrects_id": wrong["id"], "corrects_type": "holiday.declared"}
    retracts = {"retracts_source": wrong["source"], "retracts_id": wrong["id"]}
    amendments = [
        cloud_event("record.corrected", stream, {**named, **corrects, "replacement": data}),
        cloud_event("record.retracted", stream, {**named, **retracts}),
    ]

    answers = [await post(client, each) for each in amendments]

    if stream == "authority":
        assert [answer.status_code for answer in answers] == [200, 200]
    else:
        codes = [fault["code"] for answer in answers for fault in answer.json()["errors"]]
        assert codes == ["nothing_to_amend"] * 2


async def test_a_decision_about_a_holiday_is_not_told_ahead(client: httpx.AsyncClient, clock: SettableClock) -> None:
    """What is held after it is recorded is judged by it, so it counts at once: tomorrow's decision is refused."""
    data = {"calendar": "scot_bank_holidays", "holiday_on": "2026-12-31"}
    today = civil_date(clock.now())
    told = [{**data, "occurred_on": (today + timedelta(days=days)).isoformat()} for days in (0, 1, 2)]

    answers = [await post(client, cloud_event("holiday.declared", "authority", each)) for each in told]

    assert [answer.status_code for answer in answers] == [200, 422, 422]
    assert [fault["code"] for answer in answers[1:] for fault in answer.json()["errors"]] == ["in_the_future"] * 2


async def test_recorded_at_never_runs_backwards(client: httpx.AsyncClient, clock: SettableClock) -> None:
    """When the clock is set back, the log keeps the later instant until time has caught up."""
    now = clock.now()
    for minutes in (0, -60, 1):
        clock.set(now + timedelta(minutes=minutes))
        await post(client, registered())

    recorded = [each["recorded_at"] for each in await feed(client)]
    assert recorded == ["2026-06-11T09:30:00Z", "2026-06-11T09:30:00Z", "2026-06-11T09:31:00Z"]


@pytest.mark.parametrize(
    ("scopes", "statuses_"), [([Scope.EVENTS_READ], (403, 200)), ([Scope.EVENTS_APPEND], (200, 403)), ([], (403, 403))]
)
async def test_a_key_does_what_its_scopes_say(
    client: httpx.AsyncClient, database_url: str, scopes: list[Scope], statuses_: tuple[int, int]
) -> None:
    """Appending and reading each need their own scope."""
    client.headers.update(headers(await new_authority(database_url, scopes=scopes)))

    assert ((await post(client, registered())).status_code, (await client.get("/v1/events")).status_code) == statuses_


async def test_without_a_key_nothing_is_read_or_stored(client: httpx.AsyncClient) -> None:
    """Every operation on the log asks for a key."""
    del client.headers["authorization"]

    answers = [await post(client, registered())]
    answers += [await client.get(path) for path in ("/v1/events", "/v1/streams/child-a1/events")]
    assert [answer.status_code for answer in answers] == [401, 401, 401]


async def test_authorities_know_nothing_of_each_other(
    client: httpx.AsyncClient, database_url: str, key: ApiKey
) -> None:
    """The same source, id and stream are other things to another council, and positions begin at 1 again."""
    event = registered(id="shared")
    await post_batch(client, [event, registered()])
    client.headers.update(headers(await new_authority(database_url)))

    answer = await post(client, {**event, "data": {"occurred_on": "2026-01-16"}})
    assert (statuses(answer), positions(answer)) == (["stored"], [1])
    assert [each["event"]["data"]["occurred_on"] for each in await feed(client)] == ["2026-01-16"]

    client.headers.update(headers(key))
    assert len(await feed(client)) == 2


async def test_the_body_is_read_no_further_than_the_limit(client: httpx.AsyncClient) -> None:
    """A body over the limit is refused by its declared size, and where none is declared as it comes."""
    sent = 0

    async def endless() -> Any:
        nonlocal sent
        while True:
            sent += 1
            yield b" " * 1_000_000

    declared = await post_raw(client, STRUCTURED, b" " * (limits.BODY_BYTES + 1))
    streamed = await client.post("/v1/events", content=endless(), headers={"content-type": STRUCTURED})

    assert (declared.status_code, streamed.status_code) == (413, 413)
    assert sent == limits.BODY_BYTES // 1_000_000 + 1


async def test_a_compressed_body_is_not_taken(client: httpx.AsyncClient) -> None:
    """A small body that grows large is not read at all."""
    answer = await post(client, registered(), content_encoding="gzip")

    assert answer.status_code == 415


async def test_a_large_request_is_stored_whole(client: httpx.AsyncClient) -> None:
    """As many lines as the limit allows land in their order."""
    events = [registered(f"c{number % 50}") for number in range(limits.EVENTS_IN_NDJSON)]

    answer = await post_lines(client, events)

    assert positions(answer) == list(range(1, len(events) + 1))
    last = await feed(client, f"?after={len(events) - 2}")
    assert [each["event"]["id"] for each in last] == [event["id"] for event in events[-2:]]


async def test_settings_without_a_database_are_refused(settings: Settings) -> None:
    """The service says at its start that it has no database."""
    app = create_app(settings.model_copy(update={"database_url": None}))
    with pytest.raises(ValueError, match="HOMEWARD_DATABASE_URL"):
        async with app.router.lifespan_context(app):
            pass


async def test_the_service_is_ready_over_a_migrated_database(client: httpx.AsyncClient) -> None:
    """Readiness names every part."""
    answer = await client.get("/readyz")

    assert answer.status_code == 200
    assert answer.json()["checks"] | {"database": "ok", "appender": "ok"} == answer.json()["checks"]


THRESHOLDS = {"before": [14, 7], "on_the_day": True, "after": [1]}


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"pack": "no-such"}, ("/data/pack", "unknown_pack")),
        ({"kind": "no_such"}, ("/data/kind", "unknown_kind")),
        ({"pack": "two-week-planning-meeting", "kind": "emergency_review"}, ("/data/kind", "unknown_kind")),
        ({"before": [0]}, ("/data/before/0", "greater_than_equal")),
        ({"after": [366]}, ("/data/after/0", "less_than_equal")),
    ],
)
async def test_thresholds_that_fit_no_review_are_refused(
    client: httpx.AsyncClient, given: dict[str, Any], fault: tuple[str, str]
) -> None:
    """A misspelt setting would be passed over in silence, so it is refused where it is wrong."""
    data = {"occurred_on": "2026-05-01", **THRESHOLDS}
    answer = await post(client, cloud_event("notice_thresholds.set", "authority", {**data, **given}))
    assert answer.status_code == 422
    assert [(each["pointer"], each["code"]) for each in answer.json()["errors"]] == [fault]
    fitting = {"pack": "scotland", "kind": "looked_after_child_review"}
    answer = await post(client, cloud_event("notice_thresholds.set", "authority", {**data, **fitting}))
    assert answer.status_code == 200


async def test_a_backfill_is_of_the_past(client: httpx.AsyncClient) -> None:
    """Nobody can have notices of days to come held back: the day is at the latest that of the decision."""
    data = {"occurred_on": "2026-05-01", "before_on": "2026-05-02"}
    answer = await post(client, cloud_event("backfill.declared", "authority", data))
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/data/before_on")
    answer = await post(client, cloud_event("backfill.declared", "authority", {**data, "before_on": "2026-05-01"}))
    assert answer.status_code == 200


async def test_a_frequency_agreed_for_a_misspelt_kind_is_refused(client: httpx.AsyncClient) -> None:
    """It would leave the review without a day, and nobody would know why."""
    agreed = {"interval_count": 3, "interval_unit": "months", "agreed_with": ["child"], "occurred_on": "2026-05-01"}
    for kind, fitting in (("looked_after_child_reveiw", False), ("agreed_frequency_review", True)):
        event = cloud_event("review_frequency.agreed", "child-a1", {**agreed, "review_kind": kind}, id=kind)
        answer = await post(client, event)
        assert answer.status_code == (200 if fitting else 422)
        assert fitting or answer.json()["errors"][0]["code"] == "unknown_kind"
