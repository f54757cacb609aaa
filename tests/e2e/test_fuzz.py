"""schemathesis, a tool nobody here wrote, against the three OpenAPI documents."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.wire.paths import PREFIXES
from tests.e2e.system import ROOT, System

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "ignored_auth",
)
EXAMPLES = 60
CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
SEED = 20_261_123


@pytest.fixture(scope="module")
def running(data_root: Path) -> Iterator[System]:
    """One embedded system for all documents."""
    folder = data_root / "fuzz"
    folder.mkdir()
    system = System("embedded", folder, None)
    try:
        system.start()
        yield system
    finally:
        system.stop()


@pytest.mark.parametrize("service", PREFIXES)
def test_no_request_breaks_the_document(running: System, service: str) -> None:
    """Whatever is sent, the answer is one that the document describes, and never a 500."""
    key = running.new_key("fuzzshire")
    with running.client(key) as client:
        url = f"{client.base_url}/openapi/{service}.json"
    run = subprocess.run(
        [
            *(str(Path(sys.executable).parent / "schemathesis"), "--config-file", str(CONFIGURATION), "run", url),
            *("-H", f"Authorization: Bearer {key}"),
            *("--checks", ",".join(CHECKS), "--phases", "examples,coverage,fuzzing"),
            *("--max-examples", str(EXAMPLES), "--seed", str(SEED), "--suppress-health-check", "all"),
            *("--no-color",),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        cwd=ROOT,
        env={**os.environ, "SCHEMATHESIS_HOOKS": "tests.e2e.schemathesis_hooks"},
    )

    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-1000:]
