"""Opaque cursors: what was made here comes back, anything else is refused."""

from __future__ import annotations

from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import InvalidInput
from shared.wire.cursor import decode_cursor, encode_cursor

PARTS = st.lists(st.integers(0, 2**63 - 1) | st.text(st.characters(codec="utf-8")), max_size=4)


def raw(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


@given(PARTS)
def test_a_cursor_gives_back_its_parts(parts: list[str | int]) -> None:
    """Decoding undoes encoding, and the cursor fits into a URL as it is."""
    cursor = encode_cursor(parts)

    assert decode_cursor(cursor, length=len(parts)) == parts
    assert cursor.replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "!!",
        "x",
        "\U0001f600",
        *map(raw, ("{}", "[]", '["a","b"]', '[["a"]]', "[null]", "[1.5]", '[ "a"]')),
        raw('["a"]') + "=",
        "!" + raw('["a"]'),
    ],
)
def test_a_foreign_cursor_is_refused(cursor: str) -> None:
    """Another shape, another number of parts or another way of writing was not made here; the value is not echoed."""
    with pytest.raises(InvalidInput) as refused:
        decode_cursor(cursor, length=1)
    assert [fault.code for fault in refused.value.faults] == ["cursor_unknown"]
