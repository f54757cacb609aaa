"""Leaf and link are what the reference says, to the byte."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest

from shared.domain.hash_chain import LeafFields, first_link, leaf, link, microseconds

DIGEST = sha256(b"{}").digest()
ROW = LeafFields(
    "northshire",
    7,
    "child-7f3c9a",
    3,
    "child.registered",
    "/council/straße",
    "e-1",
    datetime(2026, 3, 29, 1, 0, 0, 123_456, tzinfo=UTC),
    "k3y4test",
    DIGEST,
)


def test_a_leaf_is_the_hash_of_one_field_a_line() -> None:
    """The text names every field of the row and the digest of the bytes, and ends with a line feed."""
    text = (
        "homeward-event-1\nnorthshire\n7\nchild-7f3c9a\n3\nchild.registered\n/council/straße\ne-1\n1774746000123456\n"
        f"k3y4test\n{DIGEST.hex()}\n"
    )

    assert leaf(ROW) == sha256(text.encode()).digest()


def test_a_link_binds_a_leaf_to_what_was_before() -> None:
    """It is the hash of the link before and the leaf; the first one before is made of the authority's name."""
    before = first_link("northshire")

    assert before == sha256(b"homeward-log-1\nnorthshire\n").digest()
    assert link(before, leaf(ROW)) == sha256(before + leaf(ROW)).digest()
    assert first_link("southshire") != before


@pytest.mark.parametrize(
    ("instant", "expected"),
    [
        (datetime(1970, 1, 1, tzinfo=UTC), 0),
        (datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), -1),
        (datetime(2199, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), 7_258_118_399_999_999),
    ],
)
def test_instants_are_exact_to_the_microsecond(instant: datetime, expected: int) -> None:
    """No floating point is in it: the last digit of the year 2199 is kept."""
    assert microseconds(instant) == expected


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("authority_id", "southshire"),
        ("position", 8),
        ("stream", "child-7f3c9b"),
        ("stream_position", 4),
        ("type", "child.accommodated"),
        ("source", "/council/strasse"),
        ("event_id", "e-2"),
        ("recorded_at", ROW.recorded_at.replace(microsecond=123_457)),
        ("recorded_by", "k3y4tesu"),
        ("digest", sha256(b"[]").digest()),
    ],
)
def test_every_field_counts(field: str, value: Any) -> None:
    """Whatever field is another, the leaf is another."""
    assert leaf(LeafFields(**{**ROW._asdict(), field: value})) != leaf(ROW)
