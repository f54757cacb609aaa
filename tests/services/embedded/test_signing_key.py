"""The signing key of `make run` is the same at every start, and a secret."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from services.embedded.signing_key import UnusableSigningKey, signing_key
from shared.runtime.signing import Signer, new_seed


def test_the_key_is_made_once(tmp_path: Path) -> None:
    """The second start finds the key of the first, in a file that only its owner may read."""
    first = signing_key(tmp_path / "data", None)

    assert signing_key(tmp_path / "data", None) == first
    assert Signer(first.get_secret_value()).key_id
    assert (tmp_path / "data/signing-key").stat().st_mode & 0o777 == 0o600


def test_a_fixed_key_is_used_as_it_is(tmp_path: Path) -> None:
    """A key that is set needs no file."""
    fixed = SecretStr(new_seed())

    assert signing_key(tmp_path, fixed) == fixed
    assert list(tmp_path.iterdir()) == []


def test_a_key_that_is_none_is_refused_without_repeating_it(tmp_path: Path) -> None:
    """A damaged file is not replaced: heads that it signed would have an unknown key."""
    (tmp_path / "signing-key").write_text("damaged-secret")

    with pytest.raises(UnusableSigningKey, match="holds no signing key") as refusal:
        signing_key(tmp_path, None)
    assert "damaged-secret" not in str(refusal.value)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A data folder that is a file is a sentence, not a traceback."""
    (tmp_path / "file").write_text("")

    with pytest.raises(UnusableSigningKey, match="HOMEWARD_DATA_DIR"):
        signing_key(tmp_path / "file", None)
