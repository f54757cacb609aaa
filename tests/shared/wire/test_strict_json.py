"""Reading JSON so that one text has one meaning."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import MalformedBody
from shared.wire.strict_json import MAX_DEPTH, decode, encode

#: Strings in which escapes, quotes and colons stand side by side.
TEXTS = st.text(st.sampled_from('ab":\\ \t\né€𝄞'), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)

REFUSED = {
    "not JSON": (b"{", "json_invalid"),
    "empty": (b"", "json_invalid"),
    "NaN": (b"[NaN]", "json_invalid"),
    "infinity": (b"[-Infinity]", "json_invalid"),
    "number beyond a double": (b"[1e999]", "json_invalid"),
    "integer of 400 digits": (b"[" + b"1" * 400 + b"]", "json_invalid"),
    "integer beyond 64 bits": (b"[9223372036854775808]", "number_too_large"),
    "negative integer beyond 64 bits": (b"[-9223372036854775809]", "number_too_large"),
    "lone surrogate": (rb'"\ud800"', "json_invalid"),
    "U+0000 in a string": (rb'{"a": "x\u0000"}', "nul_character"),
    "U+0000 in a name": (rb'{"\u0000": 1}', "nul_character"),
    "U+0000 deep in lists": (rb'{"a": [["\u0000"]]}', "nul_character"),
    "member twice": (b'{"a": 1, "a": 1}', "duplicate_member"),
    "member twice, deep": (b'[{"b": {"a": 1, "c": 2, "a": 3}}]', "duplicate_member"),
    "member twice, spelt otherwise": (rb'{"a": 1, "\u0061": 2}', "duplicate_member"),
    "member twice, hidden by an escaped quote": (rb'{"a": 1, "a": 2, "b": "\u0022:"}', "duplicate_member"),
    "member twice, hidden by an escaped colon": (rb'{"a": 1, "a": 2, "b": "\"\u003a"}', "duplicate_member"),
    "byte order mark": (b"\xef\xbb\xbf{}", "json_invalid"),
    "UTF-16": ("{}".encode("utf-16"), "json_invalid"),
    "overlong UTF-8": (b'["\xc0\xa0"]', "json_invalid"),
    "too deep": (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "too_deep"),
    "far too deep, with an escape": (b"[" * 1010 + rb'"\u0000"' + b"]" * 1010, "too_deep"),
}


@pytest.mark.parametrize(("raw", "code"), REFUSED.values(), ids=REFUSED.keys())
def test_what_has_no_single_meaning_is_refused(raw: bytes, code: str) -> None:
    """Each such text is refused with the code of what is wrong, and without repeating it."""
    with pytest.raises(MalformedBody) as refused:
        decode(raw)

    assert [fault.code for fault in refused.value.faults] == [code]


@given(VALUES)
def test_every_value_is_read_as_it_was_written(value: Any) -> None:
    """Any value survives the journey, however it is spelt: with escapes or as it is."""
    assert decode(json.dumps(value).encode()) == value
    assert decode(json.dumps(value, ensure_ascii=False, indent=1).encode()) == value
    assert decode(encode(value)) == value


@given(st.lists(st.tuples(TEXTS, st.integers(0, 3) | TEXTS), min_size=1, max_size=5), st.data())
def test_a_doubled_member_is_found_wherever_it_hides(members: list[tuple[str, Any]], data: st.DataObject) -> None:
    """A text with a doubled member is never read, whatever else stands in it and however it is spelt."""
    doubled = [*members, data.draw(st.sampled_from(members))]
    text = ",".join(f"{spelt(name, data)}:{spelt(value, data)}" for name, value in data.draw(st.permutations(doubled)))

    with pytest.raises(MalformedBody):
        decode(f"{{{text}}}".encode())


def spelt(value: Any, data: st.DataObject) -> str:
    """Write a JSON value, some of whose characters are escaped although they need not be."""
    if isinstance(value, int):
        return str(value)
    characters = (
        json.dumps(each)[1:-1] if ord(each) > 0xFFFF or not data.draw(st.booleans()) else f"\\u{ord(each):04x}"
        for each in value
    )
    return f'"{"".join(characters)}"'


@given(VALUES)
def test_the_canonical_text_does_not_depend_on_the_order_of_members(value: Any) -> None:
    """Reading and writing again gives the same bytes, whatever order and white space came in."""
    mixed = json.dumps(reordered(value), indent=2).encode()

    assert encode(decode(mixed)) == encode(value)


def reordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: reordered(each) for name, each in reversed(value.items())}
    return [reordered(each) for each in value] if isinstance(value, list) else value
