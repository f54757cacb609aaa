"""The events service as its readers see it: pages of the feed, from logs written by hand."""

from __future__ import annotations

import asyncio
from collections import Counter
from time import monotonic

import httpx

from shared.domain.envelope import RecordedEvent
from shared.wire.feed import AUTHORITY_HEADER, FeedPage, RecordedEventView
from tests.support.events import Log

_LOOK_SECONDS = 0.01
_NO_HASH = "sha256:" + "0" * 64


class Feed(httpx.AsyncBaseTransport):
    """Stands in for the network to the events service: serves each authority's log, and checks the asker."""

    def __init__(self, service_token: str) -> None:
        """Answer whoever presents this token."""
        self._service_token = service_token
        self.logs: dict[str, Log] = {}
        #: While it is away it answers no read.
        self.away = False
        #: How often each authority's log was asked for.
        self.reads: Counter[str] = Counter()

    def log(self, authority_id: str) -> Log:
        """Return the authority's log, to be written to."""
        return self.logs.setdefault(authority_id, Log(authority_id))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a read of the feed, at the head of the log as long after as the asker waits."""
        assert request.headers["authorization"] == f"Bearer {self._service_token}"
        asked = request.url.params
        after, limit, wait = int(asked["after"]), int(asked["limit"]), float(asked.get("wait", 0))
        authority_id = request.headers[AUTHORITY_HEADER]
        self.reads[authority_id] += 1
        deadline = monotonic() + wait
        while not self.away and len(self.log(authority_id).events) <= after and monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_SECONDS)
        if self.away:
            return httpx.Response(503)
        events = self.log(authority_id).events
        shown = events[after : after + limit]
        page = FeedPage(
            events=[_view(each) for each in shown],
            next_after=after + len(shown),
            at_head=after + len(shown) >= len(events),
            head=len(events),
        )
        return httpx.Response(200, content=page.model_dump_json())


def _view(event: RecordedEvent) -> RecordedEventView:
    return RecordedEventView(
        position=event.position,
        stream=event.stream,
        stream_position=event.stream_position,
        recorded_at=event.recorded_at,
        recorded_by=event.recorded_by,
        digest=_NO_HASH,
        link=_NO_HASH,
        event={**event.attributes, "data": event.data.model_dump(mode="json", exclude_unset=True)},
    )
