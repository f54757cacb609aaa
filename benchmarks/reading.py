"""Reading posted events, against decoding their JSON and against the least that an append has to do."""

from __future__ import annotations

import gc
from collections.abc import Callable
from datetime import date
from functools import partial
from hashlib import sha256
from statistics import median
from time import perf_counter

import orjson
from rich.progress import track

from benchmarks.figures import Figure
from benchmarks.material import posted_event
from services.events.ingest import Rules
from shared.domain.catalogue import event_type
from shared.wire.content_modes import BATCH, NDJSON, Check, read

EVENTS = 1_000

Trial = Callable[[], None]


async def run(rounds: int, seconds: float) -> list[Figure]:
    """Run every trial once in each round and return the figures, made of medians of microseconds for an event."""
    trials = _trials()
    results: dict[str, list[float]] = {name: [] for name in trials}
    for _ in track(range(rounds), description="rounds", transient=True):
        for name, trial in trials.items():
            gc.collect()
            results[name].append(_microseconds(trial, seconds))
    return _figures({name: median(times) for name, times in results.items()}, rounds)


def _trials() -> dict[str, Trial]:
    lines = [orjson.dumps(posted_event()) for _ in range(EVENTS)]
    check = Rules(date(2026, 1, 15), frozenset()).faults
    return {
        "decode": partial(_decode, lines),
        "least": partial(_least, lines),
        "lines": partial(_read, NDJSON[0], b"\n".join(lines), check),
        "batch": partial(_read, BATCH, b"[" + b",".join(lines) + b"]", check),
    }


def _decode(lines: list[bytes]) -> None:
    for line in lines:
        orjson.loads(line)


def _least(lines: list[bytes]) -> None:
    """Decode, validate the data and hash, without a look at anything else."""
    for line in lines:
        posted = orjson.loads(line)
        event_type(posted["type"]).data.model_validate_json(orjson.dumps(posted["data"]))
        sha256(line).digest()


def _read(media_type: str, body: bytes, check: Check) -> None:
    candidates = read(media_type, (), body, check).candidates
    if any(candidate.event is None for candidate in candidates):
        raise AssertionError("an event of the benchmark was refused")


def _microseconds(trial: Trial, seconds: float) -> float:
    """Return the median time for one event, of runs that take ``seconds`` together."""
    times: list[float] = []
    while sum(times) < seconds:
        began = perf_counter()
        trial()
        times.append(perf_counter() - began)
    return median(times) / EVENTS * 1e6


def _figures(times: dict[str, float], rounds: int) -> list[Figure]:
    def figure(name: str, ours: str, theirs: str, target: float, against: str) -> Figure:
        ratio = times[theirs] / times[ours]
        return Figure(name, ratio, target, against, rounds, times[ours], times[theirs], "us/event")

    least = "decoding, validating the data and hashing, with no other check"
    return [
        figure("read-ndjson", "lines", "least", 0.4, least),
        figure("read-batch", "batch", "least", 0.4, least),
        figure("read-ndjson-decode", "lines", "decode", 0.04, "orjson.loads of the same lines"),
    ]
