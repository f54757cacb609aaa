"""The migrations of each schema form one numbered line."""

from __future__ import annotations

import re
from itertools import groupby

from alembic.script import ScriptDirectory

from shared.runtime.migrations import BRANCHES, configuration
from tests.meta.repository import python_files

_FILE = re.compile(r"migrations/(?P<folder>[a-z]+)/(?P<revision>(?P<branch>[a-z]+)_(?P<number>\d{4}))_[a-z0-9_]+\.py")


def scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(configuration("postgresql://unused"))


def test_files_are_numbered_without_gaps() -> None:
    """`<branch>_<number>_<what>.py` lies in the branch's folder, and numbers count from 1."""
    named = [_FILE.fullmatch(path) for path in python_files("migrations") if path != "migrations/env.py"]

    assert all(match and match["folder"] == match["branch"] for match in named)
    matches = [match for match in named if match]
    for branch, group in groupby(matches, key=lambda match: match["branch"]):
        assert [int(match["number"]) for match in group] == list(range(1, 1 + branch_length(branch)))


def branch_length(branch: str) -> int:
    return sum(path.startswith(f"migrations/{branch}/") for path in python_files("migrations"))


def test_each_file_holds_the_revision_of_its_name() -> None:
    """The id in the file is the id in its name."""
    for script in scripts().walk_revisions():
        match = _FILE.search(str(script.path))
        assert match is not None
        assert match["revision"] == script.revision


def test_each_branch_has_one_head() -> None:
    """No two migrations of one schema stand side by side."""
    heads = sorted(head.rsplit("_", 1)[0] for head in scripts().get_heads())

    assert heads == sorted(BRANCHES)
