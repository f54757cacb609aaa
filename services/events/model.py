"""What an append asks for, and what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from msgspec import Struct

from shared.domain.envelope import NewEvent
from shared.domain.errors import HomewardError
from shared.wire.append import Verdict
from shared.wire.content_modes import Candidate


class StreamState(Enum):
    """What a writer may expect of a stream besides its position."""

    ABSENT = "none"
    EXISTS = "exists"
    ANY = "any"


class AtPosition(NamedTuple):
    """The stream ends with its event number ``position``, from 1."""

    position: int


#: Where a writer believes a stream to be.
Expected = AtPosition | StreamState


def fits(expected: Expected, actual: int) -> bool:
    """Tell whether a stream that ends at ``actual`` (0: there is none) is where it is expected."""
    if isinstance(expected, AtPosition):
        return actual == expected.position
    return expected is StreamState.ANY or (actual > 0) == (expected is StreamState.EXISTS)


class AppendRequest:
    """One request to append.

    ``expected`` says of streams where they have to be for anything to be stored; no event
    of theirs need be among the candidates.  ``atomic`` stores all events or none;
    ``dry_run`` stores none and tells what would become of them.  ``recorded_by`` is the id
    of the API key that asks.  ``events`` are the valid ones of the candidates, in their
    order; ``amends`` tells whether any of them corrects or retracts an earlier event.
    """

    __slots__ = ("amends", "atomic", "candidates", "dry_run", "events", "expected", "recorded_by")

    def __init__(
        self,
        *,
        candidates: Sequence[Candidate],
        recorded_by: str,
        expected: Mapping[str, Expected] | None = None,
        atomic: bool = False,
        dry_run: bool = False,
    ) -> None:
        self.candidates = candidates
        self.events: list[NewEvent] = [each.event for each in candidates if each.event is not None]
        self.amends = any(event.amends for event in self.events)
        self.recorded_by = recorded_by
        self.expected = expected or {}
        self.atomic = atomic
        self.dry_run = dry_run


class Place(Struct, frozen=True, gc=False):
    """Where an event lies: in the authority's log and in its stream, both from 1."""

    position: int
    stream: str
    stream_position: int


class Outcome(Struct, frozen=True):
    """What became of one event; ``place`` is that of what is stored under its source and id, if anything."""

    verdict: Verdict
    event_id: str | None
    place: Place | None = None
    error: HomewardError | None = None


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Nothing was stored: these streams are elsewhere than the writer believed.

    ``actual`` holds the position of each of them, 0 for a stream that does not exist.
    """

    actual: Mapping[str, int]


#: The outcome of every candidate in its order, or why none was considered.
Settlement = tuple[Outcome, ...] | Mismatch
