"""Which service answers which part of the one URL space.

The embedded program and the gateway of the three-process mode both follow this table; a
test holds ``docker-compose.yml`` and every operation of every service to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

ServiceName = Literal["events", "scheduler", "reporting"]

#: Service name to the path prefixes that are its own.
PREFIXES: Mapping[ServiceName, tuple[str, ...]] = MappingProxyType(
    {
        "events": ("/v1/events", "/v1/streams", "/v1/event-types", "/v1/limits", "/v1/log", "/v1/problems"),
        "scheduler": (
            "/v1/reviews",
            "/v1/deadlines",
            "/v1/review-changes",
            "/v1/webhook-endpoints",
            "/v1/held-back-notices",
            "/v1/timetables",
            "/v1/calendar-feeds",
            "/v1/calendars",
        ),
        "reporting": ("/v1/journeys", "/v1/measures"),
    }
)

#: Answered by every process itself: probes, figures for Prometheus, and the API documents.
OPERATIONAL = ("/livez", "/readyz", "/metrics", "/docs", "/openapi")

#: The service to which a gateway passes what belongs to none, so that 404s have one shape.
DEFAULT_SERVICE: ServiceName = "events"


def service_of(path: str) -> ServiceName:
    """Return the service that answers ``path``.

    The document of each service lies at ``/openapi/<service>.json``.
    """
    for service, prefixes in PREFIXES.items():
        if any(path == prefix or path.startswith(prefix + "/") for prefix in (*prefixes, f"/openapi/{service}.json")):
            return service
    return DEFAULT_SERVICE
