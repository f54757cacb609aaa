"""Teaches schemathesis to write newline-delimited JSON."""

from __future__ import annotations

from typing import Any

import orjson
import schemathesis


@schemathesis.serializer("application/x-ndjson", "application/ndjson")  # type: ignore[untyped-decorator]  # no types
def ndjson(_: Any, value: Any) -> bytes:
    """Write each item of a list as a line, and anything else as one line."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    items = value if isinstance(value, list) else [value]
    return b"\n".join(orjson.dumps(item, default=str) for item in items)
