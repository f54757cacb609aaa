"""Signing heads of logs with Ed25519, and checking what was signed."""

from __future__ import annotations

import binascii
import secrets
from base64 import b64decode, b64encode
from collections.abc import Iterable
from datetime import datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from shared.domain.signed_head import SignedHead, key_id_of, signed_text

SEED_BYTES = 32
PUBLIC_KEY_BYTES = 32


class UnusableKey(ValueError):
    """A text that should hold a key holds none; the message never repeats it."""


def new_seed() -> str:
    """Return a fresh random private key as settings and files hold it: Base64 of its 32 bytes."""
    return b64encode(secrets.token_bytes(SEED_BYTES)).decode()


def read_key(text: str) -> bytes:
    """Return the 32 bytes of a private or public key from its Base64; raises UnusableKey."""
    try:
        key = b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != SEED_BYTES:
        raise UnusableKey("a key is the Base64 of 32 bytes, as `openssl rand -base64 32` prints for a new one")
    return key


class Signer:
    """A private key that signs heads."""

    def __init__(self, seed: str) -> None:
        """Take the private key from its Base64; raises UnusableKey."""
        self._private = Ed25519PrivateKey.from_private_bytes(read_key(seed))
        self.public_key = self._private.public_key().public_bytes_raw()
        self.key_id = key_id_of(self.public_key)

    def head(self, authority_id: str, position: int, link: bytes, signed_at: datetime) -> SignedHead:
        """Return the head, signed."""
        signature = self._private.sign(signed_text(authority_id, position, link, signed_at))
        return SignedHead(
            authority_id=authority_id,
            position=position,
            link=link,
            signed_at=signed_at,
            key_id=self.key_id,
            signature=signature,
        )


class PublicKeys:
    """Public keys by their ids; a :class:`shared.domain.signed_head.Keyring`.

    The id is computed from the key itself, so that no key can pass for another.
    """

    def __init__(self, public_keys: Iterable[bytes]) -> None:
        """Hold these keys, each of 32 bytes; what is no key is left out, and with it what it signed."""
        self._keys = {key_id_of(key): key for key in public_keys if len(key) == PUBLIC_KEY_BYTES}

    def knows(self, key_id: str) -> bool:
        """Tell whether it holds the key of this id."""
        return key_id in self._keys

    def valid(self, head: SignedHead) -> bool:
        """Tell whether the head was signed by the key that it names."""
        key = self._keys.get(head.key_id)
        if key is None:
            return False
        text = signed_text(head.authority_id, head.position, head.link, head.signed_at)
        try:
            Ed25519PublicKey.from_public_bytes(key).verify(head.signature, text)
        except (InvalidSignature, ValueError):
            return False
        return True
