"""An event before storage and after: ``NewEvent`` and ``RecordedEvent``.

The bytes of a CloudEvent are stored and hashed exactly as they were posted, so that what
is read back years later is what was sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from shared.domain.catalogue.base import EventData


class NewEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A valid event that is not yet stored.

    ``body`` is the CloudEvent's JSON text as it was posted, without white space around it:
    the body in structured mode, the line in NDJSON, the slice of the array in a batch; in
    binary mode the attributes in canonical form with the posted data, verbatim, as the
    member ``data``.  ``digest`` is its SHA-256.  ``amends`` names (source, id) of an earlier
    event that this one corrects or retracts, and ``corrects_type`` the type that a
    correction says that event to be of.
    """

    source: str
    event_id: str
    stream: str
    type: str
    body: bytes
    digest: bytes
    amends: tuple[str, str] | None = None
    corrects_type: str | None = None


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
