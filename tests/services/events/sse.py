"""A reader of server-sent events that follows the standard's own rules (WHATWG HTML, 9.2.6)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import orjson

_LINE_END = re.compile(rb"\r\n|\n|\r")


@dataclass(frozen=True)
class Message:
    """One message as an EventSource dispatches it."""

    event: str
    data: str
    last_event_id: str

    @property
    def json(self) -> Any:
        """The data as JSON."""
        return orjson.loads(self.data)


class EventSource:
    """The messages of one answer; ``last_event_id`` is what would be sent on coming back."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self.last_event_id = ""
        self.comments = 0

    async def messages(self) -> AsyncIterator[Message]:
        """Yield each message as it is dispatched."""
        event, data = "", list[str]()
        async for line in self._lines():
            if not line:
                if data:
                    yield Message(event or "message", "\n".join(data), self.last_event_id)
                event, data = "", []
                continue
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if field == "event":
                event = value
            elif field == "data":
                data.append(value)
            elif field == "id":
                self.last_event_id = value
            elif not field:
                self.comments += 1

    async def _lines(self) -> AsyncIterator[str]:
        rest = b""
        async for part in self.answer.aiter_bytes():
            rest += part
            if rest.endswith(b"\r"):  # the first half of a line end, perhaps
                continue
            *whole, rest = _LINE_END.split(rest)
            for line in whole:
                yield line.decode()


@asynccontextmanager
async def event_source(
    client: httpx.AsyncClient, query: str = "", last_event_id: str | None = None
) -> AsyncIterator[EventSource]:
    """Open the live feed."""
    extra = {} if last_event_id is None else {"last-event-id": last_event_id}
    async with client.stream("GET", f"/v1/events/live{query}", headers=extra) as answer:
        yield EventSource(answer)


async def up_to_head(source: EventSource) -> list[Message]:
    """Return the messages before the one that says that the end was reached."""
    got = []
    async for message in source.messages():
        if message.event == "head":
            break
        got.append(message)
    return got
