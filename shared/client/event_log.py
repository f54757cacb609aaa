"""A reader of the log over an injected HTTP client."""

from __future__ import annotations

import httpx

from shared.domain.errors import NotReady
from shared.wire.feed import AUTHORITY_HEADER, ReadPage, UnreadableEvent, read_page

__all__ = ["EventLog", "Page", "UnreadableEvent"]

#: What a read may take besides the wait it asks for: connecting, and between two parts of the answer.
_CONNECT_SECONDS = 5.0
_ANSWER_SECONDS = 30.0

#: A page of the log as the domain sees it.
Page = ReadPage


class EventLog:
    """Reads pages of an authority's log, in commit order."""

    def __init__(self, client: httpx.AsyncClient, service_token: str) -> None:
        """Read through ``client``, whose base URL is that of the events service."""
        self._client = client
        self._service_token = service_token

    async def read(self, authority_id: str, *, after: int, limit: int, wait_seconds: float = 0.0) -> Page:
        """Return up to ``limit`` events behind position ``after``.

        At the head of the log it waits up to ``wait_seconds`` (0 to 30) for the next append,
        and answers at once when there is one; an empty page says that there was none.  A
        page ends before an event that this process cannot understand.  Nothing is ever
        stepped over: the read that begins with that event raises UnreadableEvent, which
        names its position and type.

        Raises NotReady when the events service cannot be reached, or answers anything but a
        page.
        """
        asked: dict[str, int | float] = {"after": after, "limit": limit}
        if wait_seconds > 0:
            asked["wait"] = wait_seconds
        page = _page(authority_id, await self._ask(authority_id, asked, wait_seconds))
        if page.unreadable is not None and not page.events:
            raise page.unreadable
        return page

    async def _ask(self, authority_id: str, asked: dict[str, int | float], wait_seconds: float) -> bytes:
        try:
            answer = await self._client.get(
                "/v1/events",
                params=asked,
                headers={"authorization": f"Bearer {self._service_token}", AUTHORITY_HEADER: authority_id},
                timeout=httpx.Timeout(_ANSWER_SECONDS + wait_seconds, connect=_CONNECT_SECONDS),
            )
        except httpx.HTTPError as error:
            raise NotReady(f"The events service cannot be reached ({type(error).__name__}).") from error
        if answer.status_code != httpx.codes.OK:
            raise NotReady(f"The events service answered {answer.status_code} to a read of the feed.")
        return answer.content


def _page(authority_id: str, body: bytes) -> Page:
    try:
        return read_page(authority_id, body)
    except ValueError:
        raise NotReady("The events service answered something that is no page of the feed.") from None
