"""A reader of the log over an injected HTTP client."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import httpx

from shared.domain.envelope import RecordedEvent
from shared.domain.errors import NotReady
from shared.wire.feed import AUTHORITY_HEADER, FeedPage, recorded_event


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the log as the domain sees it."""

    events: Sequence[RecordedEvent]
    at_head: bool


class EventLog:
    """Reads pages of an authority's log, in commit order."""

    def __init__(self, client: httpx.AsyncClient, service_token: str) -> None:
        """Read through ``client``, whose base URL is that of the events service."""
        self._client = client
        self._service_token = service_token

    async def read(self, authority_id: str, *, after: int, limit: int) -> Page:
        """Return up to ``limit`` events behind position ``after``.

        Raises NotReady when the events service cannot be reached or does not answer 200.
        """
        try:
            answer = await self._client.get(
                "/v1/events",
                params={"after": after, "limit": limit},
                headers={"authorization": f"Bearer {self._service_token}", AUTHORITY_HEADER: authority_id},
            )
        except httpx.HTTPError as error:
            raise NotReady(f"The events service cannot be reached ({type(error).__name__}).") from error
        if answer.status_code != httpx.codes.OK:
            raise NotReady(f"The events service answered {answer.status_code} to a read of the feed.")
        page = FeedPage.model_validate_json(answer.content)
        return Page([recorded_event(authority_id, view) for view in page.events], page.at_head)
