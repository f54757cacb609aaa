"""Each child's story makes sense: one thing after the other, one home and one episode at a time."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from itertools import pairwise

import pytest

from services.demonstration.chance import Chance
from services.demonstration.days import Span
from services.demonstration.intake import arrivals
from shared.domain.catalogue.child import ChildRegistered, HomeEnded, HomeKind, HomeStarted
from shared.domain.catalogue.legal import ApplicationLodged, OrderGranted, OrderKind
from shared.domain.catalogue.meeting import MeetingHeld, MeetingKind, MeetingRescheduled, MeetingScheduled
from shared.domain.catalogue.permanence import AgencyDecisionMade, DecisionOutcome, PermanenceRecommended
from shared.domain.clock import civil_date
from shared.domain.history import Fact
from tests.services.demonstration.councils import LOADED_ON, SEEDS, children, council, of_type

Story = tuple[Fact, ...]


def episodes(story: Story) -> list[tuple[date, date]]:
    """Return the first and the last day of each episode; an open one lasts to the day of loading."""
    starts = [fact.occurred_on for fact in of_type(story, "child.accommodated")]
    ends = [fact.occurred_on for fact in of_type(story, "episode.ended")]
    return list(zip(starts, [*ends, *[LOADED_ON] * (len(starts) - len(ends))], strict=True))


def stories(seed: int) -> list[Story]:
    """Return the stories of children whose accommodation is on record."""
    return [story for story in children(seed).values() if of_type(story, "child.accommodated")]


@pytest.mark.parametrize("seed", SEEDS)
def test_no_child_has_two_open_episodes(seed: int) -> None:
    """A child is accommodated again only after the episode before has ended."""
    for story in stories(seed):
        spells = episodes(story)
        assert all(start <= end for start, end in spells)
        assert all(before[1] < after[0] for before, after in pairwise(spells))


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_happens_outside_an_episode_but_registration(seed: int) -> None:
    """Meetings, homes and steps to permanence lie within an episode of care, its days included."""
    for story in stories(seed):
        spells = episodes(story)
        for fact in story:
            if fact.type != "child.registered":
                assert any(start <= fact.occurred_on <= end for start, end in spells), fact.type


@pytest.mark.parametrize("seed", SEEDS)
def test_a_child_is_registered_once_and_not_before_birth(seed: int) -> None:
    """Registration comes first, once, and on or after the day of birth."""
    for story in stories(seed):
        (registered,) = of_type(story, "child.registered")
        assert isinstance(registered.data, ChildRegistered)
        assert registered.data.born_on is not None
        assert registered.data.born_on <= registered.occurred_on
        assert registered.occurred_on <= of_type(story, "child.accommodated")[0].occurred_on


@pytest.mark.parametrize("seed", SEEDS)
def test_homes_follow_each_other_without_a_gap(seed: int) -> None:
    """Within an episode there is always exactly one home: it starts when the one before ends."""
    for story in stories(seed):
        starts_of_episodes = [start for start, _ in episodes(story)]
        open_home: str | None = None
        left_on: date | None = None
        for fact in of_type(story, "home.started", "home.ended"):
            if isinstance(fact.data, HomeStarted):
                assert open_home is None
                assert fact.occurred_on == left_on or fact.occurred_on in starts_of_episodes
                open_home = fact.data.home_id
            elif isinstance(fact.data, HomeEnded):
                assert open_home == fact.data.home_id
                open_home, left_on = None, fact.occurred_on
        spells = episodes(story)
        assert (open_home is None) == (len(of_type(story, "episode.ended")) == len(spells))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_steps_to_an_order_come_in_their_order(seed: int) -> None:
    """Recommendation, panel, decision within 14 days, application, order: never the other way round."""
    for story in stories(seed):
        steps = of_type(story, "permanence.recommended", "panel.recommended", "agency_decision.made")
        assert all(fact.type != "permanence.recommended" for fact in steps[1:]) or len(episodes(story)) > 1
        for panel, decision in pairwise(steps):
            if isinstance(decision.data, AgencyDecisionMade):
                assert panel.type == "panel.recommended"
                assert 0 <= (decision.occurred_on - panel.occurred_on).days <= 14
        for order in of_type(story, "order.granted"):
            assert isinstance(order.data, OrderGranted)
            lodged = applications(story)[order.data.application_id or ""]
            assert lodged.occurred_on < order.occurred_on


def applications(story: Story) -> dict[str, Fact]:
    """Return the applications of a story by identifier."""
    lodged = of_type(story, "application.lodged")
    return {fact.data.application_id: fact for fact in lodged if isinstance(fact.data, ApplicationLodged)}


@pytest.mark.parametrize("seed", SEEDS)
def test_an_application_follows_a_recommendation_and_where_due_a_decision(seed: int) -> None:
    """All but kinship applications come after the agency's approval; all after the recommendation."""
    for story in stories(seed):
        recommended = [fact.occurred_on for fact in of_type(story, "permanence.recommended")]
        approved = [
            fact.occurred_on
            for fact in of_type(story, "agency_decision.made")
            if isinstance(fact.data, AgencyDecisionMade) and fact.data.outcome is DecisionOutcome.APPROVED
        ]
        for fact in applications(story).values():
            assert isinstance(fact.data, ApplicationLodged)
            assert min(recommended) < fact.occurred_on
            if fact.data.order_kind is not OrderKind.KINSHIP_CARE_ORDER:
                assert min(approved) < fact.occurred_on


@pytest.mark.parametrize("seed", SEEDS)
def test_a_recommendation_is_made_at_a_review_of_that_day(seed: int) -> None:
    """Every recommendation names a Looked After Child Review held on its day, once that is on record."""
    for story in children(seed).values():
        held = {fact.data.meeting_id: fact for fact in story if isinstance(fact.data, MeetingHeld)}
        for fact in of_type(story, "permanence.recommended"):
            assert isinstance(fact.data, PermanenceRecommended)
            meeting = held[fact.data.meeting_id or ""]
            assert meeting.occurred_on == fact.occurred_on
            assert isinstance(meeting.data, MeetingHeld)
            assert meeting.data.meeting_kind is MeetingKind.LOOKED_AFTER_CHILD_REVIEW


@pytest.mark.parametrize("seed", SEEDS)
def test_a_meeting_is_booked_before_it_is_held_and_held_on_its_last_booking(seed: int) -> None:
    """The last booking of a meeting that was held names the day on which it was held."""
    for story in children(seed).values():
        held = {fact.data.meeting_id: fact.occurred_on for fact in story if isinstance(fact.data, MeetingHeld)}
        booked: dict[str, MeetingScheduled | MeetingRescheduled] = {}
        for fact in story:
            if isinstance(fact.data, MeetingScheduled | MeetingRescheduled):
                assert fact.occurred_on <= fact.data.scheduled_for
                booked[fact.data.meeting_id] = fact.data
        for meeting_id, booking in booked.items():
            if meeting_id in held:
                assert booking.scheduled_for == held[meeting_id]


def test_two_week_planning_meetings_begin_with_the_change_and_have_a_full_record() -> None:
    """They are held only for children accommodated since the change, within weeks, with every item answered."""
    changed_on = council(1).truth.changed_on
    found = 0
    for story in stories(1):
        for fact in of_type(story, "meeting.held"):
            assert isinstance(fact.data, MeetingHeld)
            if fact.data.meeting_kind is not MeetingKind.TWO_WEEK_PLANNING_MEETING:
                assert fact.data.planning is None
                continue
            found += 1
            start = max(start for start, _ in episodes(story) if start <= fact.occurred_on)
            assert start >= changed_on
            assert 7 <= (fact.occurred_on - start).days <= 28
            assert fact.data.planning is not None
            answers = fact.data.planning.model_dump(exclude={"reason_assessment_not_started"})
            assert None not in answers.values()
    assert found > 80


def test_children_in_emergency_homes_are_reviewed_within_days() -> None:
    """Nearly every emergency placement of more than a week has its review within six days."""
    reviewed = []
    for story in stories(1):
        meetings = [fact for fact in of_type(story, "meeting.held") if isinstance(fact.data, MeetingHeld)]
        kind = MeetingKind.EMERGENCY_REVIEW
        days = [
            fact.occurred_on
            for fact in meetings
            if isinstance(fact.data, MeetingHeld) and fact.data.meeting_kind is kind
        ]
        for home in of_type(story, "home.started"):
            assert isinstance(home.data, HomeStarted)
            if home.data.emergency and (LOADED_ON - home.occurred_on).days > 75:
                reviewed.append(any(0 < (day - home.occurred_on).days <= 7 for day in days))
    assert sum(reviewed) / len(reviewed) > 0.9


def test_brothers_and_sisters_share_the_accommodation() -> None:
    """Children of one family are accommodated on one day, for one reason, at one hour; one to four of them."""
    families = defaultdict(list)
    span = Span.ending(LOADED_ON, 3)
    for arrival in arrivals(span, Chance("a test")):
        families[arrival.family].append(arrival)
    for family in families.values():
        assert len({(each.accommodated_on, each.accommodated_at, each.legal_reason) for each in family}) == 1
        assert len({each.child_id for each in family}) == len(family) <= 4
        assert all(each.born_on < each.accommodated_on for each in family)
        assert all(
            each.accommodated_at is None or civil_date(each.accommodated_at) == each.accommodated_on for each in family
        )


def test_some_children_go_home_under_supervision_before_the_episode_ends() -> None:
    """Homes with parents occur within episodes, so that the agreed frequency of regulation 44 is shown."""
    kinds = {
        fact.data.home_kind
        for seed in SEEDS
        for story in stories(seed)
        for fact in story
        if isinstance(fact.data, HomeStarted)
    }
    assert {HomeKind.PARENTS, HomeKind.PROSPECTIVE_ADOPTERS} <= kinds
    assert HomeKind.SECURE not in kinds
