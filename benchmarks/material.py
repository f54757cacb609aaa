"""What is appended: events of a thousand children, as requests of ours and as rows of a plain table.

Events that come alone are of one stream after the other; in batches about ten that follow
each other are of one stream.  Everything is made before the clock runs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from itertools import count
from typing import Any

import orjson

from benchmarks.http_load import request
from services.events.model import AppendRequest
from shared.wire.content_modes import NDJSON, STRUCTURED, read

STREAMS = 1_000
IN_A_ROW = 10
SOURCE = "/benchmark/case-system"
RECORDED_BY = "b3nchmarkkey"
RECORDED_AT = datetime(2026, 1, 1, tzinfo=UTC)

#: A row of the plain table: the columns of the log, in the order of benchmarks.plain.
Row = tuple[Any, ...]

_numbers = count(1)
_positions = count(1)
_stream_positions: dict[str, int] = defaultdict(int)


def posted_event(*, in_a_row: int = 1) -> dict[str, object]:
    """Return the next event of the benchmark, of an id and a meeting of its own."""
    number = next(_numbers)
    return {
        "specversion": "1.0",
        "id": f"event-{number:012d}",
        "source": SOURCE,
        "type": "meeting.scheduled",
        "subject": f"child-{number // in_a_row % STREAMS:06d}",
        "time": "2026-01-15T16:30:00Z",
        "data": {
            "occurred_on": "2026-01-15",
            "meeting_id": f"meeting-{number:012d}",
            "meeting_kind": "looked_after_child_review",
            "scheduled_for": "2026-02-26",
        },
    }


def body(size: int) -> bytes:
    """Return one event as it is posted, or several as NDJSON."""
    return b"\n".join(orjson.dumps(posted_event(in_a_row=1 if size == 1 else IN_A_ROW)) for _ in range(size))


def message(path: str, key: str, size: int) -> bytes:
    """Return the HTTP request that posts ``size`` events: a structured CloudEvent, or NDJSON."""
    media_type = STRUCTURED if size == 1 else NDJSON[0]
    return request("POST", path, {"authorization": f"Bearer {key}", "content-type": media_type}, body(size))


def append_request(size: int) -> AppendRequest:
    """Return a request as the appender takes it: read and validated."""
    reading = read(STRUCTURED if size == 1 else NDJSON[0], (), body(size), lambda _: ())
    if any(candidate.event is None for candidate in reading.candidates):
        raise RuntimeError("an event of the benchmark is refused")
    return AppendRequest(candidates=reading.candidates, recorded_by=RECORDED_BY)


def row(*, in_a_row: int = 1) -> Row:
    """Return the row that holds the next event in the plain table."""
    event = posted_event(in_a_row=in_a_row)
    text, stream = orjson.dumps(event), str(event["subject"])
    digest = sha256(text).digest()
    _stream_positions[stream] += 1
    return (
        "benchmark",
        next(_positions),
        SOURCE,
        event["id"],
        stream,
        _stream_positions[stream],
        event["type"],
        RECORDED_AT,
        RECORDED_BY,
        text,
        digest,
        sha256(digest).digest(),
    )


def rows(size: int) -> Sequence[Row]:
    """Return the rows that hold the next ``size`` events."""
    return [row(in_a_row=IN_A_ROW) for _ in range(size)]
