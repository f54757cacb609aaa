"""Deadlines besides reviews: counted from any event, satisfied by any, told, phased, and stopped."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.catalogue.child import HomeKind
from shared.domain.catalogue.meeting import MeetingKind
from shared.domain.catalogue.roles import Role
from shared.domain.timetable.adopted import AdoptedPack, Timetable
from shared.domain.timetable.intervals import Counting, Interval, Moment, Unit, add_months
from shared.domain.timetable.reviews import Basis, Certainty, Outcome, Review, Status, What, status
from shared.domain.timetable.rules import (
    AnchorKind,
    CountedFrom,
    End,
    EventAnchor,
    Pack,
    Pattern,
    Rule,
    Step,
    Weekend,
    Which,
)
from shared.domain.timetable.working_days import WorkingCalendar
from tests.shared.domain.timetable.story import STATUTE_ONLY, STATUTORY, Story, due, placed

KIND = "tried"
WEEKDAYS = WorkingCalendar("weekdays_only", "weekends")
RECOMMENDED = EventAnchor(
    pattern=Pattern(event="panel.recommended"), called="the day the panel made its recommendation", which=Which.EACH
)


def step(within: Interval | None = None, **said: Any) -> Step:
    return Step(title="Tried", within=within, citation="reg 1", **said)


def rule(*steps: Step, **said: Any) -> Rule:
    basis = {"key": KIND, "title": "Tried", "basis": Basis.STATUTE, "citation": "reg 1", "calendar": "weekdays_only"}
    return Rule(steps=steps, **{"anchor": AnchorKind.HOME_STARTED, **basis, **said})


def by(*rules: Rule) -> Timetable:
    pack = Pack(pack="tried", edition="2026-01", title="Tried", jurisdiction="Nowhere", source="none", rules=rules)
    return replace(STATUTE_ONLY, adopted=(AdoptedPack(pack=pack, effective_on=date.min),))


def owed(story: Story, *rules: Rule) -> list[Review]:
    return story.reviews(KIND, by(*rules))


def weeks(count: int) -> Interval:
    return Interval(count, Unit.WEEKS)


def months(count: int) -> Interval:
    return Interval(count, Unit.MONTHS)


def days(count: int) -> Interval:
    return Interval(count, Unit.DAYS)


def recommended(story: Story, on: str, advice: str = "supported") -> Story:
    return story.tell("panel.recommended", on, route="adoption", advice=advice)


def decided(story: Story, on: str) -> Story:
    return story.tell("agency_decision.made", on, route="adoption", outcome="approved")


DECISION = rule(
    step(days(14)),
    anchor=RECOMMENDED,
    what=What.DECISION,
    roles=frozenset({Role.AGENCY_DECISION_MAKER}),
    satisfied_by_events=(Pattern(event="agency_decision.made"),),
)


def test_a_deadline_is_counted_from_the_event_that_starts_it() -> None:
    """Fourteen days from the panel's recommendation, with whose work it is and the words of its day."""
    [decision] = owed(recommended(placed(), "2026-03-02"), DECISION)

    assert (decision.what, decision.roles, due([decision])) == (
        What.DECISION,
        (Role.AGENCY_DECISION_MAKER,),
        ["2026-03-16"],
    )
    assert decision.certainty is Certainty.FIRM
    anchor = decision.explanation.anchor
    assert (anchor.description, anchor.event_type) == (RECOMMENDED.called, "panel.recommended")
    assert decision.episode_id == "E1"


def test_an_event_other_than_a_meeting_satisfies_it() -> None:
    """What is recorded of the awaited type on or after the start is the deadline, held; nothing before it is."""
    story = recommended(decided(placed(), "2026-03-01"), "2026-03-02")
    decided(story, "2026-03-20")

    [decision] = owed(story, DECISION)

    assert (decision.outcome, decision.held_on, decision.days_late) == (Outcome.HELD, date(2026, 3, 20), 4)
    assert decision.held_meeting_id is None


def test_only_events_of_the_codes_asked_for_start_a_clock() -> None:
    """A pattern that names codes passes over events that have others."""
    only = replace(RECOMMENDED, pattern=Pattern(event="panel.recommended", where=_where("supported")))
    story = recommended(recommended(placed(), "2026-03-02", "deferred"), "2026-04-02")
    assert due(owed(story, replace(DECISION, anchor=only))) == ["2026-04-16"]


def _where(*codes: str) -> tuple[tuple[str, frozenset[str]], ...]:
    return (("advice", frozenset(codes)),)


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        (Which.EACH, [("2026-03-16", "open"), ("2026-04-16", "open"), ("2026-09-15", "open")]),
        (Which.FIRST, [("2026-03-16", "open"), ("2026-09-15", "open")]),
        (Which.LATEST, [("2026-03-16", "missed"), ("2026-04-16", "missed"), ("2026-09-15", "open")]),
    ],
)
def test_which_of_several_events_start_a_clock(which: Which, expected: list[tuple[str, str]]) -> None:
    """Each one, the first of each episode of care, or each until the next one."""
    story = recommended(recommended(placed(), "2026-03-02"), "2026-04-02")
    story.care_ended("2026-08-01").accommodated("2026-08-20", "E2")
    recommended(story, "2026-09-01")
    anchor = replace(RECOMMENDED, which=which)

    found = owed(story, replace(DECISION, anchor=anchor))

    if which is Which.LATEST:
        expected = [("2026-03-16", "missed"), ("2026-04-16", "missed"), ("2026-09-15", "open")]
    else:
        expected = [(day, "missed" if day < "2026-08" else state) for day, state in expected]
    assert [(each.due_on.isoformat(), each.outcome.value) for each in found if each.due_on] == expected


CERTIFICATE = rule(
    step(days(28)),
    anchor=EventAnchor(
        pattern=Pattern(event="consent_certificate.sent"), called="the day the certificate arrived", day="received_on"
    ),
    what=What.NOTIFICATION,
    satisfied_by_events=(Pattern(event="consent_certificate.returned", same=("certificate_id",)),),
)


def sent(story: Story, on: str, certificate: str, **data: Any) -> Story:
    return story.tell("consent_certificate.sent", on, certificate_id=certificate, **data)


def test_a_clock_may_start_on_a_day_that_the_event_tells() -> None:
    """Counted from the day of arrival, and not at all while none is told."""
    story = sent(placed(), "2026-03-02", "C1")
    assert owed(story, CERTIFICATE) == []
    assert due(owed(sent(story, "2026-03-02", "C2", received_on="2026-03-05"), CERTIFICATE)) == ["2026-04-02"]


def test_what_satisfies_may_have_to_be_about_the_same() -> None:
    """The return of one certificate leaves the other one open."""
    story = placed()
    for name in ("C1", "C2"):
        sent(story, "2026-03-02", name, received_on="2026-03-05")
    story.tell("consent_certificate.returned", "2026-03-20", certificate_id="C2", answer="signed")

    assert [each.outcome for each in owed(story, CERTIFICATE)].count(Outcome.HELD) == 1
    [held] = [each for each in owed(story, CERTIFICATE) if each.outcome is Outcome.HELD]
    assert held.held_on == date(2026, 3, 20)


EXPIRY = rule(
    step(on_day="expires_on"),
    anchor=EventAnchor(pattern=Pattern(event="legal_reason.started"), called="the day the legal reason began"),
    what=What.EXPIRY,
    ends=(
        End(pattern=Pattern(event="legal_reason.ended", same=("legal_reason_id",)), because="The legal reason ended"),
    ),
)


def ordered(story: Story, on: str, name: str, **data: Any) -> Story:
    return story.tell(
        "legal_reason.started", on, legal_reason_id=name, legal_reason="compulsory_supervision_order", **data
    )


def test_a_deadline_may_be_told_by_the_event_itself() -> None:
    """An order runs out on the day that was recorded with it; without one nothing is invented."""
    story = ordered(ordered(placed(), "2026-01-20", "L1", expires_on="2027-01-19"), "2026-01-20", "L2")
    [expiry] = owed(story, EXPIRY)
    assert due([expiry]) == ["2027-01-19"]
    assert expiry.explanation.arithmetic.startswith("The record itself tells this day, 19 January 2027.")


def test_an_end_stops_the_clock_it_is_about() -> None:
    """The order that ended is withdrawn with the reason, the other one stays."""
    story = placed()
    for name in ("L1", "L2"):
        ordered(story, "2026-01-20", name, expires_on="2027-01-19")
    story.tell("legal_reason.ended", "2026-06-01", legal_reason_id="L1", reason="expired")

    found = {each.outcome: each for each in owed(story, EXPIRY)}

    assert set(found) == {Outcome.OPEN, Outcome.WITHDRAWN}
    assert found[Outcome.WITHDRAWN].closed_because == "The legal reason ended on 1 June 2026."


def test_correcting_the_told_day_moves_the_deadline() -> None:
    """The same deadline, by its id, on the corrected day."""
    story = ordered(placed(), "2026-01-20", "L1", expires_on="2027-01-19")
    [before] = owed(story, EXPIRY)
    story.corrected(story.position, "2026-02-01", expires_on="2026-12-31")
    [after] = owed(story, EXPIRY)
    assert (before.review_id, due([after])) == (after.review_id, ["2026-12-31"])


VISITS = rule(
    step(weeks(1)),
    step(weeks(6), counted_from=CountedFrom.PREVIOUS_HELD, repeats=True, phase=months(12)),
    step(months(3), counted_from=CountedFrom.PREVIOUS_HELD, repeats=True),
    what=What.VISIT,
    satisfied_by=frozenset(),
    satisfied_by_events=(Pattern(event="views.recorded"),),
)


def seen(story: Story, on: str) -> Story:
    return story.tell("views.recorded", on, of="child")


def test_a_phase_lasts_as_long_as_what_is_counted_from_lies_in_it() -> None:
    """Within a week, then every six weeks in the first year, then every three months: by the day it is counted from."""
    story = placed("2026-01-01")
    for day in ("2026-01-08", "2026-02-19", "2026-12-31"):
        seen(story, day)
    last = owed(story, VISITS)[3]
    assert due([last]) == ["2027-02-11"]
    seen(story, "2027-01-01")
    assert due(owed(story, VISITS)[4:5]) == ["2027-04-01"]


def test_once_in_each_calendar_year() -> None:
    """After the phase it is owed by the end of the year behind the one in which the last was held."""
    yearly = rule(
        step(months(6), repeats=True, counted_from=CountedFrom.PREVIOUS_HELD, phase=months(24)),
        step(each_calendar_year=True, repeats=True, counted_from=CountedFrom.PREVIOUS_HELD),
        satisfied_by_events=(Pattern(event="views.recorded"),),
    )
    story = placed("2026-01-01")
    for day in ("2026-06-30", "2026-12-20", "2027-06-10", "2027-12-01", "2028-02-01"):
        seen(story, day)
    found = owed(story, yearly)
    assert due(found[5:7]) == ["2029-12-31", "2030-12-31"]
    assert found[5].explanation.arithmetic.startswith(
        "Once in each calendar year: after 1 February 2028 the next is owed by 31 December 2029."
    )


def test_counted_from_the_day_the_one_before_was_due() -> None:
    """Holding one late or early moves none of those that follow, and all of them are firm."""
    steady = rule(
        step(months(1)),
        step(months(1), counted_from=CountedFrom.PREVIOUS_DUE, repeats=True),
        satisfied_by_events=(Pattern(event="views.recorded"),),
    )
    story = placed("2026-01-10")
    plain = due(owed(story, steady))[:4]
    assert plain == ["2026-02-10", "2026-03-10", "2026-04-10", "2026-05-10"]
    seen(story, "2026-02-25")
    assert due(owed(story, steady))[:4] == plain
    assert {each.certainty for each in owed(story, steady)} == {Certainty.FIRM}


def test_a_clock_that_stops_owes_nothing_behind_its_end() -> None:
    """Of a steady sequence what fell due before the end was missed, the next one is withdrawn, and no more are told."""
    steady = rule(step(months(1)), step(months(1), counted_from=CountedFrom.PREVIOUS_DUE, repeats=True))
    story = placed("2026-01-10").left("2026-03-20").care_ended("2026-03-20")
    found = owed(story, steady)
    assert [(each.due_on.isoformat(), each.outcome.value) for each in found if each.due_on] == [
        ("2026-02-10", "missed"),
        ("2026-03-10", "missed"),
        ("2026-04-10", "withdrawn"),
    ]


@pytest.mark.parametrize(
    ("interval", "start", "expected"),
    [
        (months(3), "2026-03-01", "2026-05-31"),
        (months(1), "2026-01-31", "2026-02-28"),
        (months(1), "2024-01-31", "2024-02-29"),
        (weeks(1), "2026-03-02", "2026-03-08"),
        (days(1), "2026-03-02", "2026-03-02"),
        (Interval(3, Unit.WORKING_DAYS), "2026-03-05", "2026-03-09"),
        (Interval(3, Unit.WORKING_DAYS), "2026-03-07", "2026-03-11"),
    ],
)
def test_a_period_that_begins_with_its_day(interval: Interval, start: str, expected: str) -> None:
    """Three months beginning with 1 March end on 31 May; a month without such a day ends on its last."""
    moment = Moment(date.fromisoformat(start))
    assert interval.ending(moment, WEEKDAYS, Counting.BEGINNING_WITH).on.isoformat() == expected


@given(st.dates(date(1990, 1, 1), date(2100, 1, 1)), st.integers(1, 60), st.sampled_from(sorted(Unit)))
def test_the_first_day_never_makes_a_period_longer(day: date, count: int, unit: Unit) -> None:
    """Counted with its first day a period ends no later than without it, and not before that day."""
    interval, moment = Interval(count, unit), Moment(day)
    ends = interval.ending(moment, WEEKDAYS, Counting.BEGINNING_WITH).on
    assert ends <= interval.ending(moment, WEEKDAYS, Counting.FROM).on
    assert ends >= day
    if unit is Unit.MONTHS:
        assert add_months(day, count) - ends <= timedelta(days=1)


def test_a_weekend_moves_the_day_on_only_where_the_rule_says_so() -> None:
    """Six weeks from a Sunday end on a Sunday, or on the Monday behind it, and the sentence says which."""
    stands, moves = rule(step(weeks(6))), rule(step(weeks(6)), weekend=Weekend.NEXT_WORKING_DAY)
    story = placed("2025-08-31")
    assert due(owed(story, stands)) == ["2025-10-12"]
    [moved] = owed(story, moves)
    assert due([moved]) == ["2025-10-13"]
    assert "That is a Sunday, not a working day: the next one is the last day for it, Monday 13 October 2025." in (
        moved.explanation.arithmetic
    )
    assert moved.explanation.arithmetic.startswith("6 weeks from 31 August 2025 is 12 October 2025.")


def test_a_first_day_that_is_counted_is_said_to_be() -> None:
    """The sentence of such a period says that the first day is counted, and never that it is not."""
    [review] = owed(placed("2026-03-01"), rule(step(months(3), counting=Counting.BEGINNING_WITH)))
    assert review.explanation.arithmetic == (
        "3 months beginning with 1 March 2026 end on 31 May 2026. The first day is counted. "
        "That is a Sunday, not a working day, and the date does not move on to the next one: "
        "the last working day for it is Friday 29 May 2026."
    )


def test_death_ends_every_clock_of_events() -> None:
    """Nothing is owed for a child who died, whatever started its clock."""
    story = recommended(placed(), "2026-03-02").care_ended("2026-03-05", destination="died")
    [decision] = owed(story, DECISION)
    assert (decision.outcome, decision.closed_because) == (Outcome.WITHDRAWN, "The child died on 5 March 2026.")


AGREED = rule(step(), home_kinds=frozenset({HomeKind.PARENTS}), satisfied_by=frozenset({MeetingKind(STATUTORY)}))


def agreed(story: Story, on: str, count: int, **data: Any) -> Story:
    told = {"interval_count": count, "interval_unit": "months", "agreed_with": ["child", "parent"], **data}
    return story.tell("review_frequency.agreed", on, **told)


def test_without_an_agreement_no_day_is_invented() -> None:
    """One review without a day is shown, and stays until a frequency is agreed."""
    [flagged] = owed(placed("2026-01-15", kind="parents"), AGREED)
    assert (flagged.due_on, flagged.outcome) == (None, Outcome.OPEN)
    assert status(flagged, as_of=date(2027, 1, 1)) is Status.FREQUENCY_NOT_AGREED


def test_an_agreed_frequency_is_counted_from_the_agreement_and_then_from_each_review() -> None:
    """The same review that had no day gets one; what follows is provisional until it is held."""
    story = placed("2026-01-15", kind="parents")
    [flagged] = owed(story, AGREED)
    found = owed(agreed(story, "2026-02-01", 4), AGREED)
    assert due(found)[:3] == ["2026-06-01", "2026-10-01", "2027-02-01"]
    assert found[0].review_id == flagged.review_id
    assert [each.certainty for each in found[:2]] == [Certainty.FIRM, Certainty.PROVISIONAL]
    assert found[0].explanation.arithmetic.startswith(
        "A review every 4 months was agreed on 1 February 2026. 4 months from 1 February 2026 is 1 June 2026."
    )
    assert due(owed(story.held("2026-05-20"), AGREED))[:2] == ["2026-06-01", "2026-09-20"]


def test_another_agreement_counts_for_what_is_not_held_yet() -> None:
    """What was held is judged by the agreement made before it; the open one is counted from the later one."""
    story = agreed(placed("2026-01-15", kind="parents"), "2026-02-01", 4).held("2026-06-10")
    agreed(story, "2026-06-10", 2)
    assert due(owed(story, AGREED))[:3] == ["2026-06-01", "2026-08-10", "2026-10-10"]
    agreed(story, "2026-07-01", 1)
    assert due(owed(story, AGREED))[:3] == ["2026-06-01", "2026-08-01", "2026-09-01"]


def test_no_review_is_agreed_away() -> None:
    """Agreeing again, or on less, moves no review that is owed to a later day, whether it is overdue already or not."""
    story = agreed(placed("2026-01-01", kind="parents"), "2026-01-01", 3)
    for on, count in (("2026-03-01", 12), ("2026-05-01", 3), ("2026-06-01", 12)):
        agreed(story, on, count)
    assert due(owed(story, AGREED))[0] == "2026-04-01"
    [held, following] = owed(story.held("2026-07-01"), AGREED)[:2]
    assert (held.days_late, due([following])) == (91, ["2027-07-01"])


def test_what_was_agreed_for_a_home_before_it_began_counts() -> None:
    """Agreed ahead of the move and for this home by name, it is counted from the day the home began."""
    story = agreed(Story(), "2026-01-10", 3, home_id="H1").home("2026-01-15", kind="parents")
    assert due(owed(story, AGREED))[0] == "2026-04-15"


def test_an_order_that_is_continued_on_the_day_it_ends_goes_on() -> None:
    """An end told before the beginning of that day ended the former one, although both have one identifier."""
    story = ordered(placed(), "2026-01-20", "L1", expires_on="2027-01-10")
    story.tell("legal_reason.ended", "2027-01-10", legal_reason_id="L1", reason="replaced")
    ordered(story, "2027-01-10", "L1", expires_on="2028-01-09")
    still = [each.due_on for each in owed(story, EXPIRY) if each.outcome is Outcome.OPEN]
    assert still == [date(2028, 1, 9)]


def test_correcting_what_was_replaced_revives_nothing() -> None:
    """A clerical correction of the first of two days set on one day leaves it ended."""
    story = placed()
    for day in ("2026-03-01", "2026-04-01"):
        story.tell("court_date.set", "2026-02-01", application_id="A1", hearing="preliminary_hearing", court_on=day)
    story.corrected(story.position - 1, "2026-02-02", court_at="2026-03-01T10:00:00Z")
    found = [each.due_on for each in owed(story, HEARING) if each.outcome is Outcome.OPEN]
    assert found == [date(2026, 4, 1)]


def test_the_first_fact_of_each_episode_counts_however_they_are_named() -> None:
    """An identifier that is used again, or an episode that is not recorded, silences no later one."""
    first = replace(DECISION, anchor=replace(RECOMMENDED, which=Which.FIRST))
    again = recommended(placed("2020-01-15"), "2020-03-02").care_ended("2020-06-01")
    recommended(again.accommodated("2026-01-15"), "2026-03-02")
    assert due(owed(again, first)) == ["2020-03-16", "2026-03-16"]
    bare = recommended(recommended(Story(), "2020-03-02"), "2026-03-02")
    assert due(owed(bare, first)) == ["2020-03-16", "2026-03-16"]


def test_an_agreement_about_another_home_or_kind_counts_nothing() -> None:
    """What names another home, or another kind of reviews, leaves the frequency not agreed."""
    story = placed("2026-01-15", kind="parents")
    agreed(agreed(story, "2026-02-01", 4, home_id="H9"), "2026-02-01", 4, review_kind="another")
    assert due(owed(story, AGREED)) == ["none"]
    assert due(owed(agreed(story, "2026-02-02", 1, home_id="H1", review_kind=KIND), AGREED))[0] == "2026-03-02"


def test_a_longest_interval_bounds_what_is_agreed_and_holds_without_an_agreement() -> None:
    """The day agreed on is never later than the rule allows, counted from the review before."""
    bounded = replace(AGREED, steps=(step(maximum=months(6)),))
    story = placed("2026-01-15", kind="parents")
    assert due(owed(story, bounded))[0] == "2026-07-15"
    [first, *_] = owed(agreed(story, "2026-02-01", 12), bounded)
    assert due([first]) == ["2026-07-15"]
    assert first.explanation.arithmetic.startswith(
        "Every 12 months was agreed on 1 February 2026; the rule allows no more than until 15 July 2026."
    )


HEARING = rule(
    step(on_day="court_on"),
    anchor=EventAnchor(pattern=Pattern(event="court_date.set"), called="the day it was set", outlives_episode=True),
    what=What.HEARING,
    ends=(End(pattern=Pattern(event="court_date.set", same=("application_id", "hearing")), because="Another was set"),),
)


def test_a_later_fact_of_its_own_type_ends_a_clock_and_the_first_does_not() -> None:
    """A court date holds until another is set for the same hearing of the same application; others stay beside it."""
    story = placed()
    for on, application, hearing, day in (
        ("2026-02-01", "A1", "preliminary_hearing", "2026-03-01"),
        ("2026-02-01", "A1", "proof", "2026-05-01"),
        ("2026-02-01", "A2", "preliminary_hearing", "2026-03-02"),
        ("2026-02-10", "A1", "preliminary_hearing", "2026-04-01"),
    ):
        story.tell("court_date.set", on, application_id=application, hearing=hearing, court_on=day)

    found = {each.due_on.isoformat(): each.outcome for each in owed(story, HEARING) if each.due_on}

    still = Outcome.OPEN
    assert found == {"2026-03-01": Outcome.WITHDRAWN, "2026-03-02": still, "2026-04-01": still, "2026-05-01": still}


def test_what_outlives_the_episode_is_still_shown_at_home() -> None:
    """A court date stays when care away from home ends; the decision after a panel does not."""
    story = placed().tell(
        "court_date.set", "2026-02-01", application_id="A1", hearing="preliminary_hearing", court_on="2026-06-01"
    )
    recommended(story, "2026-03-01").care_ended("2026-03-05")
    assert [each.outcome for each in owed(story, HEARING)] == [Outcome.OPEN]
    assert [each.outcome for each in owed(story, DECISION)] == [Outcome.WITHDRAWN]


def test_what_starts_a_clock_does_not_satisfy_it() -> None:
    """Where each fact of a type is owed within a time of the one before, the first satisfies nothing."""
    again = rule(
        step(weeks(4)),
        anchor=EventAnchor(pattern=Pattern(event="views.recorded"), called="the day views were recorded"),
        satisfied_by_events=(Pattern(event="views.recorded"),),
    )
    [first] = owed(seen(placed(), "2026-02-01"), again)
    assert (first.outcome, due([first])) == (Outcome.OPEN, ["2026-03-01"])


def test_what_is_owed_in_each_calendar_year_comes_again_each_year() -> None:
    """It need not be said that a year is followed by another."""
    found = owed(placed("2026-01-15"), rule(step(each_calendar_year=True)))
    assert due(found)[:2] == ["2027-12-31", "2028-12-31"]
    assert [each.certainty for each in found[:2]] == [Certainty.FIRM, Certainty.PROVISIONAL]


def test_a_frequency_that_was_agreed_and_bounded_is_told_with_its_bound() -> None:
    """Whoever reads the plain sentence learns of both, and never a day that does not follow from it."""
    bounded = replace(AGREED, steps=(step(maximum=months(6)),))
    first = owed(agreed(placed("2026-01-15", kind="parents"), "2026-02-01", 12), bounded)[0]
    assert "one every 12 months was agreed on 1 February 2026, and no more than 6 months is allowed." in (
        first.explanation.plain
    )
