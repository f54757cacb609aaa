"""What the API document says about the append, whose body FastAPI does not read."""

from __future__ import annotations

from typing import Any

from shared.domain.catalogue import CATALOGUE
from shared.domain.ids import AUTHORITY_STREAM, CHILD_STREAM_PREFIX, IDENTIFIER_PATTERN
from shared.wire import content_modes, limits
from shared.wire.cloudevents import REQUIRED
from shared.wire.problem import MEDIA_TYPE

_IDENTIFIER = IDENTIFIER_PATTERN.removeprefix("^").removesuffix("$")
STREAM_PATTERN = f"^({AUTHORITY_STREAM}|{CHILD_STREAM_PREFIX}{_IDENTIFIER})$"

_DATA = {"occurred_on": "2026-01-15", "episode_id": "e-2041", "legal_reason": "section_25"}
_EXAMPLE: dict[str, Any] = {
    "specversion": "1.0",
    "id": "0b7c1f52-accommodated",
    "source": "/council/case-system",
    "type": "child.accommodated",
    "subject": "child-7f3c9a",
    "time": "2026-01-15T16:30:00Z",
    "data": _DATA,
}
_NDJSON_EXAMPLE = (
    '{"specversion":"1.0","id":"a-1","source":"/council/case-system","type":"child.registered",'
    '"subject":"child-7f3c9a","data":{"occurred_on":"2026-01-15"}}\n'
    '{"specversion":"1.0","id":"a-2","source":"/council/case-system","type":"child.team_assigned",'
    '"subject":"child-7f3c9a","data":{"occurred_on":"2026-01-15","team":"north"}}\n'
)


def _text(description: str, **more: Any) -> dict[str, Any]:
    return {"type": "string", "description": description, **more}


_IDENTITY = {"minLength": 1, "maxLength": limits.IDENTITY_CHARACTERS}
_CLOUD_EVENT: dict[str, Any] = {
    "type": "object",
    "title": "CloudEvent",
    "description": "A CloudEvent 1.0. Its data follows the schema of its type: GET /v1/event-types.",
    "required": list(REQUIRED),
    "properties": {
        "specversion": {"const": "1.0"},
        "id": _text("With `source` it names the event; the same event sent again is stored once.", **_IDENTITY),
        "source": _text("The system that tells of the event.", **_IDENTITY),
        "type": _text("An event type of the catalogue.", enum=sorted(CATALOGUE)),
        "subject": _text("The stream: `child-` and the child's identifier, or `authority`.", pattern=STREAM_PATTERN),
        "time": _text("When the source made the event (RFC 3339 with zone).", format="date-time"),
        "recordedtime": _text("When the source recorded it (RFC 3339 with zone).", format="date-time"),
        "datacontenttype": _text("`application/json`, which is also meant when it is left out."),
        "dataschema": _text("Path or URL of the schema of the type, as GET /v1/event-types gives it."),
        "data": {"type": "object", "description": "Follows the JSON Schema of the type."},
    },
    "patternProperties": {
        f"^[a-z0-9]{{1,{limits.EXTENSION_NAME_CHARACTERS}}}$": {
            "description": "At most "
            f"{limits.EXTENSIONS} extension attributes: strings of at most {limits.EXTENSION_VALUE_CHARACTERS} "
            "characters, integers, booleans."
        }
    },
    "additionalProperties": False,
}


def _content(schema: dict[str, Any], example: Any) -> dict[str, Any]:
    return {"schema": schema, "example": example}


_BINARY_HEADERS = [
    {
        "name": f"ce-{name}",
        "in": "header",
        "required": False,
        "description": f"Binary mode only (application/json): the attribute `{name}`, percent-encoded UTF-8.",
        "schema": {"type": "string"},
        "example": _EXAMPLE.get(name, "1.0"),
    }
    for name in ("specversion", "id", "source", "type", "subject", "time")
]
_PRECONDITIONS = [
    {"name": name, "in": "header", "required": False, "description": description, "schema": {"type": "string"}}
    for name, description in (
        ("if-match", 'Append only if the stream is at this position: `"5"`; or `*`: only if it exists.'),
        ("if-none-match", "`*`: append only if the stream does not exist."),
        (
            "homeward-expected",
            (
                "Where streams have to be, each by name: `child-a=5, child-b=none, child-c=exists`. Behind the `=` "
                "stands a position, `none` (there is no such stream), `exists` or `any`. If any stream is elsewhere, "
                "nothing is stored. Streams may be named of which no event is sent. Not together with If-Match or "
                "If-None-Match."
            ),
        ),
    )
]
# No type: OpenAPI has no word for lines of JSON, and calling them a string would promise less than is checked.
_ND = _content({"description": "One CloudEvent a line; empty lines are skipped."}, _NDJSON_EXAMPLE)

#: Merged into the operation that appends.
APPEND: dict[str, Any] = {
    "parameters": [*_PRECONDITIONS, *_BINARY_HEADERS],
    "requestBody": {
        "required": True,
        "content": {
            content_modes.STRUCTURED: _content(_CLOUD_EVENT, _EXAMPLE),
            content_modes.BATCH: _content(
                {"type": "array", "items": _CLOUD_EVENT, "maxItems": limits.EVENTS_IN_BATCH}, [_EXAMPLE]
            ),
            **dict.fromkeys(content_modes.NDJSON, _ND),
            content_modes.BINARY: _content(
                {"type": "object", "description": "Binary mode: the data; the attributes stand in ce- headers."}, _DATA
            ),
        },
    },
}

_PROBLEM = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
_VERDICTS = {"application/json": {"schema": {"$ref": "#/components/schemas/AppendAnswer"}}}


def problem_document(description: str) -> dict[str, Any]:
    """Return what the API document says of an answer that is a problem."""
    return {"description": description, "content": _PROBLEM}


#: The answers of every operation that needs a key.
KEYED: dict[int | str, dict[str, Any]] = {
    401: problem_document("No valid API key was sent."),
    403: problem_document("The API key lacks the scope."),
    422: problem_document("A parameter breaks a rule."),
    503: problem_document("The database is away; try again."),
}

#: The answers of the append besides 200.
APPEND_ANSWERS: dict[int | str, dict[str, Any]] = {
    207: {"description": "Some events are in the log now, others were refused: see `items`.", "content": _VERDICTS},
    400: problem_document("The body or a ce- header cannot be read."),
    401: KEYED[401],
    403: KEYED[403],
    409: {
        "description": "Every event that was refused has a source and id that are taken by other content; nothing was "
        "stored. A request in a single mode is answered with a problem.",
        "content": {**_VERDICTS, **_PROBLEM},
    },
    412: problem_document(
        "A stream is not where If-Match, If-None-Match or Homeward-Expected says. Nothing was stored. For the first "
        "two `ETag` says where it is; for the last, `errors` names each such stream by its place in the header, from "
        "0, as in `:homeward-expected.2`, and says where it is."
    ),
    413: problem_document("The body, or the number of events, is over the limit: GET /v1/limits."),
    415: problem_document("The Content-Type is none of those taken, or not UTF-8, or the body is compressed."),
    422: {
        "description": "Nothing was stored, and at least one event is invalid. A request in a single mode, or one "
        "whose parameters break a rule, is answered with a problem.",
        "content": {**_VERDICTS, **_PROBLEM},
    },
    503: problem_document(
        "The database is away, or too much is waiting. Send the same request again: nothing is stored twice."
    ),
}
