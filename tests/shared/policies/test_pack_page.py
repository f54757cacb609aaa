"""The page on how packs are written is about the packs and the language that there are."""

from __future__ import annotations

import re

from shared.policies.linter import check
from shared.policies.loader import known_packs
from tests.meta.repository import ROOT

PAGE = (ROOT / "docs/reference/timetable-packs.md").read_text(encoding="utf-8")
[EXAMPLE] = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


def test_the_example_is_a_pack() -> None:
    """What the page shows is read, and nothing is to be told of it but that nobody verified it."""
    reading = check(EXAMPLE, "example.toml")
    assert reading.pack is not None
    assert {finding.code for finding in reading.findings} == {"not_verified"}


def test_every_shipped_pack_is_on_the_page() -> None:
    """Nobody has to look into the repository for which packs there are."""
    listed = set(re.findall(r"`([a-z0-9-]+)`", PAGE[: PAGE.index("## A rule")]))
    assert {pack.pack for pack in known_packs()} <= listed
