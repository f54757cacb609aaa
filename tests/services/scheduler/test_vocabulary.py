"""The scheduler passes over what no review rests on."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.envelope import RecordedEvent
from tests.services.scheduler.test_projection import HISTORIES, STREAM, folded, written
from tests.support.bystanders import bystanders
from tests.support.events import recorded


@given(HISTORIES, bystanders())
@settings(max_examples=150)
def test_no_bystander_is_worth_a_notice_or_a_write(history: Any, others: list[tuple[str, dict[str, Any]]]) -> None:
    """Further events on which no review rests change no stored review, and nobody is told anything."""
    events = written(history)
    more = [
        recorded(
            kind,
            STREAM,
            {"occurred_on": date(2026, 6, 1 + number).isoformat(), **data},
            position=len(events) + 1 + number,
            id=f"bystander-{number}",
            recorded_at=datetime(2026, 10, 2, 12, number, tzinfo=UTC),
        )
        for number, (kind, data) in enumerate(others)
    ]

    fold, alone = folded([*events, *more]), folded(events)

    assert fold.reviews == alone.reviews
    assert fold.notices == alone.notices


@given(HISTORIES, st.lists(st.booleans(), min_size=1, max_size=4))
def test_old_events_give_the_reviews_and_notices_of_new_ones(history: Any, plans: list[bool]) -> None:
    """Whether plans between the other events were posted by version 1 or 2 of their schema is of no consequence."""
    one, other = (folded([*written(history), *planned(history, plans, version)]) for version in (1, 2))

    assert (one.reviews, one.notices) == (other.reviews, other.notices)
    assert [event.data for event in one.known] == [event.data for event in other.known]


def planned(history: Any, plans: list[bool], version: int) -> list[RecordedEvent]:
    """Record plans behind the history, by one version of their schema."""
    first = len(history) + 1
    return [
        recorded(
            "care_plan.agreed",
            STREAM,
            {"occurred_on": "2026-06-01", "plan_id": f"p{number}", **plan(with_parents, version)},
            position=first + number,
            id=f"plan-{number}",
            version=version,
        )
        for number, with_parents in enumerate(plans)
    ]


def plan(with_parents: bool, version: int) -> dict[str, Any]:
    if version == 1:
        return {"agreed_with_parents": with_parents}
    return {"agreed_with": ["parent"] if with_parents else []}
