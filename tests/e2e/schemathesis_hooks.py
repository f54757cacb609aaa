"""Teaches schemathesis to write newline-delimited JSON, and not to wait."""

from __future__ import annotations

import json
from typing import Any

import schemathesis

from shared.wire.limits import LONG_POLL_SECONDS


@schemathesis.serializer("application/x-ndjson", "application/ndjson")
def ndjson(_: Any, value: Any) -> bytes:
    """Write each item of a list as a line, and anything else as one line."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    items = value if isinstance(value, list) else [value]
    return b"\n".join(json.dumps(item, default=str).encode() for item in items)


@schemathesis.hook
def before_call(_: Any, case: Any, _kwargs: Any) -> None:
    """Let no request wait for events that never come: a long poll waits for a moment, a live feed ends."""
    query = case.query
    if case.path == "/v1/events/live" and "known_at" not in query:
        query["known_at"] = "2026-01-01T00:00:00Z"
    wait = str(query.get("wait", ""))
    if case.path == "/v1/events" and wait.replace(".", "", 1).isdecimal() and 0 < float(wait) <= LONG_POLL_SECONDS:
        query["wait"] = "0.1"
