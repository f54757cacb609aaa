"""Verifying a log: a pure walk over its rows that stops at the first thing wrong.

The rows come in the order of their positions.  Each is compared with what the chain, the
bytes that were posted, and the signed heads say of it.  Nothing is kept but the end of what
was walked, so a log of any length takes the same memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import NamedTuple

import msgspec

from shared.domain.hash_chain import LeafFields, first_link, leaf, link
from shared.domain.signed_head import Keyring, SignedHead


class Wrong(StrEnum):
    """What can be wrong with a log; the codes are stable."""

    POSITION_MISSING = "position_missing"
    POSITION_DOUBLED = "position_doubled"
    POSITION_OUT_OF_ORDER = "position_out_of_order"
    UNREADABLE = "unreadable"
    BODY_ALTERED = "body_altered"
    COLUMNS_ALTERED = "columns_altered"
    LINK_BROKEN = "link_broken"
    HEAD_DIFFERS = "head_differs"
    HEAD_SIGNATURE = "head_signature"
    HEAD_KEY_UNKNOWN = "head_key_unknown"
    KEPT_HEAD_DIFFERS = "kept_head_differs"
    LOG_ENDS_EARLY = "log_ends_early"


#: What each code means, in plain words.
MEANING = {
    Wrong.POSITION_MISSING: "There is no event at this position, though there is one behind it.",
    Wrong.POSITION_DOUBLED: "More than one event is stored at this position.",
    Wrong.POSITION_OUT_OF_ORDER: "An event is stored at a position at which none can be.",
    Wrong.UNREADABLE: "A column of this event holds what no event can hold.",
    Wrong.BODY_ALTERED: "The bytes of this event are not those that were posted; the rest of its row fits the chain.",
    Wrong.COLUMNS_ALTERED: "Type, source, id or stream of this event are not those in the bytes that were posted.",
    Wrong.LINK_BROKEN: "This row does not follow from the one before it: one of its columns was altered, or another "
    "row was put in its place.",
    Wrong.HEAD_DIFFERS: "A signed head says that the log held another event here: this event or one before it was "
    "altered and the chain computed anew, or the signed head was altered.",
    Wrong.HEAD_SIGNATURE: "The signature of a signed head at this position is not valid.",
    Wrong.HEAD_KEY_UNKNOWN: "A signed head at this position was signed with a key that is not known.",
    Wrong.KEPT_HEAD_DIFFERS: "A signed head that was kept elsewhere says that the log held another event here: "
    "the log was written anew.",
    Wrong.LOG_ENDS_EARLY: "The log ends before this position, though a signed head says that it held an event here or "
    "behind it.",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """The first thing that is wrong: at which position, and what."""

    position: int
    code: Wrong

    @property
    def message(self) -> str:
        """What it means, in plain words; never a value of an event."""
        return MEANING[self.code]


class LogRow(NamedTuple):
    """A whole row of the log as it is stored."""

    position: int
    stream: str
    stream_position: int
    type: str
    source: str
    event_id: str
    recorded_at: datetime
    recorded_by: str
    digest: bytes
    link: bytes
    body: bytes


class Heads(NamedTuple):
    """The signed heads of a stretch of a log, each kind in the order of positions.

    ``stored`` come from beside the log.  ``kept`` were kept elsewhere; whoever reads them
    has checked their signatures.
    """

    stored: Sequence[SignedHead] = ()
    kept: Sequence[SignedHead] = ()


class _Posted(msgspec.Struct, gc=False):
    type: str
    source: str
    id: str
    subject: str


_posted = msgspec.json.Decoder(_Posted)


class Walk:
    """A walk along one log; ``position`` and ``link`` say how far it has come."""

    def __init__(self, authority_id: str, keys: Keyring, *, after: int = 0, previous: bytes | None = None) -> None:
        """Begin behind position ``after``, whose link is ``previous``; at the beginning of the log without them."""
        self._authority_id = authority_id
        #: Whose signatures count; may be exchanged between two calls.
        self.keys = keys
        self.position = after
        self.link = first_link(authority_id) if previous is None else previous
        #: Position of the last signed head that fits, among those that were walked over; 0 for none.
        self.signed_to = 0

    def over(self, rows: Iterable[LogRow], heads: Heads) -> Finding | None:
        """Go on over ``rows``; ``heads`` are those of their positions.  Returns the first thing wrong, if any.

        After a finding the walk is over.
        """
        at: dict[int, list[tuple[SignedHead, bool]]] = {}
        for kind, kept in ((heads.stored, False), (heads.kept, True)):
            for head in kind:
                at.setdefault(head.position, []).append((head, kept))
        for row in rows:
            before = self.position, self.link
            wrong = self._step(row) or (self._vouched(at[row.position]) if row.position in at else None)
            if wrong is not None:
                self.position, self.link = before
                return wrong
        return None

    def end(self, furthest_head: int) -> Finding | None:
        """Say what is wrong with a log that ends here while a head was signed at ``furthest_head`` (0: none was)."""
        return Finding(self.position + 1, Wrong.LOG_ENDS_EARLY) if furthest_head > self.position else None

    def _step(self, row: LogRow) -> Finding | None:
        if row.position != self.position + 1:
            return self._misplaced(row.position)
        try:
            code = self._judge(row)
        except (AttributeError, TypeError, ValueError, OverflowError):
            # Only a database whose constraints were taken away can hold such a row.
            code = Wrong.UNREADABLE
        if code is not None:
            return Finding(row.position, code)
        self.position, self.link = row.position, row.link
        return None

    def _misplaced(self, position: int) -> Finding:
        if position > self.position + 1:
            return Finding(self.position + 1, Wrong.POSITION_MISSING)
        doubled = position == self.position and position > 0
        return Finding(position, Wrong.POSITION_DOUBLED if doubled else Wrong.POSITION_OUT_OF_ORDER)

    def _judge(self, row: LogRow) -> Wrong | None:
        bound = LeafFields(self._authority_id, *row[:-2])
        follows = link(self.link, leaf(bound)) == row.link
        if follows and sha256(row.body).digest() != row.digest:
            return Wrong.BODY_ALTERED
        if not _columns_fit(row):
            return Wrong.COLUMNS_ALTERED
        return None if follows else Wrong.LINK_BROKEN

    def _vouched(self, heads: Iterable[tuple[SignedHead, bool]]) -> Finding | None:
        for head, kept in heads:
            code = self._kept(head) if kept else self._signed(head)
            if code is not None:
                return Finding(self.position, code)
        return None

    def _signed(self, head: SignedHead) -> Wrong | None:
        if not self.keys.knows(head.key_id):
            return Wrong.HEAD_KEY_UNKNOWN
        if not self.keys.valid(head):
            return Wrong.HEAD_SIGNATURE
        if head.link != self.link:
            return Wrong.HEAD_DIFFERS
        self.signed_to = head.position
        return None

    def _kept(self, head: SignedHead) -> Wrong | None:
        return Wrong.KEPT_HEAD_DIFFERS if head.link != self.link else None


def _columns_fit(row: LogRow) -> bool:
    try:
        posted = _posted.decode(row.body)
    except (msgspec.MsgspecError, ValueError):
        return False
    named = (posted.type, posted.source, posted.id, posted.subject)
    return named == (row.type, row.source, row.event_id, row.stream)
