"""What an API key looks like, and what it shows of itself."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.ids import AUTHORITY_PATTERN
from shared.identity.keys import ApiKey, new_key, parse_key

authorities = st.from_regex(re.compile(AUTHORITY_PATTERN[1:-1]), fullmatch=True).filter(str.isascii)


@given(authorities)
def test_a_new_key_reads_back_as_itself(authority_id: str) -> None:
    """Whatever the authority is called, its key can be written and read."""
    key = new_key(authority_id)

    assert parse_key(str(key)) == key


@given(st.text())
def test_any_text_is_a_key_or_none(text: str) -> None:
    """Reading never fails, and what it accepts it writes back unchanged."""
    key = parse_key(text)

    assert key is None or str(key) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hw1",
        f"hw2.northshire.abcdefgh.{'s' * 40}",
        f"hw1.Northshire.abcdefgh.{'s' * 40}",
        f"hw1.northshire.abc.{'s' * 40}",
        f"hw1.northshire.abcdefgh.{'s' * 31}",
        f"hw1.northshire.abcdefgh.{'s' * 40}\n",
        f" hw1.northshire.abcdefgh.{'s' * 40}",
    ],
)
def test_what_is_no_key_is_refused(text: str) -> None:
    """Other prefixes, other alphabets and stray spaces are no keys."""
    assert parse_key(text) is None


def test_two_keys_of_an_authority_differ() -> None:
    """Ids and secrets are random."""
    first, second = new_key("northshire"), new_key("northshire")

    assert first.key_id != second.key_id
    assert first.secret != second.secret


def test_the_secret_shows_only_where_it_is_asked_for() -> None:
    """A key in a log or traceback does not give itself away."""
    key = new_key("northshire")

    assert key.secret not in repr(key)
    assert key.secret.encode() not in key.digest


def test_only_the_same_secret_matches() -> None:
    """The digest of one key fits no other."""
    key = ApiKey("northshire", "abcdefgh", "s" * 40)

    assert key.matches(key.digest)
    assert not ApiKey("northshire", "abcdefgh", "t" * 40).matches(key.digest)
