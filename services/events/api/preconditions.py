"""Where an append expects streams to be, as its headers say it.

``If-Match`` and ``If-None-Match`` speak of the one stream that the events are of.
``Homeward-Expected`` speaks of as many streams as it names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.datastructures import Headers

from services.events.model import AtPosition, Expected, Mismatch, StreamState
from shared.domain.envelope import NewEvent
from shared.domain.errors import Fault, InvalidInput, StreamPositionConflict
from shared.domain.ids import check_stream

EXPECTED_HEADER = "homeward-expected"
#: More streams than this are not named in one request.
MOST_STREAMS = 100

_POSITION = re.compile(r"0|[1-9][0-9]{0,17}")
_POSITION_TAG = re.compile(rf'"({_POSITION.pattern})"')
_STATES = {state.value: state for state in StreamState}


@dataclass(frozen=True, slots=True)
class Preconditions:
    """What an append expects: of the one stream of its events, of streams by name, or nothing.

    ``header`` is the one that says so of the one stream.
    """

    of_one: Expected | None = None
    header: str = "if-match"
    by_stream: Mapping[str, Expected] | None = None

    def streams(self, events: Sequence[NewEvent]) -> Mapping[str, Expected]:
        """Return what is expected of each stream; raises InvalidInput if it is not clear which stream is meant."""
        if self.by_stream is not None:
            return self.by_stream
        if self.of_one is None:
            return {}
        streams = {event.stream for event in events}
        if len(streams) > 1:
            message = "If-Match and If-None-Match speak of one stream, and the events are of several: "
            raise _refusal(f":{self.header}", f"{message}use Homeward-Expected.")
        return dict.fromkeys(streams, self.of_one)

    def refusal(self, mismatch: Mismatch) -> StreamPositionConflict:
        """Return the error that tells which streams are elsewhere, by their place in the header, and where."""
        if self.by_stream is None:
            (position,) = mismatch.actual.values()
            fault = Fault(f":{self.header}", "stream_position", f"This stream {_where(position)}.")
            return StreamPositionConflict(f"The stream {_where(position)}. Nothing was stored.", faults=[fault])
        faults = [
            Fault(f":{EXPECTED_HEADER}.{index}", "stream_position", f"This stream {_where(mismatch.actual[stream])}.")
            for index, stream in enumerate(self.by_stream)
            if stream in mismatch.actual
        ]
        message = "Streams are elsewhere than expected; `errors` names them by their place in the header, from 0. "
        return StreamPositionConflict(f"{message}Nothing was stored.", faults=faults)

    def etag(self, mismatch: Mismatch) -> dict[str, str]:
        """Return the header that tells where the one stream is."""
        return {"etag": f'"{next(iter(mismatch.actual.values()))}"'} if self.by_stream is None else {}


NO_PRECONDITIONS = Preconditions()


def preconditions(headers: Headers) -> Preconditions:
    """Read the preconditions of a request; raises InvalidInput for any that cannot be kept."""
    if_match, if_none_match, named = (_header(headers, name) for name in ("if-match", "if-none-match", EXPECTED_HEADER))
    if (if_match, if_none_match, named).count(None) < 2:  # noqa: PLR2004 - of three one may be there
        raise _refusal(":if-match", "Send one of If-Match, If-None-Match and Homeward-Expected.")
    if named is not None:
        return Preconditions(by_stream=_by_stream(named))
    if if_none_match is not None:
        if if_none_match.strip() != "*":
            raise _refusal(":if-none-match", "If-None-Match is taken as * only: the stream must not exist.")
        return Preconditions(StreamState.ABSENT, "if-none-match")
    return NO_PRECONDITIONS if if_match is None else Preconditions(_of_tag(if_match.strip()))


def _header(headers: Headers, name: str) -> str | None:
    """Return a header; given several times, it is one list (RFC 9110, 5.3)."""
    values = headers.getlist(name)
    return ", ".join(values) if values else None


def _of_tag(if_match: str) -> Expected:
    if if_match == "*":
        return StreamState.EXISTS
    tag = _POSITION_TAG.fullmatch(if_match)
    if tag is None:
        raise _refusal(":if-match", 'If-Match is one stream position in quotes, as in "5", or *.')
    return _at(tag[1])


def _by_stream(header: str) -> Mapping[str, Expected]:
    entries = header.split(",")
    if len(entries) > MOST_STREAMS:
        raise _refusal(f":{EXPECTED_HEADER}", f"At most {MOST_STREAMS} streams are named.")
    expected: dict[str, Expected] = {}
    for index, entry in enumerate(entries):
        stream, _, value = entry.strip(" \t").partition("=")
        pointer = f":{EXPECTED_HEADER}.{index}"
        try:
            check_stream(stream)
        except ValueError as error:
            raise _refusal(pointer, f"Before the '=' stands a stream: {error}") from None
        if stream in expected:
            raise _refusal(pointer, "Each stream is named once.")
        if value not in _STATES and not _POSITION.fullmatch(value):
            raise _refusal(pointer, f"Behind the '=' stands a stream position or one of {', '.join(_STATES)}.")
        expected[stream] = _STATES.get(value) or _at(value)
    return expected


def _at(digits: str) -> Expected:
    """Return what a position says; at position 0 there is no stream yet."""
    return AtPosition(int(digits)) if int(digits) else StreamState.ABSENT


def _where(position: int) -> str:
    return f"is at position {position}" if position else "does not exist"


def _refusal(pointer: str, message: str) -> InvalidInput:
    return InvalidInput("The precondition cannot be kept.", faults=[Fault(pointer, "precondition", message)])
