"""Signed heads: what a key says of a log at one instant.

A signed head states that at ``signed_at`` the log of an authority held, at ``position``,
the event whose link is ``link`` (:mod:`shared.domain.hash_chain`), and hence exactly the
events before it.  The signature is Ed25519 (RFC 8032) of this UTF-8 text, each line with a
line feed at its end::

    homeward-head-1
    <authority>
    <position>
    <link, in lower-case hexadecimal>
    <signed at, in microseconds since 1970-01-01T00:00:00Z>
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Protocol

from shared.domain.hash_chain import microseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedHead:
    """One signed head; ``key_id`` names the key that made ``signature`` (64 bytes)."""

    authority_id: str
    position: int
    link: bytes
    signed_at: datetime
    key_id: str
    signature: bytes


class Keyring(Protocol):
    """The public keys whose signatures count."""

    def knows(self, key_id: str) -> bool:
        """Tell whether it holds the key of this id."""
        ...

    def valid(self, head: SignedHead) -> bool:
        """Tell whether the head was signed by the key that it names."""
        ...


def key_id_of(public_key: bytes) -> str:
    """Return the id of a public key of 32 bytes: the first 16 hexadecimal digits of its SHA-256."""
    return sha256(public_key).hexdigest()[:16]


def signed_text(authority_id: str, position: int, link: bytes, signed_at: datetime) -> bytes:
    """Return the text that is signed."""
    text = f"homeward-head-1\n{authority_id}\n{position}\n{link.hex()}\n{microseconds(signed_at)}\n"
    return text.encode()
