"""Durable appends over HTTP, against plain inserts and against an operation that only parses."""

from __future__ import annotations

import gc
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from itertools import count
from statistics import median

import orjson
from rich.progress import track

from benchmarks import plain
from benchmarks.figures import Figure
from benchmarks.http_load import Load, load, request
from benchmarks.server import ONLY_PARSES
from benchmarks.stage import Stage, stage

STREAMS = 1_000
CLIENTS = 64
PLAIN_CONNECTIONS = 8
SOURCE = "/benchmark/case-system"

_numbers = count(1)


def posted_event() -> dict[str, object]:
    """Return the next event of the benchmark, of an id and a meeting of its own."""
    number = next(_numbers)
    return {
        "specversion": "1.0",
        "id": f"event-{number:012d}",
        "source": SOURCE,
        "type": "meeting.scheduled",
        "subject": f"child-{number % STREAMS:06d}",
        "time": "2026-01-15T16:30:00Z",
        "data": {
            "occurred_on": "2026-01-15",
            "meeting_id": f"meeting-{number:012d}",
            "meeting_kind": "looked_after_child_review",
            "scheduled_for": "2026-02-26",
        },
    }


def _row() -> plain.Row:
    event = posted_event()
    body = orjson.dumps(event, option=orjson.OPT_SORT_KEYS)
    number = next(_numbers)
    stream = event["subject"]
    digest = sha256(body).digest()
    return "benchmark", number, SOURCE, event["id"], stream, number, event["type"], plain.RECORDED_AT, body, digest


def _rows(size: int) -> list[plain.Row]:
    return [_row() for _ in range(size)]


def _message(path: str, key: str, size: int) -> bytes:
    """Return a request with ``size`` events: a structured CloudEvent, or NDJSON."""
    lines = [orjson.dumps(posted_event()) for _ in range(size)]
    media_type = "application/cloudevents+json" if size == 1 else "application/x-ndjson"
    return request("POST", path, {"authorization": f"Bearer {key}", "content-type": media_type}, b"\n".join(lines))


Trial = Callable[[], Awaitable[Load]]


def _trials(on: Stage, seconds: float) -> dict[str, Trial]:
    """Name every trial; those to be compared stand side by side, since rounds keep this order."""

    def over_http(path: str, clients: int, size: int) -> Trial:
        return partial(load, on.port, clients, seconds, partial(_message, path, on.key, size))

    return {
        "plain 1": partial(plain.single_rows, on.database_url, 1, seconds, _row),
        "append 1": over_http("/v1/events", 1, 1),
        "parse 1": over_http(ONLY_PARSES, 1, 1),
        "plain 8": partial(plain.single_rows, on.database_url, PLAIN_CONNECTIONS, seconds, _row),
        "append 64": over_http("/v1/events", CLIENTS, 1),
        "parse 64": over_http(ONLY_PARSES, CLIENTS, 1),
        "plain of 100": partial(plain.many_rows, on.database_url, seconds, partial(_rows, 100)),
        "append of 100": over_http("/v1/events", 1, 100),
        "plain of 1000": partial(plain.many_rows, on.database_url, seconds, partial(_rows, 1000)),
        "append of 1000": over_http("/v1/events", 1, 1000),
        "copy of 1000": partial(plain.copied_rows, on.database_url, seconds, partial(_rows, 1000)),
    }


async def run(rounds: int, seconds: float) -> list[Figure]:
    """Run every trial once in each round and return the figures, made of medians."""
    results: dict[str, list[Load]] = {}
    async with stage() as on:
        await plain.create_table(on.database_url)
        trials = _trials(on, seconds)
        await load(on.port, 4, 0.5, partial(_message, "/v1/events", on.key, 1))
        for _ in track(range(rounds), description="rounds", transient=True):
            for name, trial in trials.items():
                gc.collect()
                results.setdefault(name, []).append(await trial())
    return _figures(results, rounds)


@dataclass(frozen=True, slots=True)
class _Comparison:
    """A figure to be made: the rate of one trial over that of another, whose answers hold ``size`` events each."""

    name: str
    ours: str
    theirs: str
    target: float
    against: str
    size: int = 1


_COMPARISONS = (
    _Comparison("append-1-client", "append 1", "plain 1", 0.25, "asyncpg, 1 connection, a commit for each row"),
    _Comparison("append-64-clients", "append 64", "parse 64", 0.6, "64 clients of an operation that only parses"),
    _Comparison(
        "append-64-clients-plain", "append 64", "plain 8", 0.25, "asyncpg, 8 connections, a commit for each row"
    ),
    _Comparison("append-100", "append of 100", "plain of 100", 0.3, "asyncpg, 100 rows for each commit", 100),
    _Comparison("append-1000", "append of 1000", "plain of 1000", 0.4, "asyncpg, 1,000 rows for each commit", 1000),
    _Comparison("append-1000-copy", "append of 1000", "copy of 1000", 0.5, "COPY, 1,000 rows for each commit", 1000),
)


def _figures(results: Mapping[str, Sequence[Load]], rounds: int) -> list[Figure]:
    rate = {name: median(each.rate for each in loads) for name, loads in results.items()}
    figures = [_latency(results, rounds)]
    for each in _COMPARISONS:
        ours, theirs = rate[each.ours], rate[each.theirs]
        rates = (ours * each.size, theirs * each.size)
        figures.append(Figure(each.name, ours / theirs, each.target, each.against, rounds, *rates, "events/s"))
    return figures


def _latency(results: Mapping[str, Sequence[Load]], rounds: int) -> Figure:
    """Compare the time of a lone append with what it cannot do without: a request, and an insert."""
    time = {name: median(each.milliseconds for each in loads) for name, loads in results.items()}
    floor = time["plain 1"] + time["parse 1"]
    against = "a plain insert and an operation that only parses, one after the other"
    return Figure(
        "append-1-client-latency", floor / time["append 1"], 0.77, against, rounds, time["append 1"], floor, "ms"
    )
