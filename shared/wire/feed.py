"""Recorded events on the wire: the feed and the streams.

A recorded event wraps the CloudEvent as it was posted, so that its digest can be
checked; what Homeward adds stands beside it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from shared.domain.catalogue import event_type
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
    at_head: bool = Field(description="Whether this page reached the end of the log as it was just now.")
    head: int = Field(description="Position at which the log ended just now; 0 while it is empty.")


def recorded_event(authority_id: str, view: RecordedEventView) -> RecordedEvent:
    """Return the domain's event from its view; raises KeyError or pydantic.ValidationError if it is unknown here."""
    attributes = dict(view.event)
    # Stored data was checked when it was appended; from here it only changes type.
    data = event_type(attributes["type"]).data.model_validate(attributes.pop("data"), strict=False)
    return RecordedEvent(
        authority_id=authority_id,
        position=view.position,
        stream=view.stream,
        stream_position=view.stream_position,
        source=attributes["source"],
        event_id=attributes["id"],
        type=attributes["type"],
        recorded_at=view.recorded_at,
        recorded_by=view.recorded_by,
        data=data,
        attributes=attributes,
    )
