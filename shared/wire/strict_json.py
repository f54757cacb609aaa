"""Reading JSON so that one text has one meaning.

Refused, besides what is no JSON: NaN and infinities, numbers that a double or a 64-bit
integer cannot hold, lone surrogates, the character U+0000 (PostgreSQL keeps none),
members named twice, and nesting deeper than ``MAX_DEPTH``.
"""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

from shared.domain.errors import Fault, MalformedBody

MAX_DEPTH = 32
_MEMBER = re.compile(rb'"\s*:')
#: Makes digits alike: a long run of them is then found several times faster than by a regular expression.
_DIGITS_ALIKE = bytes.maketrans(b"0123456789", b"0" * 10)
#: Any shorter integer fits 64 bits.
_LONG_NUMBER = b"0" * 19
_INTEGERS = range(-(2**63), 2**63)
_INTEGER_PLACES = 20


def decode(raw: bytes, *, pointer: str = "") -> Any:
    """Return the value of a JSON text; raises MalformedBody, which names the place but not the value."""
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise _malformed(
            pointer, "json_invalid", f"This is not JSON: line {error.lineno}, column {error.colno}."
        ) from None
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH:
        _check_depth(value, pointer)
    if _suspicious(raw, value):
        _decode_slowly(raw, pointer)
    return value


def encode(value: Any) -> bytes:
    """Return the canonical text: members sorted, no white space, UTF-8."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def _suspicious(raw: bytes, value: Any) -> bool:
    """Tell whether the text may hold what orjson lets pass: long integers, U+0000, doubled members.

    A doubled member vanishes from the decoded value.  Where nothing is escaped, every quote
    begins or ends a string, so the text then has more quotes than the value written out
    again.  With escapes it has more quote-colon pairs: every name ends in one, and those
    inside strings are written out again, unless an escaped quote, colon or space hid them
    in the text.  Hence the check for escapes of the first 256 characters, NUL among them.
    """
    if _LONG_NUMBER in raw.translate(_DIGITS_ALIKE):
        return True
    written = orjson.dumps(value)
    if b"\\" not in raw:
        return raw.count(b'"') != written.count(b'"')
    return b"\\u00" in raw or len(_MEMBER.findall(raw)) != len(_MEMBER.findall(written))


def _decode_slowly(raw: bytes, pointer: str) -> None:
    def pairs(members: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({name for name, _ in members}) != len(members):
            raise _malformed(pointer, "duplicate_member", "An object names a member twice.")
        for name, value in members:
            _refuse_nul(name, pointer)
            _refuse_nul(value, pointer)
        return dict(members)

    def integer(digits: str) -> int:
        if len(digits) > _INTEGER_PLACES or int(digits) not in _INTEGERS:
            raise _malformed(pointer, "number_too_large", "An integer does not fit 64 bits.")
        return int(digits)

    _refuse_nul(json.loads(raw, object_pairs_hook=pairs, parse_int=integer), pointer)


def _refuse_nul(value: Any, pointer: str) -> None:
    if isinstance(value, str) and "\x00" in value:
        raise _malformed(pointer, "nul_character", "The character U+0000 cannot be kept.")
    if isinstance(value, list):
        for item in value:
            _refuse_nul(item, pointer)


def _check_depth(value: Any, pointer: str) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for each in level
            if isinstance(each, (dict, list))
            for child in (each.values() if isinstance(each, dict) else each)
            if isinstance(child, (dict, list))
        ]
        if not level:
            return
    raise _malformed(pointer, "too_deep", f"Nested deeper than {MAX_DEPTH} levels.")


def _malformed(pointer: str, code: str, message: str) -> MalformedBody:
    return MalformedBody(faults=[Fault(pointer, code, message)])
