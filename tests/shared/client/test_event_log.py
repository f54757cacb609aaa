"""Reading the log over HTTP."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from shared.client.event_log import EventLog
from shared.domain.errors import NotReady
from shared.wire.feed import AUTHORITY_HEADER

TOKEN = "a-token-of-the-sister-services"
PAGE = {
    "events": [
        {
            "position": 3,
            "stream": "child-ada",
            "stream_position": 1,
            "recorded_at": "2026-01-05T10:00:00Z",
            "digest": "sha256:00",
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
