"""The walk along a log finds every single alteration, where it is, and raises no false alarm."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.hash_chain import LeafFields, first_link, leaf, link
from shared.domain.signed_head import SignedHead, key_id_of, signed_text
from shared.domain.verification import MEANING, Finding, Heads, LogRow, Walk, Wrong
from shared.runtime.signing import PublicKeys, Signer, new_seed
from tests.meta.repository import ROOT

AUTHORITY = "northshire"
NOW = datetime(2026, 6, 11, 9, 30, tzinfo=UTC)
SIGNER, OTHER = Signer(new_seed()), Signer(new_seed())
KEYS = PublicKeys([SIGNER.public_key])

texts = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=12)


@st.composite
def logs(draw: st.DrawFn, least: int = 1) -> list[LogRow]:
    """Draw an honest log: a few streams, any names, times that never fall."""
    rows: list[LogRow] = []
    previous, recorded_at = first_link(AUTHORITY), NOW
    for position in range(1, draw(st.integers(least, 8)) + 1):
        stream = draw(st.sampled_from(["child-a", "child-b", "authority"]))
        posted = {"source": draw(texts), "id": f"{position}{draw(texts)}", "type": draw(texts), "subject": stream}
        body = json.dumps(posted, ensure_ascii=draw(st.booleans())).encode()
        recorded_at += timedelta(microseconds=draw(st.integers(0, 10**6)))
        fields = LeafFields(
            AUTHORITY,
            position,
            stream,
            1 + sum(row.stream == stream for row in rows),
            posted["type"],
            posted["source"],
            posted["id"],
            recorded_at,
            draw(texts),
            sha256(body).digest(),
        )
        previous = link(previous, leaf(fields))
        rows.append(LogRow(*fields[1:], previous, body))
    return rows


def head(row: LogRow, signer: Signer = SIGNER) -> SignedHead:
    return signer.head(AUTHORITY, row.position, row.link, NOW)


def one_row() -> LogRow:
    """Return a log of one event."""
    body = json.dumps({"source": "s", "id": "i", "type": "t", "subject": "child-a"}).encode()
    fields = LeafFields(AUTHORITY, 1, "child-a", 1, "t", "s", "i", NOW, "k", sha256(body).digest())
    return LogRow(*fields[1:], link(first_link(AUTHORITY), leaf(fields)), body)


def verdict(rows: Sequence[LogRow], heads: Heads = Heads(), furthest: int = 0) -> Finding | None:  # noqa: B008 - it is immutable
    walk = Walk(AUTHORITY, KEYS)
    return walk.over(rows, heads) or walk.end(furthest)


def changed(row: LogRow, column: str, value: Any) -> LogRow:
    return LogRow(**{**row._asdict(), column: value})


def altered(row: LogRow, column: str, data: st.DataObject) -> LogRow:
    """Return the row with another value in one column."""
    before = getattr(row, column)
    values: st.SearchStrategy[Any] = texts
    if isinstance(before, bytes):
        values = st.binary(max_size=40)
    elif isinstance(before, datetime):
        values = st.integers(1, 10**9).map(lambda later: before + timedelta(microseconds=later))
    elif isinstance(before, int):
        values = st.integers(1, 99)
    return changed(row, column, data.draw(values.filter(lambda value: value != before)))


@given(logs(), st.data())
def test_an_honest_log_is_intact(rows: list[LogRow], data: st.DataObject) -> None:
    """No honest log, whatever its heads and wherever the walk is interrupted, raises an alarm."""
    signed = data.draw(st.lists(st.sampled_from(rows), unique_by=lambda row: row.position))
    heads = Heads([head(row) for row in signed], [head(row, OTHER) for row in signed])
    cut = data.draw(st.integers(0, len(rows)))
    walk = Walk(AUTHORITY, KEYS)

    assert walk.over(rows[:cut], heads) is None
    walk = Walk(AUTHORITY, KEYS, after=walk.position, previous=walk.link)
    assert walk.over(rows[cut:], heads) is None
    assert walk.end(len(rows)) is None
    assert walk.position == len(rows)


@given(logs(), st.data(), st.sampled_from(LogRow._fields[1:]))
def test_any_alteration_of_any_column_is_found_where_it_is(
    rows: list[LogRow], data: st.DataObject, column: str
) -> None:
    """Whatever column of whatever row is changed, the walk stops exactly there."""
    at = data.draw(st.integers(0, len(rows) - 1))
    rows[at] = altered(rows[at], column, data)

    found = verdict(rows)

    assert found is not None
    assert found.position == at + 1
    assert found.code in {Wrong.LINK_BROKEN, Wrong.BODY_ALTERED, Wrong.COLUMNS_ALTERED}


@given(logs(least=2), st.data())
def test_a_row_taken_out_doubled_or_moved_is_found_where_it_is(rows: list[LogRow], data: st.DataObject) -> None:
    """The first position at which the order is not 1, 2, 3 is named."""
    at = data.draw(st.integers(0, len(rows) - 2))
    without, doubled = rows[:at] + rows[at + 1 :], rows[: at + 1] + rows[at:]

    assert verdict(without) == Finding(at + 1, Wrong.POSITION_MISSING)
    assert verdict(doubled) == Finding(at + 1, Wrong.POSITION_DOUBLED)
    assert verdict([*rows, rows[at]]) == Finding(at + 1, Wrong.POSITION_OUT_OF_ORDER)
    assert verdict([rows[at]._replace(position=0), *rows]) == Finding(0, Wrong.POSITION_OUT_OF_ORDER)


@given(logs(least=2), st.data())
def test_rows_that_change_places_are_found(rows: list[LogRow], data: st.DataObject) -> None:
    """Two rows that take each other's position do not follow from those before them."""
    one, other = sorted(data.draw(st.lists(st.integers(0, len(rows) - 1), min_size=2, max_size=2, unique=True)))
    rows[one], rows[other] = (
        rows[other]._replace(position=rows[one].position),
        rows[one]._replace(position=rows[other].position),
    )

    assert verdict(rows) == Finding(one + 1, Wrong.LINK_BROKEN)


@given(logs(least=2), st.data())
def test_a_log_that_is_cut_off_is_found_by_its_heads(rows: list[LogRow], data: st.DataObject) -> None:
    """A signed head behind the end names the first position that is gone."""
    cut = data.draw(st.integers(0, len(rows) - 1))

    assert verdict(rows[:cut], furthest=len(rows)) == Finding(cut + 1, Wrong.LOG_ENDS_EARLY)


@given(logs(), st.data())
def test_a_chain_computed_anew_is_found_by_the_next_signed_head(rows: list[LogRow], data: st.DataObject) -> None:
    """Whoever alters a row and every link behind it is told by the first head at or behind the row."""
    at = data.draw(st.integers(0, len(rows) - 1))
    signed = data.draw(st.integers(at, len(rows) - 1))
    genuine = head(rows[signed])
    rows[at] = rows[at]._replace(recorded_by="somebody else")
    previous = rows[at - 1].link if at else first_link(AUTHORITY)
    for index in range(at, len(rows)):
        previous = link(previous, leaf(LeafFields(AUTHORITY, *rows[index][:-2])))
        rows[index] = rows[index]._replace(link=previous)

    assert verdict(rows) is None
    assert verdict(rows, Heads([genuine])) == Finding(signed + 1, Wrong.HEAD_DIFFERS)
    assert verdict(rows, Heads([], [genuine])) == Finding(signed + 1, Wrong.KEPT_HEAD_DIFFERS)


@given(logs(), st.sampled_from(["link", "signed_at", "signature", "authority_id", "key_id"]))
def test_an_altered_head_is_found(rows: list[LogRow], member: str) -> None:
    """Nothing of a signed head can be changed without breaking its signature, or naming a key that is not known."""
    genuine = head(rows[-1])
    values = {member: getattr(genuine, member) for member in SignedHead.__dataclass_fields__}
    values[member] = {
        "link": sha256(b"x").digest(),
        "signed_at": NOW + timedelta(microseconds=1),
        "signature": bytes(64),
        "authority_id": "southshire",
        "key_id": "0" * 16,
    }[member]

    expected = Wrong.HEAD_KEY_UNKNOWN if member == "key_id" else Wrong.HEAD_SIGNATURE
    assert verdict(rows, Heads([SignedHead(**values)])) == Finding(len(rows), expected)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("body", None),
        ("digest", None),
        ("recorded_at", None),
        ("link", None),
        ("recorded_at", NOW.replace(tzinfo=None)),
    ],
)
def test_a_row_that_cannot_be_is_an_alarm_and_no_accident(column: str, value: object) -> None:
    """A database without its constraints can hold anything; the walk stops there and says so."""
    row = one_row()
    assert verdict([row]) is None

    found = verdict([changed(row, column, value)])

    assert found is not None
    assert found.position == 1
    assert found.code in {Wrong.UNREADABLE, Wrong.LINK_BROKEN}


def test_a_line_feed_cannot_move_what_stands_in_a_field() -> None:
    """Two rows can share a leaf text if a column may hold line feeds; the one that was not posted is found."""
    body = json.dumps({"source": "s", "id": "i\nx", "type": "t", "subject": "child-a"}).encode()
    honest = LeafFields(AUTHORITY, 1, "child-a", 1, "t", "s", "i\nx", NOW, "k", sha256(body).digest())
    row = LogRow(*honest[1:], link(first_link(AUTHORITY), leaf(honest)), body)
    moved = row._replace(type="t\ns", source="i", event_id="x")

    assert leaf(LeafFields(AUTHORITY, *moved[:-2])) == leaf(honest)
    assert verdict([moved]) == Finding(1, Wrong.COLUMNS_ALTERED)


def test_every_code_has_its_meaning() -> None:
    """What can be wrong is said in plain words, and stands in the reference."""
    page = (ROOT / "docs/reference/log-proof.md").read_text(encoding="utf-8")
    assert set(MEANING) == set(Wrong)
    assert [code for code in Wrong if f"`{code}`" not in page] == []
    assert Finding(3, Wrong.LINK_BROKEN).message == MEANING[Wrong.LINK_BROKEN]


def test_the_signed_text_is_the_documented_one() -> None:
    """It names the authority, the position, the link and the instant, one a line."""
    text = signed_text("northshire", 7, bytes(32), NOW)

    assert text == b"homeward-head-1\nnorthshire\n7\n" + b"00" * 32 + b"\n1781170200000000\n"
    assert key_id_of(bytes(32)) == sha256(bytes(32)).hexdigest()[:16]
