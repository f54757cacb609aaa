"""From pydantic's errors to faults: JSON Pointers and messages, never the values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from shared.domain.errors import Fault

#: Messages of these pydantic errors repeat what was sent, so they are worded here.
_OWN_WORDS = {
    "extra_forbidden": "This object has a member that is not in its schema.",
    "union_tag_invalid": "The tag is none of those known.",
    "uuid_parsing": "This is no UUID.",
}


def faults_of(errors: Iterable[Mapping[str, Any]], *, prefix: str = "") -> list[Fault]:
    """Return pydantic's errors as faults; ``prefix`` is the pointer to what was validated."""
    return [Fault(prefix + pointer(known_part(each)), each["type"], message_of(each)) for each in errors]


def message_of(error: Mapping[str, Any]) -> str:
    """Return what a pydantic error says, without the value."""
    return _OWN_WORDS.get(error["type"]) or str(error["msg"]).removeprefix("Value error, ")


def pointer(location: Sequence[str | int]) -> str:
    """Return the JSON Pointer (RFC 6901) of a location."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in location)


def known_part(error: Mapping[str, Any]) -> Sequence[str | int]:
    """Return where an error is, as far as the names are ours.

    The name of an unknown member was made up by the sender and may itself be data.
    """
    location: Sequence[str | int] = error["loc"]
    return location[:-1] if error["type"] == "extra_forbidden" else location
