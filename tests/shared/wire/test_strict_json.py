"""Reading JSON so that one text has one meaning."""

from __future__ import annotations

import json
from random import Random
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
    "UTF-16 without a mark": ("{}".encode("utf-16-le"), "json_invalid"),
    "UTF-32": ("{}".encode("utf-32"), "json_invalid"),
    "overlong UTF-8": (b'["\xc0\xa0"]', "json_invalid"),
    "overlong slash": (b'["\xe0\x80\xaf"]', "json_invalid"),
    "a surrogate in UTF-8": (b'["\xed\xa0\x80"]', "json_invalid"),
    "a character beyond Unicode": (b'["\xf4\x90\x80\x80"]', "json_invalid"),
    "cut-off UTF-8": (b'["\xe2\x82"]', "json_invalid"),
    "raw U+0000": (b'["\x00"]', "json_invalid"),
    "raw line feed in a string": (b'["\n"]', "json_invalid"),
    "surrogates in the wrong order": (rb'["\udc00\ud800"]', "json_invalid"),
    "half a surrogate pair": (rb'["\ud800a"]', "json_invalid"),
    "unknown escape": (rb'["\x41"]', "json_invalid"),
    "two values": (b"{}{}", "json_invalid"),
    "two lines by carriage return": (b"{}\r{}", "json_invalid"),
    "comma at the end": (b'{"a": 1,}', "json_invalid"),
    "comment": (b"{} // a", "json_invalid"),
    "single quotes": (b"{'a': 1}", "json_invalid"),
    "name without quotes": (b"{a: 1}", "json_invalid"),
    "name that is a number": (b"{1: 1}", "json_invalid"),
    "leading zero": (b"[01]", "json_invalid"),
    "plus sign": (b"[+1]", "json_invalid"),
    "hexadecimal": (b"[0x10]", "json_invalid"),
    "fraction without digits": (b"[1.]", "json_invalid"),
    "other digits": ("[\u0661]".encode(), "json_invalid"),
    "other white space": ("[\u00a01]".encode(), "json_invalid"),
    "vertical tab": (b"[\x0b1]", "json_invalid"),
    "negative number beyond a double": (b"[-1e400]", "json_invalid"),
    "integer of 20 digits": (b"[18446744073709551616]", "number_too_large"),
    "integer of 5,000 digits in a string's shadow": (
        b'["' + b"1" * 5000 + b'", 18446744073709551616]',
        "number_too_large",
    ),
    "member twice around a string with quotes": (rb'{"a": "\"a\":", "b": 2, "a": 3}', "duplicate_member"),
    "member twice, with a decoy in a string": (rb'{"a": 1, "b": "\"a\": 1", "a": 1}', "duplicate_member"),
    "member twice, in the data, spelt otherwise": (rb'{"data": {"a": 1, "\u0061": 2}}', "duplicate_member"),
    "member twice, the name empty": (b'{"": 1, "" : 2}', "duplicate_member"),
    "member twice, the name very long": (b'{"%b": 1, "%b": 2}' % (b"a" * 9999, b"a" * 9999), "duplicate_member"),
    "member twice, white space before the colon": (b'{"a"\r\n\t :1,"a":2}', "duplicate_member"),
    "too deep": (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "too_deep"),
    "far too deep, with an escape": (b"[" * 1010 + rb'"\u0000"' + b"]" * 1010, "too_deep"),
}


@pytest.mark.parametrize(("raw", "code"), REFUSED.values(), ids=REFUSED.keys())
def test_what_has_no_single_meaning_is_refused(raw: bytes, code: str) -> None:
    """Each such text is refused with the code of what is wrong, and without repeating it."""
    with pytest.raises(MalformedBody) as refused:
        decode(raw)

    assert [fault.code for fault in refused.value.faults] == [code]


READ = {
    "minus zero": (b"-0", 0),
    "exponent": (b"1E5", 100000.0),
    "underflow": (b"1e-400", 0.0),
    "the largest integer": (b"9223372036854775807", 2**63 - 1),
    "the smallest integer": (b"-9223372036854775808", -(2**63)),
    "many digits of a fraction": (b"0." + b"1" * 400, 1 / 9),
    "many digits in a string": (b'"' + b"1" * 400 + b'"', "1" * 400),
    "a surrogate pair": (rb'"\ud834\udd1e"', "𝄞"),
    "nesting that is only text": (b'"' + b"[{" * 5000 + b'"', "[{" * 5000),
    "as deep as may be": (b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, None),
    "names that differ in case": (b'{"a": 1, "A": 2}', {"a": 1, "A": 2}),
    "names that look alike": ('{"é": 1, "e\u0301": 2}'.encode(), {"é": 1, "e\u0301": 2}),
    "a doubled member that is only text": (rb'"{\"a\": 1, \"a\": 1}"', '{"a": 1, "a": 1}'),
    "one name in two objects": (b'[{"a": 1}, {"a": 1}]', [{"a": 1}, {"a": 1}]),
    "one name in an object and inside it": (b'{"a": {"a": 1}}', {"a": {"a": 1}}),
}


@pytest.mark.parametrize(("raw", "value"), READ.values(), ids=READ.keys())
def test_what_is_odd_but_has_one_meaning_is_read(raw: bytes, value: Any) -> None:
    """Strictness ends where a text has one meaning."""
    assert value is None or decode(raw) == value
    decode(b" " + raw + b"\r\n")


@given(VALUES)
def test_every_value_is_read_as_it_was_written(value: Any) -> None:
    """Any value survives the journey, however it is spelt: with escapes or as it is."""
    assert decode(json.dumps(value).encode()) == value
    assert decode(json.dumps(value, ensure_ascii=False, indent=1).encode()) == value
    assert decode(encode(value)) == value


#: A JSON value in which an object is a list of its members, so that a name may stand there twice.
Members = list[tuple[str, Any]]
TREES = st.recursive(
    st.integers(0, 3) | TEXTS,
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.lists(st.tuples(TEXTS, inner), max_size=4),
    max_leaves=8,
)


@given(TREES, st.lists(st.tuples(TEXTS, TREES), min_size=1, max_size=4), st.integers(0, 3), st.randoms())
def test_a_doubled_member_is_found_wherever_it_hides(decoys: Any, members: Members, depth: int, chance: Random) -> None:
    """A text with a doubled member is never read, whatever else stands in it and however it is spelt."""
    name, value = chance.choice(members)
    doubled: Any = [*members, (name, chance.choice([value, decoys]))]
    chance.shuffle(doubled)
    for _ in range(depth):
        doubled = chance.choice([(decoys, doubled), [("a", doubled), ("", decoys)]])

    with pytest.raises(MalformedBody):
        decode(spelt(doubled, chance).encode())


@given(TREES, st.randoms())
def test_a_text_without_doubled_members_is_read_however_it_is_spelt(tree: Any, chance: Random) -> None:
    """No decoy in a string, no escape and no white space makes a good text look bad."""
    text = spelt(singled(tree), chance)

    assert decode(text.encode()) == json.loads(text)


def singled(tree: Any) -> Any:
    """Leave one member of each name."""
    if isinstance(tree, list):
        return list({name: singled(value) for name, value in tree}.items())
    return tuple(map(singled, tree)) if isinstance(tree, tuple) else tree


def spelt(tree: Any, chance: Random) -> str:
    """Write a tree as JSON, with white space and with escapes that need not be."""

    def space() -> str:
        return chance.choice(["", "", " ", "\t", "\r\n "])

    def spaced(*parts: str) -> str:
        return "".join(space() + part for part in parts) + space()

    if isinstance(tree, list):
        members = (spaced(text_of(name, chance), ":", spelt(value, chance)) for name, value in tree)
        return spaced("{", ",".join(members), "}")
    if isinstance(tree, tuple):
        return spaced("[", ",".join(spelt(value, chance) for value in tree), "]")
    return text_of(tree, chance) if isinstance(tree, str) else str(tree)


def text_of(text: str, chance: Random) -> str:
    often = chance.choice([0.0, 0.1, 0.5])  # a text without any escape is read in another way
    return f'"{"".join(character_of(each, chance.random() < often) for each in text)}"'


def character_of(character: str, escaped: bool) -> str:
    if escaped:
        units = character.encode("utf-16-be").hex()
        return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
    return json.dumps(character, ensure_ascii=False)[1:-1]


@given(VALUES)
def test_the_canonical_text_does_not_depend_on_the_order_of_members(value: Any) -> None:
    """Reading and writing again gives the same bytes, whatever order and white space came in."""
    mixed = json.dumps(reordered(value), indent=2).encode()

    assert encode(decode(mixed)) == encode(value)


def reordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: reordered(each) for name, each in reversed(value.items())}
    return [reordered(each) for each in value] if isinstance(value, list) else value
