"""Cutting the text of a JSON array into the exact texts of its members."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import MalformedBody
from shared.wire.json_array import _lenient, members

#: More than any array here holds, but for those that are to hold too much.
MOST = 10
TEXTS = st.text(st.sampled_from('[]{},:" \\\né€𝄞'), max_size=6)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
SPELLINGS = st.tuples(VALUES, st.booleans(), st.sampled_from([None, 0, 2])).map(
    lambda drawn: json.dumps(drawn[0], ensure_ascii=drawn[1], indent=drawn[2]).encode()
)
#: What a batch may hold instead of an event, and what must not cost its neighbours their place.
NO_JSON = st.sampled_from(
    [
        *(
            b"NaN",
            b"-Infinity",
            b"None",
            b"0x1F",
            b"nope",
            b"1" * 5000,
            b"1e999",
            rb'"\ud800"',
            rb'"\ud8"',
            rb'"\q\,]"',
        ),
        *(b'"\xff"', b'"\xc0\xa2"', b'"\x00\x1f"', b'"\n,]"', b'"\x7f"', rb'["\\", "\"", NaN]', rb'"\"\\\\\\\",]["'),
    ]
)
SPACE = st.text(st.sampled_from(" \t\r\n"), max_size=2).map(str.encode)


@given(st.lists(st.tuples(SPACE, SPELLINGS | NO_JSON, SPACE), min_size=1, max_size=5), SPACE, SPACE)
def test_members_are_cut_to_the_byte(spaced: list[tuple[bytes, bytes, bytes]], before: bytes, behind: bytes) -> None:
    """Whatever the members are, and whatever white space stands between them, each comes out as it went in."""
    raw = before + b"[" + b",".join(map(b"".join, spaced)) + b"]" + behind

    assert members(raw, MOST) == [member for _, member, _ in spaced]


@given(st.lists(SPELLINGS, max_size=4), st.data())
def test_no_text_is_cut_in_two_ways(spelled: list[bytes], data: st.DataObject) -> None:
    """A text that was tampered with is cut by both scanners alike, and as a strict reader would read it."""
    text = bytearray(b"[" + b",".join(spelled) + b"]")
    for _ in range(data.draw(st.integers(0, 2))):
        at = data.draw(st.integers(0, len(text) - 1))
        text[at : at + data.draw(st.integers(0, 2))] = data.draw(
            st.sampled_from([b"", b'"', b",", b"]", b"[", b"\\", b"}", b"\x7f", b"1", b" "])
        )
        text = text or bytearray(b" ")
    raw = bytes(text)

    cut = members(raw, MOST)

    if array_of(raw) is not None:
        assert cut is not None
        assert [orjson.loads(member) for member in cut] == array_of(raw)
    if quickly(raw) is not None:
        assert cut == quickly(raw) == _lenient(raw, MOST)


def array_of(raw: bytes) -> list[Any] | None:
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, list) else None


def quickly(raw: bytes) -> list[bytes] | None:
    try:
        return [bytes(member) for member in msgspec.json.decode(raw, type=list[msgspec.Raw])]
    except msgspec.DecodeError:
        return None


@pytest.mark.parametrize(
    "raw",
    [
        *(
            b"",
            b" ",
            b"{}",
            b"1",
            b"[",
            b"[1",
            b"[1,",
            b"[1,]",
            b"[,1]",
            b"[1 2]",
            b"[1]]",
            b"[1]x",
            b"[NaN",
            b"[NaN NaN]",
        ),
        *(b"[{NaN:1}]", b'[NaN"a"]', b"[NaN}", b"[NaN,]", b'[NaN,"]', b"{NaN}", b"nope"),
    ],
)
def test_what_is_no_array_is_not_cut(raw: bytes) -> None:
    """Where the array itself is no JSON, there are no members."""
    assert members(raw, MOST) is None


@pytest.mark.parametrize("raw", [rb"[\\]", rb"[\"]", rb"[\"1\"]", rb'["\",1]', b"[\x7f]", rb'["1\\", "2\\\"]'])
def test_what_stands_in_strings_only_is_no_member_of_its_own(raw: bytes) -> None:
    """A backslash outside of a string begins nothing, and one within it may end nothing."""
    assert members(raw, MOST) is None


@pytest.mark.parametrize(
    "raw", [b"\xef\xbb\xbf[]", *("[1]".encode(each) for each in ("utf-16", "utf-16-le", "utf-32-be"))]
)
def test_what_is_no_utf_8_is_not_cut(raw: bytes) -> None:
    """Another encoding is given up."""
    assert members(raw, MOST) is None


@pytest.mark.parametrize("deep", [b"[" * 100_000, b"[" * 5_000 + b"]" * 5_000, b'[{"a":' * 5_000, b"[NaN," * 5_000])
@pytest.mark.parametrize("more", [b"", b" " * 2_000_000], ids=["small", "large"])
def test_what_is_too_deep_is_refused(deep: bytes, more: bytes) -> None:
    """Nesting without end is told at once: a reader that makes values of it first may take a second."""
    with pytest.raises(MalformedBody) as refused:
        members(deep + more, MOST)
    assert [fault.code for fault in refused.value.faults] == ["too_deep"]


@pytest.mark.parametrize("raw", [b"[]", b" [ ] ", b"\n[\t]\r\n"])
def test_an_empty_array_has_no_members(raw: bytes) -> None:
    """An empty array is an array."""
    assert members(raw, MOST) == []


@pytest.mark.parametrize("first", [b"0", b"NaN"], ids=["JSON", "no JSON"])
@pytest.mark.parametrize("end", [b"0]", b"nope]"], ids=["well-formed", "broken"])
def test_no_more_is_cut_than_shows_that_there_is_too_much(first: bytes, end: bytes) -> None:
    """Of an array with too many members one more than are wanted is cut, and memory is taken for no others."""
    raw = b"[" + first + b",0" * 1_000_000 + b"," + end

    cut, most_bytes = measured(raw)

    assert cut == [first, *[b"0"] * MOST]
    # The lenient scanner takes another text as long as the array; a million members would be some 50 MB.
    assert most_bytes < 2 * len(raw)


@pytest.mark.parametrize("inner", [b"[]", b"{}", b"0", b'""', rb'"\\"'])
@pytest.mark.parametrize("last", [b"0", b"NaN"], ids=["JSON", "no JSON"])
def test_nothing_is_made_of_what_is_passed_over(inner: bytes, last: bytes) -> None:
    """However much a member holds, it is cut without a value being made of it: that took a second, and 60 MB."""
    member = b"[" + b",".join([inner] * 500_000) + b"]"
    raw = b"[" + member + b"," + last + b"]"

    cut, most_bytes = measured(raw)

    assert cut == [member, last]
    assert most_bytes < 4 * len(raw)


def measured(raw: bytes) -> tuple[list[bytes] | None, int]:
    """Cut an array; return its members, and the bytes that were taken at most."""
    tracemalloc.start()
    try:
        cut = members(raw, MOST)
        return cut, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@given(st.integers(0, 4), st.integers(0, 4), st.sampled_from([b"0", b"NaN"]))
def test_an_array_that_holds_what_is_wanted_is_cut_whole(number: int, most: int, member: bytes) -> None:
    """Up to the number that is wanted all members are cut, and behind it exactly one."""
    assert members(b"[" + b",".join([member] * number) + b"]", most) == [member] * min(number, most + 1)
