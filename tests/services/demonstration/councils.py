"""Councils drawn once and shared by the tests of this package, and their log as it is folded."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime
from functools import cache
from typing import Any

from services.demonstration.council import Council, simulate
from shared.domain.catalogue import EventData, event_type, read_data, version_named
from shared.domain.envelope import RecordedEvent
from shared.domain.history import Fact, facts
from shared.domain.ids import AUTHORITY_STREAM

LOADED_ON = date(2026, 11, 23)
SEEDS = (1, 2, 3, 4, 5, 6)


@cache
def council(seed: int) -> Council:
    """Return the council of ``seed`` loaded on ``LOADED_ON``."""
    return simulate(seed, LOADED_ON)


def data_of(event: dict[str, Any]) -> EventData:
    """Return the event's data as its type's latest model."""
    version = version_named(event_type(event["type"]), event["dataschema"])
    assert version is not None
    return read_data(event["type"], version, event["data"])


@cache
def children(seed: int) -> dict[str, tuple[Fact, ...]]:
    """Return what is held true of each child at last: every amendment applied, duplicates once."""
    streams: dict[str, list[RecordedEvent]] = defaultdict(list)
    seen: set[str] = set()
    for event in council(seed).events:
        if event["id"] not in seen and event["subject"] != AUTHORITY_STREAM:
            seen.add(event["id"])
            streams[event["subject"]].append(recorded(event, len(seen)))
    return {stream: facts(events) for stream, events in streams.items()}


def recorded(event: dict[str, Any], position: int) -> RecordedEvent:
    """Return a posted event as the log would hold it at ``position``."""
    return RecordedEvent(
        authority_id="demonstration",
        position=position,
        stream=event["subject"],
        stream_position=position,
        source=event["source"],
        event_id=event["id"],
        type=event["type"],
        recorded_at=datetime.fromisoformat(event["time"]),
        recorded_by="k3y4test",
        data=data_of(event),
        attributes={},
    )


def of_type(story: tuple[Fact, ...], *names: str) -> list[Fact]:
    """Return the facts of these types, in order of occurrence."""
    return [fact for fact in story if fact.type in names]
