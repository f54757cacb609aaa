"""Opaque cursors: what was made here for this question comes back, anything else is refused."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AwareDatetime, TypeAdapter

from shared.domain.errors import InvalidInput
from shared.domain.ids import ChildId
from shared.wire.cursor import Cursors

CHILDREN = Cursors.of("journeys", [("team", "north"), ("limit", "5")])
CHILD = TypeAdapter(tuple[ChildId])
MIXED = TypeAdapter(tuple[date, AwareDatetime, UUID, int, str])


def raw(value: Any) -> str:
    return urlsafe_b64encode(orjson.dumps(value)).decode().rstrip("=")


def refused(cursors: Cursors, cursor: str) -> bool:
    """Tell whether it is refused as a foreign cursor."""
    try:
        cursors.decode(cursor, CHILD)
    except InvalidInput as error:
        return [(fault.pointer, fault.code) for fault in error.faults] == [("?cursor", "cursor_unknown")]
    return False


@given(
    st.dates(), st.datetimes(timezones=st.just(UTC)), st.uuids(), st.integers(-(2**63), 2**63 - 1),
    st.text(st.characters(codec="utf-8")),
)  # fmt: skip
def test_a_cursor_gives_back_its_place(day: date, at: datetime, one: UUID, number: int, text: str) -> None:
    """Decoding undoes encoding, and the cursor fits into a URL as it is."""
    cursor = CHILDREN.encode(day, at, one, number, text)

    assert CHILDREN.decode(cursor, MIXED) == (day, at, one, number, text)
    assert cursor.replace("-", "").replace("_", "").isalnum()


def test_an_instant_keeps_its_zone() -> None:
    """A place with another offset than UTC comes back as the same instant."""
    at = datetime(2026, 7, 1, 9, tzinfo=timezone(timedelta(hours=1)))

    assert CHILDREN.decode(CHILDREN.encode(at), TypeAdapter(tuple[AwareDatetime])) == (at,)


@pytest.mark.parametrize(
    "other",
    [
        Cursors.of("reviews", [("team", "north")]),
        Cursors.of("journeys", []),
        Cursors.of("journeys", [("team", "south")]),
        Cursors.of("journeys", [("team", "north"), ("as_of", "2026-01-01")]),
        Cursors.of("journeys", [("kind", "north")]),
    ],
)
def test_a_cursor_belongs_to_its_list_and_its_filters(other: Cursors) -> None:
    """Elsewhere, or with other filters, its page would leave things out."""
    assert refused(other, CHILDREN.encode("ada"))
    assert refused(CHILDREN, other.encode("ada"))


@pytest.mark.parametrize(
    "parameters",
    [
        [("team", "north")],
        [("limit", "9"), ("format", "csv"), ("cursor", "x"), ("team", "north")],
        [("team", "north"), ("team", "north")],
    ],
)
def test_how_a_page_is_shown_is_no_filter(parameters: list[tuple[str, str]]) -> None:
    """Limit, format, the cursor itself and repetition change nothing about what is listed."""
    assert Cursors.of("journeys", parameters).decode(CHILDREN.encode("ada"), CHILD) == ("ada",)


@pytest.mark.parametrize(
    "place", [[], ["a", "b"], [["a"]], [None], [1], [True], [1.5], ["0101011234"], ["a b"], ["ada\n"], [""], [{}]]
)
def test_a_place_of_another_shape_is_refused(place: list[Any]) -> None:
    """List and filters alone make no cursor: each part has its type, a child's identifier for a child."""
    assert refused(CHILDREN, raw([CHILDREN.list_name, CHILDREN.digest, *place]))


@pytest.mark.parametrize(
    "cursor",
    ["", "!!", "x", "\U0001f600", "null", "Homeward", *map(raw, (None, 1, {}, [], [1], [None], "ada", ["ada"]))],
)
def test_a_forged_cursor_is_refused(cursor: str) -> None:
    """What is no list, or names neither list nor filters, was not made here."""
    assert refused(CHILDREN, cursor)


def test_a_cursor_is_written_in_one_way() -> None:
    """Padding, stray characters and blanks inside make another text, which was not made here."""
    cursor = CHILDREN.encode("ada")
    blank = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).replace(b",", b", ")

    assert not refused(CHILDREN, cursor)
    assert all(refused(CHILDREN, other) for other in (cursor + "=", "!" + cursor, urlsafe_b64encode(blank).decode()))
