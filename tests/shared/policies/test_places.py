"""Where in a TOML text each path stands."""

from __future__ import annotations

import tomllib
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.policies.linter import check
from shared.policies.places import Path, Place, places
from tests.shared.policies.toml_texts import paths_of, toml_texts


@given(toml_texts())
def test_every_path_is_found_where_it_was_written(written: tuple[str, dict[str, Any], dict[Path, Place]]) -> None:
    """In any form of TOML the paths are those that `tomllib` reads, each at the character where it was written."""
    text, document, expected = written
    assert tomllib.loads(text) == document
    assert set(expected) == paths_of(document)
    assert places(text) == expected


_PIECES = st.sampled_from(
    [
        *"[]{}=.,#\"'\\\n \t",
        "[[",
        "]]",
        '"""',
        "'''",
        "a",
        "b",
        "a.b",
        "= 1",
        "\n",
        "\n[a]\n",
        "[[b]]\n",
        "x = ",
        "2026-01-01",
    ]
)


@given(st.lists(_PIECES, max_size=20).map("".join))
def test_what_tomllib_accepts_is_scanned(text: str) -> None:
    """No text that `tomllib` accepts is beyond it, however strange; the paths are the same."""
    with suppress(tomllib.TOMLDecodeError):
        document = tomllib.loads(text)
        assert set(places(text)) == paths_of(document)


@pytest.mark.parametrize("depth", [100, 300])
def test_nesting_costs_no_recursion(depth: int) -> None:
    """Arrays may be nested as deep as `tomllib` reads them."""
    text = f"a = {'[' * depth}{']' * depth}"
    assert len(places(text)) == len(paths_of(tomllib.loads(text))) == depth


def test_places_in_a_pack() -> None:
    """Keys stand at their first character, tables of an array at their brackets, elements where they begin."""
    text = "[[rule]]\nkey = 1\n  [[rule.step]]\n  within = { weeks = 6 }\n[[rule]]\nhome_kinds = [1,\n 2]\n"
    found = places(text)
    assert found["rule",] == Place(1, 3)
    assert found["rule", 0] == Place(1, 1)
    assert found["rule", 0, "step", 0] == Place(3, 3)
    assert found["rule", 0, "step", 0, "within", "weeks"] == Place(4, 14)
    assert found["rule", 1, "home_kinds", 1] == Place(7, 2)


def test_what_is_no_toml_is_not_scanned() -> None:
    """A text without a value or a key is refused, and sets no scanner spinning."""
    for text in ("a =", "= 1", "a", "a = [", "[", "a = {b"):
        assert check(text, "x").pack is None
        with suppress(ValueError):
            places(text)
