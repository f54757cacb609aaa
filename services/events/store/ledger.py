"""Deciding what becomes of posted events, from what is known of the log under its lock.  Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from services.events.model import AppendRequest, Mismatch, Outcome, Place, Settlement, StreamState
from shared.domain.catalogue.governance import RecordCorrected
from shared.domain.envelope import NewEvent
from shared.domain.errors import EventIdConflict, Fault, InvalidInput
from shared.wire.append import REJECTED, Verdict
from shared.wire.cloudevents import INVALID, RECORD_TYPES
from shared.wire.content_modes import Candidate

#: Source and id, which name an event within its authority.
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of an event in the log."""

    place: Place
    type: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class Added:
    """An event to be inserted, its place, and the id of the key that appends it."""

    event: NewEvent
    place: Place
    recorded_by: str


@dataclass(slots=True)
class Ledger:
    """The end of the log, with all that the requests of one transaction ask about.

    ``known`` holds every event in the log whose key the requests name, ``stream_heads``
    the position of every stream they name (absent: no such stream).  ``added`` collects
    what is to be inserted, in position order.
    """

    head: int
    known: dict[Key, Known]
    stream_heads: dict[str, int]
    added: list[Added] = field(default_factory=list)

    def settle(self, request: AppendRequest) -> Settlement:
        """Decide on one request; later requests see what it adds."""
        actual = self._mismatch(request)
        if actual is not None:
            return Mismatch(actual)
        draft = _Draft(self, request.recorded_by)
        outcomes = [draft.settle(candidate) for candidate in request.candidates]
        if request.atomic and any(outcome.verdict in REJECTED for outcome in outcomes):
            return _unstored(outcomes, Verdict.WITHHELD)
        if request.dry_run:
            return _unstored(outcomes, Verdict.VALID)
        self._take(draft)
        return tuple(outcomes)

    def _mismatch(self, request: AppendRequest) -> int | None:
        """Return where the stream is, if that is not as expected.

        A request whose every event is known already is not asked: its first try may have
        been answered into nowhere, and has itself moved the stream.
        """
        new = [event for event in request.events if key_of(event) not in self.known]
        if request.expected is None or not new:
            return None
        actual = self.stream_heads.get(new[0].stream, 0)
        fits = actual > 0 if request.expected is StreamState.EXISTS else actual == request.expected
        return None if fits else actual

    def _take(self, draft: _Draft) -> None:
        self.known.update(draft.known)
        self.stream_heads.update(draft.stream_heads)
        self.added += draft.added
        self.head += len(draft.added)


def key_of(event: NewEvent) -> Key:
    """Return what names the event within its authority."""
    return event.source, event.event_id


@dataclass(slots=True)
class _Draft:
    """What one request would add to the ledger."""

    ledger: Ledger
    recorded_by: str
    known: dict[Key, Known] = field(default_factory=dict)
    stream_heads: dict[str, int] = field(default_factory=dict)
    added: list[Added] = field(default_factory=list)

    def settle(self, candidate: Candidate) -> Outcome:
        event = candidate.event
        if event is None:
            return Outcome(Verdict.INVALID, candidate.event_id, error=candidate.refusal)
        key = key_of(event)
        if key in self.known:
            return _repeated_here(event, self.known[key])
        if key in self.ledger.known:
            return _repeated(event, self.ledger.known[key])
        fault = self._amendment_fault(event)
        if fault is not None:
            return Outcome(Verdict.INVALID, event.event_id, error=InvalidInput(INVALID, faults=[fault]))
        return Outcome(Verdict.STORED, event.event_id, self._place(event))

    def _place(self, event: NewEvent) -> Place:
        stream_head = self.stream_heads.get(event.stream) or self.ledger.stream_heads.get(event.stream, 0)
        place = Place(self.ledger.head + len(self.added) + 1, event.stream, stream_head + 1)
        self.stream_heads[event.stream] = place.stream_position
        self.known[key_of(event)] = Known(place, event.type, event.digest)
        self.added.append(Added(event, place, self.recorded_by))
        return place

    def _amendment_fault(self, event: NewEvent) -> Fault | None:
        """Check that what is corrected or retracted is there: in this stream, and of the type named."""
        if event.amends is None:
            return None
        correction = event.data if isinstance(event.data, RecordCorrected) else None
        pointer = "/data/corrects_id" if correction else "/data/retracts_id"
        target = self.known.get(event.amends) or self.ledger.known.get(event.amends)
        if target is None or target.place.stream != event.stream:
            return Fault(pointer, "nothing_to_amend", "No earlier event of this stream has that source and id.")
        if target.type in RECORD_TYPES:
            return Fault(pointer, "not_amendable", "Amend the first event again, instead of its amendment.")
        if correction and target.type != correction.corrects_type:
            message = "The event with that source and id is of another type."
            return Fault("/data/corrects_type", "other_type", message)
        return None


def _repeated(event: NewEvent, known: Known) -> Outcome:
    if known.digest == event.digest:
        return Outcome(Verdict.DUPLICATE, event.event_id, known.place)
    conflict = EventIdConflict(
        f"An event with this source and id lies at position {known.place.position} with other content. "
        "Append record.corrected if it is wrong; use another id if this is another event."
    )
    return Outcome(Verdict.CONFLICT, event.event_id, known.place, conflict)


def _repeated_here(event: NewEvent, known: Known) -> Outcome:
    """Judge an event whose source and id an earlier event of the same request has."""
    if known.digest == event.digest:
        return Outcome(Verdict.DUPLICATE, event.event_id, known.place)
    conflict = EventIdConflict("An earlier event of this request has this source and id and other content.")
    return Outcome(Verdict.CONFLICT, event.event_id, error=conflict)


def _unstored(outcomes: Sequence[Outcome], verdict: Verdict) -> tuple[Outcome, ...]:
    """Return the outcomes of a request that stores nothing: none of its events has a place of its own."""
    places = {outcome.place for outcome in outcomes if outcome.verdict is Verdict.STORED}
    return tuple(
        replace(outcome, verdict=_verdict_unstored(outcome.verdict, verdict), place=None)
        if outcome.place in places
        else outcome
        for outcome in outcomes
    )


def _verdict_unstored(planned: Verdict, instead: Verdict) -> Verdict:
    """Say ``instead`` of what was to be stored; a repetition would be one in a dry run, and is withheld otherwise."""
    return planned if planned is Verdict.DUPLICATE and instead is Verdict.VALID else instead
