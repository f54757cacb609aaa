"""Recorded events on the wire: the feed and the streams.

A recorded event wraps the CloudEvent as it was posted, so that its digest can be
checked; what Homeward adds stands beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from shared.domain.catalogue import CATALOGUE, EventType, version_named
from shared.domain.envelope import RecordedEvent

#: With this header a sister service names on whose behalf it reads.
AUTHORITY_HEADER = "homeward-authority"


class RecordedEventView(BaseModel):
    """One event of the log."""

    model_config = ConfigDict(frozen=True)

    position: int = Field(description="Place in the authority's log: gap-free, in commit order, from 1.")
    stream: str
    stream_position: int = Field(description="Place in the stream, from 1.")
    recorded_at: datetime = Field(description="When Homeward stored the event (UTC).")
    recorded_by: str = Field(description="Id of the API key that appended the event.")
    digest: str = Field(description="`sha256:` and the hexadecimal digest of the posted bytes of the CloudEvent.")
    link: str = Field(description="`sha256:` and the hexadecimal hash that binds the event to all before it.")
    event: dict[str, Any] = Field(description="The CloudEvent 1.0 as it was posted.")


class FeedPage(BaseModel):
    """A page of the log, in commit order."""

    model_config = ConfigDict(frozen=True)

    events: list[RecordedEventView]
    next_after: int = Field(description="Ask for the next page with `after` set to this.")
    at_head: bool = Field(description="Whether this page reached the head of the log as it was just now.")
    head: int = Field(description="Position at which the log ended just now; 0 while it is empty.")


class UnreadableEvent(Exception):
    """An event of the log that this process cannot understand: it is newer than the process, or damaged.

    Whoever follows the log stops in front of it and says so; after an upgrade, or a repair,
    the same read succeeds.  The message names position, type and kind of trouble, and never
    a value of the event.
    """

    def __init__(self, position: int, type_name: str, reason: str) -> None:
        """Name the event by its position in the log and its type; ``reason`` is a few words."""
        self.position = position
        self.type = type_name
        self.reason = reason
        super().__init__(f"the event at position {position} ({type_name}) cannot be read: {reason}")

    def __reduce__(self) -> tuple[Any, ...]:
        """Go to another process as what it is: by default Exception would hand on the sentence alone."""
        return type(self), (self.position, self.type, self.reason)


@dataclass(frozen=True, slots=True)
class ReadPage:
    """A page of the log as the domain sees it.

    ``events`` ends before the first event that cannot be understood; ``unreadable`` is that
    one, if any.  ``at_head`` and ``head`` are as in :class:`FeedPage`.
    """

    events: Sequence[RecordedEvent]
    at_head: bool
    head: int
    unreadable: UnreadableEvent | None = None


class Recorded(Protocol):
    """What the log tells of one event: the members of :class:`RecordedEventView` without digest and link."""

    @property
    def position(self) -> int:
        """Place in the authority's log."""
        ...

    @property
    def stream(self) -> str:
        """Name of the stream."""
        ...

    @property
    def stream_position(self) -> int:
        """Place in the stream."""
        ...

    @property
    def recorded_at(self) -> datetime:
        """When it was stored."""
        ...

    @property
    def recorded_by(self) -> str:
        """Id of the key that appended it."""
        ...

    @property
    def event(self) -> Mapping[str, Any]:
        """The CloudEvent as it was posted, decoded."""
        ...


class _View(msgspec.Struct, frozen=True, gc=False):
    """RecordedEventView as far as a reader in this product needs it; decoded many times faster."""

    position: int
    stream: str
    stream_position: int
    recorded_at: datetime
    recorded_by: str
    event: dict[str, Any]


class _Page(msgspec.Struct, frozen=True):
    events: list[_View]
    at_head: bool
    head: int


_page = msgspec.json.Decoder(_Page)


def read_page(authority_id: str, body: bytes) -> ReadPage:
    """Return the domain's events from the JSON text of a :class:`FeedPage`.

    Raises ValueError for a text that is no such page.
    """
    page = _page.decode(body)
    events: list[RecordedEvent] = []
    for view in page.events:
        try:
            events.append(recorded_event(authority_id, view))
        except UnreadableEvent as error:
            return ReadPage(events, at_head=False, head=page.head, unreadable=error)
    return ReadPage(events, page.at_head, page.head)


def recorded_event(authority_id: str, view: Recorded) -> RecordedEvent:
    """Return the domain's event from its view, its data as the latest version of its type.

    Raises UnreadableEvent for a type, version or data that this process does not know.
    """
    # The posted bytes are kept as they came: an attribute that is null there is one left out.
    attributes = {name: value for name, value in view.event.items() if value is not None}
    type_name = attributes.get("type")
    of = CATALOGUE.get(type_name) if isinstance(type_name, str) else None
    if of is None:
        raise UnreadableEvent(view.position, str(type_name), "the type is unknown here")
    try:
        data = of.read(_version(view.position, of, attributes.get("dataschema")), attributes.pop("data"))
        source, event_id = attributes["source"], attributes["id"]
    except (KeyError, ValueError) as error:
        # The error's own text may repeat a value of the event.
        raise UnreadableEvent(view.position, of.name, f"its data does not fit ({type(error).__name__})") from None
    return RecordedEvent(
        authority_id=authority_id,
        position=view.position,
        stream=view.stream,
        stream_position=view.stream_position,
        source=source,
        event_id=event_id,
        type=of.name,
        recorded_at=view.recorded_at,
        recorded_by=view.recorded_by,
        data=data,
        attributes=attributes,
    )


def _version(position: int, of: EventType, dataschema: object) -> int:
    """Return the version of the data: the one that ``dataschema`` names, and 1 where nothing does."""
    if dataschema is None:
        return 1
    version = version_named(of, str(dataschema))
    if version is None:
        raise UnreadableEvent(position, of.name, "the version of its data is unknown here")
    return version
