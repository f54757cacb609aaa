"""Every kind of problem: what it means, and what a caller does next.

Served at the address that each problem names as its ``type``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from pydantic import BaseModel, ConfigDict, Field

from shared.domain.errors import HomewardError
from shared.wire.problem import TYPE_PREFIX


class ProblemKind(BaseModel):
    """One kind of problem."""

    model_config = ConfigDict(frozen=True)

    type: str = Field(description="What a problem of this kind carries as its `type`.")
    title: str
    status: int
    meaning: str
    next_step: str = Field(description="What to do about it.")


#: Slug to meaning and next step, for each error type.
_ADVICE = {
    "body-too-slow": (
        "The rest of the body did not arrive within the time that a sender has. Nothing of it was stored.",
        "Send the request again: events that were stored before are recognised. Over a slow line send fewer at once.",
    ),
    "internal-error": (
        "Homeward met a fault of its own. Nothing of the request was stored.",
        "Send the request again; if it fails again, tell the operator the x-request-id of the answer.",
    ),
    "invalid-input": (
        "The request could be read, but breaks a rule. Each entry of `errors` says where and which.",
        "Correct what `errors` names and send again. Event schemas lie at /v1/event-types.",
    ),
    "malformed-body": (
        (
            "The body or a header cannot be read as what it claims to be: JSON that is no JSON, a member "
            "named twice, a number too large, the character U+0000, bytes that are not UTF-8."
        ),
        "Correct the sender's encoding. Homeward reads JSON so that one text has one meaning.",
    ),
    "unreadable-url": (
        "The path or query is not percent-encoded UTF-8, holds the character U+0000, or the query is too long.",
        "Encode the URL as UTF-8 with percent signs. Ask for a long list of values in several requests.",
    ),
    "unsupported-media-type": (
        "The operation does not take the Content-Type, or its charset, or a compressed body.",
        (
            "Send events as application/cloudevents+json, application/cloudevents-batch+json, application/x-ndjson, or "
            "application/json with ce- headers; always UTF-8, never compressed."
        ),
    ),
    "body-too-large": (
        "The body, one event in it, or the number of its events is over a limit.",
        "Split the request. The limits lie at /v1/limits.",
    ),
    "not-authenticated": (
        "The request carries no API key, or one that is unknown, revoked or expired.",
        "Send 'Authorization: Bearer hw1...' with a key from the operator.",
    ),
    "not-permitted": (
        "The API key is valid, but lacks the scope that `detail` names.",
        "Ask the operator for a key with that scope.",
    ),
    "not-found": (
        "There is nothing with this name within the authority of the API key, or nothing at this path.",
        "Check the identifier and the path. A stream exists from its first event on.",
    ),
    "stream-position-conflict": (
        (
            "The stream is not where If-Match or If-None-Match says: somebody appended to it since it was read. "
            "Nothing was stored."
        ),
        "Read the stream again, decide again, and send with its new ETag.",
    ),
    "event-id-conflict": (
        "The source and id of the event are taken by an event with other content. Nothing is ever overwritten.",
        "To correct what was recorded, append record.corrected; for another fact, use another id.",
    ),
    "too-many-waiting": (
        "As many long polls and live feeds of this authority are open as may be.",
        "Close those that nobody reads, share one feed between several readers, or ask without `wait`.",
    ),
    "not-ready": (
        "A part that the operation needs is away for the moment, or too much is waiting.",
        "Send the same request again after the seconds that Retry-After names. An event is never stored twice.",
    ),
}

#: Kinds that arise outside Homeward's own error types.
_OTHERS = (
    ProblemKind(
        type=TYPE_PREFIX + "method-not-allowed",
        title="This path does not take that method",
        status=405,
        meaning="The path exists, but not with this HTTP method.",
        next_step="Use a method that the Allow header of the answer names.",
    ),
    ProblemKind(
        type=TYPE_PREFIX + "refused",
        title="The request was refused",
        status=400,
        meaning="The request was refused before it reached an operation; the status says why.",
        next_step="Correct the request as the status says. /docs describes every operation.",
    ),
)


def _error_types(base: type[HomewardError] = HomewardError) -> Iterator[type[HomewardError]]:
    yield base
    for each in base.__subclasses__():
        yield from _error_types(each)


def _kind(error_type: type[HomewardError]) -> ProblemKind:
    meaning, next_step = _ADVICE[error_type.slug]
    error = error_type()
    return ProblemKind(
        type=TYPE_PREFIX + error.slug, title=error.title, status=error.status, meaning=meaning, next_step=next_step
    )


#: Slug to kind.
PROBLEMS: Mapping[str, ProblemKind] = MappingProxyType(
    {kind.type.removeprefix(TYPE_PREFIX): kind for kind in (*map(_kind, _error_types()), *_OTHERS)}
)
