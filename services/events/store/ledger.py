"""Deciding what becomes of posted events, from what is known of the log.  Pure.

Both ways of appending decide here: the one that looks at the log under its lock, and the
one that remembers where the log ended and lets the database compare.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from services.events.model import AppendRequest, Mismatch, Outcome, Place, Settlement, fits
from shared.domain.envelope import NewEvent
from shared.domain.errors import EventIdConflict, Fault, InvalidInput
from shared.wire.append import REJECTED, Verdict
from shared.wire.cloudevents import INVALID, RECORD_TYPES, same_content
from shared.wire.content_modes import Candidate

#: Source and id, which name an event within its authority.
Key = tuple[str, str]


class Known(Struct, frozen=True, gc=False):
    """What is known of an event in the log.

    ``body`` is what was stored.  It may be left out (None) where every event that is asked
    about under this key has the same digest.
    """

    place: Place
    type: str
    digest: bytes
    body: bytes | None


class Added(Struct, frozen=True, gc=False):
    """An event to be inserted, its place, and the id of the key that appends it."""

    event: NewEvent
    place: Place
    recorded_by: str

    @property
    def type(self) -> str:
        """The event's type."""
        return self.event.type

    @property
    def digest(self) -> bytes:
        """The SHA-256 of what is stored."""
        return self.event.digest

    @property
    def body(self) -> bytes:
        """What is stored."""
        return self.event.body


class Ledger:
    """The head of the log, with all that the requests of one transaction ask about.

    ``head`` is the position of the last event; ``known`` holds every event in the log whose
    key the requests name, ``stream_heads`` the position of every stream they name (absent:
    no such stream).  ``added`` collects what is to be inserted, in position order.
    """

    __slots__ = ("added", "head", "known", "stream_heads")

    def __init__(self, head: int, known: dict[Key, Known | Added], stream_heads: dict[str, int]) -> None:
        self.head = head
        self.known = known
        self.stream_heads = stream_heads
        self.added: list[Added] = []

    def settle(self, request: AppendRequest) -> Settlement:
        """Decide on one request; later requests see what it adds."""
        if request.expected:
            elsewhere = self._elsewhere(request)
            if elsewhere:
                return Mismatch(elsewhere)
        before, recorded_by = self.head, request.recorded_by
        outcomes = tuple([self._judge(candidate, before, recorded_by) for candidate in request.candidates])
        if request.atomic and any(outcome.verdict in REJECTED for outcome in outcomes):
            self._take_back(before)
            return _unstored(outcomes, before, Verdict.WITHHELD)
        if request.dry_run:
            self._take_back(before)
            return _unstored(outcomes, before, Verdict.VALID)
        return outcomes

    def _elsewhere(self, request: AppendRequest) -> Mapping[str, int]:
        """Return where the streams are that are not as expected.

        A request whose every event is known already is not asked: its first try may have
        been answered into nowhere, and has itself moved the streams.
        """
        if all(key_of(event) in self.known for event in request.events):
            return {}
        heads = {stream: self.stream_heads.get(stream, 0) for stream in request.expected}
        return {
            stream: heads[stream] for stream, expected in request.expected.items() if not fits(expected, heads[stream])
        }

    def _judge(self, candidate: Candidate, before: int, recorded_by: str) -> Outcome:
        """Decide on one event; the request it came with began when the log ended at ``before``."""
        event = candidate.event
        if event is None:
            return Outcome(Verdict.INVALID, candidate.event_id, None, candidate.refusal)
        key = (event.source, event.event_id)
        known = self.known.get(key)
        if known is not None:
            return _repeated(event, known, before)
        if event.amends is not None:
            fault = self._amendment_fault(event, event.amends)
            if fault is not None:
                return Outcome(Verdict.INVALID, event.event_id, None, InvalidInput(INVALID, faults=[fault]))
        stream = event.stream
        self.head += 1
        self.stream_heads[stream] = stream_position = self.stream_heads.get(stream, 0) + 1
        place = Place(self.head, stream, stream_position)
        self.known[key] = added = Added(event, place, recorded_by)
        self.added.append(added)
        return Outcome(Verdict.STORED, event.event_id, place)

    def _take_back(self, before: int) -> None:
        """Leave the log ending at ``before`` again."""
        while self.head > before:
            last = self.added.pop()
            del self.known[key_of(last.event)]
            self.stream_heads[last.place.stream] = last.place.stream_position - 1
            self.head -= 1

    def _amendment_fault(self, event: NewEvent, amends: Key) -> Fault | None:
        """Check that what is corrected or retracted is there: in this stream, and of the type named."""
        pointer = "/data/retracts_id" if event.corrects_type is None else "/data/corrects_id"
        target = self.known.get(amends)
        if target is None or target.place.stream != event.stream:
            return Fault(pointer, "nothing_to_amend", "No earlier event of this stream has that source and id.")
        if target.type in RECORD_TYPES:
            return Fault(pointer, "not_amendable", "Amend the first event again, instead of its amendment.")
        if event.corrects_type is not None and target.type != event.corrects_type:
            message = "The event with that source and id is of another type."
            return Fault("/data/corrects_type", "other_type", message)
        return None


def settle_alone(request: AppendRequest, head: int, stream_head: int) -> tuple[Added, Settlement] | None:
    """Return what a ledger would add for a request of one event, and how it would settle it, if the event is new.

    ``head`` is that of the log, ``stream_head`` that of the event's stream.  None if there is
    more to decide.  Nearly every append is such a one, and waits for nothing but this.
    """
    if len(request.candidates) != 1 or not request.events or request.expected or request.amends or request.dry_run:
        return None
    event = request.events[0]
    place = Place(head + 1, event.stream, stream_head + 1)
    return Added(event, place, request.recorded_by), (Outcome(Verdict.STORED, event.event_id, place),)


def key_of(event: NewEvent) -> Key:
    """Return what names the event within its authority."""
    return event.source, event.event_id


def _repeated(event: NewEvent, known: Known | Added, before: int) -> Outcome:
    """Judge an event whose source and id are taken, by the log or by an earlier event of its own request."""
    if _same(event, known):
        return Outcome(Verdict.DUPLICATE, event.event_id, known.place)
    if known.place.position > before:
        conflict = EventIdConflict("An earlier event of this request has this source and id and other content.")
        return Outcome(Verdict.CONFLICT, event.event_id, None, conflict)
    conflict = EventIdConflict(
        f"An event with this source and id lies at position {known.place.position} with other content. "
        "Append record.corrected if it is wrong; use another id if this is another event."
    )
    return Outcome(Verdict.CONFLICT, event.event_id, known.place, conflict)


def _same(event: NewEvent, known: Known | Added) -> bool:
    """Tell whether the posted event says what the known one does, in whichever bytes."""
    if event.digest == known.digest:
        return True
    if known.body is None:
        raise ValueError("the stored body of an event with another digest was not looked up")
    return same_content(event.body, known.body)


def _unstored(outcomes: tuple[Outcome, ...], before: int, verdict: Verdict) -> tuple[Outcome, ...]:
    """Return the outcomes of a request that stores nothing: none of its events has a place of its own."""
    return tuple(
        replace(outcome, verdict=_verdict_unstored(outcome.verdict, verdict), place=None)
        if outcome.place is not None and outcome.place.position > before
        else outcome
        for outcome in outcomes
    )


def _verdict_unstored(planned: Verdict, instead: Verdict) -> Verdict:
    """Say ``instead`` of what was to be stored; a repetition would be one in a dry run, and is withheld otherwise."""
    return planned if planned is Verdict.DUPLICATE and instead is Verdict.VALID else instead
