"""What an append asks for, and what becomes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from shared.domain.envelope import NewEvent
from shared.domain.errors import HomewardError
from shared.wire.append import Verdict
from shared.wire.content_modes import Candidate


class StreamState(Enum):
    """What a writer may expect of a stream besides a position."""

    EXISTS = "exists"


#: Where the writer believes the stream to be: at a position (0: there is none yet), anywhere
#: as long as it exists, or, with None, anywhere.
Expected = int | StreamState | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AppendRequest:
    """One request to append.

    ``atomic`` stores all events or none; ``dry_run`` stores none and tells what would
    become of them.  With ``expected`` all valid events are of one stream.  ``recorded_by``
    is the id of the API key that asks.
    """

    candidates: Sequence[Candidate]
    recorded_by: str
    expected: Expected = None
    atomic: bool = False
    dry_run: bool = False

    @property
    def events(self) -> list[NewEvent]:
        """The valid events, in their order."""
        return [each.event for each in self.candidates if each.event is not None]


@dataclass(frozen=True, slots=True)
class Place:
    """Where an event lies: in the authority's log and in its stream, both from 1."""

    position: int
    stream: str
    stream_position: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one event; ``place`` is that of what is stored under its source and id, if anything."""

    verdict: Verdict
    event_id: str | None
    place: Place | None = None
    error: HomewardError | None = None


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Nothing was stored: the stream is at ``stream_position``, not where the writer believed."""

    stream_position: int


#: The outcome of every candidate in its order, or why none was considered.
Settlement = tuple[Outcome, ...] | Mismatch


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """One row of the log.

    ``body`` is the CloudEvent as it was posted, ``digest`` its SHA-256, ``link`` what binds
    the event to all before it (:mod:`shared.domain.hash_chain`), ``recorded_by`` the id of
    the API key that appended it.
    """

    position: int
    stream: str
    stream_position: int
    recorded_at: datetime
    recorded_by: str
    body: bytes
    digest: bytes
    link: bytes


@dataclass(frozen=True, slots=True)
class Page:
    """Consecutive rows of the log or of one stream, whether they reach its end, and where that lies."""

    events: Sequence[LoggedEvent]
    at_head: bool
    head: int
