"""The apps of the three services, built and not started."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts

from shared.runtime.settings import Settings
from shared.wire.paths import OPERATIONAL, PREFIXES

SERVICES = tuple(PREFIXES)
_SETTINGS = Settings(
    database_url="postgresql://nobody@127.0.0.1:1/nothing", service_token="a-token-for-apps-that-are-never-started"
)


def app_of(service: str) -> FastAPI:
    """Build the app of a service."""
    app: FastAPI = import_module(f"services.{service}.app").create_app(_SETTINGS)
    return app


@dataclass(frozen=True, slots=True)
class Operation:
    """One method on one path, with what it depends on."""

    method: str
    path: str
    dependant: Dependant


def operations_of(service: str) -> Iterator[Operation]:
    """Yield the operations of a service, without the operational ones."""
    for route in iter_route_contexts(app_of(service).routes):
        path = str(route.path or "")
        dependant = getattr(route, "dependant", None)
        if dependant is not None and not path.startswith(OPERATIONAL):
            for method in sorted(route.methods or ()):
                yield Operation(method, path, dependant)
