"""Reading the log over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from shared.client.event_log import EventLog, UnreadableEvent
from shared.domain.errors import NotReady
from shared.wire.feed import AUTHORITY_HEADER

TOKEN = "a-token-of-the-sister-services"
PAGE: dict[str, Any] = {
    "events": [
        {
            "position": 3,
            "stream": "child-ada",
            "stream_position": 1,
            "recorded_at": "2026-01-05T10:00:00Z",
            "recorded_by": "k3y4test",
            "digest": "sha256:00",
            "link": "sha256:00",
            "event": {
                "specversion": "1.0",
                "id": "e1",
                "source": "/case",
                "type": "home.started",
                "subject": "child-ada",
                "data": {"occurred_on": "2026-01-05", "home_id": "h1", "home_kind": "foster"},
            },
        }
    ],
    "next_after": 3,
    "at_head": True,
    "head": 3,
}


def log(answer: Callable[[httpx.Request], httpx.Response]) -> EventLog:
    """Make a reader whose transport answers so."""
    return EventLog(httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://events"), TOKEN)


async def test_a_page_is_read_on_behalf_of_one_authority() -> None:
    """The request names the authority and carries the token; the events come back as the domain's."""
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json=PAGE)

    page = await log(answer).read("northshire", after=2, limit=10)

    assert dict(asked[0].url.params) == {"after": "2", "limit": "10"}
    assert asked[0].headers[AUTHORITY_HEADER] == "northshire"
    assert asked[0].headers["authorization"] == f"Bearer {TOKEN}"
    assert [(event.position, event.type, event.authority_id) for event in page.events] == [
        (3, "home.started", "northshire")
    ]
    assert page.at_head


async def test_a_log_that_does_not_answer_200_is_not_ready() -> None:
    """Any other status, and a connection that fails, is told as NotReady, so that the reader tries again."""

    def refused(_: httpx.Request) -> httpx.Response:
        return httpx.Response(503)

    def unreachable(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with pytest.raises(NotReady, match="503"):
        await log(refused).read("northshire", after=0, limit=1)
    with pytest.raises(NotReady, match="ConnectError"):
        await log(unreachable).read("northshire", after=0, limit=1)


async def test_a_wait_is_asked_for_and_waited_for() -> None:
    """The service is told how long to wait, and the client has more patience than that."""
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={**PAGE, "events": []})

    page = await log(answer).read("northshire", after=3, limit=10, wait_seconds=25)

    assert (list(page.events), page.at_head, page.head) == ([], True, 3)
    assert asked[0].url.params["wait"] == "25"
    assert asked[0].extensions["timeout"]["read"] > 25


def page_of(*events: dict[str, Any]) -> dict[str, Any]:
    (view,) = PAGE["events"]
    views = [{**view, "position": position, "event": event} for position, event in enumerate(events, start=3)]
    return {"events": views, "next_after": 2 + len(events), "at_head": True, "head": 2 + len(events)}


GOOD: dict[str, Any] = PAGE["events"][0]["event"]


@pytest.mark.parametrize(
    ("event", "type_name"),
    [
        ({**GOOD, "type": "home.painted"}, "home.painted"),
        ({**GOOD, "dataschema": "/v1/event-types/home.started/999"}, "home.started"),
        ({**GOOD, "dataschema": "/v1/event-types/home.ended/1"}, "home.started"),
        ({**GOOD, "data": {"occurred_on": "Ada"}}, "home.started"),
        ({name: value for name, value in GOOD.items() if name != "data"}, "home.started"),
    ],
)
async def test_what_cannot_be_understood_is_never_stepped_over(event: dict[str, Any], type_name: str) -> None:
    """What lies before it is given; the read that begins with it raises, and names no value of it."""

    def answer(request: httpx.Request) -> httpx.Response:
        whole = page_of(GOOD, event, GOOD)
        after = int(request.url.params["after"])
        return httpx.Response(200, json={**whole, "events": whole["events"][after - 2 :]})

    before = await log(answer).read("northshire", after=2, limit=10)

    assert [each.position for each in before.events] == [3]
    assert (before.at_head, before.head) == (False, 5)
    with pytest.raises(UnreadableEvent) as told:
        await log(answer).read("northshire", after=3, limit=10)
    assert (told.value.position, told.value.type) == (4, type_name)
    assert "Ada" not in str(told.value)


async def test_attributes_that_are_null_are_left_out() -> None:
    """The posted bytes are kept as they came; null there means that the attribute is not set."""
    read = await log(lambda _: httpx.Response(200, json=page_of({**GOOD, "time": None, "dataschema": None}))).read(
        "northshire", after=2, limit=1
    )

    (event,) = read.events
    assert not {"time", "dataschema", "data"} & set(event.attributes)
    assert event.recorded_by == "k3y4test"


async def test_what_is_no_page_is_not_ready() -> None:
    """An answer of something else than the log, a proxy's for instance, is tried again."""
    for body in (b"<html>", b"[]", b'{"events":[{}],"at_head":true,"head":1}'):
        with pytest.raises(NotReady, match="no page"):
            await log(lambda _, body=body: httpx.Response(200, content=body)).read("northshire", after=0, limit=1)  # type: ignore[misc]  # the body is bound for the loop
