"""The API key of the demonstration council: fixed by a setting, or made once and kept."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from services.embedded.folder import keep_secret
from shared.domain.clock import Clock
from shared.identity import store
from shared.identity.keys import ALL_SCOPES, ApiKey, new_key, parse_key
from shared.runtime.database import driver_url
from shared.runtime.environment import UnusableSettings

AUTHORITY = "demonstration"
NAME = "Demonstration council"
_FILE = "demonstration-key"


class UnusableKey(Exception):
    """The demonstration key that is kept is none, or cannot be kept."""


def demonstration_key(data_dir: Path, fixed: SecretStr | None) -> ApiKey:
    """Return the key that is set, or the one that is kept in ``data_dir``, made at the first call.

    Raises UnusableKey for one that is kept, and UnusableSettings for one that is set.
    """
    if fixed is not None:
        return _checked(fixed.get_secret_value(), "HOMEWARD_DEMO_KEY", otherwise=UnusableSettings)
    path = data_dir / _FILE
    try:
        if not path.exists():
            keep_secret(path, str(new_key(AUTHORITY)))
        return _checked(path.read_text(encoding="utf-8").strip(), str(path), otherwise=UnusableKey)
    except OSError as error:
        raise UnusableKey(
            f"The demonstration key in {path} cannot be kept or read ({error.strerror}); set HOMEWARD_DATA_DIR."
        ) from None


async def admit(database_url: str, key: ApiKey, clock: Clock) -> None:
    """Make sure that the authority of ``key`` is there and that the key may do everything within it."""
    engine = create_async_engine(driver_url(database_url), poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            await store.add_authority(connection, key.authority_id, NAME, clock.now())
            await store.add_key(
                connection, key, scopes=ALL_SCOPES, note="made by `make run` for the demonstration", now=clock.now()
            )
    finally:
        await engine.dispose()


def _checked(text: str, where: str, *, otherwise: type[UnusableKey | UnusableSettings]) -> ApiKey:
    key = parse_key(text)
    if key is None or key.authority_id != AUTHORITY:
        raise otherwise(
            f"{where} holds no key of the demonstration council. It reads "
            f"hw1.{AUTHORITY}.<8 to 32 of a-z0-9>.<32 to 128 of A-Za-z0-9_->."
        )
    return key
