"""API keys: how they are made, what they carry, how they are checked.

A key reads ``hw1.<authority>.<key id>.<secret>``.  The authority stands in the key, so
that looking one up is already bound to one authority.  Only a SHA-256 of the secret is
kept: it has 256 random bits, so no slow hash is needed.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest

from shared.domain.ids import AUTHORITY_PATTERN

PREFIX = "hw1"
_KEY = re.compile(
    rf"{PREFIX}\.(?P<authority>{AUTHORITY_PATTERN[1:-1]})\.(?P<key_id>[a-z0-9]{{8,32}})\.(?P<secret>[A-Za-z0-9_-]{{32,128}})"
)


class Scope(StrEnum):
    """What a key may do."""

    EVENTS_APPEND = "events:append"
    EVENTS_READ = "events:read"
    FACTS_READ = "facts:read"
    LOG_VERIFY = "log:verify"
    REVIEWS_READ = "reviews:read"
    NOTICES_RELEASE = "notices:release"
    WEBHOOKS_MANAGE = "webhooks:manage"
    CALENDARS_MANAGE = "calendars:manage"
    JOURNEYS_READ = "journeys:read"
    MEASURES_READ = "measures:read"


ALL_SCOPES = frozenset(Scope)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key in plain text: seen once when it is made, and whenever a caller presents it."""

    authority_id: str
    key_id: str
    secret: str

    def __str__(self) -> str:
        """Write the key as it stands in an Authorization header."""
        return f"{PREFIX}.{self.authority_id}.{self.key_id}.{self.secret}"

    def __repr__(self) -> str:
        """Leave out the secret, so that no log or traceback can leak it."""
        return f"ApiKey(authority_id={self.authority_id!r}, key_id={self.key_id!r})"

    @property
    def digest(self) -> bytes:
        """What is stored of the secret."""
        return sha256(self.secret.encode()).digest()

    def matches(self, digest: bytes) -> bool:
        """Compare with a stored digest in constant time."""
        return compare_digest(self.digest, digest)


def new_key(authority_id: str) -> ApiKey:
    """Make a key with a fresh random secret."""
    return ApiKey(authority_id, secrets.token_hex(6), secrets.token_urlsafe(32))


def parse_key(text: str) -> ApiKey | None:
    """Return the key written in ``text``, or None if it is none."""
    match = _KEY.fullmatch(text)
    return ApiKey(match["authority"], match["key_id"], match["secret"]) if match else None
