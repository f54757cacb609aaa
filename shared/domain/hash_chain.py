"""The hash chain of a log: each event is bound to all before it.

``leaf(n)`` is the SHA-256 of a text that names every field of row n; ``link(n)`` is the
SHA-256 of ``link(n - 1)`` and ``leaf(n)``.  Whoever holds one link can tell whether any
earlier event was altered, removed, inserted or moved.  Since the leaf holds the digest of
the posted bytes and not the bytes themselves, the chain can be walked, and proved about
one child, without showing the events of others.

The text is UTF-8, one field a line, so that a checker in any language can rebuild it::

    homeward-event-1
    <authority>
    <position>
    <stream>
    <stream position>
    <type>
    <source>
    <id>
    <recorded at, in microseconds since 1970-01-01T00:00:00Z>
    <recorded by: the key's id>
    <SHA-256 of the posted bytes, in lower-case hexadecimal>

Each line ends with a line feed; no field can hold one.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import NamedTuple

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class LeafFields(NamedTuple):
    """What a leaf is made of: a row of the log without the bytes that were posted.

    ``digest`` is the SHA-256 of those bytes.
    """

    authority_id: str
    position: int
    stream: str
    stream_position: int
    type: str
    source: str
    event_id: str
    recorded_at: datetime
    recorded_by: str
    digest: bytes


def first_link(authority_id: str) -> bytes:
    """Return the link before position 1 of this authority's log."""
    return sha256(f"homeward-log-1\n{authority_id}\n".encode()).digest()


def microseconds(instant: datetime) -> int:
    """Return the microseconds from 1970-01-01T00:00:00Z to an aware instant."""
    return (instant - _EPOCH) // _MICROSECOND


def leaf(row: LeafFields) -> bytes:
    """Return the leaf of one row, 32 bytes."""
    return leaf_of(*row[:7], microseconds(row.recorded_at), *row[8:])


def leaf_of(  # noqa: PLR0917 - the fields of a row, in the order of LeafFields
    authority_id: str,
    position: int,
    stream: str,
    stream_position: int,
    type: str,  # noqa: A002 - it is called so in CloudEvents
    source: str,
    event_id: str,
    recorded_microseconds: int,
    recorded_by: str,
    digest: bytes,
) -> bytes:
    """Return the leaf of what :class:`LeafFields` names; for rows that were recorded at one instant."""
    text = (
        f"homeward-event-1\n{authority_id}\n{position}\n{stream}\n{stream_position}\n{type}\n"
        f"{source}\n{event_id}\n{recorded_microseconds}\n{recorded_by}\n{digest.hex()}\n"
    )
    return sha256(text.encode()).digest()


def link(previous: bytes, of_leaf: bytes) -> bytes:
    """Return the link that binds a leaf to all before it, 32 bytes."""
    return sha256(previous + of_leaf).digest()
