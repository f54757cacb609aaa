"""The ways in which CloudEvents arrive over HTTP: structured, binary, batch, and NDJSON.

Each reader gives candidates, one for each event of the request in its order: a valid
event, or what is wrong with it.  What makes the request as a whole unreadable is raised.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec
import orjson

from shared.domain.catalogue import EventData
from shared.domain.envelope import NewEvent
from shared.domain.errors import BodyTooLarge, Fault, HomewardError, InvalidInput, MalformedBody, UnsupportedMedia
from shared.wire import json_array, limits, strict_json
from shared.wire.cloudevents import DATA_CONTENT_TYPE, INVALID, KNOWN, event_id_of, new_event
from shared.wire.common_event import common_event

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
NDJSON = ("application/x-ndjson", "application/ndjson")
BINARY = DATA_CONTENT_TYPE
MEDIA_TYPES = (STRUCTURED, BATCH, *NDJSON, BINARY)

Headers = Iterable[tuple[bytes, bytes]]
#: Gives the value of an event's text, and the text to keep of it; raises what is wrong with it.
Decode = Callable[[bytes], tuple[Any, bytes]]
#: Names what is wrong with the data of an event that is valid by its schema; pointers lead into the event.
Check = Callable[[EventData], Sequence[Fault]]

_ATTRIBUTE_PREFIX = "ce-"
#: White space of JSON.  What lies around an event is not kept.
_SPACE = b" \t\r\n"
#: What is larger is refused unread: ten million bytes of JSON hold millions of values, and to read them takes seconds
#: in which nobody else has a turn.  What is only somewhat too large is named by its id.
_WORTH_READING = 2 * limits.EVENT_BYTES
_LINE = re.compile(rb"[^ \t\r\n].*")
_PERCENT = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_CHARSET = re.compile(r'charset="?utf-8"?', re.IGNORECASE)


class Candidate(msgspec.Struct, frozen=True, gc=False):
    """One event of a request: valid, or refused with the reason; ``event_id`` where one could be read."""

    event: NewEvent | None
    event_id: str | None
    refusal: HomewardError | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """The events of one request, in their order, and the media type in which they came."""

    candidates: tuple[Candidate, ...]
    media_type: str

    @property
    def single(self) -> bool:
        """Whether such a request holds exactly one event, so that its refusal is the whole answer."""
        return self.media_type in {STRUCTURED, BINARY}

    def as_sent(self, error: HomewardError) -> HomewardError:
        """Return a new error like ``error``, its pointers, which lead into the event, to where each part was sent."""
        if self.media_type != BINARY:
            return _unraised(error)
        faults = [Fault(_binary_pointer(fault.pointer), fault.code, fault.message) for fault in error.faults]
        return type(error)(error.detail, faults=faults)


def media_type_of(content_type: str | None) -> str:
    """Return the media type if it is one of the four; raises UnsupportedMedia."""
    media_type, *parameters = [part.strip() for part in (content_type or "").split(";")]
    if media_type.lower() not in MEDIA_TYPES:
        raise UnsupportedMedia(f"Events are taken as {', '.join(MEDIA_TYPES)} (binary mode, with ce- headers).")
    if any(part.lower().startswith("charset") and not _CHARSET.fullmatch(part) for part in parameters):
        raise UnsupportedMedia("Events are taken in UTF-8 only.")
    return media_type.lower()


@dataclass(frozen=True, slots=True)
class Posted:
    """The text of each event of one request, in their order, not yet read."""

    texts: Sequence[bytes]
    media_type: str
    decode: Decode

    def candidate(self, text: bytes, check: Check) -> Candidate:
        """Judge one of the texts; ``check`` names what else is wrong with an event that is valid by its schema."""
        event = _at_a_glance(text, check) if self.media_type != BINARY else None
        return Candidate(event, event.event_id) if event is not None else _candidate(text, self.decode, check)


def cut(media_type: str, headers: Headers, body: bytes) -> Posted:
    """Return the texts of the events in a request of one of the ``MEDIA_TYPES``.

    Raises MalformedBody, BodyTooLarge or InvalidInput for the request as a whole.
    """
    if media_type == BINARY:
        return Posted([body], media_type, partial(_binary, headers))
    if media_type == STRUCTURED:
        return Posted([body], media_type, _decode)
    if media_type == BATCH:
        return Posted(_members(body), media_type, _decode)
    return Posted(_lines(body), media_type, _decode_line)


def read(media_type: str, headers: Headers, body: bytes, check: Check) -> Reading:
    """Return the events of a request, all at once; see :func:`cut` and :meth:`Posted.candidate`."""
    posted = cut(media_type, headers, body)
    return Reading(tuple([posted.candidate(text, check) for text in posted.texts]), media_type)


def _at_a_glance(text: bytes, check: Check) -> NewEvent | None:
    """Return the event of a JSON text if it is a common one in which ``check`` finds no fault, or None.

    Of any other text, and of one in which there is a fault, nothing is said: it is to be read with care.
    """
    # A line may not be larger with the white space around its event either.
    read_as = common_event(text.strip(_SPACE)) if len(text) <= limits.EVENT_BYTES else None
    if read_as is None:
        return None
    event, data = read_as
    return None if check(data) else event


def _candidate(text: bytes, decode: Decode, check: Check) -> Candidate:
    """Judge one event."""
    try:
        value, kept = decode(text)
        attributes = _object(value)
    except HomewardError as refusal:
        return Candidate(None, None, _unraised(refusal))
    try:
        event, data = new_event(attributes, kept)
        faults = check(data)
    except HomewardError as refusal:
        return Candidate(None, event_id_of(attributes), _unraised(refusal))
    return _refused(event, faults) if faults else Candidate(event, event.event_id)


def _refused(event: NewEvent, faults: Sequence[Fault]) -> Candidate:
    return Candidate(None, event.event_id, InvalidInput(INVALID, faults=faults))


def _unraised(error: HomewardError) -> HomewardError:
    """Return an error that says the same and was never raised.

    One that was raised holds the frames that it went through, and these all that was posted and
    what became of it: the candidate too, which the garbage collector passes over.  Kept in the
    candidate it would never be freed.
    """
    return type(error)(error.detail, faults=error.faults)


def _decode(text: bytes) -> tuple[Any, bytes]:
    kept = _within_limit(text)
    return strict_json.decode(text), kept


def _within_limit(text: bytes) -> bytes:
    """Return the text without white space around it; raises BodyTooLarge if it is not even worth reading its id."""
    kept = text.strip(_SPACE)
    if len(kept) > _WORTH_READING:
        raise BodyTooLarge(f"One event is larger than {limits.EVENT_BYTES} bytes.")
    return kept


def _object(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    raise InvalidInput("An event is a JSON object.", faults=[Fault("", "not_an_object", "An event is a JSON object.")])


def _lines(body: bytes) -> list[bytes]:
    """Cut the lines that hold anything, without the white space before them, and none behind one too many."""
    lines = [line[0] for line in islice(_LINE.finditer(body), limits.EVENTS_IN_NDJSON + 1)]
    _check_count(len(lines), limits.EVENTS_IN_NDJSON)
    return lines


def _decode_line(line: bytes) -> tuple[Any, bytes]:
    if len(line) > limits.EVENT_BYTES:
        raise BodyTooLarge(f"One line is longer than {limits.EVENT_BYTES} bytes.")
    return _decode(line)


def _members(body: bytes) -> list[bytes]:
    """Cut a batch: one event's doubled member or stray U+0000 must not cost its neighbours their place."""
    members = json_array.members(body, limits.EVENTS_IN_BATCH)
    if members is None:
        if len(body) <= _WORTH_READING or body.lstrip(_SPACE).startswith(b"["):
            strict_json.decode(body)
        raise InvalidInput("A batch is a JSON array.", faults=[Fault("", "not_an_array", "A batch is a JSON array.")])
    _check_count(len(members), limits.EVENTS_IN_BATCH)
    return members


def _check_count(count: int, most: int) -> None:
    if count > most:
        message = f"A request of this media type holds at most {most} events."
        raise BodyTooLarge(message, faults=[Fault("", "too_many_events", message)])


def _binary(headers: Headers, body: bytes) -> tuple[dict[str, Any], bytes]:
    """Read binary mode: attributes in headers, data as the body.

    The text to keep has the attributes in canonical form and the data as it was posted.
    """
    attributes = {**_attributes(headers), "datacontenttype": DATA_CONTENT_TYPE}
    posted = _within_limit(body)
    data = strict_json.decode(body)
    kept = strict_json.encode({**attributes, "data": orjson.Fragment(posted)})
    return {**attributes, "data": data}, kept


def _binary_pointer(pointer: str) -> str:
    if pointer == "/data" or pointer.startswith("/data/"):
        return pointer.removeprefix("/data")
    if pointer == "/datacontenttype":
        return ":content-type"
    return f":{_ATTRIBUTE_PREFIX}{pointer[1:]}" if pointer.startswith("/") else pointer


def _attributes(headers: Headers) -> dict[str, Any]:
    attributes: dict[str, Any] = {}
    for raw_name, raw_value in headers:
        name = raw_name.decode("latin-1").lower()
        if not name.startswith(_ATTRIBUTE_PREFIX):
            continue
        name = name.removeprefix(_ATTRIBUTE_PREFIX)
        if name in attributes or name in {"data", "datacontenttype"}:
            raise _unreadable_header(name, "A ce- header is given twice, or names what is no attribute in binary mode.")
        attributes[name] = _header_text(name, raw_value)
    return attributes


def _header_text(name: str, raw: bytes) -> str:
    """Undo quoting, then one round of percent-encoding (CloudEvents HTTP binding, 3.1.3.2)."""
    value = raw.strip(b" \t")
    if not value.isascii():
        raise _unreadable_header(name, "A ce- header holds characters that are not percent-encoded.")
    if value.startswith(b'"'):
        if not _QUOTED.fullmatch(value):
            raise _unreadable_header(name, "A ce- header begins a quoted string that does not end.")
        value = re.sub(rb"\\(.)", rb"\1", value[1:-1])
    if _PERCENT.search(value):
        raise _unreadable_header(name, "A ce- header holds a '%' that is not followed by two hexadecimal digits.")
    try:
        return unquote_to_bytes(value).decode("utf-8")
    except UnicodeDecodeError:
        raise _unreadable_header(name, "A ce- header is not percent-encoded UTF-8.") from None


_QUOTED = re.compile(rb'"(?:[^"\\]|\\.)*"')


def _unreadable_header(name: str, message: str) -> MalformedBody:
    # The name of any other attribute was made up by the sender and may itself be data: it is not repeated.
    pointer = f":{_ATTRIBUTE_PREFIX}{name if name in KNOWN else ''}"
    return MalformedBody("The event cannot be read from the headers.", faults=[Fault(pointer, "header", message)])
