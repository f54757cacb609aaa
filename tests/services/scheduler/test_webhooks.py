"""Signing and the schedule of retries, against published vectors and an independent library."""

from __future__ import annotations

from base64 import b64decode
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from json import JSONDecodeError
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from services.scheduler.webhooks import (
    JITTER,
    RETRY_WAITS,
    SECRET_BYTES,
    headers,
    new_secret,
    next_attempt_at,
    sign,
)
from shared.domain.clock import SystemClock

#: A: the reference libraries for Python, Go and JavaScript, and svix-server.  B: the Rust library.
#: Both: https://github.com/standard-webhooks/standard-webhooks, MIT licence.  E, F and G were
#: computed with PyPI standardwebhooks 1.1.0: another secret, UTF-8 in the body, an empty body.
SECRET_A = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SECRET_B = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
ID_A = "msg_p5jXN8AQM9LWM0D4loKWxJek"
BODY_A = b'{"test": 2432232314}'
BODY_F = '{"type":"review.deadline.approaching","note":"Dùn Èideann ✓"}'.encode()
VECTORS = {
    "A": (SECRET_A, ID_A, 1614265330, BODY_A, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
    "B": (
        SECRET_B,
        "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
        1649367553,
        b'{"email":"test@example.com","username":"test_user"}',
        "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
    ),
    "E": (SECRET_B, ID_A, 1614265330, BODY_A, "v1,78nXHjpFP0tVJQW5D0SBwmVyyW87BV/rL6MgfM/Bw44="),
    "F": (SECRET_A, ID_A, 1614265330, BODY_F, "v1,qq8EHUZfAQPkt1lzL2ieSJGVZsqaVKZGA798c7BKMxo="),
    "G": (SECRET_A, ID_A, 1614265330, b"", "v1,v48jdbgvh29KJz2Qc+ghw8G6vG3nAKnujWBg8oM/62A="),
}
FAILED_AT = datetime(2026, 6, 11, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize("name", VECTORS)
def test_published_vectors_are_reproduced(name: str) -> None:
    """The signature of each vector is the published one, to the byte."""
    secret, message_id, timestamp, body, signature = VECTORS[name]
    assert sign(secret, message_id, timestamp, body) == signature


@given(body=st.text().map(str.encode))
def test_the_reference_library_accepts_what_is_signed_here(body: bytes) -> None:
    """PyPI standardwebhooks verifies the headers of an attempt with the secret of the endpoint."""
    secret = new_secret()
    signed = dict(headers(secret, uuid4(), SystemClock().now(), body))
    # The library reads the body as JSON once the signature is right.
    with suppress(JSONDecodeError):
        Webhook(secret).verify(body, signed)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body + b" ", signed)


def test_a_secret_has_32_random_bytes_in_standard_base64() -> None:
    """Two secrets differ, and each decodes strictly to 32 bytes: URL-safe base64 would shorten the key."""
    one, other = new_secret(), new_secret()
    assert one != other
    assert len(b64decode(one.removeprefix("whsec_"), validate=True)) == SECRET_BYTES


def test_nine_retries_span_about_three_days_and_then_end() -> None:
    """Ten attempts are made: at once, and after nine waits of about 76 hours together."""
    assert len(RETRY_WAITS) == 9
    assert timedelta(days=3) < sum(RETRY_WAITS, timedelta()) < timedelta(days=3, hours=5)
    assert next_attempt_at(9, FAILED_AT, jitter=0, retry_after=None) is None


@given(step=st.integers(0, 8), jitter=st.floats(0, 1))
def test_a_wait_is_lengthened_by_at_most_a_fifth(step: int, jitter: float) -> None:
    """Jitter never shortens a wait and adds at most 20%."""
    again_at = next_attempt_at(step, FAILED_AT, jitter=jitter, retry_after=None)
    assert again_at is not None
    assert RETRY_WAITS[step] <= again_at - FAILED_AT <= RETRY_WAITS[step] * (1 + JITTER)


@given(step=st.integers(0, 8), retry_after=st.one_of(st.text(max_size=40), st.integers(-5, 10**12).map(str)))
def test_retry_after_only_ever_puts_off_and_is_capped(step: int, retry_after: str) -> None:
    """Whatever a receiver sends as Retry-After, the wait stays between our own and the longest of the schedule."""
    own = next_attempt_at(step, FAILED_AT, jitter=0, retry_after=None)
    again_at = next_attempt_at(step, FAILED_AT, jitter=0, retry_after=retry_after)
    assert own is not None
    assert again_at is not None
    assert own <= again_at <= max(own, FAILED_AT + RETRY_WAITS[-1])


@pytest.mark.parametrize(
    ("retry_after", "wait"),
    [
        ("3600", timedelta(hours=1)),
        ("Thu, 11 Jun 2026 10:30:00 GMT", timedelta(hours=1)),
        ("1", timedelta(seconds=5)),
        ("999999999", timedelta(hours=24)),
        ("Thu, 11 Jun 2020 10:30:00 GMT", timedelta(seconds=5)),
        ("soon", timedelta(seconds=5)),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(retry_after: str, wait: timedelta) -> None:
    """Both forms of RFC 9110 are understood; anything else is passed over."""
    assert next_attempt_at(0, FAILED_AT, jitter=0, retry_after=retry_after) == FAILED_AT + wait
