"""What ``docker-compose.yml`` says."""

from __future__ import annotations

import json
from typing import Any

import yaml

from tests.meta.repository import ROOT


def compose_file() -> dict[str, Any]:
    """Return the compose file as data, its anchors resolved."""
    read: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    return read


def compose_schema() -> dict[str, Any]:
    """Return the JSON Schema of the Compose Specification."""
    read: dict[str, Any] = json.loads((ROOT / "tests/vectors/compose-spec.json").read_text(encoding="utf-8"))
    return read


def gateway_configuration() -> str:
    """Return nginx's configuration as nginx would see it: Compose turns two dollars into one."""
    content: str = compose_file()["configs"]["gateway"]["content"]
    return content.replace("$$", "$")
