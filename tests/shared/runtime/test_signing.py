"""Keys that sign heads of logs."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr, ValidationError

from shared.domain.signed_head import key_id_of
from shared.runtime.settings import Settings
from shared.runtime.signing import PublicKeys, Signer, UnusableKey, new_seed, read_key

NOW = datetime(2026, 6, 11, 9, 30, tzinfo=UTC)


def test_a_head_is_valid_for_the_key_that_signed_it_and_no_other() -> None:
    """A key ring knows its keys by their ids, and a stranger's signature is not valid for it."""
    signer, stranger = Signer(new_seed()), Signer(new_seed())
    ring = PublicKeys([signer.public_key])
    head = signer.head("northshire", 7, bytes(32), NOW)

    assert ring.valid(head)
    assert ring.knows(signer.key_id)
    assert not ring.knows(stranger.key_id)
    assert not ring.valid(stranger.head("northshire", 7, bytes(32), NOW))


def test_one_seed_gives_one_key() -> None:
    """Replicas that share a setting sign with one key, named by the hash of its public half."""
    seed = new_seed()

    assert Signer(seed).public_key == Signer(seed).public_key
    assert Signer(seed).key_id == key_id_of(Signer(seed).public_key)
    assert new_seed() != seed


def test_a_public_key_of_another_size_is_none() -> None:
    """A key row that was tampered with is left out instead of stopping the verification."""
    assert not PublicKeys([b"short"]).knows(key_id_of(b"short"))


@pytest.mark.parametrize("text", ["", "secret", "not base64 !", b64encode(bytes(31)).decode(), "ü" * 44])
def test_what_is_no_key_is_refused_without_repeating_it(text: str) -> None:
    """A wrong setting is told with the way to make a right one, and never echoed."""
    with pytest.raises(UnusableKey, match="openssl rand -base64 32"):
        read_key(text)
    with pytest.raises(ValidationError) as refusal:
        Settings(signing_key=SecretStr(text))
    assert not text or text not in str(refusal.value)


def test_a_key_may_come_with_white_space_around_it() -> None:
    """A file or a variable often ends with a line feed."""
    seed = new_seed()

    assert read_key(f" {seed}\n") == read_key(seed)
    assert Settings(signing_key=SecretStr(seed)).signing_key is not None
