"""Folding a child's whole history at once leaves what folding it event by event leaves."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import date, timedelta
from typing import Any
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from services.scheduler.model import StoredReview
from services.scheduler.projection import ChildFold, fold_events
from services.scheduler.projection.whole import fold_history, rules
from shared.domain.envelope import RecordedEvent
from shared.domain.history import facts
from shared.domain.ids import AUTHORITY_STREAM
from shared.domain.timetable.engine import SHAPING, Timetable, owed_keys, project_reviews, reviews_by_key
from shared.domain.timetable.intervals import Interval, Unit
from shared.domain.timetable.reviews import Outcome, Review
from shared.policies.loader import known_packs
from shared.policies.timetables import council_timetable
from tests.services.demonstration.councils import council, recorded
from tests.shared.domain.timetable.story import ALL_PACKS, CHILD, LOCAL_PACKS, STREAM
from tests.shared.domain.timetable.test_council_calendars import DECIDED, in_working_days
from tests.shared.domain.timetable.test_laws import DAYS, FACTS, START, Stated, story_of
from tests.support.events import Log
from tests.support.packs import load_pack

#: Some facts lie before it, some behind.
TODAY = START + timedelta(days=250)

#: What may happen to a fact told before, by how many events ago, and on which day it then lies.
AMENDMENTS = st.tuples(st.sampled_from(["record.corrected", "record.retracted"]), st.integers(1, 6), DAYS)
ADOPTIONS = st.tuples(st.just("timetable.adopted"), st.sampled_from(LOCAL_PACKS), DAYS)
#: Told of a child without owing anything; the demonstration council, below, tells of most types there are.
OWING_NOTHING = st.builds(Stated, st.just("child.registered"), DAYS, st.just({}))
STEPS = st.lists(st.one_of(FACTS, FACTS, FACTS, OWING_NOTHING, AMENDMENTS, ADOPTIONS, DECIDED), min_size=1, max_size=18)


def log_of(steps: list[Any]) -> list[RecordedEvent]:
    """Record the steps in their order."""
    log = Log()
    for step in steps:
        if isinstance(step, Stated):
            log.add(step.kind, AUTHORITY_STREAM if "calendar" in step.data else STREAM, step.on, **step.data)
        elif step[0] == "timetable.adopted":
            _adopt(log, step[1], step[2])
        else:
            _amend(log, *step)
    return log.events


def _adopt(log: Log, pack: str, on: str) -> None:
    edition = load_pack(pack).edition
    log.add("timetable.adopted", AUTHORITY_STREAM, on, pack=pack, edition=edition, effective_on=on)


def _amend(log: Log, kind: str, ago: int, on: str) -> None:
    wrong = log.events[-ago] if ago <= len(log.events) else None
    if wrong is None or wrong.type.startswith("record."):
        return
    if kind == "record.retracted":
        named: dict[str, Any] = {"retracts_source": wrong.source, "retracts_id": wrong.event_id}
        log.add(kind, wrong.stream, on, **named, reason="recording_error")
        return
    data = {**wrong.data.model_dump(mode="json", exclude_unset=True), "occurred_on": on}
    named = {"corrects_source": wrong.source, "corrects_id": wrong.event_id}
    log.add(kind, wrong.stream, on, **named, corrects_type=wrong.type, replacement=data, reason="recording_error")


def timetable(known: list[RecordedEvent], today: date) -> Timetable:
    return council_timetable(known, as_of=today)


def event_by_event(child: str, events: list[RecordedEvent], today: date) -> dict[Any, StoredReview]:
    """Fold as the live projector does: the council's own events concern the child once it is known."""
    fold = ChildFold(child, {}, [])
    council: list[RecordedEvent] = []
    for event in events:
        if event.stream == AUTHORITY_STREAM:
            council.append(event)
        if event.stream != AUTHORITY_STREAM or fold.known:
            fold_events({child: fold}, [event], timetable(council, today), today, lambda: False)
    return fold.reviews


def at_once(
    child: str, events: list[RecordedEvent], today: date, *, forecasts: bool = False
) -> dict[Any, StoredReview]:
    council = [event for event in events if event.stream == AUTHORITY_STREAM]
    of_child = [event for event in events if event.stream != AUTHORITY_STREAM]
    found = fold_history(child, of_child, rules(council, today), today, forecasts=forecasts)
    assert len({each.review.review_id for each in found}) == len(found)
    return {each.review.review_id: each for each in found}


def last_told(child: str, events: list[RecordedEvent], today: date) -> dict[Any, Review]:
    """Return every review, forecast or not, as it was told when it was owed last."""
    told: dict[Any, Review] = {}
    for number, event in enumerate(events, start=1):
        known = events[:number]
        of_child = [each for each in known if each.stream != AUTHORITY_STREAM]
        council = [each for each in known if each.stream == AUTHORITY_STREAM]
        if of_child and event.stream in (of_child[0].stream, AUTHORITY_STREAM):
            owed = project_reviews(child, facts(of_child, as_of=today), timetable(council, today))
            told |= {review.review_id: review for review in owed}
    return told


@given(STEPS)
def test_whole_histories_fold_to_what_single_events_fold_to(steps: list[Any]) -> None:
    """Whatever is told, corrected, retracted, told ahead of its day or adopted by the council in between."""
    events = log_of(steps)
    assert at_once(CHILD, events, TODAY) == event_by_event(CHILD, events, TODAY)


#: A first review in working days, and a second that falls near the horizon, so that a third may follow or not.
NEAR_THE_HORIZON = in_working_days(Interval(22, Unit.WORKING_DAYS), Interval(23, Unit.MONTHS))


def near_the_horizon() -> AbstractContextManager[object]:
    packs = tuple(NEAR_THE_HORIZON if pack.pack == "scotland" else pack for pack in known_packs())
    return patch("shared.policies.timetables.known_packs", lambda: packs)


@given(STEPS)
def test_they_do_where_a_working_day_more_decides_what_follows(steps: list[Any]) -> None:
    """With a statutory sequence that begins in working days, on which more reviews are counted."""
    events = log_of(steps)
    with near_the_horizon():
        assert at_once(CHILD, events, TODAY) == event_by_event(CHILD, events, TODAY)


def test_a_declared_day_may_end_a_forecast() -> None:
    """A working day more moves the second review beyond the horizon: the third is not projected any more, in both."""
    log = Log()
    log.add("child.accommodated", STREAM, "2026-07-01", episode_id="E1", legal_reason="section_25")
    log.add("home.started", STREAM, "2026-07-01", home_id="H1", home_kind="foster")
    log.add("holiday.declared", AUTHORITY_STREAM, "2026-07-05", calendar="scot_bank_holidays", holiday_on="2026-07-20")
    with near_the_horizon():
        assert at_once(CHILD, log.events, TODAY) == event_by_event(CHILD, log.events, TODAY)
        found = at_once(CHILD, log.events, TODAY, forecasts=True)
    [gone] = [each.review for each in found.values() if each.vanished_at and each.review.position == 3]
    assert (gone.ordinal, gone.due_on) == (3, date(2028, 12, 30))


def test_what_a_correction_brings_forward_takes_its_place_among_what_was_told() -> None:
    """The end of a home, told ahead and corrected to the day on which that home was told again, divides it in two."""
    log = Log()
    log.add("child.accommodated", STREAM, "2026-01-05", episode_id="E1", legal_reason="section_25")
    log.add("home.started", STREAM, "2026-01-05", home_id="H1", home_kind="foster")
    log.add("home.ended", STREAM, "2026-12-01", home_id="H1", reason="planned_move")
    log.add("home.started", STREAM, "2026-02-10", home_id="H1", home_kind="foster", emergency=True)
    _amend(log, "record.corrected", 2, "2026-02-10")
    both = at_once(CHILD, log.events, TODAY), event_by_event(CHILD, log.events, TODAY)
    assert both[0] == both[1]
    assert any(each.vanished_at for each in both[0].values())


def test_a_forecast_under_the_key_of_what_was_owed_once_goes_as_any_other() -> None:
    """A home retracted, told again and ended: the review that was firm, withdrawn and forecast leaves nothing."""
    log = Log()
    log.add("child.accommodated", STREAM, "2026-01-05", episode_id="E1", legal_reason="section_25")
    log.add("home.started", STREAM, "2026-01-05", home_id="H1", home_kind="foster")
    held: dict[str, Any] = {"meeting_id": "M1", "meeting_kind": "looked_after_child_review"}
    log.add("meeting.held", STREAM, "2026-02-10", **held)
    _amend(log, "record.retracted", 2, "2026-02-12")
    log.add("home.started", STREAM, "2026-02-20", home_id="H1", home_kind="foster")
    log.add("home.ended", STREAM, "2026-03-20", home_id="H1", reason="planned_move")
    assert at_once(CHILD, log.events, TODAY) == event_by_event(CHILD, log.events, TODAY)


@given(STEPS)
def test_a_forecast_that_vanished_follows_from_the_history(steps: list[Any]) -> None:
    """Nobody keeps it; asked for, it is told as it was when it was made last, and withdrawn."""
    events = log_of(steps)
    found = at_once(CHILD, events, TODAY, forecasts=True)
    told = last_told(CHILD, events, TODAY)
    assert found.keys() == told.keys()
    for review_id, stored in found.items():
        assert stored.review.due_on == told[review_id].due_on
        assert stored.vanished_at is None or stored.review.outcome is Outcome.WITHDRAWN
    kept = at_once(CHILD, events, TODAY)
    assert all(told[key].forecast and found[key].vanished_at for key in found.keys() - kept.keys())
    assert {key: found[key] for key in kept} == kept


@given(st.lists(FACTS, min_size=1, max_size=14))
def test_the_keys_of_what_is_owed_follow_from_few_types(history: list[Stated]) -> None:
    """Which reviews there are follows from the shaping facts alone, with chains remembered or not."""
    told = story_of(history).facts
    shaping = [fact for fact in told if isinstance(fact.data, SHAPING)]
    keys = {key: not review.forecast for key, review in reviews_by_key(CHILD, told, ALL_PACKS).items()}
    known: dict[Any, Any] = {}
    assert owed_keys(shaping, ALL_PACKS, known) == keys
    assert owed_keys(shaping, ALL_PACKS, known) == keys
    assert len(project_reviews(CHILD, told, ALL_PACKS)) == len(keys)


def test_over_the_demonstration_council_both_folds_agree() -> None:
    """For children of the demonstration council, with its blemishes and its change of practice."""
    today = date(2026, 11, 23)
    posted = {event["id"]: event for event in council(1).events}
    log = [recorded(event, position) for position, event in enumerate(posted.values(), start=1)]
    streams = sorted({event.stream for event in log} - {AUTHORITY_STREAM})[::5]
    for stream in streams:
        events = [event for event in log if event.stream in (stream, AUTHORITY_STREAM)]
        child = stream.removeprefix("child-")
        assert at_once(child, events, today) == event_by_event(child, events, today)
