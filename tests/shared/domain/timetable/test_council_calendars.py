"""What a council decides about its working days moves what is open, and nothing that is settled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.envelope import RecordedEvent
from shared.domain.history import facts
from shared.domain.ids import AUTHORITY_STREAM
from shared.domain.timetable.adopted import AdoptedPack, Timetable
from shared.domain.timetable.engine import project_reviews
from shared.domain.timetable.intervals import Interval, Unit
from shared.domain.timetable.reviews import Outcome, Review
from shared.domain.timetable.rules import Pack, Rule
from shared.policies.timetables import council_timetable
from tests.shared.domain.timetable.story import (
    ALL_PACKS,
    CHILD,
    EMERGENCY,
    PLANNING,
    STATUTORY,
    STREAM,
    Story,
    due,
    placed,
)
from tests.shared.domain.timetable.test_laws import DAYS, FACTS, Stated
from tests.support.packs import load_pack

SCOTLAND = "scot_bank_holidays"
#: Edinburgh's own Monday; counted from Thursday 14 May 2026, the second working day without it.
EDINBURGH = "2026-05-18"


def in_working_days(*intervals: Interval) -> Pack:
    """Return the statutory pack, but with other intervals for its first reviews."""
    law = load_pack("scotland")

    def counted(rule: Rule) -> Rule:
        others = (replace(step, within=within) for step, within in zip(rule.steps, intervals, strict=False))
        return replace(rule, steps=(*others, *rule.steps[len(intervals) :]))

    return replace(law, rules=tuple(counted(rule) if rule.key == STATUTORY else rule for rule in law.rules))


#: A first review within twenty working days, as in England.
TWENTY_DAYS = (AdoptedPack(pack=in_working_days(Interval(20, Unit.WORKING_DAYS)), effective_on=date.min),)


def timetable(events: list[RecordedEvent]) -> Timetable:
    return council_timetable([event for event in events if event.stream == AUTHORITY_STREAM])


def owed(events: list[RecordedEvent], *, twenty_days: bool = False) -> dict[Any, Review]:
    """Return the child's reviews by all that is in the log."""
    by = timetable(events)
    by = replace(by, adopted=TWENTY_DAYS) if twenty_days else by
    told = facts([event for event in events if event.stream == STREAM])
    return {review.review_id: review for review in project_reviews(CHILD, told, by)}


def retract(story: Story, wrong: RecordedEvent, on: str) -> None:
    named: dict[str, Any] = {"retracts_source": wrong.source, "retracts_id": wrong.event_id}
    story.log.add("record.retracted", AUTHORITY_STREAM, on, **named, reason="recording_error")


def correct(story: Story, wrong: RecordedEvent, on: str, **replacement: Any) -> None:
    named: dict[str, Any] = {"corrects_source": wrong.source, "corrects_id": wrong.event_id}
    named |= {"corrects_type": wrong.type, "replacement": replacement}
    story.log.add("record.corrected", AUTHORITY_STREAM, on, **named, reason="recording_error")


def emergency(story: Story) -> Review:
    [review] = [each for each in owed(story.log.events).values() if each.kind == EMERGENCY]
    return review


def decide(story: Story, kind: str, on: str, calendar: str = SCOTLAND, **data: Any) -> RecordedEvent:
    return story.log.add(kind, AUTHORITY_STREAM, on, calendar=calendar, **data)


def test_a_declared_day_moves_the_open_review_and_says_so() -> None:
    """The review has a working day more, its explanation names the day, its position is that of the decision."""
    story = placed("2026-05-14", emergency=True)
    assert emergency(story).due_on == date(2026, 5, 19)
    decision = decide(story, "holiday.declared", "2026-05-15", holiday_on=EDINBURGH)
    review = emergency(story)
    assert review.due_on == date(2026, 5, 20)
    assert review.position == decision.position
    said = review.explanation.arithmetic
    assert "The council does not work on 18 May 2026: it decided so on 15 May 2026." in said
    assert "weekends and Scottish bank holidays, as changed by the council, are left out" in said


def test_a_removed_holiday_is_counted() -> None:
    """Where the council works on a bank holiday, the deadline comes a day earlier."""
    story = placed("2026-05-01", emergency=True)
    assert emergency(story).due_on == date(2026, 5, 7)
    decide(story, "holiday.removed", "2026-05-01", holiday_on="2026-05-04")
    assert emergency(story).due_on == date(2026, 5, 6)
    assert "The council works on 4 May 2026" in emergency(story).explanation.arithmetic


def test_saturdays_and_sundays_are_never_worked() -> None:
    """Removing a Saturday, or declaring it, changes no date and leaves no sentence."""
    for kind in ("holiday.removed", "holiday.declared"):
        story = placed("2026-05-14", emergency=True)
        decide(story, kind, "2026-05-14", holiday_on="2026-05-16")
        assert emergency(story).due_on == date(2026, 5, 19)
        assert "16 May" not in emergency(story).explanation.arithmetic


def test_the_last_decision_about_a_day_counts() -> None:
    """Declared, removed and declared again: by the day of the decision, then by the log."""
    story = placed("2026-05-14", emergency=True)
    decide(story, "holiday.declared", "2026-05-01", holiday_on=EDINBURGH)
    decide(story, "holiday.removed", "2026-05-02", holiday_on=EDINBURGH)
    assert emergency(story).due_on == date(2026, 5, 19)
    decide(story, "holiday.declared", "2026-05-02", holiday_on=EDINBURGH)
    assert emergency(story).due_on == date(2026, 5, 20)


def test_a_rule_counts_on_the_calendar_that_it_names() -> None:
    """Days declared on another calendar, even on the council's own, move nothing that counts on the Scottish one."""
    for other in ("england_bank_holidays", "council", "weekdays_only"):
        story = placed("2026-05-14", emergency=True)
        decide(story, "holiday.declared", "2026-05-01", other, holiday_on=EDINBURGH)
        assert emergency(story).due_on == date(2026, 5, 19)


def test_a_calendar_may_have_the_holidays_of_another() -> None:
    """On English holidays 2 January is worked and Easter Monday is not; the council's own days stay."""
    easter = placed("2026-04-02", emergency=True)
    assert emergency(easter).due_on == date(2026, 4, 8)
    decision = decide(easter, "working_calendar.set", "2026-04-01", follows="england_bank_holidays")
    assert emergency(easter).due_on == date(2026, 4, 9)
    assert emergency(easter).position == decision.position
    decide(easter, "holiday.declared", "2026-04-01", holiday_on="2026-04-09")
    assert emergency(easter).due_on == date(2026, 4, 10)
    decide(easter, "working_calendar.set", "2026-04-02", follows=SCOTLAND)
    assert emergency(easter).due_on == date(2026, 4, 8)


def test_days_of_the_calendar_that_is_followed_do_not_come_with_it() -> None:
    """What the council declared for England is England's."""
    story = placed("2026-05-14", emergency=True)
    decide(story, "holiday.declared", "2026-05-01", "england_bank_holidays", holiday_on=EDINBURGH)
    decide(story, "working_calendar.set", "2026-05-02", follows="england_bank_holidays")
    assert emergency(story).due_on == date(2026, 5, 19)


@pytest.mark.parametrize(
    ("kind", "calendar", "data"),
    [
        ("holiday.declared", "lunar", {"holiday_on": EDINBURGH}),
        ("working_calendar.set", SCOTLAND, {"follows": "lunar"}),
    ],
)
def test_a_calendar_not_at_hand_is_told_and_not_passed_over(kind: str, calendar: str, data: dict[str, Any]) -> None:
    """A decision about a calendar that is not shipped stands in the timetable as unknown, and changes no date."""
    story = placed("2026-05-14", emergency=True)
    decide(story, kind, "2026-05-01", calendar, **data)
    assert timetable(story.log.events).unknown_calendars == {"lunar"}
    assert emergency(story).due_on == date(2026, 5, 19)
    retract(story, story.log.events[-1], "2026-05-02")
    assert timetable(story.log.events).unknown_calendars == frozenset()


def test_a_decision_taken_back_moves_what_is_open_back() -> None:
    """A declaration corrected to another day, then retracted: the open review follows each."""
    story = placed("2026-05-14", emergency=True)
    wrong = decide(story, "holiday.declared", "2026-05-01", holiday_on="2026-05-19")
    assert emergency(story).due_on == date(2026, 5, 20)
    correct(story, wrong, "2026-05-02", occurred_on="2026-05-01", calendar=SCOTLAND, holiday_on="2026-05-21")
    assert emergency(story).due_on == date(2026, 5, 19)
    retract(story, wrong, "2026-05-03")
    assert not timetable(story.log.events).calendars[SCOTLAND].present.council_days


@pytest.mark.parametrize(("held_on", "days_late"), [("2026-05-19", 0), ("2026-05-20", 1)])
def test_what_was_held_is_judged_by_the_days_known_then(held_on: str, days_late: int) -> None:
    """Neither its due day nor its lateness moves when the day is declared afterwards, nor when that is taken back."""
    story = placed("2026-05-14", emergency=True).held(held_on, kind=EMERGENCY)
    before = emergency(story)
    assert (before.due_on, before.days_late) == (date(2026, 5, 19), days_late)
    decide(story, "holiday.declared", "2026-05-21", holiday_on=EDINBURGH)
    assert emergency(story) == before


def test_what_was_held_with_the_day_known_keeps_it() -> None:
    """Declared before the meeting was recorded, the day counts for good, even if the council retracts it."""
    story = placed("2026-05-14", emergency=True)
    declared = decide(story, "holiday.declared", "2026-05-01", holiday_on=EDINBURGH)
    story.held("2026-05-20", kind=EMERGENCY)
    before = emergency(story)
    assert (before.due_on, before.days_late) == (date(2026, 5, 20), 0)
    retract(story, declared, "2026-05-22")
    assert emergency(story) == before


def test_a_correction_of_the_meeting_does_not_judge_it_anew() -> None:
    """A clerical correction behind the declaration leaves the due day that held when the meeting was recorded."""
    story = placed("2026-05-14", emergency=True).held("2026-05-20", kind=EMERGENCY)
    meeting = story.position
    decide(story, "holiday.declared", "2026-05-21", holiday_on=EDINBURGH)
    story.corrected(meeting, "2026-05-22", actor_role="social_worker")
    assert (emergency(story).due_on, emergency(story).days_late) == (date(2026, 5, 19), 1)


def moved_on(story: Story) -> Story:
    """The next home, recorded before the council decided."""
    return story.home("2026-05-20", "H2")


def declared(story: Story) -> Story:
    decide(story, "holiday.declared", "2026-05-21", holiday_on=EDINBURGH)
    return story


def home_told_late() -> Story:
    """The next home, then the day declared, and only then the home in question."""
    return declared(moved_on(Story().accommodated("2026-05-14"))).home("2026-05-14", emergency=True)


def home_of_another_kind() -> Story:
    """A home that was no emergency until it was corrected, after it had ended and the day was declared."""
    story = placed("2026-05-14")
    return declared(moved_on(story)).corrected(2, "2026-05-22", emergency=True)


def home_of_another_day() -> Story:
    """A home whose first day was corrected after it had ended and the day was declared."""
    story = Story().accommodated("2026-05-13").home("2026-05-13", emergency=True)
    return declared(moved_on(story)).corrected(2, "2026-05-22", occurred_on="2026-05-14")


def home_told_after_its_meeting() -> Story:
    """The meeting, then the day declared, then the home."""
    story = Story().accommodated("2026-05-14").held("2026-05-20", kind=EMERGENCY)
    return declared(story).home("2026-05-14", emergency=True)


def meeting_of_another_kind() -> Story:
    """A meeting that was told as of another kind until after the day was declared."""
    story = placed("2026-05-14", emergency=True).held("2026-05-20", kind=PLANNING)
    return declared(story).corrected(3, "2026-05-22", meeting_kind=EMERGENCY)


def meeting_of_another_day() -> Story:
    """A meeting that was told for a day before the home until after the day was declared."""
    story = placed("2026-05-14", emergency=True).held("2026-05-02", kind=EMERGENCY)
    return declared(story).corrected(3, "2026-05-22", occurred_on="2026-05-20")


def end_of_another_home() -> Story:
    """The end of another home, corrected to be this one's after the day was declared."""
    story = placed("2026-05-14", emergency=True).left("2026-05-20", home="H9")
    return declared(story).corrected(3, "2026-05-22", home_id="H1")


@pytest.mark.parametrize(
    "told",
    [
        home_told_late,
        home_of_another_kind,
        home_of_another_day,
        home_told_after_its_meeting,
        meeting_of_another_kind,
        meeting_of_another_day,
        end_of_another_home,
    ],
    ids=lambda told: str(told.__name__),
)
def test_nothing_is_judged_by_a_calendar_older_than_itself(told: Callable[[], Story]) -> None:
    """What was not owed, or open, when the day was declared is counted with that day, and was in time."""
    review = emergency(told())
    assert review.due_on == date(2026, 5, 20)
    assert review.outcome in {Outcome.HELD, Outcome.WITHDRAWN}
    assert not review.days_late


@pytest.mark.parametrize("again", ["2026-05-20", "2026-05-19"])
def test_a_meeting_told_twice_was_settled_when_it_was_first_told(again: str) -> None:
    """Whichever day counts of the two, the day declared in between does not: the review was held before that."""
    story = declared(placed("2026-05-14", emergency=True).held("2026-05-20", "M1", kind=EMERGENCY))
    assert emergency(story.held(again, "M1", kind=EMERGENCY)).due_on == date(2026, 5, 19)


def test_an_end_told_twice_was_settled_when_it_was_first_told() -> None:
    """A missed review stays missed when the end of care is told again, for an earlier day that is late all the same."""
    story = declared(placed("2026-05-14", emergency=True).care_ended("2026-05-21"))
    review = emergency(story.care_ended("2026-05-20"))
    assert (review.outcome, review.due_on) == (Outcome.MISSED, date(2026, 5, 19))


def test_what_was_missed_stays_missed() -> None:
    """A home left the day after the deadline: the day declared later does not make the review withdrawn."""
    story = placed("2026-05-14", emergency=True).left("2026-05-20")
    assert emergency(story).outcome is Outcome.MISSED
    decide(story, "holiday.declared", "2026-05-21", holiday_on=EDINBURGH)
    assert (emergency(story).outcome, emergency(story).due_on) == (Outcome.MISSED, date(2026, 5, 19))
    story.care_ended("2026-05-20")
    assert emergency(story).outcome is Outcome.MISSED


def test_what_another_home_closed_is_not_judged_anew_when_the_end_is_told() -> None:
    """A home whose end is told after the next one began, and after a decision, was closed before the decision."""
    story = placed("2026-05-14", emergency=True).home("2026-05-20", "H2")
    decide(story, "holiday.declared", "2026-05-21", holiday_on=EDINBURGH)
    for told_later in (story, story.left("2026-05-20")):
        assert (emergency(told_later).outcome, emergency(told_later).due_on) == (Outcome.MISSED, date(2026, 5, 19))


HOLIDAYS = st.integers(0, 420).map(lambda days: (date(2025, 11, 1) + timedelta(days=days)).isoformat())
DECIDED = st.one_of(
    st.builds(
        Stated,
        st.sampled_from(["holiday.declared", "holiday.removed"]),
        DAYS,
        st.fixed_dictionaries({"calendar": st.sampled_from([SCOTLAND, "council"]), "holiday_on": HOLIDAYS}),
    ),
    st.builds(
        Stated,
        st.just("working_calendar.set"),
        DAYS,
        st.fixed_dictionaries(
            {
                "calendar": st.just(SCOTLAND),
                "follows": st.sampled_from([SCOTLAND, "england_bank_holidays", "weekdays_only"]),
            }
        ),
    ),
)


def told(steps: list[Stated], story: Story) -> Story:
    for kind, on, data in steps:
        of_council = kind.startswith(("holiday.", "working_calendar."))
        story.log.add(kind, AUTHORITY_STREAM if of_council else STREAM, on, **data)
    return story


@given(st.lists(st.one_of(FACTS, FACTS, DECIDED), min_size=1, max_size=14), st.lists(DECIDED, min_size=1, max_size=6))
@settings(max_examples=200)
def test_later_decisions_move_only_open_working_days(history: list[Stated], later: list[Stated]) -> None:
    """Whatever is decided behind any history: what is settled stays, to the word; weeks and months do, too."""
    story = told(history, Story())
    before = owed(story.log.events, twenty_days=True)
    after = owed(told(later, story).log.events, twenty_days=True)
    settled = {key for key, review in before.items() if review.outcome is not Outcome.OPEN}
    assert {key: after[key] for key in settled} == {key: before[key] for key in settled}
    for key in (before.keys() & after.keys()) - settled:
        if before[key].due_on != after[key].due_on:
            anchors = before[key].explanation.anchor, after[key].explanation.anchor
            assert anchors[0] != anchors[1] or "working days from" in after[key].explanation.arithmetic


@given(st.lists(DECIDED, min_size=1, max_size=8))
def test_what_was_known_at_a_position_is_what_the_log_told_up_to_it(decided: list[Stated]) -> None:
    """For every position, the state known by it is the present one of the log that ends there."""
    events = told(decided, Story()).log.events
    whole = council_timetable(events).calendars
    for event in events:
        known = council_timetable(events[: event.position]).calendars
        for name in (SCOTLAND, "council"):
            assert whole[name].known_by(event.position) == known[name].present
    assert whole[SCOTLAND].known_by(0) == ALL_PACKS.calendars[SCOTLAND].present
    assert whole[SCOTLAND].known_by(None) == whole[SCOTLAND].present


def test_a_calendar_changes_which_reviews_follow_only_behind_working_days() -> None:
    """With a sequence that begins in working days another day may change how many are projected; else it cannot."""
    story = Story()
    decide(story, "holiday.declared", "2026-05-01", holiday_on=EDINBURGH)
    changed = timetable(story.log.events)
    assert council_timetable(()).differs_from(changed) is None
    assert replace(council_timetable(()), adopted=TWENTY_DAYS).differs_from(replace(changed, adopted=TWENTY_DAYS))
    other = Story()
    decide(other, "holiday.declared", "2026-05-01", "council", holiday_on=EDINBURGH)
    on_another = replace(timetable(other.log.events), adopted=TWENTY_DAYS)
    assert replace(council_timetable(()), adopted=TWENTY_DAYS).differs_from(on_another) is None


def test_a_weekday_before_a_declared_day_is_advised() -> None:
    """A review due on a declared day is due there all the same; the day advised for it is the one before."""
    story = placed("2026-04-06")
    assert due(owed(story.log.events).values())[0] == EDINBURGH
    decide(story, "holiday.declared", "2026-05-01", holiday_on=EDINBURGH)
    first = min(owed(story.log.events).values(), key=lambda each: each.due_on or date.max)
    assert (first.due_on, first.last_working_day_on) == (date(2026, 5, 18), date(2026, 5, 15))
