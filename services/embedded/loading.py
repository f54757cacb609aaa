"""Loading the demonstration council: once, and to the end however often that was interrupted.

Which council is being loaded must be known again after an interruption, on another day
and perhaps from another data folder, so the log itself says it: every event carries the
extension attribute ``demonstration``, which holds the day the council was drawn for and a
digest of all its events.  A later run draws the council of that day again.  Is the digest
the same, then it posts what may be missing; events that are there are recognised by their
ids.  Is it another, then another edition of Homeward drew it, and it is left as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Any

import httpx
import orjson

from services.demonstration.council import generate
from services.demonstration.load import LoadFailed, load

SEED = 1
ATTRIBUTE = "demonstration"
_DIGITS = 16
_STREAM_PAGE = 1000

Event = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A council drawn for a day, its events marked with which council this is."""

    until: date
    mark: str
    events: Sequence[Event]


def draw(until: date) -> Drawn:
    """Draw the council as it stands on the morning of ``until``; the same day gives the same council."""
    events = generate(SEED, until)
    digest = sha256(orjson.dumps(events, option=orjson.OPT_SORT_KEYS)).hexdigest()
    mark = f"{until.isoformat()}.{digest[:_DIGITS]}"
    return Drawn(until, mark, [{**event, ATTRIBUTE: mark} for event in events])


async def load_once(client: httpx.AsyncClient, today: date, on_progress: Callable[[int, int], None]) -> bool:
    """Load the council into an empty log, or finish a load that was interrupted; tell whether anything was posted.

    ``on_progress(done, total)`` counts events.  A log that begins with anything else is
    left alone.  Raises LoadFailed.
    """
    mark = await _mark_of_log(client)
    if mark is None:
        drawn = draw(today)
    else:
        again = _drawn_again(mark)
        if again is None or await _holds(client, again.events[-1]):
            return False
        drawn = again
    await load(client, drawn.events, on_progress=on_progress)
    return True


async def _mark_of_log(client: httpx.AsyncClient) -> str | None:
    """Return the mark of the first event, "" if it has none, and None for an empty log."""
    events = await read(client, "/v1/events", {"after": 0, "limit": 1})
    return str(events[0]["event"].get(ATTRIBUTE, "")) if events else None


def _drawn_again(mark: str) -> Drawn | None:
    try:
        drawn = draw(date.fromisoformat(mark.partition(".")[0]))
    except ValueError:
        return None
    return drawn if drawn.mark == mark else None


async def _holds(client: httpx.AsyncClient, event: Event) -> bool:
    """Whether the log holds this event.  Events are posted in order, so the last one tells of all."""
    after = 0
    while page := await read(client, f"/v1/streams/{event['subject']}/events", {"after": after, "limit": _STREAM_PAGE}):
        if any((each["event"]["source"], each["event"]["id"]) == (event["source"], event["id"]) for each in page):
            return True
        after = page[-1]["stream_position"]
    return False


async def read(client: httpx.AsyncClient, path: str, params: dict[str, int]) -> list[dict[str, Any]]:
    """Return one page of recorded events, none where there is no such stream; raises LoadFailed."""
    answer = await client.get(path, params=params)
    if answer.status_code == httpx.codes.NOT_FOUND:
        return []
    if answer.status_code != httpx.codes.OK:
        raise LoadFailed(f"Homeward answered {answer.status_code} to a read of its log")
    events: list[dict[str, Any]] = answer.json()["events"]
    return events
