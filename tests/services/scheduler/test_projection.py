"""The pure fold from a child's events to reviews and notices."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.scheduler.model import StoredReview
from services.scheduler.projection import ChildFold, fold_events, planned, timetable_digest
from services.scheduler.projection.council import Council
from services.scheduler.projection.thresholds import LOOKS_AHEAD
from shared.domain.envelope import RecordedEvent
from shared.domain.timetable.causes import of_edition
from shared.domain.timetable.reviews import Outcome, Review
from shared.domain.timetable.trace import in_earnest
from shared.policies.timetables import council_timetable
from tests.shared.domain.timetable.story import adopting
from tests.support.events import SOURCE, Log

TODAY = date(2026, 11, 1)
TIMETABLE = council_timetable(())
COUNCIL = Council(())
STREAM = "child-c-1"
DAYS = st.dates(date(2026, 1, 1), date(2026, 10, 1))

EVENT = st.one_of(
    st.tuples(
        st.just("child.accommodated"),
        st.fixed_dictionaries({"episode_id": st.sampled_from(["e1", "e2"]), "legal_reason": st.just("section_25")}),
    ),
    st.tuples(
        st.just("home.started"),
        st.fixed_dictionaries(
            {
                "home_id": st.sampled_from(["h1", "h2"]),
                "home_kind": st.sampled_from(["foster", "kinship", "parents"]),
                "emergency": st.booleans(),
            }
        ),
    ),
    st.tuples(
        st.just("home.ended"),
        st.fixed_dictionaries({"home_id": st.sampled_from(["h1", "h2"]), "reason": st.just("planned_move")}),
    ),
    st.tuples(
        st.just("meeting.held"),
        st.fixed_dictionaries(
            {
                "meeting_id": st.sampled_from(["m1", "m2", "m3"]),
                "meeting_kind": st.sampled_from(["looked_after_child_review", "emergency_review"]),
            }
        ),
    ),
    st.tuples(
        st.just("episode.ended"),
        st.fixed_dictionaries({"episode_id": st.sampled_from(["e1", "e2"]), "destination": st.just("parents")}),
    ),
    st.tuples(
        st.just("record.retracted"),
        st.fixed_dictionaries(
            {
                "retracts_source": st.just(SOURCE),
                "retracts_id": st.integers(1, 8).map("e{}".format),
                "reason": st.just("duplicate"),
            }
        ),
    ),
)
HISTORIES = st.lists(st.tuples(EVENT, DAYS), min_size=1, max_size=9)


def written(history: list[tuple[tuple[str, dict[str, Any]], date]]) -> list[RecordedEvent]:
    """Return the events as a log holds them, recorded in the order of the list."""
    log = Log()
    for number, ((kind, data), day) in enumerate(history, 1):
        log.add(kind, STREAM, day, recorded_at=datetime(2026, 10, 1, 12, number, tzinfo=UTC), **data)
    return log.events


def folded(events: list[RecordedEvent], before: ChildFold | None = None) -> ChildFold:
    """Fold events of one child behind what is stored."""
    fold = ChildFold("c-1", {}, [])
    if before is not None:
        stored = dict(before.reviews), list(before.known)
        fold = ChildFold("c-1", *stored, position=before.position, awaits=before.awaits)
    fold_events({"c-1": fold}, events, COUNCIL, lambda: False)
    return fold


@given(HISTORIES, st.data())
def test_stopping_anywhere_and_going_on_gives_the_same(
    history: list[tuple[tuple[str, dict[str, Any]], date]], data: st.DataObject
) -> None:
    """For every stop point, what is stored there and the rest of the events give all that one run gives."""
    events = written(history)
    stop = data.draw(st.integers(0, len(events)))
    first = folded(events[:stop])
    second = folded(events[stop:], first)
    whole = folded(events)
    assert second.reviews == whole.reviews
    assert first.notices + second.notices == whole.notices
    assert first.changes + second.changes == whole.changes


def test_a_fold_that_stops_has_done_every_child_up_to_there() -> None:
    """When time is spent the events of all children are folded up to one position, and none behind it."""
    log = Log()
    for child in ("a", "b", "a", "b"):
        log.add("child.accommodated", f"child-{child}", "2026-01-15", episode_id="e", legal_reason="section_25")
    asked = iter([False, False, True])
    folds = {child: ChildFold(child, {}, []) for child in ("a", "b")}
    assert fold_events(folds, log.events, COUNCIL, lambda: next(asked)) == 3
    assert {child: [event.position for event in fold.known] for child, fold in folds.items()} == {"a": [1, 3], "b": [2]}


@given(HISTORIES)
def test_projecting_anew_without_news_changes_nothing(
    history: list[tuple[tuple[str, dict[str, Any]], date]],
) -> None:
    """Projecting a child again from the same facts and rules writes nothing and tells nothing."""
    events = written(history)
    again = ChildFold("c-1", dict(folded(events).reviews), events)
    again.judge_anew(COUNCIL, datetime(2026, 11, 1, tzinfo=UTC))
    assert not again.changed
    assert not again.changes
    assert not again.notices


@given(HISTORIES)
def test_no_review_ever_leaves_the_record(history: list[tuple[tuple[str, dict[str, Any]], date]]) -> None:
    """Whatever is recorded later, what was owed in earnest stays, open, held or closed with a reason; forecasts go."""
    events = written(history)
    seen: set[Any] = set()
    for stop in range(len(events) + 1):
        state = folded(events[:stop]).reviews
        assert seen <= set(state)
        for gone in (stored.review for stored in state.values() if not stored.owed):
            assert gone.closed_on
            assert in_earnest(gone, gone.closed_on)
        seen = {key for key, stored in state.items() if not stored.review.forecast}
        for stored in state.values():
            closed = stored.review.outcome in {Outcome.MISSED, Outcome.WITHDRAWN}
            assert closed == (stored.review.closed_because is not None)


@given(HISTORIES)
def test_every_notice_has_a_key_of_its_own(history: list[tuple[tuple[str, dict[str, Any]], date]]) -> None:
    """No two notices of one history share a key, so the log takes each."""
    keys = [notice.dedupe_key for _, notice in folded(written(history)).notices]
    assert len(keys) == len(set(keys))


def an_open_review() -> Review:
    log = Log()
    log.add("child.accommodated", STREAM, "2026-01-15", episode_id="e1", legal_reason="section_25")
    log.add("home.started", STREAM, "2026-01-15", home_id="h1", home_kind="foster")
    reviews = [each.review for each in folded(log.events).reviews.values() if each.vanished_at is None]
    return min(reviews, key=lambda each: each.due_on or date.max)


def test_an_unchanged_due_date_keeps_its_day_of_notice() -> None:
    """A new booking makes no review come near a second time; one due on another day is looked at from its first."""
    review = an_open_review()
    looked_at = StoredReview(review, None, known_on=date(2026, 1, 15))
    cause = of_edition(datetime(2026, 2, 1, 12, tzinfo=UTC))
    assert planned(review, looked_at, cause, LOOKS_AHEAD) == looked_at
    moved = replace(looked_at, review=replace(review, due_on=date(2026, 2, 28)))
    assert planned(review, moved, cause, LOOKS_AHEAD).next_notice_on == date(2026, 2, 26) - timedelta(days=LOOKS_AHEAD)


def test_nothing_is_looked_at_before_it_was_known() -> None:
    """What is recorded when the day to look has gone by is looked at on the day of its recording."""
    cause = of_edition(datetime(2026, 3, 20, 12, tzinfo=UTC))
    stored = planned(an_open_review(), None, cause, LOOKS_AHEAD)
    assert (stored.next_notice_on, stored.known_on) == (date(2026, 3, 20), date(2026, 3, 20))


def test_the_digest_of_a_timetable_tells_rules_apart() -> None:
    """Another council calendar gives another digest; the same one always gives the same."""
    assert timetable_digest(TIMETABLE) == timetable_digest(council_timetable(()))
    assert timetable_digest(TIMETABLE) != timetable_digest(adopting(closures=["2026-05-18"]))
