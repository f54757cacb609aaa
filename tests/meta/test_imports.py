"""Who may import whom, where our packages lie, and who may ask for the time."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import services
import shared
from tests.meta.repository import ROOT, python_files

CLOCK = "shared/domain/clock.py"
_ASKS_FOR_THE_TIME = re.compile(r"\b(datetime\.(now|utcnow|today)|date\.today|time\.time)\(")


def test_the_import_contracts_hold() -> None:
    """Services do not know each other, shared does not know services, the domain is pure."""
    program = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run(
        [program, "--no-cache"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_our_packages_are_those_of_this_repository() -> None:
    """No installed package named `services` or `shared` takes the place of ours."""
    for package in (services, shared):
        assert Path(str(package.__file__)).is_relative_to(ROOT)


def test_only_the_clock_asks_for_the_time() -> None:
    """Everything else is given its clock, so that a replay gives the same answer."""
    asking = [
        path
        for path in python_files("services", "shared")
        if path != CLOCK and _ASKS_FOR_THE_TIME.search((ROOT / path).read_text(encoding="utf-8"))
    ]

    assert asking == []
