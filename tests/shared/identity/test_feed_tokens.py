"""The secret part of a calendar's address."""

from __future__ import annotations

from uuid import uuid4

import pytest

from shared.identity.feed_tokens import new_feed_token, parse_feed_token
from shared.identity.keys import new_key, parse_key


def test_a_token_is_read_as_it_was_written() -> None:
    """Authority, feed and secret survive being written into an address, and the digest matches."""
    token = new_feed_token("north-shire", uuid4())
    read = parse_feed_token(str(token))
    assert read == token
    assert read is not None
    assert read.matches(token.digest)


def test_no_two_tokens_share_a_secret() -> None:
    """A token does not match the digest of another one of the same feed."""
    feed_id = uuid4()
    one, other = new_feed_token("northshire", feed_id), new_feed_token("northshire", feed_id)
    assert not one.matches(other.digest)


def test_a_token_never_shows_its_secret_by_accident() -> None:
    """What a log or a traceback would print of it does not hold the secret."""
    token = new_feed_token("northshire", uuid4())
    assert token.secret not in repr(token)


def test_keys_and_tokens_are_not_taken_for_each_other() -> None:
    """An API key opens no calendar, and the token of a calendar is no API key."""
    assert parse_feed_token(str(new_key("northshire"))) is None
    assert parse_key(str(new_feed_token("northshire", uuid4()))) is None


@pytest.mark.parametrize("change", [str.upper, lambda text: text + "x", lambda text: text[:-1], lambda text: text[4:]])
def test_what_is_no_token_is_none(change: object) -> None:
    """Another prefix, case or length makes no token."""
    assert callable(change)
    assert parse_feed_token(change(str(new_feed_token("northshire", uuid4())))) is None
