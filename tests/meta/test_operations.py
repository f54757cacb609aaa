"""Every operation of every service: admitted by a key, and in its own part of the URL space."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.dependencies.models import Dependant

from shared.runtime.auth import require
from shared.wire.paths import PREFIXES, service_of
from tests.meta.services import SERVICES, app_of, operations_of

#: Documents: they explain the API to anybody and hold nobody's data.
PUBLIC = {
    "/v1/event-types",
    "/v1/event-types/{type}/{version}",
    "/v1/limits",
    "/v1/problems",
    "/v1/problems/{slug}",
    "/v1/timetables/schema",
}

#: Whoever has the address may read it: calendar programs send no key, and the address holds a secret in its stead.
BY_ADDRESS = {"/v1/calendars/{token}.ics"}

_ADMITTED = f"{require.__qualname__}.<locals>.admitted"


def calls(dependant: Dependant) -> Iterator[str]:
    yield getattr(dependant.call, "__qualname__", "")
    for part in dependant.dependencies:
        yield from calls(part)


@pytest.mark.parametrize("service", SERVICES)
def test_every_operation_asks_who_is_there(service: str) -> None:
    """Every operation depends on a key with a scope, but for what is said to anybody or asked by secret address."""
    operations = list(operations_of(service))
    open_to_all = [each.path for each in operations if _ADMITTED not in calls(each.dependant)]

    assert operations
    assert set(open_to_all) <= PUBLIC | BY_ADDRESS


@pytest.mark.parametrize("service", SERVICES)
def test_every_operation_lies_in_its_service_s_part_of_the_url_space(service: str) -> None:
    """A gateway that follows the table of prefixes reaches every operation."""
    for operation in operations_of(service):
        assert service_of(operation.path) == service
        assert operation.path.startswith(PREFIXES[service])


@pytest.mark.parametrize("service", SERVICES)
def test_every_operation_is_described(service: str) -> None:
    """Every operation has a sentence, and every parameter of it too."""
    for path, methods in app_of(service).openapi()["paths"].items():
        for method, operation in methods.items():
            assert operation.get("description") or operation.get("summary"), (method, path)
            for parameter in operation.get("parameters", ()):
                assert parameter["in"] == "path" or parameter.get("description"), (method, path, parameter["name"])
