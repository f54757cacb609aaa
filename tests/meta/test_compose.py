"""The compose file is a valid one and agrees with the code, since no container engine may be at hand to try it."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import jsonschema
import pytest

from shared.runtime.settings import ENVIRONMENT_PREFIX, Settings
from shared.wire.paths import PREFIXES, service_of
from tests.meta.compose import compose_file, compose_schema, gateway_configuration
from tests.meta.repository import ROOT

SERVICES: dict[str, dict[str, Any]] = compose_file()["services"]
OURS = ("migrate", *PREFIXES)


def test_the_file_follows_the_specification() -> None:
    """The compose file is valid against the published JSON Schema."""
    jsonschema.Draft202012Validator(compose_schema()).validate(compose_file())


def test_the_schema_refuses_what_is_wrong() -> None:
    """The same schema finds a misspelt member, so the test above can fail."""
    wrong = {"services": {"events": {"imagee": "homeward"}}}

    assert not jsonschema.Draft202012Validator(compose_schema()).is_valid(wrong)


def test_every_service_runs() -> None:
    """All three services, the migration that runs once, the database and the gateway are there."""
    assert set(SERVICES) == {"postgres", "gateway", *OURS}
    for name in PREFIXES:
        assert SERVICES[name]["command"] == ["python", "-m", f"services.{name}"]


@pytest.mark.parametrize("name", OURS)
def test_services_wait_for_the_migration(name: str) -> None:
    """No service starts on a database that is not migrated."""
    wanted = "postgres" if name == "migrate" else "migrate"
    condition = "service_healthy" if name == "migrate" else "service_completed_successfully"

    assert SERVICES[name]["depends_on"][wanted]["condition"] == condition


@pytest.mark.parametrize("name", OURS)
def test_only_known_settings_are_set(name: str) -> None:
    """Every variable that is set for our processes is a setting of Homeward."""
    known = {f"{ENVIRONMENT_PREFIX}{field.upper()}" for field in Settings.model_fields}

    assert set(SERVICES[name]["environment"]) <= known


def test_every_secret_must_be_given() -> None:
    """No secret has a default: without it compose stops and says which."""
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    for secret in ("POSTGRES_PASSWORD", "HOMEWARD_SERVICE_TOKEN", "HOMEWARD_SIGNING_KEY"):
        used = re.findall(rf"\$\{{{secret}(.)", text)
        assert used
        assert set(used) == {":"}
        assert re.findall(rf"\$\{{{secret}:\?", text) == [f"${{{secret}:?"] * len(used)


@pytest.mark.parametrize("name", [*PREFIXES, "postgres", "gateway"])
def test_every_process_says_whether_it_is_well(name: str) -> None:
    """Every process that stays has a health check."""
    assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"


def test_the_health_check_is_a_program() -> None:
    """What our health checks run is Python that compiles."""
    command = SERVICES["events"]["healthcheck"]["test"]
    assert command[1:3] == ["python", "-c"]

    subprocess.run([sys.executable, "-c", f"compile({command[3]!r}, 'check', 'exec')"], check=True)


def gateway_choice(path: str) -> str:
    """Return the service to which the gateway's table sends a path."""
    table = re.search(r"map \$uri \$service \{(.*?)\n\}", gateway_configuration(), re.DOTALL)
    assert table is not None
    rows = dict(re.findall(r"^\s*(\S+) (\w+);$", table[1], re.MULTILINE))
    if path in rows:
        return str(rows[path])
    for pattern, service in rows.items():
        if pattern.startswith("~") and re.search(pattern[1:], path):
            return str(service)
    return str(rows["default"])


@pytest.mark.parametrize("prefix", [prefix for prefixes in PREFIXES.values() for prefix in prefixes])
def test_the_gateway_follows_the_table_of_prefixes(prefix: str) -> None:
    """For every prefix the gateway chooses the service that `service_of` does, and no look-alike."""
    for path in (prefix, f"{prefix}/", f"{prefix}/a/b", f"{prefix}x", f"/x{prefix}"):
        assert gateway_choice(path) == service_of(path), path


@pytest.mark.parametrize("path", ["/", "/docs", "/docs/assets/swagger-ui.css", "/v1", "/v2/reviews", "/livez"])
def test_the_gateway_passes_the_rest_to_the_default(path: str) -> None:
    """What belongs to no service reaches the one that answers for the rest."""
    assert gateway_choice(path) == service_of(path)


@pytest.mark.parametrize("service", PREFIXES)
def test_the_gateway_finds_every_document(service: str) -> None:
    """The OpenAPI document of each service comes from that service."""
    assert gateway_choice(f"/openapi/{service}.json") == service
