"""The three services as programs, with settings that they cannot use."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from shared.runtime.serve import UNUSABLE_SETTINGS
from tests.meta.repository import ROOT

URL = {"HOMEWARD_DATABASE_URL": "postgresql://a:hush@127.0.0.1:1/x"}
TOKEN = {"HOMEWARD_SERVICE_TOKEN": "t" * 32}


@pytest.mark.parametrize(
    ("service", "settings", "message"),
    [
        ("events", {"HOMEWARD_PORT": "none"}, "HOMEWARD_PORT is no whole number; it takes"),
        ("scheduler", {"HOMEWARD_SIGNING_KEY": "hush"}, "HOMEWARD_SIGNING_KEY cannot be used: a key is"),
        ("reporting", {"HOMEWARD_SERVICE_TOKEN": "hush"}, "HOMEWARD_SERVICE_TOKEN is too short; it takes"),
        ("events", URL | {"HOMEWARD_LISTEN_URL": "hush"}, "HOMEWARD_LISTEN_URL is not a URL; it is written"),
        ("events", {}, "HOMEWARD_DATABASE_URL is not set; "),
        ("scheduler", TOKEN | {"HOMEWARD_DATABASE_URL": "mysql://a:hush@b/c"}, "HOMEWARD_DATABASE_URL must begin with"),
        ("reporting", URL, "HOMEWARD_SERVICE_TOKEN is not set; reporting reads the log with it: set"),
        ("scheduler", URL | TOKEN | {"HOMEWARD_WEBHOOK_ALLOW": "hush:*"}, "HOMEWARD_WEBHOOK_ALLOW names a network"),
    ],
)
def test_an_unusable_setting_ends_a_service_in_one_line(service: str, settings: dict[str, str], message: str) -> None:
    """Status 2, as with the operator's commands, one sentence that says what to set, and no secret."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HOMEWARD_")}
    done = subprocess.run(
        [sys.executable, "-m", f"services.{service}"],
        cwd=ROOT,
        env=kept | settings,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (UNUSABLE_SETTINGS, "", 1)
    assert done.stderr.startswith(f"homeward: {message}")
    assert "hush" not in done.stderr
