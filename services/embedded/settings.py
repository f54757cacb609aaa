"""The settings of this run, or a sentence about the one that cannot be used."""

from __future__ import annotations

from pydantic import ValidationError

from shared.runtime.settings import ENVIRONMENT_PREFIX, Settings


class CannotStart(Exception):
    """Homeward cannot start; the message says why and what to do."""


def read_settings() -> Settings:
    """Return the settings of the environment; raises CannotStart for one that cannot be used."""
    try:
        return Settings()
    except ValidationError as error:
        # The values may be secrets: only names and messages are told.
        faults = "; ".join(
            f"{ENVIRONMENT_PREFIX}{'.'.join(str(part) for part in each['loc']).upper()}: {each['msg']}"
            for each in error.errors(include_input=False)
        )
        raise CannotStart(f"A setting cannot be used. {faults}. All settings: docs/reference/settings.md") from None
