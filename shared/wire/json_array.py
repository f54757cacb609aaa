"""Cutting the text of a JSON array into the exact texts of its members."""

from __future__ import annotations

import re
from functools import cache
from itertools import takewhile

import msgspec

from shared.domain.errors import Fault, MalformedBody
from shared.wire.strict_json import MAX_DEPTH

#: What is larger is not gone through twice.
_TRIED_FIRST = 1_000_000
_OPENING = re.compile(rb" *\[ *")
_COMMA = re.compile(rb" *,? *")
#: May stand in a string of JSON, and nowhere else.
_IN_STRINGS = b"\x7f"


def _simplified(byte: bytes) -> bytes:
    """Return what a byte becomes where escapes are gone and every bare word is to be a number."""
    if byte in b'[]{},:"' + _IN_STRINGS:
        return byte
    if byte in b" \t\r\n":
        return b" "
    return _IN_STRINGS if byte == b"\\" else b"1"


_PLAIN = b"".join(_simplified(bytes([byte])) for byte in range(256))


def members(raw: bytes, most: int) -> list[bytes] | None:
    """Return the members' texts without white space around them, or None if ``raw`` is no array that can be cut.

    Of an array that holds more than ``most`` only the first ``most + 1`` are cut: ten million
    bytes hold five million members, which nobody is going to read.

    Brackets, commas, colons and quotes have to stand where JSON has them.  What stands
    between them need not be JSON that anybody would read: NaN, lone surrogates and bytes that
    are no UTF-8 stay where they are.  Whoever takes the members reads each strictly by itself.

    Nobody else has a turn meanwhile.  So nothing is made of what is passed over, and ten
    million bytes take some hundredths of a second whatever they hold.

    Raises MalformedBody for nesting without end.
    """
    try:
        return _quick(raw, most) if len(raw) <= _TRIED_FIRST else _lenient(raw, most)
    except RecursionError:
        fault = Fault("", "too_deep", f"Nested deeper than {MAX_DEPTH} levels.")
        raise MalformedBody(faults=[fault]) from None


def _quick(raw: bytes, most: int) -> list[bytes] | None:
    """Cut an array as it is if it is JSON."""
    try:
        return [bytes(field) for field in _cut(raw, most)]
    except msgspec.DecodeError:
        return _lenient(raw, most)


def _cut(raw: bytes, most: int) -> list[msgspec.Raw]:
    """Cut an array that is JSON; raises DecodeError, and RecursionError for nesting without end."""
    return list(takewhile(len, msgspec.structs.astuple(_first(most + 1).decode(raw))))


@cache
def _first(number: int) -> msgspec.json.Decoder[msgspec.Struct]:
    """Return what decodes an array into a record of its first members, and passes over those behind them.

    A list of all members would take memory for each of them.
    """
    fields = [(f"member_{place}", msgspec.Raw, msgspec.Raw(b"")) for place in range(number)]
    return msgspec.json.Decoder(msgspec.defstruct("FirstMembers", fields, array_like=True))


def _lenient(raw: bytes, most: int) -> list[bytes] | None:
    """Cut an array of which some members may be no JSON where another text is cut that is."""
    alike = _alike(raw)
    try:
        fields = _cut(alike, most)
    except msgspec.DecodeError:
        return None
    found: list[bytes] = []
    at = _behind(_OPENING, alike, 0)
    for field in fields:
        end = at + len(field)
        found.append(raw[at:end])
        at = _behind(_COMMA, alike, end)
    return found


def _behind(separator: re.Pattern[bytes], text: bytes, at: int) -> int:
    match = separator.match(text, at)
    return match.end() if match else at


def _alike(raw: bytes) -> bytes:
    """Return a text of the same length with brackets, commas, colons and quotes of strings in the same places.

    It is JSON if any text with these characters in these places is: a bare word becomes a
    number, and nothing in a string is escaped or ends a line.
    """
    # Where backslashes follow each other, each second one is escaped by the one before it.
    unescaped = raw.replace(rb"\\", 2 * _IN_STRINGS).replace(rb"\"", 2 * _IN_STRINGS)
    return unescaped.translate(_PLAIN)
