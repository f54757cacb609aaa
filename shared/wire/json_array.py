"""Cutting the text of a JSON array into the exact texts of its members."""

from __future__ import annotations

import json
import re
from functools import cache
from itertools import takewhile

import msgspec

_SPACE = re.compile(r"[ \t\r\n]*")

# Numbers stay text, because it is not for the scanner to say whether they are too large.
_scanner = json.JSONDecoder(strict=False, parse_int=str, parse_float=str, parse_constant=str)


def members(raw: bytes, most: int) -> list[bytes] | None:
    """Return the members' texts without white space around them, or None if ``raw`` is no array that can be cut.

    Of an array that holds more than ``most`` only the first ``most + 1`` are cut: ten million
    bytes hold five million members, which nobody is going to read.

    A member need not be JSON that anybody would read: NaN, lone surrogates and bytes that
    are no UTF-8 stay where they are.  Whoever takes the members reads each strictly by itself.
    """
    try:
        fields = msgspec.structs.astuple(_first(most + 1).decode(raw))
    except (msgspec.DecodeError, RecursionError):
        return _lenient(raw, most)
    return [bytes(field) for field in takewhile(len, fields)]


@cache
def _first(number: int) -> msgspec.json.Decoder[msgspec.Struct]:
    """Return what decodes an array into a record of its first members, and passes over those behind them.

    A list of all members would take memory for each of them.
    """
    fields = [(f"member_{place}", msgspec.Raw, msgspec.Raw(b"")) for place in range(number)]
    return msgspec.json.Decoder(msgspec.defstruct("FirstMembers", fields, array_like=True))


def _lenient(raw: bytes, most: int) -> list[bytes] | None:
    """Cut an array of which some members are no JSON; what lies behind the last that is cut is not looked at."""
    # Bytes that are no UTF-8 become lone surrogates, which the scanner passes over, and the same bytes again.
    text = raw.decode("utf-8", "surrogateescape")
    found: list[bytes] = []
    try:
        at = _behind(text, 0, "[")
        closes = text[at] == "]"
        while not closes:
            _, end = _scanner.raw_decode(text, at)
            found.append(text[at:end].encode("utf-8", "surrogateescape"))
            if len(found) > most:
                return found
            at = _behind_space(text, end)
            closes = text[at] == "]"
            at = at if closes else _behind(text, at, ",")
    except (ValueError, IndexError, RecursionError):
        return None
    return found if _behind_space(text, at + 1) == len(text) else None


def _behind(text: str, at: int, expected: str) -> int:
    """Return the place behind white space, ``expected`` and white space; raises ValueError without it."""
    at = _behind_space(text, at)
    if not text.startswith(expected, at):
        raise ValueError(expected)
    return _behind_space(text, at + len(expected))


def _behind_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at
