"""From the attributes of a CloudEvent 1.0 to an event that the log may store.

What is stored, hashed and given back is the text that was posted.  Whether two texts say
the same is judged on one canonical form: members sorted, no white space, null attributes
left out, ``datacontenttype`` always there, extension values as the strings by which
CloudEvents writes them in headers.

This is the careful reading, which names all that is wrong; what nearly every event is
made of passes by a faster one (:mod:`shared.wire.common_event`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError

from shared.domain.catalogue import (
    CATALOGUE,
    FIRST_VERSION,
    EventData,
    EventType,
    dataschema,
    event_type,
    version_named,
)
from shared.domain.catalogue.base import FIRST_CIVIL_DATE, LAST_CIVIL_DATE, Instant
from shared.domain.catalogue.governance import RecordCorrected
from shared.domain.envelope import NewEvent
from shared.domain.errors import BodyTooLarge, Fault, InvalidInput
from shared.domain.history import amended
from shared.domain.ids import AUTHORITY_STREAM, check_stream
from shared.wire import limits, strict_json
from shared.wire.faults import faults_of

SPECVERSION = "1.0"
DATA_CONTENT_TYPE = "application/json"
REQUIRED = ("specversion", "id", "source", "type", "subject", "data")
KNOWN = frozenset({*REQUIRED, "datacontenttype", "dataschema", "time"})
#: Facts about the record itself; they are amended by amending what they amend.
RECORD_TYPES = frozenset({"record.corrected", "record.retracted"})

INVALID = "The event is not valid; `errors` says where and why."

_instant = TypeAdapter(Instant)
_JSON_CONTENT_TYPE = re.compile(r'application/json\s*(;\s*charset="?utf-8"?\s*)?', re.IGNORECASE)
_EXTENSION_NAME = re.compile(rf"[a-z0-9]{{1,{limits.EXTENSION_NAME_CHARACTERS}}}")


def new_event(posted: Mapping[str, Any], body: bytes) -> tuple[NewEvent, EventData]:
    """Return the valid event that these attributes and ``data`` describe, and its data, of their latest version.

    ``posted`` is the decoded ``body``, the JSON text of the event as it was posted.  Raises
    BodyTooLarge, and InvalidInput with a fault for everything that is wrong, its pointer into
    the event; neither repeats a value.
    """
    if len(body) > limits.EVENT_BYTES:
        raise BodyTooLarge(f"One event is larger than {limits.EVENT_BYTES} bytes.")
    unset = _unset(posted)
    posted = _without_unset(posted)
    of_type = _type_named(posted)
    version = _version_named(of_type, posted) if of_type is not None else None
    faults = _envelope_faults(of_type, version, posted)
    # What is not set is kept with the posted bytes all the same: under no name may anything be told there.
    faults += _extension_faults(unset) if unset else []
    data: EventData | None = None
    if of_type is not None and version is not None and "data" in posted:
        data, data_faults = _data_of(of_type, version, posted["data"], "/data")
        faults += data_faults
    if faults or data is None:
        raise InvalidInput(INVALID, faults=_first(faults))
    event = NewEvent(
        source=posted["source"],
        event_id=posted["id"],
        stream=posted["subject"],
        type=posted["type"],
        body=body,
        digest=sha256(body).digest(),
        amends=amended(data),
        corrects_type=data.corrects_type if isinstance(data, RecordCorrected) else None,
    )
    return event, data


def same_content(one: bytes, other: bytes) -> bool:
    """Tell whether the bodies of two valid events say the same, however each of them was written."""
    return _canonical(orjson.loads(one)) == _canonical(orjson.loads(other))


def _canonical(posted: Mapping[str, Any]) -> bytes:
    posted = _without_unset(posted)
    extensions = {name: _extension_text(value) for name, value in posted.items() if name not in KNOWN}
    return strict_json.encode({**posted, **extensions, "datacontenttype": DATA_CONTENT_TYPE})


def event_id_of(posted: Any) -> str | None:
    """Return the id by which an answer may name the event, or None if it has none of the right form."""
    event_id = posted.get("id") if isinstance(posted, dict) else None
    return event_id if _identity(event_id) else None


def corrected_wording(data: EventData) -> EventData | None:
    """Return the data by which a valid correction replaces that of an earlier event, or None for other data."""
    if not isinstance(data, RecordCorrected):
        return None
    return event_type(data.corrects_type).read(data.replacement_version, orjson.dumps(data.replacement))


def _unset(posted: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the attributes that are null, each with the empty string, which any extension may have."""
    if None not in posted.values():
        return {}
    return {name: "" for name, value in posted.items() if value is None}


def _without_unset(posted: Mapping[str, Any]) -> Mapping[str, Any]:
    """Leave out attributes that are null, which in CloudEvents means that they are not set."""
    if None not in posted.values():
        return posted
    return {name: value for name, value in posted.items() if value is not None or name == "data"}


def _first(faults: list[Fault]) -> list[Fault]:
    """Keep an answer readable, and smaller than what it answers."""
    if len(faults) <= limits.FAULTS:
        return faults
    more = f"There are {len(faults) - limits.FAULTS} more faults."
    return [*faults[: limits.FAULTS], Fault("", "more_faults", more)]


def _extension_text(value: str | int) -> str:
    """Return the string encoding of CloudEvents (section 3.1 of its specification)."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _type_named(posted: Mapping[str, Any]) -> EventType | None:
    name = posted.get("type")
    return CATALOGUE.get(name) if isinstance(name, str) else None


def _version_named(of_type: EventType, posted: Mapping[str, Any]) -> int | None:
    """Return the version of the schema that the data follows, or None if what is named is none of them."""
    if "dataschema" not in posted:
        return FIRST_VERSION
    schema = posted["dataschema"]
    return version_named(of_type, schema) if isinstance(schema, str) else None


def _envelope_faults(of_type: EventType | None, version: int | None, posted: Mapping[str, Any]) -> list[Fault]:
    """Name everything that is wrong besides the data; ``version`` is None where no schema of the type is named."""
    faults = [
        Fault(f"/{name}", "missing", f"The member '{name}' is required.") for name in REQUIRED if name not in posted
    ]
    for name, check in _CHECKS.items():
        if name in posted:
            faults += check(posted[name])
    for name in ("time", "recordedtime"):
        if name in posted:
            faults += _instant_faults(name, posted[name])
    faults += _extension_faults(posted)
    return faults + _type_faults(of_type, version, posted) if of_type is not None else faults


def _specversion_faults(value: Any) -> list[Fault]:
    return [] if value == SPECVERSION else [Fault("/specversion", "specversion", "CloudEvents 1.0 is taken: '1.0'.")]


def _id_faults(value: Any) -> list[Fault]:
    return [] if _identity(value) else [_identity_fault("id")]


def _source_faults(value: Any) -> list[Fault]:
    return [] if _identity(value) else [_identity_fault("source")]


def _identity(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= limits.IDENTITY_CHARACTERS and value.isprintable()


def _identity_fault(name: str) -> Fault:
    message = f"'{name}' is a string of 1 to {limits.IDENTITY_CHARACTERS} printable characters."
    return Fault(f"/{name}", "identity", message)


def _known_type_faults(value: Any) -> list[Fault]:
    if isinstance(value, str) and value in CATALOGUE:
        return []
    return [Fault("/type", "unknown_type", "There is no such event type; GET /v1/event-types lists them all.")]


def _subject_faults(value: Any) -> list[Fault]:
    try:
        check_stream(value if isinstance(value, str) else "")
    except ValueError as error:
        return [Fault("/subject", "stream", f"'subject' names the stream: {error}.")]
    return []


def _content_type_faults(value: Any) -> list[Fault]:
    if isinstance(value, str) and _JSON_CONTENT_TYPE.fullmatch(value):
        return []
    return [Fault("/datacontenttype", "datacontenttype", f"Data is taken as {DATA_CONTENT_TYPE} in UTF-8 only.")]


_CHECKS = {
    "specversion": _specversion_faults,
    "id": _id_faults,
    "source": _source_faults,
    "type": _known_type_faults,
    "subject": _subject_faults,
    "datacontenttype": _content_type_faults,
}


def _instant_faults(name: str, value: Any) -> list[Fault]:
    try:
        instant = _instant.validate_python(value if isinstance(value, str) else "")
    except ValidationError:
        message = f"'{name}' is an instant as in RFC 3339, with its zone: 2026-01-15T16:30:00Z."
        return [Fault(f"/{name}", "datetime_parsing", message)]
    if not FIRST_CIVIL_DATE.year <= instant.year <= LAST_CIVIL_DATE.year:
        return [Fault(f"/{name}", "datetime_range", f"'{name}' lies outside the years 1900 to 2199.")]
    return []


def _extension_faults(posted: Mapping[str, Any]) -> list[Fault]:
    names = [name for name in posted if name not in KNOWN]
    faults: list[Fault] = []
    if len(names) > limits.EXTENSIONS:
        message = f"An event carries at most {limits.EXTENSIONS} extension attributes."
        faults.append(Fault("", "too_many_extensions", message))
    # Of the others one learns by the next try: a hundred thousand of them would keep everybody waiting.
    for name in names[: limits.EXTENSIONS + 1]:
        # Names were made up by the sender and may themselves be data: they are not repeated.
        if name == "data_base64" or not _EXTENSION_NAME.fullmatch(name):
            faults.append(Fault("", "attribute_name", _ATTRIBUTE_NAME))
        elif not _extension_value(posted[name]):
            faults.append(Fault("", "attribute_value", _ATTRIBUTE_VALUE))
    return faults


_ATTRIBUTE_NAME = (
    "The event has a member that is no attribute: an extension's name is 1 to "
    f"{limits.EXTENSION_NAME_CHARACTERS} lower-case letters and digits, and data_base64 is not taken."
)
_ATTRIBUTE_VALUE = (
    "An extension's value is a boolean, a 32-bit integer, or a string of at most "
    f"{limits.EXTENSION_VALUE_CHARACTERS} printable characters."
)


def _extension_value(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= limits.EXTENSION_VALUE_CHARACTERS and value.isprintable()
    return isinstance(value, int) and -(2**31) <= value < 2**31


def _type_faults(of_type: EventType, version: int | None, posted: Mapping[str, Any]) -> list[Fault]:
    """Check what the type says about the other attributes: its stream and its schema."""
    faults: list[Fault] = []
    # An amendment belongs to the stream of what it amends, which the log looks up.
    anywhere = of_type.name in RECORD_TYPES or "subject" not in posted
    if not anywhere and (posted["subject"] == AUTHORITY_STREAM) != of_type.about_authority:
        where = f"the stream '{AUTHORITY_STREAM}'" if of_type.about_authority else "the stream of a child"
        faults.append(Fault("/subject", "stream_of_type", f"Events of this type belong to {where}."))
    if version is None:
        faults.append(_unknown_schema("/dataschema", of_type))
    return faults


def _unknown_schema(pointer: str, of_type: EventType) -> Fault:
    known = ", ".join(dataschema(of_type, version) for version in of_type.schemas)
    return Fault(pointer, "unknown_schema", f"No such schema is known for this type; known are: {known}")


def _data_of(of_type: EventType, version: int, value: Any, pointer: str) -> tuple[EventData | None, list[Fault]]:
    """Validate ``value`` as JSON text of a known version, where a date is a string and nothing is coerced.

    The data returned is that of the latest version.
    """
    try:
        data = of_type.schemas[version].model_validate_json(orjson.dumps(value))
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False, include_input=False)
        return None, faults_of(details, prefix=pointer)
    if of_type.name in RECORD_TYPES and isinstance(data, RecordCorrected):
        return of_type.lift(version, data), _replacement_faults(data, pointer)
    return of_type.lift(version, data), []


def _replacement_faults(correction: RecordCorrected, pointer: str) -> list[Fault]:
    of_type = CATALOGUE.get(correction.corrects_type)
    if of_type is None or of_type.name in RECORD_TYPES:
        message = "Only an event type of the catalogue other than record.* can be corrected."
        return [Fault(f"{pointer}/corrects_type", "not_correctable", message)]
    version = correction.replacement_version
    if version not in of_type.schemas:
        return [_unknown_schema(f"{pointer}/replacement_version", of_type)]
    return _data_of(of_type, version, correction.replacement, f"{pointer}/replacement")[1]
