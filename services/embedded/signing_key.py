"""The key with which `make run` signs the heads of logs: fixed by a setting, or made once and kept."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

from services.embedded.folder import keep_secret
from shared.runtime.signing import Signer, UnusableKey, new_seed

_FILE = "signing-key"


class UnusableSigningKey(Exception):
    """The signing key that is kept is none, or cannot be kept."""


def signing_key(data_dir: Path, fixed: SecretStr | None) -> SecretStr:
    """Return the key that is set, or the one that is kept in ``data_dir``, made at the first call.

    Raises UnusableSigningKey.  A key that was lost cannot be made again; heads that it
    signed stay valid, and the next ones are signed with another.
    """
    if fixed is not None:
        return fixed
    path = data_dir / _FILE
    try:
        if not path.exists():
            keep_secret(path, new_seed())
        seed = path.read_text(encoding="utf-8").strip()
        Signer(seed)
    except OSError as error:
        raise UnusableSigningKey(
            f"The signing key in {path} cannot be kept or read ({error.strerror}); set HOMEWARD_DATA_DIR."
        ) from None
    except UnusableKey as error:
        raise UnusableSigningKey(f"{path} holds no signing key: {error}.") from None
    return SecretStr(seed)
