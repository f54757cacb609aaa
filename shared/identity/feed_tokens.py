"""Feed tokens: the part of a calendar's address by which who holds it may read it.

A token reads ``hwc1.<authority>.<feed id>.<secret>``, as an API key does and for the same reasons: the
authority stands in it, so that looking one up is bound to one authority, and only a SHA-256 of the
secret is kept, which has 256 random bits.  Calendar programs send no headers, so it stands in the address.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from uuid import UUID

from shared.domain.ids import AUTHORITY_PATTERN

PREFIX = "hwc1"
_TOKEN = re.compile(
    rf"{PREFIX}\.(?P<authority>{AUTHORITY_PATTERN[1:-1]})\.(?P<feed_id>[0-9a-f]{{32}})\.(?P<secret>[A-Za-z0-9_-]{{43}})"
)


@dataclass(frozen=True, slots=True)
class FeedToken:
    """A token in plain text: seen once when its feed is made, and whenever a calendar is fetched."""

    authority_id: str
    feed_id: UUID
    secret: str

    def __str__(self) -> str:
        """Write the token as it stands in the address."""
        return f"{PREFIX}.{self.authority_id}.{self.feed_id.hex}.{self.secret}"

    def __repr__(self) -> str:
        """Leave out the secret, so that no log or traceback can leak it."""
        return f"FeedToken(authority_id={self.authority_id!r}, feed_id={self.feed_id!r})"

    @property
    def digest(self) -> bytes:
        """What is stored of the secret."""
        return sha256(self.secret.encode()).digest()

    def matches(self, digest: bytes) -> bool:
        """Compare with a stored digest in constant time."""
        return compare_digest(self.digest, digest)


def new_feed_token(authority_id: str, feed_id: UUID) -> FeedToken:
    """Make a token with a fresh random secret."""
    return FeedToken(authority_id, feed_id, secrets.token_urlsafe(32))


def parse_feed_token(text: str) -> FeedToken | None:
    """Return the token written in ``text``, or None if it is none."""
    match = _TOKEN.fullmatch(text)
    return FeedToken(match["authority"], UUID(match["feed_id"]), match["secret"]) if match else None
