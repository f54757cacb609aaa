"""Events as newline-delimited JSON: one CloudEvent a line, members in a fixed order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson

CONTENT_TYPE = "application/x-ndjson"


def lines(events: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """Yield each event as one line of UTF-8 JSON that ends in a line feed."""
    for event in events:
        yield orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE)
