"""The tests themselves: each says what is true, and each is found."""

from __future__ import annotations

import ast
from pathlib import PurePath

from tests.meta.repository import files, functions, python_files


def test_every_test_states_a_truth() -> None:
    """Every test function has a docstring."""
    silent = [
        each.place
        for each in functions("tests")
        if each.node.name.startswith("test_") and not ast.get_docstring(each.node)
    ]

    assert silent == []


def test_every_folder_of_tests_is_a_package() -> None:
    """`tests/services` would hide the real `services` if a level had no `__init__.py`."""
    folders = {parent.as_posix() for path in python_files("tests") for parent in PurePath(path).parents if parent.name}

    assert {f"{folder}/__init__.py" for folder in folders} <= set(files())
