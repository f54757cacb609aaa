"""An event before storage and after: ``NewEvent`` and ``RecordedEvent``.

A posted CloudEvent is brought into one canonical form (sorted members, no white
space); its bytes are what is stored and hashed, so the same content gives the same
digest however it was sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.domain.catalogue.base import EventData


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """A valid event that is not yet stored.

    ``body`` is the canonical CloudEvent, ``digest`` its SHA-256.  ``amends`` names
    (source, id) of an earlier event that this one corrects or retracts.
    """

    source: str
    event_id: str
    stream: str
    type: str
    body: bytes
    digest: bytes
    data: EventData
    amends: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedEvent:
    """An event as the log holds it.

    ``position`` is its place in the authority's log, without gaps and in commit order;
    ``stream_position`` its place in the stream; both start at 1.  ``recorded_at`` is the
    instant (UTC) at which Homeward stored it.  ``attributes`` are the CloudEvents
    attributes other than ``data``, as they were posted.  ``recorded_by`` is the id of the
    API key that appended the event.
    """

    authority_id: str
    position: int
    stream: str
    stream_position: int
    source: str
    event_id: str
    type: str
    recorded_at: datetime
    recorded_by: str
    data: EventData
    attributes: dict[str, Any]
