"""What is told of a log's integrity: its head, signed heads, the verdict on a stretch of it, proof files.

``docs/reference/log-proof.md`` describes each form for those who check it.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import orjson
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from shared.domain.hash_chain import LeafFields, leaf
from shared.domain.ids import AUTHORITY_PATTERN
from shared.domain.signed_head import SignedHead, key_id_of
from shared.domain.verification import LogRow, Wrong

FORMAT = "homeward-proof-1"
MEDIA_TYPE = "application/x-ndjson"

_LINK = "`sha256:` and the hexadecimal hash that binds an event to all before it."


class Others(StrEnum):
    """How a proof about one stream tells of the events of others."""

    HASHED = "hashed"
    NAMED = "named"


class _View(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PublicKeyView(_View):
    """A public key that has signed heads of this log."""

    key_id: str = Field(description="First 16 hexadecimal digits of the SHA-256 of the key.")
    public_key: str = Field(description="Ed25519 public key: Base64 of its 32 bytes.")


class SignedHeadView(_View):
    """A signed head: what a key says the log held at an instant.

    Keep it elsewhere: a log that is cut off or written anew cannot agree with it.
    """

    authority: Annotated[str, StringConstraints(pattern=AUTHORITY_PATTERN)]
    position: Annotated[int, Field(ge=1, lt=2**63)]
    link: Annotated[str, StringConstraints(pattern="^sha256:[0-9a-f]{64}$")] = Field(description=_LINK)
    signed_at: AwareDatetime
    key_id: str
    public_key: str = Field(description="The key that signed; trust it only if you know it from elsewhere.")
    signature: str = Field(description="Ed25519 signature: Base64 of its 64 bytes.")

    def signed_head(self) -> SignedHead:
        """Return it as the domain has it; raises ValueError for a key or signature that is none."""
        if key_id_of(self.public_key_bytes()) != self.key_id:
            raise ValueError("the key has another id")
        return SignedHead(
            authority_id=self.authority,
            position=self.position,
            link=bytes.fromhex(self.link.removeprefix("sha256:")),
            signed_at=self.signed_at,
            key_id=self.key_id,
            signature=b64decode(self.signature, validate=True),
        )

    def public_key_bytes(self) -> bytes:
        """Return the 32 bytes of the key; raises ValueError for what is no Base64."""
        return b64decode(self.public_key, validate=True)


class SignedHeadsPage(_View):
    """Signed heads in the order of their positions."""

    signed_heads: list[SignedHeadView]
    next_after: int = Field(description="Ask for the next page with `after` set to this.")
    at_end: bool = Field(description="Whether there are no more just now.")


class LogView(_View):
    """Where a log ends, and who vouches for it."""

    authority: str
    position: int = Field(description="Position of the last event; 0 while the log is empty.")
    link: str = Field(description=_LINK)
    recorded_at: datetime | None = Field(description="When the last event was stored (UTC).")
    signed_head: SignedHeadView | None = Field(description="The latest signed head; null while there is none.")
    public_keys: list[PublicKeyView] = Field(description="Every key that has signed heads of this log.")


class VerificationView(_View):
    """The verdict on a stretch of the log; walking all stretches verifies all of it."""

    first: int = Field(description="Position with which the stretch begins.")
    last: int = Field(description="Last position that was found intact; `first` - 1 if there is none.")
    intact: bool
    first_bad_position: int | None = Field(description="Null if the stretch is intact.")
    code: Wrong | None = Field(description="What is wrong there; null if the stretch is intact.")
    message: str
    signed_to: int | None = Field(
        description="Position of the last signed head within the stretch; null if none stands there. What lies "
        "behind the last signed head of all is bound by the chain and not yet by a signature."
    )
    next_after: int = Field(description="Ask for the next stretch with `after` set to this.")
    at_head: bool = Field(description="Whether the stretch reached the head of the log as it was just now.")


def hexadecimal(link: bytes) -> str:
    """Write a link or digest as the interface does."""
    return f"sha256:{link.hex()}"


def head_view(head: SignedHead, public_key: bytes) -> SignedHeadView:
    """Return the view of a signed head."""
    return SignedHeadView(
        authority=head.authority_id,
        position=head.position,
        link=hexadecimal(head.link),
        signed_at=head.signed_at,
        key_id=head.key_id,
        public_key=b64encode(public_key).decode(),
        signature=b64encode(head.signature).decode(),
    )


def key_view(public_key: bytes) -> PublicKeyView:
    """Return the view of a public key."""
    return PublicKeyView(key_id=key_id_of(public_key), public_key=b64encode(public_key).decode())


def header_line(
    authority_id: str, *, after: int, previous: bytes, stream: str | None, keys: list[PublicKeyView]
) -> bytes:
    """Return the first line of a proof, which begins behind position ``after`` whose link is ``previous``."""
    return _line(
        {
            "format": FORMAT,
            "authority": authority_id,
            "after": after,
            "previous": hexadecimal(previous),
            "stream": stream,
            "public_keys": [key.model_dump() for key in keys],
        }
    )


def event_line(row: LogRow) -> bytes:
    """Return the line of an event that is shown."""
    # What was posted is UTF-8.  Bytes that are not were altered, and must not hide it by stopping the export.
    return _line({**_columns(row), "body": row.body.decode(errors="replace")})


def named_line(row: LogRow) -> bytes:
    """Return the line of an event of which all is shown but the bytes that were posted."""
    return _line(_columns(row))


def leaf_line(authority_id: str, row: LogRow) -> bytes:
    """Return the line of an event that is not shown: a hash in its place."""
    return _line({"position": row.position, "leaf": hexadecimal(leaf(LeafFields(authority_id, *row[:-2])))})


def signed_head_line(head: SignedHeadView) -> bytes:
    """Return the line of a signed head, which stands behind the event at its position."""
    return _line({"signed_head": head.model_dump(mode="json")})


def end_line(*, last: int, at_head: bool, signed_to: int | None) -> bytes:
    """Return the last line of a proof that ends with position ``last``."""
    return _line({"last": last, "next_after": last, "at_head": at_head, "signed_to": signed_to})


def _columns(row: LogRow) -> dict[str, Any]:
    return {
        "position": row.position,
        "stream": row.stream,
        "stream_position": row.stream_position,
        "type": row.type,
        "source": row.source,
        "id": row.event_id,
        "recorded_at": row.recorded_at,
        "recorded_by": row.recorded_by,
        "digest": hexadecimal(row.digest),
        "link": hexadecimal(row.link),
    }


def _line(members: dict[str, Any]) -> bytes:
    return orjson.dumps(members, option=orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE)
