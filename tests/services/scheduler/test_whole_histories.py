"""Folding a child's whole history at once leaves what folding it event by event leaves."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from services.scheduler.projection import ChildFold, fold_events, stored_as
from services.scheduler.projection.council import Council
from services.scheduler.projection.whole import Whole, fold_history, fold_reviews
from shared.domain.clock import civil_date
from shared.domain.envelope import RecordedEvent
from shared.domain.history import facts
from shared.domain.ids import AUTHORITY_STREAM
from shared.domain.timetable.causes import standing
from shared.domain.timetable.engine import project_reviews
from shared.domain.timetable.intervals import Interval, Unit
from shared.domain.timetable.reviews import Certainty, Outcome, Review
from shared.domain.timetable.trace import in_earnest
from shared.policies.loader import known_packs
from shared.policies.timetables import council_timetable
from tests.services.demonstration.councils import council, recorded
from tests.shared.domain.timetable.story import CHILD, LOCAL_PACKS, STREAM
from tests.shared.domain.timetable.test_council_calendars import DECIDED, in_working_days
from tests.shared.domain.timetable.test_laws import DAYS, FACTS, START, Stated
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


def event_by_event(child: str, events: list[RecordedEvent], today: date) -> ChildFold:
    """Fold as the live projector does: the council's own events concern the child once it is known."""
    fold = ChildFold(child, {}, [])
    for number, event in enumerate(events, start=1):
        council = Council(each for each in events[:number] if each.stream == AUTHORITY_STREAM)
        if event.stream != AUTHORITY_STREAM or fold.known:
            fold_events({child: fold}, [event], council, lambda: False)
    council = Council(each for each in events if each.stream == AUTHORITY_STREAM)
    fold.begin_days(today, council)
    return fold


def at_once(child: str, events: list[RecordedEvent], today: date, *, forecasts: bool = False) -> Whole:
    council = Council(event for event in events if event.stream == AUTHORITY_STREAM)
    of_child = [event for event in events if event.stream != AUTHORITY_STREAM]
    found = fold_history(child, of_child, council, today, forecasts=forecasts)
    assert len({each.review.review_id for each in found.reviews}) == len(found.reviews)
    return found


def agree(child: str, events: list[RecordedEvent], today: date) -> Whole:
    """Hold that both folds leave the same reviews, the same change log, and the same day to look again."""
    one, whole = event_by_event(child, events, today), at_once(child, events, today)
    kept = {each.review.review_id: stored_as(each) for each in whole.reviews}
    assert {key: stored_as(each) for key, each in one.reviews.items()} == kept
    assert one.changes == whole.changes
    assert one.awaits == whole.awaits
    council = Council(event for event in events if event.stream == AUTHORITY_STREAM)
    of_child = [event for event in events if event.stream != AUTHORITY_STREAM]
    full, sparse = fold_history(child, of_child, council, date.min), fold_reviews(child, of_child, council)
    by_id = [{each.review.review_id: each for each in fold.reviews} for fold in (full, sparse)]
    assert by_id[0] == by_id[1]
    assert full.awaits == sparse.awaits
    return whole


@given(STEPS, st.lists(st.integers(0, 2), min_size=18, max_size=18))
def test_whole_histories_fold_to_what_single_events_fold_to(steps: list[Any], ahead: list[int]) -> None:
    """Whatever is told, corrected, retracted, told ahead of its day or adopted by the council in between."""
    told = zip(log_of(steps), ahead, strict=False)
    events = [replace(event, recorded_at=event.recorded_at - timedelta(days=days)) for event, days in told]
    agree(CHILD, events, TODAY)


@given(STEPS)
def test_they_do_where_a_history_is_brought_in_on_one_day(steps: list[Any]) -> None:
    """However long ago it all was."""
    late = datetime(2026, 12, 20, 9, tzinfo=UTC)
    agree(CHILD, [replace(event, recorded_at=late) for event in log_of(steps)], TODAY)


#: What deadlines besides reviews rest on.
DUTIES = st.one_of(
    st.builds(Stated, st.just("visit.made"), DAYS, st.just({"visit_id": "V", "visited": ["child"]})),
    st.builds(Stated, st.just("panel.recommended"), DAYS, st.just({"route": "adoption", "advice": "supported"})),
    st.builds(Stated, st.just("agency_decision.made"), DAYS, st.just({"route": "adoption", "outcome": "approved"})),
    st.builds(Stated, st.just("health_board.notified"), DAYS, st.just({})),
)
_WITH_DUTIES = ("scotland-duties", "scotland-guidance", "england", "ireland")
DUTY_ADOPTIONS = st.tuples(st.just("timetable.adopted"), st.sampled_from(_WITH_DUTIES), st.just("2000-01-01"))


@given(DUTY_ADOPTIONS, st.lists(st.one_of(FACTS, FACTS, DUTIES, DUTIES, AMENDMENTS, DUTY_ADOPTIONS), max_size=14))
def test_they_do_where_deadlines_rest_on_other_facts(adopted: Any, steps: list[Any]) -> None:
    """Whatever order visits, panels and homes are told in, under packs that count all of them."""
    agree(CHILD, log_of([adopted, *steps]), TODAY)


def told(*steps: tuple[str, str, str, dict[str, Any]]) -> list[RecordedEvent]:
    """Record facts of the child: on which day, of which type, of which day, what."""
    log = Log()
    for recorded_on, kind, on, data in steps:
        recorded_at = datetime.combine(date.fromisoformat(recorded_on), datetime.min.time(), UTC)
        log.add(kind, STREAM, on, recorded_at=recorded_at + timedelta(hours=9), **data)
    return log.events


def test_an_end_without_a_beginning_hides_no_review_that_stood_overdue() -> None:
    """The end of an episode that nobody told of is no end of the one that runs."""
    events = told(
        ("2026-01-02", "episode.ended", "2026-01-01", {"episode_id": "E1", "destination": "parents"}),
        ("2026-02-01", "child.accommodated", "2026-02-01", {"episode_id": "E2", "legal_reason": "section_25"}),
        ("2026-04-15", "home.started", "2026-03-01", {"home_id": "H1", "home_kind": "foster"}),
    )
    whole = agree(CHILD, events, date(2026, 4, 20))
    assert any(each.replaced_by is not None for each in whole.reviews)


def test_what_a_review_replaced_is_not_forgotten_at_the_next_event() -> None:
    """That it took the place of one that stood overdue stays on the record when something else is told."""
    replacement = {"occurred_on": "2025-11-08", "home_id": "H3", "home_kind": "residential"}
    correction = {"corrects_source": "/test/case-system", "corrects_type": "home.started", "corrects_id": "e2"}
    events = told(
        ("2026-01-02", "child.accommodated", "2025-11-01", {"episode_id": "E2", "legal_reason": "section_25"}),
        ("2026-01-05", "home.started", "2025-11-06", {"home_id": "H3", "home_kind": "residential"}),
        (
            *("2026-01-08", "record.corrected", "2026-01-08"),
            {**correction, "replacement": replacement, "reason": "recording_error"},
        ),
        ("2026-05-01", "health_board.notified", "2026-05-01", {}),
    )
    agree(CHILD, events, date(2026, 5, 2))


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
        agree(CHILD, events, TODAY)


def test_a_declared_day_may_end_a_forecast() -> None:
    """A working day more moves the second review beyond the horizon: the third is not projected any more, in both."""
    log = Log()
    log.add("child.accommodated", STREAM, "2026-07-01", episode_id="E1", legal_reason="section_25")
    log.add("home.started", STREAM, "2026-07-01", home_id="H1", home_kind="foster")
    log.add("holiday.declared", AUTHORITY_STREAM, "2026-07-05", calendar="scot_bank_holidays", holiday_on="2026-07-20")
    with near_the_horizon():
        agree(CHILD, log.events, TODAY)
        found = at_once(CHILD, log.events, TODAY, forecasts=True)
    [gone] = [each.review for each in found.reviews if each.vanished_at and each.review.position == 3]
    assert (gone.ordinal, gone.due_on) == (3, date(2028, 12, 30))


def test_what_a_correction_brings_forward_takes_its_place_among_what_was_told() -> None:
    """The end of a home, told ahead and corrected to the day on which that home was told again, divides it in two."""
    log = Log()
    log.add("child.accommodated", STREAM, "2026-01-05", episode_id="E1", legal_reason="section_25")
    log.add("home.started", STREAM, "2026-01-05", home_id="H1", home_kind="foster")
    log.add("home.ended", STREAM, "2026-12-01", home_id="H1", reason="planned_move")
    log.add("home.started", STREAM, "2026-02-10", home_id="H1", home_kind="foster", emergency=True)
    _amend(log, "record.corrected", 2, "2026-02-10")
    assert any(each.vanished_at for each in agree(CHILD, log.events, TODAY).reviews)


def test_what_was_owed_once_outlasts_a_forecast_under_its_key() -> None:
    """B2.  A home retracted, told again and ended: what was firm, withdrawn and forecast is kept, withdrawn."""
    log = Log()
    log.add("child.accommodated", STREAM, "2026-01-05", episode_id="E1", legal_reason="section_25")
    log.add("home.started", STREAM, "2026-01-05", home_id="H1", home_kind="foster")
    held: dict[str, Any] = {"meeting_id": "M1", "meeting_kind": "looked_after_child_review"}
    log.add("meeting.held", STREAM, "2026-02-10", **held)
    firm = {each.review.review_id: each.review for each in agree(CHILD, log.events, TODAY).reviews}
    [second] = [each for each in firm.values() if each.ordinal == 2]
    assert (second.due_on, second.certainty) == (date(2026, 5, 10), Certainty.FIRM)
    _amend(log, "record.retracted", 2, "2026-02-12")
    log.add("home.started", STREAM, "2026-02-20", home_id="H1", home_kind="foster")
    log.add("home.ended", STREAM, "2026-03-20", home_id="H1", reason="planned_move")
    whole = agree(CHILD, log.events, TODAY)
    [kept] = [each for each in whole.reviews if each.review.review_id == second.review_id]
    assert (kept.review.outcome, kept.review.due_on) == (Outcome.WITHDRAWN, date(2026, 5, 10))
    assert "position 4" in (kept.review.closed_because or "")
    told = [each for each in whole.changes if each.review_id == second.review_id]
    assert [each.cause.position for each in told] == [3, 4, 5, 6]
    assert (told[0].before and told[0].before.due_on, told[0].after.due_on) == (date(2026, 5, 16), date(2026, 5, 10))


def in_earnest_until(child: str, events: list[RecordedEvent]) -> dict[Any, Review]:
    """Return every review ever owed in earnest, as it was projected then, worked out from nothing at each event."""
    told: dict[Any, Review] = {}
    for number, event in enumerate(events, start=1):
        known = events[:number]
        on = civil_date(max(each.recorded_at for each in known))
        of_child = [each for each in known if each.stream != AUTHORITY_STREAM]
        council = [each for each in known if each.stream == AUTHORITY_STREAM]
        if of_child and event.stream in (of_child[0].stream, AUTHORITY_STREAM):
            owed = project_reviews(child, facts(of_child, as_of=on), council_timetable(council, as_of=on))
            told |= {each.review_id: each for each in owed if in_earnest(each, on)}
    return told


@given(STEPS)
def test_whatever_was_owed_in_earnest_never_disappears(steps: list[Any]) -> None:
    """It stays under its id: as it is owed now, or as it was owed in earnest last and withdrawn with the reason."""
    events = log_of(steps)
    found = {each.review.review_id: each for each in at_once(CHILD, events, TODAY).reviews}
    for review_id, review in in_earnest_until(CHILD, events).items():
        kept = found[review_id]
        if not kept.owed:
            assert kept.review.due_on == review.due_on
            assert kept.review.outcome is Outcome.WITHDRAWN
            assert kept.review.closed_because


@given(STEPS)
def test_each_review_is_told_of_once_for_a_cause(steps: list[Any]) -> None:
    """The log has one change of a review for a cause, each from where the one before it led, and counts them."""
    events = log_of(steps)
    whole = at_once(CHILD, events, TODAY)
    places = [(each.cause.at, each.cause.position or 0, each.review_id) for each in whole.changes]
    assert len(set(places)) == len(places)
    assert [each[0] for each in places] == sorted(each[0] for each in places)
    assert {each.review_id for each in whole.changes} <= {each.review.review_id for each in whole.reviews}
    last = {each.review_id: each.after for each in whole.changes}
    for each in whole.reviews:
        if each.owed and in_earnest(each.review, each.review.due_on or date.min):
            assert last[each.review.review_id] == standing(each.review)


@given(STEPS)
def test_a_forecast_that_vanished_follows_from_the_history(steps: list[Any]) -> None:
    """Nobody keeps it; asked for, it is there, withdrawn, beside all that is kept."""
    events = log_of(steps)
    found = {each.review.review_id: each for each in at_once(CHILD, events, TODAY, forecasts=True).reviews}
    kept = {each.review.review_id: each for each in at_once(CHILD, events, TODAY).reviews}
    assert kept.keys() <= found.keys()
    assert all(found[key].review.outcome is Outcome.WITHDRAWN for key in found.keys() - kept.keys())
    ever = in_earnest_until(CHILD, events)
    assert not any(key in ever for key in found.keys() - kept.keys())


def test_over_the_demonstration_council_both_folds_agree() -> None:
    """For children of the demonstration council, with its blemishes and its change of practice."""
    today = date(2026, 11, 23)
    posted = {event["id"]: event for event in council(1).events}
    log = [recorded(event, position) for position, event in enumerate(posted.values(), start=1)]
    streams = sorted({event.stream for event in log} - {AUTHORITY_STREAM})[::5]
    for stream in streams:
        events = [event for event in log if event.stream in (stream, AUTHORITY_STREAM)]
        child = stream.removeprefix("child-")
        agree(child, events, today)
