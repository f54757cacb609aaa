"""Packages come from whatever registry the machine is set up for."""

from __future__ import annotations

import re

from tests.meta.repository import ROOT, files

_NAMED = re.compile(
    r"pypi\.(org|python\.org)|pythonhosted\.org|registry\.npmjs\.org|proxy\.golang\.org"
    # Written so that this file does not name them itself.
    r"|\binde[x][-_]url|\btrusted[-_]hos[t]"
)


def test_no_file_names_a_registry() -> None:
    """No tracked file, lock files included, holds the address of a package registry or an option that sets one."""
    naming = [
        path
        for path in files()
        if not path.startswith("tests/vectors/")
        and _NAMED.search((ROOT / path).read_text(encoding="utf-8", errors="replace"))
    ]

    assert naming == []
