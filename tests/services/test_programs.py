"""The services as programs, each by itself or all in one, with settings and arguments that they cannot use."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from types import MappingProxyType

import pytest

from shared.runtime.serve import UNUSABLE_SETTINGS
from tests.meta.repository import ROOT

URL = {"HOMEWARD_DATABASE_URL": "postgresql://a:hush@127.0.0.1:1/x"}
TOKEN = {"HOMEWARD_SERVICE_TOKEN": "t" * 32}


def ran(
    service: str, *arguments: str, settings: Mapping[str, str] = MappingProxyType({})
) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HOMEWARD_")}
    return subprocess.run(
        [sys.executable, "-m", f"services.{service}", *arguments],
        cwd=ROOT,
        env={**kept, **settings},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("service", "settings", "message"),
    [
        ("events", {"HOMEWARD_PORT": "none"}, "HOMEWARD_PORT is no whole number; it takes"),
        ("scheduler", {"HOMEWARD_SIGNING_KEY": "hush"}, "HOMEWARD_SIGNING_KEY cannot be used: a key is"),
        ("reporting", {"HOMEWARD_SERVICE_TOKEN": "hush"}, "HOMEWARD_SERVICE_TOKEN is too short; it takes"),
        ("events", URL | {"HOMEWARD_LISTEN_URL": "hush"}, "HOMEWARD_LISTEN_URL is not a URL; it is written"),
        ("events", {}, "HOMEWARD_DATABASE_URL is not set; "),
        ("embedded", {"HOMEWARD_PORT": "none"}, "HOMEWARD_PORT is no whole number; it takes"),
        ("embedded", {"HOMEWARD_DEMO_KEY": "hush"}, "HOMEWARD_DEMO_KEY holds no key of the demonstration council. "),
        ("scheduler", TOKEN | {"HOMEWARD_DATABASE_URL": "mysql://a:hush@b/c"}, "HOMEWARD_DATABASE_URL must begin with"),
        ("reporting", URL, "HOMEWARD_SERVICE_TOKEN is not set; reporting reads the log with it: set"),
        ("scheduler", URL | TOKEN | {"HOMEWARD_WEBHOOK_ALLOW": "hush:*"}, "HOMEWARD_WEBHOOK_ALLOW names a network"),
    ],
)
def test_an_unusable_setting_ends_a_service_in_one_line(service: str, settings: dict[str, str], message: str) -> None:
    """Status 2, as with the operator's commands, one sentence that says what to set, and no secret."""
    done = ran(service, settings=settings)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (UNUSABLE_SETTINGS, "", 1)
    assert done.stderr.startswith(f"homeward: {message}")
    assert "hush" not in done.stderr


@pytest.mark.parametrize("service", ["events", "scheduler", "reporting", "embedded"])
def test_arguments_are_refused_in_one_line(service: str) -> None:
    """Whoever types a port is told that it is none, and nothing starts; `--help` names the page of the settings."""
    for wrong in (["--port", "8001"], ["8001"], ["--hel"], ["a\nb"]):
        done = ran(service, *wrong)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (UNUSABLE_SETTINGS, "", 1)
        assert done.stderr.startswith("homeward: ")
        assert "unrecognized arguments: " in done.stderr
    done = ran(service, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"usage: python -m services.{service} " in done.stdout
    page = re.findall(r"docs/\S+\.md", done.stdout)[0]
    assert (ROOT / page).is_file()
