"""Standard Webhooks 1.0.0: secrets, signatures, headers, and when to try again.

Specification: https://github.com/standard-webhooks/standard-webhooks, ``spec/standard-webhooks.md``.
"""

from __future__ import annotations

import re
import secrets
from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from hashlib import sha256
from hmac import digest
from uuid import UUID

SECRET_PREFIX = "whsec_"  # noqa: S105 - the prefix of every secret, not a secret
SECRET_BYTES = 32
MESSAGE_PREFIX = "msg_"

#: Waits before attempts 2 to 10, about three days and four hours in all (the specification's example).
RETRY_WAITS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
#: Up to this share of a wait is added to it, so that receivers are not hit in step.
JITTER = 0.2

_SECONDS = re.compile(r"[0-9]{1,9}")


def new_secret() -> str:
    """Return a fresh signing secret: 32 random bytes in standard base64, as the libraries expect."""
    return SECRET_PREFIX + b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Return the ``v1`` signature of a message; ``timestamp`` is in seconds since 1970."""
    key = b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + b64encode(digest(key, signed, sha256)).decode()


def headers(secret: str, notice_id: UUID, sent_at: datetime, body: bytes) -> Mapping[str, str]:
    """Return the headers of one attempt.

    The id is the same at every attempt and replay, the timestamp is that of this attempt.
    """
    message_id = webhook_id(notice_id)
    timestamp = int(sent_at.timestamp())
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(secret, message_id, timestamp, body),
        "content-type": "application/json",
        "user-agent": "Homeward-Webhooks/1",
        "accept-encoding": "identity",
    }


def webhook_id(notice_id: UUID) -> str:
    """Return the ``webhook-id`` of a notice."""
    return f"{MESSAGE_PREFIX}{notice_id}"


def next_attempt_at(step: int, failed_at: datetime, *, jitter: float, retry_after: str | None) -> datetime | None:
    """Return when to try again after the attempt at ``step`` (from 0) failed; None to give up.

    ``jitter`` lies between 0 and 1.  ``Retry-After`` can only put the attempt off, and by
    no more than the longest wait of the schedule.
    """
    if step >= len(RETRY_WAITS):
        return None
    own = failed_at + RETRY_WAITS[step] * (1 + JITTER * jitter)
    asked = _asked_for(retry_after, failed_at)
    return own if asked is None else max(own, min(asked, failed_at + RETRY_WAITS[-1]))


def _asked_for(retry_after: str | None, failed_at: datetime) -> datetime | None:
    """Read a ``Retry-After`` header: seconds or an HTTP date; None if it is neither."""
    if retry_after is None:
        return None
    if _SECONDS.fullmatch(retry_after):
        return failed_at + timedelta(seconds=int(retry_after))
    try:
        asked = parsedate_to_datetime(retry_after)
        # A zone can push the first and last years over the edge of the calendar.
        return asked.replace(tzinfo=UTC) if asked.tzinfo is None else asked.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
