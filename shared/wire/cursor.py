"""Opaque cursors: where a page ended, in a form that callers give back and do not read."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Any

import orjson

from shared.domain.errors import Fault, InvalidInput


def encode_cursor(parts: Sequence[str | int]) -> str:
    """Return the cursor that holds these parts."""
    return urlsafe_b64encode(orjson.dumps(list(parts))).decode().rstrip("=")


def decode_cursor(cursor: str, *, length: int) -> list[Any]:
    """Return the parts of a cursor, each a string or a number; raises InvalidInput for one that was not made here."""
    try:
        parts = orjson.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError:
        raise foreign_cursor() from None
    if not isinstance(parts, list) or len(parts) != length or not all(isinstance(each, (str, int)) for each in parts):
        raise foreign_cursor()
    # What was made here is written in one way only.
    if encode_cursor(parts) != cursor:
        raise foreign_cursor()
    return parts


def foreign_cursor() -> InvalidInput:
    """Return the error for a cursor that does not belong to this question."""
    message = "Send the cursor exactly as it was given, with the same filters."
    return InvalidInput(faults=[Fault("?cursor", "cursor_unknown", message)])
