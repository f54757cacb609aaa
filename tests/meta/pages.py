"""Pages of the reference that are made from the code; ``python -m tests.meta.pages`` writes them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from shared.runtime.settings import ENVIRONMENT_PREFIX, Settings
from tests.meta.repository import ROOT

SETTINGS_PAGE = ROOT / "docs/reference/settings.md"

_HEAD = """# Settings

Every setting of Homeward is an environment variable. None must be set for `make run`. This page is made from
`shared/runtime/settings.py` by `make docs`.

| variable | default | what it does |
| --- | --- | --- |
"""
_TAIL = """
Three more matter to those who run the tests or `make`:

* `HOMEWARD_TEST_DATABASE_URL` names a server on which the tests may create databases; without it they start an embedded
  one.
* `HOMEWARD_TEST_POSTGRES_PROGRAMS` names a folder with the programs of another PostgreSQL for the tests to start, for
  instance `/usr/lib/postgresql/15/bin`.
* `HOMEWARD_PYTHON` tells `make` which Python makes the virtual environment.
"""


def settings_page() -> str:
    """Return the page of all settings, in the order in which the code lists them."""
    return _HEAD + "".join(_rows()) + _TAIL


def _rows() -> Iterator[str]:
    for name, field in Settings.model_fields.items():
        variable = f"{ENVIRONMENT_PREFIX}{name.upper()}"
        yield f"| `{variable}` | {_default(field)} | {_sentence(field)} |\n"


def _default(field: FieldInfo) -> str:
    value: Any = field.default
    if value is None or value == "":
        return "unset"
    if isinstance(value, bool):
        return "`1`" if value else "`0`"
    assert not isinstance(value, SecretStr)
    return f"`{value}`"


def _sentence(field: FieldInfo) -> str:
    text = (field.description or "").replace("|", "\\|")
    bounds = [_bound(each) for each in field.metadata]
    told = ", ".join(bound for bound in bounds if bound)
    return f"{text} ({told})" if told else text


def _bound(constraint: Any) -> str:
    words = {"ge": "at least", "gt": "more than", "le": "at most"}
    return ", ".join(f"{word} {getattr(constraint, name)}" for name, word in words.items() if hasattr(constraint, name))


def write(page: Path, text: str) -> None:
    """Write a page unless it reads so already."""
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(SETTINGS_PAGE, settings_page())
