"""Settings come from the environment and are checked."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from shared.runtime.settings import ENVIRONMENT_PREFIX, Settings


def read(name: str) -> tuple[Any, list[tuple[int | str, ...]]]:
    """Return the setting, or the places that were refused."""
    try:
        return getattr(Settings(), name), []
    except ValidationError as error:
        return None, [each["loc"] for each in error.errors()]


def test_nothing_has_to_be_set() -> None:
    """Every setting has a default."""
    assert Settings() == Settings.model_construct(**{n: f.default for n, f in Settings.model_fields.items()})


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_is_read_from_its_variable(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`HOMEWARD_<NAME>` reaches the setting: what it cannot be is refused under that name."""
    monkeypatch.setenv(f"{ENVIRONMENT_PREFIX}{name.upper()}", "0" if name == "demo" else "x" * 40)

    value, refused = read(name)

    assert refused == [(name,)] or value != Settings.model_fields[name].default


def test_every_setting_has_a_sentence() -> None:
    """No setting is without a description."""
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_secrets_do_not_show() -> None:
    """Printing the settings shows no token and no key."""
    shown = repr(Settings(service_token="t" * 40, demo_key="k" * 40))

    assert "tttt" not in shown
    assert "kkkk" not in shown
