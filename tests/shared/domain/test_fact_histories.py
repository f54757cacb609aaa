"""Every wording of a fact, with who, when and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.catalogue.governance import AmendmentReason
from shared.domain.envelope import RecordedEvent
from shared.domain.history import FactHistory, WordingKind, fact_histories, facts
from tests.shared.domain.test_history import START, correction, home, retraction

RECORDED, CORRECTED, RETRACTED = WordingKind.RECORDED, WordingKind.CORRECTED, WordingKind.RETRACTED


def shown(history: FactHistory) -> list[tuple[WordingKind, int, str | None, bool]]:
    """Return kind, position, day of the fact, and whether it counts, of each wording."""
    return [
        (each.kind, each.position, each.data.occurred_on.isoformat() if each.data else None, each.counts)
        for each in history.wordings
    ]


def test_a_history_tells_the_first_wording_and_each_amendment() -> None:
    """Who recorded each wording, when, and why it was amended stand beside the wording itself."""
    events = [
        home(1, "h1", "2026-01-05"),
        replace(correction(2, "h1", "2026-01-07"), recorded_by="second-key"),
        replace(correction(4, "h1", "2026-01-06"), recorded_by="third-key"),
    ]

    (history,) = fact_histories(events)

    assert (history.source, history.event_id, history.type) == ("/case", "h1", "home.started")
    assert shown(history) == [
        (RECORDED, 1, "2026-01-05", True),
        (CORRECTED, 2, "2026-01-07", True),
        (CORRECTED, 4, "2026-01-06", True),
    ]
    assert [each.recorded_by for each in history.wordings] == ["k3y4test", "second-key", "third-key"]
    assert [each.recorded_at for each in history.wordings] == [START + timedelta(hours=hour) for hour in (1, 2, 4)]
    assert [each.reason for each in history.wordings] == [None, *2 * [AmendmentReason.RECORDING_ERROR]]
    assert [each.stated_on.isoformat() for each in history.wordings] == ["2026-01-05", *2 * ["2026-02-01"]]
    assert [each.event_id for each in history.wordings] == ["h1", "correction-2", "correction-4"]
    assert history.first.kind is RECORDED


def test_a_fact_taken_back_keeps_its_history() -> None:
    """It no longer stands, and a correction that came too late is shown as one that changed nothing."""
    events = [home(1, "h1", "2026-01-05"), retraction(2, "h1"), correction(3, "h1", "2026-01-07"), retraction(4, "h1")]

    (history,) = fact_histories(events)

    assert history.retracted
    assert shown(history) == [
        (RECORDED, 1, "2026-01-05", True),
        (RETRACTED, 2, None, True),
        (CORRECTED, 3, "2026-01-07", False),
        (RETRACTED, 4, None, False),
    ]
    assert history.wordings[1].reason is AmendmentReason.WRONG_CHILD


def test_a_fact_that_was_never_amended_has_one_wording() -> None:
    """Its history is its recording."""
    (history,) = fact_histories([home(1, "h1", "2026-01-05")])

    assert (history.retracted, len(history.wordings)) == (False, 1)


HISTORIES = st.lists(st.tuples(st.sampled_from(["home", "correct", "retract"]), st.integers(1, 12)), max_size=12)


def told(steps: list[tuple[str, int]]) -> list[RecordedEvent]:
    """Record homes and amendments of any event, of none, and of amendments."""
    events = []
    for position, (kind, of) in enumerate(steps, start=1):
        if kind == "home":
            events.append(home(position, f"h{position}", f"2026-01-{position:02}"))
        elif kind == "correct":
            events.append(correction(position, f"h{of}", f"2026-01-{position + 1:02}"))
        else:
            events.append(retraction(position, f"h{of}"))
    return events


@given(HISTORIES, st.integers(0, 13))
def test_what_stands_is_what_is_held_true(steps: list[tuple[str, int]], cut: int) -> None:
    """For any history and any `known_at`, the facts that stand are those that `facts` gives, in the same words."""
    known_at = START + timedelta(hours=cut)
    standing = {
        (each.source, each.event_id): (
            each.first.position,
            each.type,
            each.wordings[-1].data,
            each.wordings[-1].position,
        )
        for each in fact_histories(told(steps), known_at=known_at)
        if not each.retracted
    }

    held = facts(told(steps), known_at=known_at)

    assert standing == {
        (fact.source, fact.event_id): (fact.position, fact.type, fact.data, fact.latest_position) for fact in held
    }


@given(HISTORIES, st.randoms(use_true_random=False))
def test_nothing_that_was_said_is_lost(steps: list[tuple[str, int]], random: Any) -> None:
    """Each recording, and each amendment of one, stands in exactly one history; the order of arrival is irrelevant."""
    events = told(steps)
    recorded = {event.event_id: event.position for event in events if event.type == "home.started"}
    expected = [
        event.position
        for event, (kind, of) in zip(events, steps, strict=True)
        if kind == "home" or recorded.get(f"h{of}", event.position) < event.position
    ]
    shuffled = list(events)
    random.shuffle(shuffled)

    found = fact_histories(shuffled)

    assert found == fact_histories(events)
    assert sorted(each.position for history in found for each in history.wordings) == expected
