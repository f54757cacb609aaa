"""What integrators copy: the examples and the README's ten lines, run as they stand."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.system import ROOT, System, eventually


@pytest.fixture(scope="module")
def running(data_root: Path) -> Iterator[System]:
    """One embedded system for all examples."""
    folder = data_root / "examples"
    folder.mkdir()
    system = System("embedded", folder, None)
    try:
        system.start()
        yield system
    finally:
        system.stop()


def send(running: System, key: str) -> subprocess.CompletedProcess[str]:
    """Run the example sender for one child."""
    with running.client(key) as client:
        where = ["--url", str(client.base_url), "--key", key, "--child", "7f3c9a", "--day", "2026-01-15"]
    arguments = [sys.executable, "examples/sender.py", *where]
    return subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


def test_the_example_sender_is_understood_and_may_repeat_itself(running: System) -> None:
    """A child told of with the CloudEvents SDK has its review dates, and telling it again stores nothing."""
    key = running.new_key("sendershire")
    first, again = send(running, key), send(running, key)

    assert first.returncode == again.returncode == 0, first.stderr + again.stderr
    assert first.stdout.count('"stored"') == 3
    assert again.stdout.count('"duplicate"') == 3
    with running.client(key) as client:

        def six_weeks() -> list[dict[str, Any]]:
            asked = {"child": "7f3c9a", "kind": "looked_after_child_review", "limit": "1"}
            items: list[dict[str, Any]] = client.get("/v1/reviews", params=asked).json().get("items", [])
            return items

        assert eventually(six_weeks, what="the review of the child")[0]["due_on"] == "2026-02-26"


def test_the_readmes_ten_lines_work(running: System) -> None:
    """The Python in the README posts an event that is taken."""
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    key = running.new_key("readmeshire")
    with running.client(key) as client:
        exec(code.replace("http://127.0.0.1:8000", str(client.base_url)), {"KEY": key})

        events = client.get("/v1/streams/child-7f3c9a/events").json()["events"]

    assert [each["event"]["type"] for each in events] == ["home.started"]
