"""The settings of the environment, or a sentence about each that cannot be used.

No sentence holds a value: it may be a secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from shared.runtime.database import UnusableUrl, driver_url
from shared.runtime.settings import ENVIRONMENT_PREFIX, Settings

#: What is wrong, by the beginning of the code that pydantic gives it; the first that fits.
_WRONG = (
    ("int_", "is no whole number"),
    ("float_", "is no number"),
    ("bool_", "is neither yes nor no"),
    ("literal_", "is none of the words that it takes"),
    ("greater_", "is too small"),
    ("less_", "is too large"),
    ("too_short", "is too short"),
    ("string_too_short", "is too short"),
)
_KINDS: Mapping[Any, str] = {int: "a whole number", float: "a number", bool: "1 or 0"}
_BOUNDS = {"ge": "from {}", "gt": "above {}", "le": "up to {}", "min_length": "of at least {} characters"}


class UnusableSettings(ValueError):
    """Settings that are missing or cannot be used; the message says which, what is wrong, and what to set."""


def read_settings() -> Settings:
    """Return the settings of the environment; raises UnusableSettings, with a sentence for each that is wrong."""
    try:
        settings = Settings()
    except ValidationError as error:
        sentences = [_sentence(each) for each in error.errors(include_input=False, include_url=False)]
        raise UnusableSettings(" ".join([*sentences, "All settings: docs/reference/settings.md"])) from None
    for name in ("database_url", "listen_url"):
        _check_url(f"{ENVIRONMENT_PREFIX}{name.upper()}", getattr(settings, name))
    return settings


def database_of(settings: Settings) -> str:
    """Return the URL of the database; raises UnusableSettings when none is set."""
    if settings.database_url is None:
        raise UnusableSettings(
            f"{ENVIRONMENT_PREFIX}DATABASE_URL is not set; a service by itself needs a PostgreSQL server: set "
            "it to postgresql://user:password@host/database"
        )
    return settings.database_url


def token_of(settings: Settings, service: str) -> str:
    """Return the token with which a service reads the log; raises UnusableSettings when none is set."""
    if settings.service_token is None:
        raise UnusableSettings(
            f"{ENVIRONMENT_PREFIX}SERVICE_TOKEN is not set; {service} reads the log with it: set the same secret of at "
            "least 32 characters for all three services"
        )
    return settings.service_token.get_secret_value()


def _check_url(variable: str, url: str | None) -> None:
    try:
        if url is not None:
            driver_url(url)
    except UnusableUrl as error:
        told = str(error).replace(f"{ENVIRONMENT_PREFIX}DATABASE_URL", variable)
        raise UnusableSettings(f"{told}; it is written postgresql://user:password@host/database") from None


def _sentence(error: Mapping[str, Any]) -> str:
    name = str(error["loc"][0])
    variable = f"{ENVIRONMENT_PREFIX}{name.upper()}"
    if error["type"] == "value_error":
        return f"{variable} cannot be used: {error['ctx']['error']}."
    wrong = next((words for begin, words in _WRONG if error["type"].startswith(begin)), "cannot be used")
    return f"{variable} {wrong}; it takes {_taken(Settings.model_fields[name])}."


def _taken(field: FieldInfo) -> str:
    """Say what a setting takes, from its type and its bounds."""
    if get_origin(field.annotation) is Literal:
        *others, last = get_args(field.annotation)
        return f"{', '.join(others)} or {last}"
    bounds = [
        words.format(getattr(each, name))
        for each in field.metadata
        for name, words in _BOUNDS.items()
        if hasattr(each, name)
    ]
    return " ".join([_KINDS.get(field.annotation, "a text"), *bounds])
