"""Calendars as programs see them: lent over HTTP, fetched without a key, read by libraries nobody here wrote."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import httpx
import icalendar
import vobject

from tests.services.scheduler.served import Served
from tests.support.clients import client_of


@dataclass(frozen=True, slots=True)
class Seen:
    """An event as `vobject` reads it."""

    uid: str
    day: date
    until: date
    status: str
    summary: str
    description: str
    sequence: int
    modified: str

    @property
    def reference(self) -> str:
        """By what the calendar calls the child."""
        return self.summary.rpartition(" - child ")[2]


async def lend(running: Served, **wanted: Any) -> dict[str, Any]:
    """Lend a calendar and return the answer."""
    answer = await running.client.post("/v1/calendar-feeds", json=wanted)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def fetch(running: Served, address: str, etag: str | None = None) -> httpx.Response:
    """Fetch what lies at an address, as a calendar program does: without a key."""
    async with client_of(running.app) as client:
        return await client.get(address, headers={} if etag is None else {"if-none-match": etag})


async def text_of(running: Served, address: str) -> str:
    """Return the text of a calendar that is there."""
    answer = await fetch(running, address)
    assert answer.status_code == 200, answer.text
    return answer.text


async def seen(running: Served, address: str) -> dict[str, Seen]:
    """Return the events of a calendar by their UID."""
    events = events_of(await text_of(running, address))
    found = {each.uid: each for each in events}
    assert len(found) == len(events)
    return found


def events_of(text: str) -> list[Seen]:
    """Return what `vobject` reads; `icalendar` has to read the same events."""
    calendar = vobject.readOne(text)
    events = [_event(each) for each in calendar.contents.get("vevent", ())]
    again = icalendar.Calendar.from_ical(text)
    assert [(str(each["uid"]), each.DTSTART, each.DTEND) for each in again.events] == [
        (each.uid, each.day, each.until) for each in events
    ]
    assert again.errors == []
    return events


def _event(component: Any) -> Seen:
    assert component.dtstart.params["VALUE"] == ["DATE"]
    assert (component.contents["class"][0].value, component.transp.value) == ("PRIVATE", "TRANSPARENT")
    assert component.dtstamp.serialize().partition(":")[2] == component.last_modified.serialize().partition(":")[2]
    return Seen(
        component.uid.value,
        component.dtstart.value,
        component.dtend.value,
        component.status.value,
        component.summary.value,
        component.description.value,
        int(component.sequence.value),
        component.last_modified.serialize().strip(),
    )
