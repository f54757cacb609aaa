"""The demonstration in this process: key, load, waiting until it can be looked at."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from time import monotonic
from typing import Any

import httpx
from prometheus_client import REGISTRY

from services.embedded import demonstration_key
from services.embedded.loading import load_once, read
from services.embedded.screen import Screen
from shared.domain.ids import child_of_stream
from shared.identity.keys import ApiKey
from shared.wire.paths import PREFIXES

_PAGE = 1000
_LOOK_SECONDS = 0.2
#: A reader that does not move for so long has stopped; readiness and the log say why.
_STUCK_SECONDS = 60.0
#: Every service but the log's own follows the log.
_READERS = len(PREFIXES) - 1


async def show(client: httpx.AsyncClient, today: date, screen: Screen) -> str | None:
    """Load what is missing, wait until all readers have seen it, and return a child worth looking at.

    ``client`` presents the demonstration key.  Raises LoadFailed.
    """
    with screen.progress("Loading the demonstration council") as progress:
        await load_once(client, today, progress)
    events = await _whole_log(client)
    with screen.progress("Setting every review date") as progress:
        caught_up = await _readers_reach(len(events), progress)
    if not caught_up:
        screen.tell("A service has stopped following the log; /readyz and the log file say why.")
    return child_with_much_to_see(events)


def child_with_much_to_see(events: Iterable[Mapping[str, Any]]) -> str | None:
    """Return the child still cared for away from home whose events are of the most types, or None.

    Of several such children it is the one whose stream comes first in the alphabet.
    """
    types: dict[str, set[str]] = defaultdict(set)
    for event in events:
        types[event["subject"]].add(event["type"])
    children = [stream for stream in types if child_of_stream(stream) is not None]
    if not children:
        return None
    chosen = min(children, key=lambda stream: ("episode.ended" in types[stream], -len(types[stream]), stream))
    return child_of_stream(chosen)


async def _whole_log(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    # Positions have no gaps, so the number of events read is the position reached.
    while page := await read(client, "/v1/events", {"after": len(events), "limit": _PAGE}):
        events += [view["event"] for view in page]
    return events


async def _readers_reach(head: int, progress: Callable[[int, int], None]) -> bool:
    """Wait until every reader has come to ``head``; False when one does not move any more."""
    reached, moved_at = -1, monotonic()
    while reached < head:
        positions = _positions()
        slowest = min(positions) if len(positions) >= _READERS else 0
        if slowest > reached:
            reached, moved_at = slowest, monotonic()
        if monotonic() - moved_at > _STUCK_SECONDS:
            return False
        progress(min(reached, head), head)
        await asyncio.sleep(_LOOK_SECONDS)
    return True


def _positions() -> list[int]:
    """Return how far each subscription of this process has come with the demonstration council."""
    return [
        int(sample.value)
        for family in REGISTRY.collect()
        if family.name == "homeward_subscription_position"
        for sample in family.samples
        if sample.labels.get("authority") == demonstration_key.AUTHORITY
    ]


def client_for(base_url: str, key: ApiKey) -> httpx.AsyncClient:
    """Return a client of the public API over the network, as anybody else's."""
    return httpx.AsyncClient(base_url=base_url, headers={"authorization": f"Bearer {key}"}, timeout=60)
