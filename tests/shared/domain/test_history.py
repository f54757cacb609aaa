"""From recorded events to facts held true."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.domain.catalogue import event_type
from shared.domain.catalogue.governance import RecordCorrected
from shared.domain.envelope import RecordedEvent
from shared.domain.history import corrected_data, facts

START = datetime(2026, 1, 1, 9, tzinfo=UTC)


def recorded(position: int, name: str, event_id: str, **data: Any) -> RecordedEvent:
    """Make an event recorded `position` hours after the start."""
    return RecordedEvent(
        authority_id="northshire",
        position=position,
        stream="child-ada",
        stream_position=position,
        source="/case",
        event_id=event_id,
        type=name,
        recorded_at=START + timedelta(hours=position),
        recorded_by="k3y4test",
        data=event_type(name).data.model_validate(data, strict=False),
        attributes={},
    )


def home(position: int, event_id: str, day: str) -> RecordedEvent:
    """Make the start of a home."""
    return recorded(position, "home.started", event_id, occurred_on=day, home_id=event_id, home_kind="foster")


def correction(position: int, of: str, day: str) -> RecordedEvent:
    """Make a correction of the start of a home."""
    replacement = {"occurred_on": day, "home_id": of, "home_kind": "foster"}
    return recorded(
        position,
        "record.corrected",
        f"correction-{position}",
        occurred_on="2026-02-01",
        corrects_source="/case",
        corrects_id=of,
        corrects_type="home.started",
        replacement=replacement,
        reason="recording_error",
    )


def retraction(position: int, of: str) -> RecordedEvent:
    """Make a retraction of the start of a home."""
    return recorded(
        position,
        "record.retracted",
        f"retraction-{position}",
        occurred_on="2026-02-01",
        retracts_source="/case",
        retracts_id=of,
        reason="wrong_child",
    )


def test_a_correction_replaces_the_wording_and_keeps_the_place() -> None:
    """A corrected fact reads as its replacement and still tells where it was first recorded."""
    (fact,) = facts([home(1, "h1", "2026-01-05"), correction(2, "h1", "2026-01-07")])

    assert (fact.occurred_on, fact.position, fact.latest_position) == (date(2026, 1, 7), 1, 2)


def test_before_a_correction_was_recorded_the_earlier_wording_stands() -> None:
    """`known_at` an instant before the correction gives the fact as it was then known."""
    events = [home(1, "h1", "2026-01-05"), correction(2, "h1", "2026-01-07")]

    (fact,) = facts(events, known_at=START + timedelta(hours=1))

    assert fact.occurred_on == date(2026, 1, 5)


def test_a_retracted_fact_is_gone_and_stays_gone() -> None:
    """A retraction is final: a later correction of the same event changes nothing."""
    events = [home(1, "h1", "2026-01-05"), retraction(2, "h1"), correction(3, "h1", "2026-01-07")]

    assert facts(events) == ()


def test_the_latest_correction_counts() -> None:
    """Of two corrections of one event the one recorded last gives the wording."""
    events = [home(1, "h1", "2026-01-05"), correction(2, "h1", "2026-01-07"), correction(3, "h1", "2026-01-06")]

    (fact,) = facts(events)

    assert fact.occurred_on == date(2026, 1, 6)


def test_as_of_leaves_out_what_had_not_occurred() -> None:
    """`as_of` a day shows only facts that occurred on or before it."""
    events = [home(1, "h1", "2026-01-05"), home(2, "h2", "2026-01-06")]

    assert [fact.event_id for fact in facts(events, as_of=date(2026, 1, 5))] == ["h1"]


def test_facts_are_told_in_order_of_occurrence() -> None:
    """A fact recorded late stands where it occurred."""
    events = [home(1, "late", "2026-01-20"), home(2, "early", "2026-01-05")]

    assert [fact.event_id for fact in facts(events)] == ["early", "late"]


def test_a_replacement_must_fit_the_corrected_type() -> None:
    """A replacement that lacks a member of the corrected event's type is refused."""
    wrong = correction(2, "h1", "2026-01-07").data
    assert isinstance(wrong, RecordCorrected)

    with pytest.raises(ValidationError):
        corrected_data("episode.ended", wrong)


@given(
    st.permutations(
        [
            home(1, "h1", "2026-01-05"),
            home(2, "h2", "2026-01-09"),
            correction(3, "h1", "2026-01-12"),
            retraction(4, "h2"),
            home(5, "h3", "2026-01-02"),
        ]
    )
)
def test_the_order_of_arrival_does_not_matter(events: list[RecordedEvent]) -> None:
    """Events are applied by position, in whatever order they are handed in."""
    assert [(fact.event_id, fact.occurred_on.day) for fact in facts(events)] == [("h3", 2), ("h1", 12)]


@given(
    st.lists(st.sampled_from(["home", "correct", "retract"]), min_size=1, max_size=12),
    st.integers(min_value=0, max_value=13),
    st.data(),
)
def test_what_was_known_then_is_what_a_log_cut_off_there_says(kinds: list[str], cut: int, data: st.DataObject) -> None:
    """For any history, `known_at` an instant gives what the events recorded by then give by themselves."""
    makers = {"correct": lambda at, of: correction(at, of, f"2026-01-{at + 1:02}"), "retract": retraction}
    events = []
    for position, kind in enumerate(kinds, start=1):
        if kind == "home":
            events.append(home(position, f"h{position}", f"2026-01-{position:02}"))
        else:
            of = f"h{data.draw(st.integers(min_value=1, max_value=position))}"
            events.append(makers[kind](position, of))
    instant = START + timedelta(hours=cut)

    assert facts(events, known_at=instant) == facts(event for event in events if event.recorded_at <= instant)
