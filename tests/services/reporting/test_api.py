"""What reporting answers over HTTP, on a real database."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from shared.identity.keys import ApiKey, Scope
from shared.wire.cursor import Cursors
from tests.services.reporting.feed import Reporting
from tests.services.reporting.telling import child, day
from tests.support.clock import SettableClock
from tests.support.council import new_authority
from tests.support.waiting import eventually

MEASURE = "/v1/measures/accommodated-to-recommendation"
#: The day on which the clock of these tests stands, counted from the start of the stories.
TODAY = 157


def tell_a_council(reporting: Reporting, key: ApiKey) -> None:
    """Four children: one with a recommendation, two waiting, one who went home and came again."""
    log = reporting.feed.log(key.authority_id)
    ada, bea, cal, dot = (child(name, log) for name in ("ada", "bea", "cal", "dot"))
    ada.tell("child.registered", 0, team="north")
    ada.accommodated(0, "ada-1")
    ada.home(0, emergency=True)
    ada.recommended(90, "adoption")
    bea.tell("child.registered", 10, team="south")
    bea.accommodated(10, "bea-1")
    cal.accommodated(20, "cal-1")
    cal.ended(30, "cal-1")
    cal.accommodated(60, "cal-2")
    dot.tell("child.registered", 50, team="north")


@pytest.fixture
async def council(reporting: Reporting, key: ApiKey, client: httpx.AsyncClient) -> httpx.AsyncClient:
    """A client of the council of four children."""
    tell_a_council(reporting, key)
    await reporting.catch_up(key)
    return client


async def get(client: httpx.AsyncClient, path: str, **params: Any) -> Any:
    answer = await client.get(path, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def table(client: httpx.AsyncClient, path: str, **params: Any) -> list[dict[str, str]]:
    answer = await client.get(path, params={"format": "csv", **params})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


def as_cells(row: dict[str, Any]) -> dict[str, str]:
    return {name: _cell(value) for name, value in row.items()}


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


async def test_a_journey_tells_milestones_gaps_and_what_is_next(council: httpx.AsyncClient) -> None:
    """The answer names each milestone's day, event and gap, and what the child waits for."""
    body = await get(council, "/v1/journeys/ada")
    assert (body["as_of"], body["known_at"], body["projection_position"]) == (day(TODAY).isoformat(), None, 10)
    episode = body["episodes"][0]
    reached = {each["key"]: each for each in episode["milestones"] if each["reached_on"]}
    assert reached["permanence_recommended"]["days_since_accommodated"] == 90
    assert reached["permanence_recommended"]["detail"] == "adoption"
    assert reached["permanence_recommended"]["event"]["position"] == 4
    assert episode["next"] == {
        "key": "panel_recommendation",
        "wording": "Recommendation of the adoption and permanence panel",
        "waiting_since_on": day(90).isoformat(),
        "days_waited": TODAY - 90,
    }


async def test_the_list_shows_each_child_with_its_wait(council: httpx.AsyncClient) -> None:
    """Every child is listed with its latest episode, also one that was never accommodated."""
    items = {each["child_id"]: each for each in (await get(council, "/v1/journeys"))["items"]}
    assert list(items) == ["ada", "bea", "cal", "dot"]
    assert items["ada"]["episode"]["waiting"] is False
    assert items["bea"]["episode"]["days_waiting"] == TODAY - 10
    assert items["cal"]["episode"]["previous_episode_id"] == "cal-1"
    assert items["cal"]["episode"]["days_since_previous_episode"] == 30
    assert items["dot"]["episode"] is None


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"waiting": "true"}, ["bea", "cal"]),
        ({"waiting": "false"}, ["ada", "dot"]),
        ({"team": "north"}, ["ada", "dot"]),
        ({"team": "north", "waiting": "false"}, ["ada", "dot"]),
        ({"team": "east"}, []),
        ({"waiting": "true", "as_of": day(25).isoformat()}, ["ada", "bea", "cal"]),
        ({"waiting": "false", "as_of": day(35).isoformat()}, ["cal"]),
        ({"team": "north", "known_at": f"{day(40).isoformat()}T00:00:00Z"}, ["ada"]),
    ],
)
async def test_the_list_is_filtered(council: httpx.AsyncClient, filters: dict[str, str], expected: list[str]) -> None:
    """Team and waiting narrow the list, on any day and as known at any instant."""
    for limit in (1, 2, 100):
        names: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            page = await get(council, "/v1/journeys", limit=limit, **filters, **cursor)
            assert len(page["items"]) <= limit
            names += [each["child_id"] for each in page["items"]]
            if page["next_cursor"] is None:
                break
            cursor = {"cursor": page["next_cursor"]}
        assert names == expected


async def test_the_measure_counts_who_waits(council: httpx.AsyncClient) -> None:
    """Recommended, waiting and ended are all counted, and re-accommodations apart."""
    body = await get(council, MEASURE)
    result = body["result"]
    counts = [
        result[name] for name in ("episodes", "children", "recommended", "waiting", "ended_without_recommendation")
    ]
    assert counts == [4, 3, 1, 2, 1]
    assert body["re_accommodations"]["episodes"] == 1
    assert body["audience"] == "internal"
    assert (body["definition_version"], body["followed_to"]) == (1, day(TODAY).isoformat())
    assert "4 episodes of care of 3 children" in body["sentence"]


async def test_the_measure_as_of_an_earlier_day(council: httpx.AsyncClient) -> None:
    """As of day 25 three children waited, for as long as they had waited then."""
    body = await get(council, MEASURE, as_of=day(25).isoformat())
    assert [(row["child_id"], row["state"], row["days"]) for row in body["episodes"]] == [
        ("ada", "waiting", 25),
        ("bea", "waiting", 15),
        ("cal", "waiting", 5),
    ]


async def test_nobody_is_followed_into_the_unknown(council: httpx.AsyncClient) -> None:
    """A day still to come, or records known only up to an instant, never lengthen a wait nobody has seen."""
    ahead = await get(council, MEASURE, as_of=day(TODAY + 1000).isoformat())
    assert ahead["followed_to"] == day(TODAY).isoformat()
    then = await get(council, MEASURE, known_at=f"{day(40).isoformat()}T12:00:00Z")
    assert then["followed_to"] == day(40).isoformat()
    assert {row["child_id"]: row["days"] for row in then["episodes"]} == {"ada": 40, "bea": 30, "cal": 10}
    assert then["projection_position"] == 8


async def test_an_answer_as_known_then_never_changes(
    reporting: Reporting, key: ApiKey, council: httpx.AsyncClient
) -> None:
    """Whatever is recorded later, the same question about what was known gives the same bytes."""
    asked = {"as_of": day(100).isoformat(), "known_at": f"{day(120).isoformat()}T00:00:00Z"}
    paths = [MEASURE, "/v1/journeys", "/v1/journeys/ada"]
    before = [(await council.get(path, params=asked)).content for path in paths]
    ada = child("ada", reporting.feed.log(key.authority_id))
    ada.corrected(ada.log.events[3], TODAY, occurred_on=day(30).isoformat())
    child("eve", ada.log).accommodated(5, recorded_day=TODAY)
    await reporting.catch_up(key)
    assert [(await council.get(path, params=asked)).content for path in paths] == before
    assert (await get(council, "/v1/journeys/ada"))["episodes"][0]["recommended_on"] == day(30).isoformat()


async def test_definitions_are_given_word_for_word(council: httpx.AsyncClient) -> None:
    """What a measure counts, from when, and what it leaves out can be read from the API."""
    (definition,) = (await get(council, "/v1/measures"))["items"]
    assert definition["key"] == "accommodated-to-recommendation"
    assert definition["target_days"] == 228
    assert "30.4375" in definition["target_arithmetic"]


async def test_the_measure_as_csv_equals_the_json(council: httpx.AsyncClient) -> None:
    """One line for each episode, with the same values, and what the answer was made from."""
    body = await get(council, MEASURE)
    made_from = {name: body[name] for name in ("as_of", "known_at", "projection_position", "definition_version")}
    assert await table(council, MEASURE) == [as_cells(row | made_from) for row in body["episodes"]]


async def test_the_curve_as_csv_equals_the_json(council: httpx.AsyncClient) -> None:
    """One line for each step of each curve, exact to the last digit."""
    body = await get(council, MEASURE)
    groups = ("result", "first_episodes", "re_accommodations")
    points = [as_cells({"group": name} | point) for name in groups for point in body[name]["curve"]]
    lines = await table(council, MEASURE, table="curve")
    assert [{name: line[name] for name in points[0]} for line in lines] == points


async def test_journeys_as_csv_equal_the_json(council: httpx.AsyncClient) -> None:
    """The list and the single journey say the same in both forms."""
    listed = (await get(council, "/v1/journeys"))["items"]
    lines = await table(council, "/v1/journeys")
    assert [line["child_id"] for line in lines] == [each["child_id"] for each in listed]
    assert [line["days_waiting"] for line in lines] == [
        _cell((each["episode"] or {}).get("days_waiting")) for each in listed
    ]
    steps = (await get(council, "/v1/journeys/ada"))["episodes"][0]["milestones"]
    told = await table(council, "/v1/journeys/ada")
    assert [(line["key"], line["state"], line["reached_on"]) for line in told] == [
        (each["key"], each["state"], _cell(each["reached_on"])) for each in steps
    ]


async def test_csv_pages_go_on_by_header(council: httpx.AsyncClient) -> None:
    """A CSV page names the next cursor in a header."""
    answer = await council.get("/v1/journeys", params={"format": "csv", "limit": 3})
    following = await table(council, "/v1/journeys", cursor=answer.headers["homeward-next-cursor"])
    assert [line["child_id"] for line in following] == ["dot"]


async def test_a_cursor_belongs_to_its_list_and_its_filters(council: httpx.AsyncClient) -> None:
    """With other filters, other times, or from another list a cursor is refused, in CSV too: children would be lost."""
    cursor = (await get(council, "/v1/journeys", waiting="true", limit=1))["next_cursor"]
    assert [each["child_id"] for each in (await get(council, "/v1/journeys", waiting="true", cursor=cursor))["items"]]
    of_reviews = Cursors.of("reviews", [("waiting", "true")]).encode("ada")
    for params in (
        {"cursor": cursor},
        {"cursor": cursor, "waiting": "false", "format": "csv"},
        {"cursor": cursor, "waiting": "true", "team": "north"},
        {"cursor": cursor, "waiting": "true", "as_of": day(25).isoformat()},
        {"cursor": of_reviews, "waiting": "true"},
    ):
        answer = await council.get("/v1/journeys", params=params)
        assert answer.status_code == 422
        assert [(each["pointer"], each["code"]) for each in answer.json()["errors"]] == [("?cursor", "cursor_unknown")]


async def test_csv_by_accept_header(council: httpx.AsyncClient) -> None:
    """`Accept: text/csv` does what `format=csv` does, and lines end as RFC 4180 wants."""
    answer = await council.get(MEASURE, headers={"accept": "text/csv"})
    assert answer.text.startswith("child_id,")
    assert answer.text.count("\r\n") == 5
    assert answer.headers["homeward-projection-position"] == "10"


async def test_no_cell_can_become_a_formula(reporting: Reporting, key: ApiKey, client: httpx.AsyncClient) -> None:
    """A source that begins like a formula is shown by a spreadsheet and never computed."""
    log = reporting.feed.log(key.authority_id)
    child("ada", log).accommodated()
    evil = '=HYPERLINK("http://evil.example","x")'
    log.events[0] = _with_source(log.events[0], evil)
    await reporting.catch_up(key)
    first = (await table(client, "/v1/journeys/ada"))[0]
    assert first["source"] == "'" + evil


def _with_source(event: Any, source: str) -> Any:
    return replace(event, source=source, attributes=event.attributes | {"source": source})


async def test_nobody_reads_across_authorities(
    reporting: Reporting, council: httpx.AsyncClient, fresh_database_url: str
) -> None:
    """Another council sees none of these children, not even that they exist."""
    other = await new_authority(fresh_database_url)
    mine = child("ada", reporting.feed.log(other.authority_id))
    mine.accommodated(100, "other-1")
    await reporting.catch_up(other)
    async with reporting.client(other) as stranger:
        assert (await get(stranger, "/v1/journeys/ada"))["episodes"][0]["episode_id"] == "other-1"
        assert (await stranger.get("/v1/journeys/bea")).status_code == 404
        assert [each["child_id"] for each in (await get(stranger, "/v1/journeys"))["items"]] == ["ada"]
        assert (await get(stranger, MEASURE))["result"]["children"] == 1
    assert (await get(council, "/v1/journeys/ada"))["episodes"][0]["episode_id"] == "ada-1"


@pytest.mark.parametrize("path", ["/v1/journeys", "/v1/journeys/ada", "/v1/measures", MEASURE])
async def test_each_operation_needs_its_scope(reporting: Reporting, fresh_database_url: str, path: str) -> None:
    """Without a key nothing is answered, and a key that may read events may not read journeys or measures."""
    async with reporting.client() as nobody:
        assert (await nobody.get(path)).status_code == 401
    weak = await new_authority(fresh_database_url, scopes=[Scope.EVENTS_READ])
    async with reporting.client(weak) as reader:
        assert (await reader.get(path)).status_code == 403


async def test_a_child_not_known_by_then_is_not_found(council: httpx.AsyncClient) -> None:
    """Unknown is unknown: now, or at the instant asked about."""
    assert (await council.get("/v1/journeys/nobody")).status_code == 404
    early = {"known_at": f"{day(-1).isoformat()}T00:00:00Z"}
    assert (await council.get("/v1/journeys/ada", params=early)).status_code == 404


HOSTILE = [
    ("/v1/journeys/1234567890", {}),
    ("/v1/journeys/..%2F..%2Fetc", {}),
    ("/v1/journeys/a'%20or%201=1", {}),
    ("/v1/journeys/" + "a" * 65, {}),
    ("/v1/journeys/ada", {"as_of": "2026-02-30"}),
    ("/v1/journeys/ada", {"as_of": "1767225600"}),
    ("/v1/journeys/ada", {"known_at": "2026-01-01T00:00:00"}),
    ("/v1/journeys/ada", {"format": "xml"}),
    ("/v1/journeys/ada", {"waiting": "true"}),
    ("/v1/journeys", {"limit": "0"}),
    ("/v1/journeys", {"limit": "1001"}),
    ("/v1/journeys", {"limit": "9" * 400}),
    ("/v1/journeys", {"cursor": "!!"}),
    ("/v1/journeys", {"cursor": "YQ=="}),
    ("/v1/journeys", {"cursor": "gA"}),
    ("/v1/journeys", {"cursor": "YQBi"}),
    ("/v1/journeys", {"cursor": "WzFd"}),
    ("/v1/journeys", {"cursor": "bnVsbA"}),
    ("/v1/journeys", {"cursor": "x" * 501}),
    ("/v1/journeys", {"team": "' or 1=1 --"}),
    ("/v1/journeys", {"waiting": "perhaps"}),
    ("/v1/measures", {"as_of": "2026-01-01"}),
    (MEASURE, {"accommodated_from": "20260101"}),
    (MEASURE, {"accommodated_from": "1767225600"}),
    (MEASURE, {"accommodated_to": "2200-01-01"}),
    (MEASURE, {"accommodated_from": "2026-02-01", "accommodated_to": "2026-01-31"}),
    (MEASURE, {"team": "North"}),
    (MEASURE, {"table": "children"}),
    (MEASURE, {"first_episodes_only": "maybe"}),
    (MEASURE, {"acommodated_from": "2026-01-01"}),
]


@pytest.mark.parametrize(("path", "params"), HOSTILE)
async def test_hostile_input_is_refused_without_an_echo(
    council: httpx.AsyncClient, path: str, params: dict[str, str]
) -> None:
    """Whatever is sent, the answer is a problem that names the place and repeats no value."""
    answer = await council.get(path, params=params)
    assert answer.status_code in {404, 422}, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    for value in params.values():
        assert len(value) < 4 or value not in answer.text


async def test_years_at_the_border_are_answered(council: httpx.AsyncClient) -> None:
    """The first and the last day that can be asked about give an answer."""
    for on in ("1900-01-01", "2199-12-31"):
        assert (await get(council, MEASURE, as_of=on))["as_of"] == on
        assert (await get(council, "/v1/journeys", as_of=on))["as_of"] == on


async def test_readiness_shows_database_and_subscription(
    reporting: Reporting, key: ApiKey, client: httpx.AsyncClient
) -> None:
    """Both parts are named; a log that cannot be followed is told with its authority, and cuts off no other one."""
    ready = await client.get("/readyz")
    assert set(ready.json()["checks"]) == {"database", "subscription"}
    log = reporting.feed.log(key.authority_id)
    child("ada", log).accommodated()
    log.events[0] = _moved(log.events[0])
    await eventually(lambda: reporting.subscription.troubles, about="the trouble")
    answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert set(answer.json()["degraded"]["subscription"]) == {key.authority_id}


async def test_readiness_shows_lag_and_is_not_made_by_it(
    reporting: Reporting, key: ApiKey, client: httpx.AsyncClient
) -> None:
    """How far reading has come stands beside the checks; being at the head is no lag."""
    child("ada", reporting.feed.log(key.authority_id)).accommodated()
    await reporting.catch_up(key)
    answer = await client.get("/readyz")
    shown = answer.json()["consumers"]["reporting"][key.authority_id]
    assert answer.status_code == 200
    assert {name: shown[name] for name in ("position", "head", "lag_events", "lag_seconds", "state")} == {
        "position": 1,
        "head": 1,
        "lag_events": 0,
        "lag_seconds": 0.0,
        "state": "running",
    }


async def test_a_dead_loop_is_seen(reporting: Reporting, client: httpx.AsyncClient) -> None:
    """A loop that has ended is told by readiness; the process does not look well while nothing moves."""
    await reporting.stop_following()
    answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()["checks"]["subscription"]) == (503, "has stopped")


def _moved(event: Any) -> Any:
    return replace(event, position=7)


async def test_the_loop_follows_on_its_own(reporting: Reporting, key: ApiKey, client: httpx.AsyncClient) -> None:
    """What is recorded is answered soon after, without anybody asking for it."""
    child("ada", reporting.feed.log(key.authority_id)).accommodated()

    async def answered() -> bool:
        answer = await client.get("/v1/journeys/ada")
        return answer.status_code == 200 and answer.json()["projection_position"] == 1

    await eventually(answered, about="the journey being projected")


async def test_the_clock_moves_the_wait(council: httpx.AsyncClient, clock: SettableClock) -> None:
    """Without a day in the question, today is meant, by the injected clock."""
    clock.set(clock.now() + timedelta(days=10))
    items = {each["child_id"]: each for each in (await get(council, "/v1/journeys"))["items"]}
    assert items["bea"]["episode"]["days_waiting"] == TODAY


def test_stories_are_told_up_to_the_clock(clock: SettableClock) -> None:
    """The day on which the clock stands is the day that these tests count with."""
    assert day(TODAY) == clock.now().date()
