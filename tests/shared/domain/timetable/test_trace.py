"""What stays on the record of a child's reviews, cause by cause."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.envelope import RecordedEvent
from shared.domain.history import facts
from shared.domain.timetable.causes import Aspect, Change, of_event
from shared.domain.timetable.engine import reviews_by_key
from shared.domain.timetable.reviews import Certainty, Outcome, Status, status
from shared.domain.timetable.trace import Kept, in_earnest, step, without_home
from tests.shared.domain.timetable.story import ALL_PACKS, CHILD, STREAM
from tests.shared.domain.timetable.test_laws import FACTS, Stated
from tests.support.events import Log

#: The day on which what had been left out is recorded.
LATE = datetime(2026, 11, 23, 9, tzinfo=UTC)
HELD: dict[str, Any] = {"meeting_kind": "looked_after_child_review"}


def kept_of(log: Log) -> tuple[Mapping[UUID, Kept], list[Change]]:
    """Return what stays on the record of a child, and every change."""
    rows: dict[UUID, Kept] = {}
    changes: list[Change] = []
    before: datetime | None = None
    for number, event in enumerate(log.events, start=1):
        cause = of_event(event, before)
        before = cause.at
        known: list[RecordedEvent] = log.events[:number]
        done = step(rows, reviews_by_key(CHILD, facts(known, as_of=cause.on), ALL_PACKS), cause)
        for gone in done.dropped:
            del rows[gone]
        rows |= done.put
        changes += done.changes
    return rows, changes


def accommodated(log: Log, on: str = "2026-01-05") -> None:
    log.add("child.accommodated", STREAM, on, episode_id="E1", legal_reason="section_25")


def placed(log: Log, on: str, *, recorded_at: datetime | None = None) -> None:
    log.add("home.started", STREAM, on, recorded_at=recorded_at, home_id="H1", home_kind="foster")


def test_b1_what_stood_overdue_for_want_of_a_home_outlasts_the_home() -> None:
    """B1.  A home recorded months late takes the place of a review that stood overdue, which stays and says so."""
    log = Log()
    accommodated(log)
    first = {key: each for key, each in kept_of(log)[0].items() if without_home(each) and each.review.ordinal == 1}
    [(gap_id, gap)] = first.items()
    assert (gap.review.due_on, status(gap.review, as_of=LATE.date())) == (date(2026, 2, 16), Status.OVERDUE)
    placed(log, "2026-01-05", recorded_at=LATE)
    rows, changes = kept_of(log)
    gone = rows[gap_id]
    [home] = [each for each in rows.values() if each.replaces == gap_id]
    assert (gone.review.outcome, gone.replaced_by) == (Outcome.WITHDRAWN, home.review.review_id)
    assert gone.overdue == home.overdue == (date(2026, 2, 17), LATE.date())
    assert home.told_as == gap_id
    assert gone.review.closed_because == (
        "This review was counted because no home was recorded. It stood overdue from 17 February 2026 to "
        "23 November 2026. A home is now recorded: the review of that home takes its place."
    )
    told = {each.review_id: each for each in changes}
    assert told[gap_id].aspects == {Aspect.OUTCOME, Aspect.REPLACED}
    assert told[home.review.review_id].aspects == {Aspect.APPEARED, Aspect.REPLACED}
    assert told[gap_id].cause == told[home.review.review_id].cause


def test_a_home_recorded_in_time_leaves_no_trace_of_the_forecast_before_it() -> None:
    """What was counted for want of a home, and was not due yet, goes as any forecast does."""
    log = Log()
    accommodated(log)
    placed(log, "2026-01-05", recorded_at=datetime(2026, 1, 6, 9, tzinfo=UTC))
    rows, changes = kept_of(log)
    assert all(each.owed and each.replaces is None for each in rows.values())
    assert {each.cause.position for each in changes} == {1, 2}
    assert not any(without_home(each) for each in rows.values())


def test_a_history_brought_in_on_one_day_leaves_no_trace_of_what_nobody_saw() -> None:
    """Accommodated long ago, and the home behind it, recorded on one day: nothing stood overdue in between."""
    log = Log()
    log.add("child.accommodated", STREAM, "2026-01-05", recorded_at=LATE, episode_id="E1", legal_reason="section_25")
    placed(log, "2026-01-05", recorded_at=LATE)
    rows, _ = kept_of(log)
    assert rows
    assert all(each.owed and each.replaces is None and each.overdue is None for each in rows.values())


def test_what_was_due_on_another_day_is_told_anew() -> None:
    """A home from another day than the gap's owes its review on another day, and that is told of as its own."""
    log = Log()
    accommodated(log)
    placed(log, "2026-01-09", recorded_at=LATE)
    [home] = [each for each in kept_of(log)[0].values() if each.replaces is not None]
    assert (home.review.due_on, home.told_as) == (date(2026, 2, 20), None)


def test_a_change_says_what_moved_from_when_to_when_and_because_of_which_event() -> None:
    """A review held early brings the next one forward, in words that name the meeting and its position."""
    log = Log()
    accommodated(log, "2026-01-15")
    placed(log, "2026-01-15")
    log.add("meeting.held", STREAM, "2026-02-10", meeting_id="M1", **HELD)
    _, changes = kept_of(log)
    second = [each for each in changes if each.kind == "looked_after_child_review" and each.ordinal == 2]
    [moved] = [each for each in second if each.cause.position == 3]
    assert moved.before is not None
    assert (moved.before.due_on, moved.after.due_on) == (date(2026, 5, 26), date(2026, 5, 10))
    assert (moved.before.certainty, moved.after.certainty) == (Certainty.PROVISIONAL, Certainty.FIRM)
    assert moved.cause.type == "meeting.held"
    assert moved.sentence == (
        "Moved from 26 May to 10 May 2026, because the review before it was held on 10 February "
        "(meeting.held, position 3)."
    )


def test_a_corrected_day_is_one_cause_of_many_changes() -> None:
    """Correcting the day of a home moves every firm review of it, each told of with the one correction as its cause."""
    log = Log()
    accommodated(log, "2026-01-15")
    log.add("home.started", STREAM, "2026-01-15", home_id="H1", home_kind="foster", emergency=True)
    wrong = log.events[-1]
    data = {"occurred_on": "2026-01-12", "home_id": "H1", "home_kind": "foster", "emergency": True}
    named: dict[str, Any] = {
        "corrects_source": wrong.source,
        "corrects_id": wrong.event_id,
        "corrects_type": wrong.type,
    }
    log.add("record.corrected", STREAM, "2026-01-20", **named, replacement=data, reason="recording_error")
    _, changes = kept_of(log)
    caused = [each for each in changes if each.cause.position == 3]
    assert len(caused) > 1
    assert len({each.cause for each in caused}) == 1
    assert len({each.review_id for each in caused}) == len(caused)
    [review] = [each for each in caused if each.kind == "looked_after_child_review"]
    assert review.sentence == (
        "Moved from 26 February to 23 February 2026, because of what was recorded (record.corrected, position 3)."
    )


def test_late_stays_late() -> None:
    """A review that is missed because the home ended stays missed, whatever is recorded of other homes."""
    log = Log()
    accommodated(log, "2026-01-15")
    placed(log, "2026-01-15")
    log.add("home.ended", STREAM, "2026-05-01", home_id="H1", reason="planned_move")
    log.add("home.started", STREAM, "2026-05-01", home_id="H2", home_kind="kinship")
    rows, changes = kept_of(log)
    [missed] = [each for each in rows.values() if each.review.outcome is Outcome.MISSED and each.clock == "H1"]
    assert missed.owed
    [told] = [each for each in changes if each.review_id == missed.review.review_id and each.cause.position == 3]
    assert told.sentence == ("Missed: it can no longer be held, because of what was recorded (home.ended, position 3).")


@given(st.lists(FACTS, min_size=1, max_size=14))
def test_nothing_in_earnest_is_ever_taken_off(history: list[Stated]) -> None:
    """Whatever order facts are told in, what stood on the record in earnest at any of them stands on it at last."""
    log = Log()
    seen: set[UUID] = set()
    for told in history:
        log.add(told.kind, STREAM, told.on, **told.data)
        on = max(event.recorded_at for event in log.events).date()
        rows, _ = kept_of(log)
        assert seen <= rows.keys()
        seen |= {key for key, each in rows.items() if not each.owed or in_earnest(each.review, on)}
