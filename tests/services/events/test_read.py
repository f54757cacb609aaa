"""Reading the feed and single streams."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from shared.client.event_log import EventLog
from shared.identity.keys import ApiKey
from shared.wire import limits
from tests.conftest import SERVICE_TOKEN
from tests.services.events.posting import feed, post, post_batch, post_lines, registered
from tests.support.clock import SettableClock


async def page(client: httpx.AsyncClient, path: str) -> tuple[list[int], int, bool]:
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    return [each["position"] for each in body["events"]], body["next_after"], body["at_head"]


async def test_an_empty_log_is_at_its_head(client: httpx.AsyncClient) -> None:
    """Before the first event there is an empty page, and the reader stays where it is."""
    assert await page(client, "/v1/events") == ([], 0, True)


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 6, 1000])
async def test_pages_follow_each_other_without_gap_or_repetition(client: httpx.AsyncClient, limit: int) -> None:
    """Going on from `next_after` reads every event once, and only the last page is at the head."""
    await post_batch(client, [registered() for _ in range(6)])
    read, after, at_head = [], 0, False

    while not at_head:
        positions, after, at_head = await page(client, f"/v1/events?after={after}&limit={limit}")
        read += positions

    assert read == [1, 2, 3, 4, 5, 6]
    assert await page(client, f"/v1/events?after={after}") == ([], 6, True)


async def test_a_reader_ahead_of_the_log_is_told_nothing_new(client: httpx.AsyncClient) -> None:
    """A position that does not exist yet gives an empty page, however large it is."""
    await post(client, registered())

    assert await page(client, f"/v1/events?after={2**63 - 1}") == ([], 2**63 - 1, True)


async def test_a_page_does_not_outgrow_its_bytes(client: httpx.AsyncClient) -> None:
    """Large events make short pages; a page always holds one, and nothing is left out."""
    large = {f"e{number}": "x" * limits.EXTENSION_VALUE_CHARACTERS for number in range(limits.EXTENSIONS)}
    await post_lines(client, [{**registered(), **large} for _ in range(300)])

    first, after, at_head = await page(client, "/v1/events?limit=1000")
    second, _, end = await page(client, f"/v1/events?limit=1000&after={after}")

    assert 0 < len(first) < 300
    assert (first + second, at_head, end) == (list(range(1, 301)), False, True)


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("", "?after=0&limit=100&wait=0"),
        ("?after=2", "?wait=0&after=2"),
        ("?limit=3", "?wait=0&limit=3"),
        ("?after=2&limit=3", "?limit=3&after=2"),
        ("?after=99&limit=1000", "?limit=1000&after=99"),
    ],
)
async def test_a_page_is_the_same_however_it_is_asked_for(client: httpx.AsyncClient, short: str, long: str) -> None:
    """What followers ask over and over is answered a shorter way, with the same bytes and headers."""
    await post_batch(client, [registered() for _ in range(6)])

    answers = [await client.get(f"/v1/events{query}") for query in (short, long)]

    one, other = ({**answer.headers, "x-request-id": ""} for answer in answers)
    assert one == other
    assert answers[0].content == answers[1].content


@pytest.mark.parametrize(
    "query",
    ["after=-1", "after=", "limit=0", "limit=1001", "after=1&after=2", "after=9999999999999999999", "after=1limit=2"],
)
async def test_no_wrong_page_is_answered(client: httpx.AsyncClient, query: str) -> None:
    """A position or limit that is none is refused and named, and never taken for one that was left out."""
    answer = await client.get(f"/v1/events?{query}")

    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [f"?{query.split('=', maxsplit=1)[0]}"]


async def test_a_page_needs_its_scope(client: httpx.AsyncClient) -> None:
    """The shorter way asks for the key, too."""
    for query in ("", "?after=1&limit=10"):
        assert (await client.get(f"/v1/events{query}", headers={"authorization": ""})).status_code == 401


async def test_a_stream_is_read_by_its_own_positions(client: httpx.AsyncClient) -> None:
    """`after` and `next_after` count within the stream; the ETag tells where it ends."""
    await post_batch(client, [registered("a1"), registered("b2"), registered("a1"), registered("a1")])

    answer = await client.get("/v1/streams/child-a1/events?after=1&limit=1")

    assert [each["position"] for each in answer.json()["events"]] == [3]
    assert (answer.json()["next_after"], answer.json()["at_head"], answer.headers["etag"]) == (2, False, '"3"')
    assert await page(client, "/v1/streams/child-a1/events?after=2") == ([4], 3, True)
    behind = await client.get("/v1/streams/child-a1/events?after=9")
    assert (behind.json()["events"], behind.headers["etag"]) == ([], '"3"')


async def test_a_stream_that_is_not_there_is_not_found(client: httpx.AsyncClient) -> None:
    """A stream without events is unknown; what names no stream is invalid."""
    unknown = await client.get("/v1/streams/child-nobody/events")
    nonsense = [await client.get(f"/v1/streams/{name}/events") for name in ("nobody", "child-", "child-0101991234")]

    assert unknown.status_code == 404
    assert [answer.status_code for answer in nonsense] == [422] * 3


async def test_a_read_knows_what_had_been_recorded_by_an_instant(
    client: httpx.AsyncClient, clock: SettableClock
) -> None:
    """With known_at feed and stream end where they ended then, and a page says so."""
    for _ in range(3):
        await post_batch(client, [registered("a1"), registered("b2")])
        clock.set(clock.now() + timedelta(hours=1))

    assert await page(client, "/v1/events?known_at=2026-06-11T10:30:00Z") == ([1, 2, 3, 4], 4, True)
    assert await page(client, "/v1/events?known_at=2026-06-11T11:29:59%2B01:00") == ([1, 2], 2, True)
    assert await page(client, "/v1/events?known_at=2026-06-11T10:30:00Z&limit=3") == ([1, 2, 3], 3, False)
    assert await page(client, "/v1/events?known_at=2026-06-11T10:30:00Z&after=4") == ([], 4, True)
    assert await page(client, "/v1/streams/child-b2/events?known_at=2026-06-11T10:30:00Z") == ([2, 4], 2, True)
    then = await client.get("/v1/streams/child-b2/events?known_at=2020-01-01T00:00:00Z")
    assert (then.json()["events"], then.headers["etag"]) == ([], '"3"')


@pytest.mark.parametrize(
    "query",
    [
        "after=-1",
        "after=99999999999999999999",
        "after=x",
        "limit=0",
        "limit=1001",
        "after=1&after=2",
        "since=1",
        "as_of=2026-01-01",
        "known_at=2026-06-11",
        "known_at=1768435200",
        "known_at=2026-06-11T10:30:00",
        "known_at=2026-06-11T10:30:00+01:00",
        "known_at=9999-12-31T23:59:59-14:00",
    ],
)
@pytest.mark.parametrize("path", ["/v1/events", "/v1/streams/child-a1/events"])
async def test_a_parameter_that_breaks_a_rule_is_refused(client: httpx.AsyncClient, path: str, query: str) -> None:
    """Whatever cannot be read is named, and never passed over."""
    await post(client, registered())

    answer = await client.get(f"{path}?{query}")

    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


@pytest.mark.parametrize("path", ["/v1/events?after=%00", "/v1/streams/child-%00/events", "/v1/events?after=%ff"])
async def test_a_url_that_is_no_text_is_refused(client: httpx.AsyncClient, path: str) -> None:
    """U+0000 and bytes that are not UTF-8 are malformed."""
    assert (await client.get(path)).status_code == 400


async def test_sister_services_read_the_log_as_the_domain_sees_it(client: httpx.AsyncClient, key: ApiKey) -> None:
    """The client of scheduler and reporting reads what was appended, on behalf of one authority."""
    posted = registered(team="north")
    await post(client, posted)
    del client.headers["authorization"]

    read = await EventLog(client, SERVICE_TOKEN).read(key.authority_id, after=0, limit=10)

    (event,) = read.events
    assert (event.event_id, event.type, event.stream, event.position) == (posted["id"], posted["type"], "child-a1", 1)
    assert event.data.occurred_on.isoformat() == "2026-01-15"
    assert read.at_head


async def test_the_feed_is_in_commit_order(client: httpx.AsyncClient) -> None:
    """What was answered first is read first."""
    for child in ("a1", "b2", "a1"):
        await post(client, registered(child))

    assert [each["stream"] for each in await feed(client)] == ["child-a1", "child-b2", "child-a1"]
