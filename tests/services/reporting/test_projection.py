"""The journey that a child's facts tell."""

from __future__ import annotations

from services.reporting.model import MilestoneKey as Key
from services.reporting.model import OutsideReason, StepState
from shared.domain.catalogue.child import Destination
from shared.domain.catalogue.permanence import Route
from tests.services.reporting.telling import Child, child, day, steps

PLANNING = {
    "permanence_discussed": "yes",
    "care_plan_agreed": "yes",
    "parenting_capacity_assessment_started": True,
}


def planned() -> Child:
    """A child whose two-week planning meeting did all it is for."""
    ada = child()
    ada.tell("child.registered", 0, team="north", born_on="2025-03-01")
    ada.accommodated()
    ada.home(emergency=True)
    ada.held("emergency_review", 2)
    ada.held("two_week_planning_meeting", 13, planning=PLANNING)
    return ada


def test_milestones_carry_their_days_and_gaps() -> None:
    """Each milestone names its day, the days since accommodation, and since the one before it."""
    ada = planned()
    ada.held("looked_after_child_review", 40)
    told = steps(ada.journey())
    meeting, review = told[Key.TWO_WEEK_PLANNING_MEETING], told[Key.FIRST_LOOKED_AFTER_CHILD_REVIEW]
    assert (meeting.reached_on, meeting.days_since_accommodated, meeting.days_since_previous) == (day(13), 13, 11)
    assert (review.reached_on, review.days_since_accommodated, review.days_since_previous) == (day(40), 40, 27)


def test_a_milestone_names_the_event_that_reached_it() -> None:
    """Source, id and position lead from a milestone back to the record."""
    ada = child()
    ada.accommodated()
    event = ada.recommended(50)
    entry = steps(ada.journey())[Key.PERMANENCE_RECOMMENDED].entry
    assert entry is not None
    assert (entry.source, entry.event_id, entry.position) == (event.source, event.event_id, event.position)


def test_one_planning_meeting_reaches_several_milestones() -> None:
    """Its record says what was discussed, agreed and begun, and each is a milestone of its own."""
    told = steps(planned().journey())
    for key in (Key.PERMANENCE_DISCUSSED, Key.CARE_PLAN_AGREED, Key.PARENTING_CAPACITY_ASSESSMENT_STARTED):
        assert told[key].reached_on == day(13)


def test_partly_is_not_there_yet() -> None:
    """Permanence that was discussed only in part is still waited for."""
    ada = child()
    ada.accommodated()
    ada.held("two_week_planning_meeting", 13, planning={"permanence_discussed": "partly"})
    assert steps(ada.journey())[Key.PERMANENCE_DISCUSSED].state is StepState.WAITING


def test_next_is_the_first_review_after_the_planning_meeting() -> None:
    """After the two-week meeting the first Looked After Child Review comes next."""
    record = planned().journey().episodes[0].record
    assert (record.last_milestone, record.last_reached_on) == (Key.PARENTING_CAPACITY_ASSESSMENT_STARTED, day(13))
    assert (record.next_milestone, record.next_since_on) == (Key.FIRST_LOOKED_AFTER_CHILD_REVIEW, day(0))


def test_planned_admission_expects_no_emergency_review() -> None:
    """A child who came by plan never shows a missing emergency review."""
    ada = child()
    ada.accommodated()
    ada.home(emergency=False)
    assert steps(ada.journey())[Key.EMERGENCY_REVIEW].state is StepState.NOT_EXPECTED


def test_a_later_step_passes_over_an_earlier_one() -> None:
    """Once the six-week review is held, the two-week meeting is no longer what the child waits for."""
    ada = child()
    ada.accommodated()
    ada.held("looked_after_child_review", 41)
    assert steps(ada.journey())[Key.TWO_WEEK_PLANNING_MEETING].state is StepState.PASSED_OVER


def test_reviews_are_counted_in_the_order_held() -> None:
    """First, second and third review are the first three held; one told of twice counts once."""
    ada = child()
    ada.accommodated()
    for held_on in (130, 40, 220):
        ada.held("looked_after_child_review", held_on)
    ada.tell("meeting.held", 40, meeting_id="looked_after_child_review-40", meeting_kind="looked_after_child_review")
    told = steps(ada.journey())
    assert told[Key.FIRST_LOOKED_AFTER_CHILD_REVIEW].reached_on == day(40)
    assert told[Key.SECOND_LOOKED_AFTER_CHILD_REVIEW].reached_on == day(130)
    assert told[Key.THIRD_LOOKED_AFTER_CHILD_REVIEW].reached_on == day(220)


def test_statutory_reviews_go_on_after_a_recommendation() -> None:
    """A recommendation ends no duty to review: the next review is still waited for."""
    ada = child()
    ada.accommodated()
    ada.held("looked_after_child_review", 40)
    ada.recommended(90, "permanence_order")
    assert steps(ada.journey())[Key.SECOND_LOOKED_AFTER_CHILD_REVIEW].state is StepState.WAITING


def test_panel_comes_next_on_the_road_to_an_order() -> None:
    """After a recommendation of a permanence order the panel is next, then the decision, then the court."""
    ada = child()
    ada.accommodated()
    ada.recommended(90, "permanence_order")
    assert ada.journey().episodes[0].record.next_milestone is Key.PANEL_RECOMMENDATION
    ada.tell("panel.recommended", 120, route="permanence_order", advice="deferred")
    assert ada.journey().episodes[0].record.next_milestone is Key.PANEL_RECOMMENDATION
    ada.tell("panel.recommended", 140, route="permanence_order", advice="supported")
    ada.tell("agency_decision.made", 150, route="permanence_order", outcome="approved")
    told = steps(ada.journey())
    assert told[Key.PANEL_RECOMMENDATION].reached_on == day(140)
    assert told[Key.APPLICATION_LODGED].since_on == day(150)


def test_returning_home_goes_through_no_panel() -> None:
    """Home is the first of the routes, and its way leads through neither panel nor court."""
    ada = child()
    ada.accommodated()
    ada.recommended(90, "return_home")
    told = steps(ada.journey())
    for key in (Key.PANEL_RECOMMENDATION, Key.AGENCY_DECISION, Key.APPLICATION_LODGED, Key.ORDER_GRANTED):
        assert told[key].state is StepState.NOT_EXPECTED


def test_a_kinship_care_order_goes_to_court_without_a_panel() -> None:
    """On the kinship route the application follows the recommendation."""
    ada = child()
    ada.accommodated()
    ada.recommended(90, "kinship_care_order")
    told = steps(ada.journey())
    assert told[Key.PANEL_RECOMMENDATION].state is StepState.NOT_EXPECTED
    assert (told[Key.APPLICATION_LODGED].state, told[Key.APPLICATION_LODGED].since_on) == (StepState.WAITING, day(90))


def test_changed_and_parallel_routes_are_kept() -> None:
    """A changed route stands beside the first, which stays the one that the wait is counted to."""
    ada = child()
    ada.accommodated()
    ada.recommended(90, "return_home", parallel_route="adoption")
    ada.recommended(120, "return_home", parallel_route="adoption")
    ada.recommended(200, "adoption")
    episode = ada.journey().episodes[0]
    assert [(each.route, each.parallel_route, each.changed) for each in episode.recommendations] == [
        (Route.RETURN_HOME, Route.ADOPTION, False),
        (Route.RETURN_HOME, Route.ADOPTION, False),
        (Route.ADOPTION, None, True),
    ]
    assert (episode.record.recommended_on, episode.record.route) == (day(90), Route.RETURN_HOME)


def test_accommodated_again_is_a_new_linked_episode() -> None:
    """A second episode has its own clock and names the one before; neither borrows the other's milestones."""
    ada = child()
    ada.accommodated()
    ada.recommended(50)
    ada.ended(60)
    ada.accommodated(100, "e2")
    first, second = ada.journey().episodes
    assert (first.record.recommended_on, first.record.ended_on) == (day(50), day(60))
    assert first.record.destination is Destination.PARENTS
    assert (second.record.ordinal, second.record.previous_episode_id) == (2, "e1")
    assert (second.record.previous_ended_on, second.record.recommended_on) == (day(60), None)
    assert second.record.waiting


def test_an_ended_episode_waits_for_nothing() -> None:
    """What an episode ended without is closed, and nothing is next."""
    ada = child()
    ada.accommodated()
    ada.ended(30)
    journey = ada.journey()
    assert journey.episodes[0].record.next_milestone is None
    assert steps(journey)[Key.PERMANENCE_RECOMMENDED].state is StepState.CLOSED


def test_an_unended_episode_closes_when_the_next_begins() -> None:
    """A forgotten end does not leave the child waiting twice: the later episode overtakes the earlier."""
    ada = child()
    ada.accommodated()
    ada.accommodated(100, "e2")
    first, second = (each.record for each in ada.journey().episodes)
    assert (first.ended_on, first.overtaken_on, first.closed_on) == (None, day(100), day(100))
    assert (first.waiting, second.waiting) == (False, True)


def test_days_on_the_border_belong_to_the_episode() -> None:
    """What occurs on the first or the last day of an episode occurs in it; the later of two episodes wins."""
    ada = child()
    ada.accommodated()
    ada.recommended(60)
    ada.ended(60)
    ada.accommodated(60, "e2")
    first, second = (each.record for each in ada.journey().episodes)
    assert (first.recommended_on, second.recommended_on) == (None, day(60))


def test_an_id_used_again_after_its_end_is_another_episode() -> None:
    """As for the scheduler, the second episode is numbered, waits for itself, and has its own end."""
    ada = child()
    for began in (0, 100, 200):
        ada.accommodated(began)
        ada.recommended(began + 50)
        ada.ended(began + 60)
    ada.accommodated(300)
    records = [each.record for each in ada.journey().episodes]
    assert [(each.episode_id, each.ended_on, each.previous_episode_id) for each in records] == [
        ("e1", day(60), None),
        ("e1#2", day(160), "e1"),
        ("e1#3", day(260), "e1#2"),
        ("e1#4", None, "e1#3"),
    ]
    assert [each.waiting for each in records] == [False, False, False, True]
    assert ada.journey().outside == ()


def test_an_id_used_again_on_the_day_of_its_end_is_another_episode() -> None:
    """The end closes the earlier episode, even told twice, and the child waits anew from that day."""
    for ends in (1, 2):
        ada = child()
        ada.accommodated()
        for _ in range(ends):
            ada.ended(60)
        ada.accommodated(60)
        journey = ada.journey()
        first, second = (each.record for each in journey.episodes)
        assert (first.ended_on, second.episode_id, second.accommodated_on, second.waiting) == (
            day(60), "e1#2", day(60), True,
        )  # fmt: skip
        assert [each.reason for each in journey.outside] == [OutsideReason.EPISODE_ALREADY_ENDED] * (ends - 1)


def test_an_overtaken_id_used_again_after_the_later_episode_is_another() -> None:
    """A forgotten end does not hide the child who comes again under the old id."""
    ada = child()
    ada.accommodated()
    ada.accommodated(50, "e2")
    ada.ended(80, "e2")
    ada.accommodated(100)
    assert [(each.record.episode_id, each.record.waiting) for each in ada.journey().episodes] == [
        ("e1", False), ("e2", False), ("e1#2", True),
    ]  # fmt: skip


def test_an_episode_may_begin_and_end_on_one_day_under_an_id_used_before() -> None:
    """Its end is not taken for that of the earlier episode."""
    ada = child()
    ada.accommodated()
    ada.ended(60)
    ada.accommodated(100)
    ada.ended(100)
    assert [each.record.ended_on for each in ada.journey().episodes] == [day(60), day(100)]


def test_one_meeting_may_be_held_as_two_kinds() -> None:
    """A meeting told under one id as an emergency review and as a Looked After Child Review is both."""
    ada = child()
    ada.accommodated()
    ada.home(emergency=True)
    for kind in ("emergency_review", "looked_after_child_review"):
        ada.tell("meeting.held", 3, meeting_id="m1", meeting_kind=kind)
    told = steps(ada.journey())
    assert told[Key.EMERGENCY_REVIEW].reached_on == day(3)
    assert told[Key.FIRST_LOOKED_AFTER_CHILD_REVIEW].reached_on == day(3)
    assert told[Key.SECOND_LOOKED_AFTER_CHILD_REVIEW].state is StepState.WAITING


def test_facts_outside_every_episode_are_shown_with_the_reason() -> None:
    """Nothing is lost: what lies before, between or behind the episodes is told apart, with why."""
    ada = child()
    ada.recommended(-5)
    ada.accommodated(0)
    ada.ended(20)
    ada.home(30)
    ada.accommodated(40, "e2")
    ada.ended(50, "e2")
    ada.held("other", 70)
    ada.ended(55, "e3")
    ada.ended(60, "e2")
    ada.accommodated(45, "e2")
    told = {each.entry.occurred_on: each.reason for each in ada.journey().outside}
    assert told == {
        day(-5): OutsideReason.BEFORE_FIRST_EPISODE,
        day(30): OutsideReason.BETWEEN_EPISODES,
        day(70): OutsideReason.AFTER_LAST_EPISODE,
        day(55): OutsideReason.EPISODE_NOT_KNOWN,
        day(60): OutsideReason.EPISODE_ALREADY_ENDED,
        day(45): OutsideReason.EPISODE_ALREADY_BEGUN,
    }


def test_an_end_before_the_beginning_ends_nothing() -> None:
    """An end dated before accommodation is shown as wrong, and the child goes on waiting."""
    ada = child()
    ada.accommodated(10)
    ada.ended(5)
    journey = ada.journey()
    assert [each.reason for each in journey.outside] == [OutsideReason.ENDED_BEFORE_IT_BEGAN]
    assert journey.episodes[0].record.waiting


def test_a_child_never_accommodated_has_no_episode() -> None:
    """A child who lives at home has a journey without episodes, and its facts are shown."""
    ada = child()
    ada.tell("child.registered", 0, team="north")
    ada.held("other", 3)
    journey = ada.journey()
    assert journey.episodes == ()
    assert journey.team == "north"
    assert [each.reason for each in journey.outside] == [OutsideReason.NO_EPISODE]


def test_the_episode_keeps_the_team_of_its_beginning() -> None:
    """A later team changes who works with the child now, and not the cohort the episode is counted in."""
    ada = child()
    ada.accommodated(0)
    ada.tell("child.team_assigned", 3, team="north")
    ada.tell("child.team_assigned", 90, team="south")
    journey = ada.journey()
    assert (journey.team, journey.episodes[0].record.team) == ("south", "north")


def test_as_of_and_known_at_are_two_questions() -> None:
    """As of a day counts what had occurred; known at an instant counts what had been recorded."""
    ada = child()
    ada.accommodated()
    late = ada.recommended(50, recorded_day=80)
    assert ada.journey(as_of=day(49)).episodes[0].record.waiting
    assert not ada.journey(as_of=day(50)).episodes[0].record.waiting
    assert ada.journey(known_at=late.recorded_at.replace(hour=11)).episodes[0].record.waiting
    assert not ada.journey(known_at=late.recorded_at).episodes[0].record.waiting


def test_a_corrected_fact_names_its_correction() -> None:
    """A milestone moved by a correction names both events."""
    ada = child()
    ada.accommodated()
    wrong = ada.recommended(50)
    correction = ada.corrected(wrong, 60, occurred_on=day(55).isoformat())
    step = steps(ada.journey())[Key.PERMANENCE_RECOMMENDED]
    assert step.reached_on == day(55)
    assert step.entry is not None
    assert (step.entry.position, step.entry.amended_position) == (wrong.position, correction.position)


def test_a_retracted_accommodation_leaves_its_facts_in_sight() -> None:
    """When the episode turns out never to have been, what was recorded in it stays visible."""
    ada = child()
    wrong = ada.accommodated()
    ada.recommended(50)
    ada.retracted(wrong, 60)
    journey = ada.journey()
    assert journey.episodes == ()
    assert journey.recommendations_outside == 1
