"""The log against a model of it: any sequence of requests, in any grouping."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.events.model import AppendRequest, Mismatch, Settlement
from services.events.store.append import append_many
from services.events.store.connection import open_pool
from services.events.store.ledger import Ledger, settle_alone
from shared.domain.clock import SystemClock
from shared.domain.errors import InvalidInput
from shared.wire.content_modes import Candidate
from tests.services.events.posting import append_request, registered
from tests.services.events.stress import Log
from tests.support.council import new_authority
from tests.support.databases import off_loop


@dataclass(frozen=True)
class Asked:
    """A request in the model's words: (id, child, team) of each event."""

    events: tuple[tuple[str, str, str], ...]
    expected: int | None
    atomic: bool

    def request(self) -> AppendRequest:
        posted = [registered(child, id=event_id, team=team) for event_id, child, team in self.events]
        one_stream = len({child for _, child, _ in self.events}) == 1
        return append_request(*posted, expected=self.expected if one_stream else None, atomic=self.atomic)


@dataclass
class Model:
    """What the log should hold: events in order, kept as simply as can be."""

    log: list[tuple[str, str, str]] = field(default_factory=list)

    def append(self, asked: Asked) -> list[str] | str:
        known = {event[0]: event for event in self.log}
        children = {child for _, child, _ in asked.events}
        at = sum(child in children for _, child, _ in self.log)
        is_new = any(event_id not in known for event_id, _, _ in asked.events)
        if asked.expected not in {None, at} and len(children) == 1 and is_new:
            return f"mismatch at {at}"
        verdicts, added = [], []
        for event in asked.events:
            before = known.get(event[0])
            verdicts.append("stored" if before is None else "duplicate" if before == event else "conflict")
            if before is None:
                known[event[0]] = event
                added.append(event)
        if asked.atomic and "conflict" in verdicts:
            new = {event[0] for event in added}
            return [
                "withheld" if each == "stored" or (each == "duplicate" and event[0] in new) else each
                for each, event in zip(verdicts, asked.events, strict=True)
            ]
        self.log += added
        return verdicts


EVENTS = st.tuples(st.sampled_from(["e1", "e2", "e3", "e4", "e5"]), st.sampled_from(["a", "b"]), st.sampled_from("xy"))
ASKED = st.builds(
    Asked,
    st.lists(EVENTS, min_size=1, max_size=4).map(tuple),
    st.none() | st.integers(0, 3),
    st.booleans(),
)
GROUPS = st.lists(st.lists(ASKED, min_size=1, max_size=4), min_size=1, max_size=4)


@given(GROUPS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_log_does_as_its_model_does(database_url: str, groups: list[list[Asked]]) -> None:
    """Verdicts and contents are the model's, whichever requests share a transaction."""
    model = Model()
    foreseen = [[model.append(asked) for asked in group] for group in groups]

    verdicts, stored = run(database_url, groups)

    assert verdicts == foreseen
    assert stored == [(position, event[0]) for position, event in enumerate(model.log, start=1)]


def run(database_url: str, groups: Sequence[Sequence[Asked]]) -> tuple[Any, Any]:
    results: list[Any] = []
    off_loop(lambda: results.append(asyncio.run(_run(database_url, groups))))
    verdicts, stored = results[0]
    return verdicts, stored


async def _run(database_url: str, groups: Sequence[Sequence[Asked]]) -> tuple[Any, Any]:
    key = await new_authority(database_url)
    verdicts = []
    async with open_pool(database_url, size=1) as pool:
        for group in groups:
            async with pool.transaction() as connection:
                requests = [asked.request() for asked in group]
                settled = await append_many(connection, key.authority_id, requests, SystemClock())
            verdicts.append([in_words(each) for each in settled])
        return verdicts, await Log(key.authority_id).stored(pool)


def in_words(settlement: Settlement) -> list[str] | str:
    if isinstance(settlement, Mismatch):
        (actual,) = settlement.actual.values()
        return f"mismatch at {actual}"
    return [outcome.verdict.value for outcome in settlement]


@given(
    head=st.integers(0, 2**40),
    stream_head=st.integers(0, 2**30),
    posted=st.lists(st.sampled_from(["new", "refused"]), min_size=1, max_size=2),
    expected=st.sampled_from([None, 0, 3]),
    atomic=st.booleans(),
    dry_run=st.booleans(),
)
def test_an_event_that_comes_alone_is_settled_as_by_a_ledger(
    head: int, stream_head: int, posted: list[str], expected: int | None, *, atomic: bool, dry_run: bool
) -> None:
    """What is settled without a ledger is settled alike, and whatever a ledger has more to decide on is left to it."""
    asked = append_request(*(registered() for _ in posted), expected=expected, atomic=atomic)
    refused = Candidate(None, "refused", InvalidInput("This one is not valid."))
    candidates = [one if each == "new" else refused for one, each in zip(asked.candidates, posted, strict=True)]
    request = AppendRequest(
        candidates=candidates, recorded_by="key-1", expected=asked.expected, atomic=atomic, dry_run=dry_run
    )
    ledger = Ledger(head, {}, {"child-a1": stream_head})

    alone = settle_alone(request, head, stream_head)

    if posted == ["new"] and expected is None and not dry_run:
        settled = ledger.settle(request)
        assert alone == (ledger.added[0], settled)
    else:
        assert alone is None
