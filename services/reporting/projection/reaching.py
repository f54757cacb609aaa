"""Which milestone a fact reaches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from services.reporting.model import MilestoneKey
from shared.domain.catalogue import EventData
from shared.domain.catalogue.child import ChildAccommodated, EpisodeEnded, HomeStarted
from shared.domain.catalogue.legal import ApplicationLodged, OrderGranted
from shared.domain.catalogue.meeting import Extent, MeetingHeld, MeetingKind, PlanningRecord
from shared.domain.catalogue.participation import PermanenceDiscussed
from shared.domain.catalogue.permanence import AgencyDecisionMade, PanelAdvice, PanelRecommended, PermanenceRecommended
from shared.domain.catalogue.plan import (
    CarePlanAgreed,
    ParentingCapacityAssessmentCompleted,
    ParentingCapacityAssessmentStarted,
)
from shared.domain.catalogue.roles import Role
from shared.domain.history import Fact

_REVIEWS = (
    MilestoneKey.FIRST_LOOKED_AFTER_CHILD_REVIEW,
    MilestoneKey.SECOND_LOOKED_AFTER_CHILD_REVIEW,
    MilestoneKey.THIRD_LOOKED_AFTER_CHILD_REVIEW,
)


@dataclass(frozen=True, slots=True)
class Reached:
    """A milestone, the fact that reached it first, and a code that belongs to it."""

    key: MilestoneKey
    fact: Fact
    detail: str | None


def reached(facts: Iterable[Fact]) -> dict[MilestoneKey, Reached]:
    """Return the milestones that one episode's facts, in told order, reach: the first time each."""
    first: dict[MilestoneKey, Reached] = {}
    reviews: dict[str, None] = {}
    for fact in facts:
        for key, detail in _reaches(fact.data):
            first.setdefault(key, Reached(key, fact, detail))
        review = _review_id(fact.data)
        if review is not None and review not in reviews:
            reviews[review] = None
            for key in _REVIEWS[len(reviews) - 1 : len(reviews)]:
                first[key] = Reached(key, fact, None)
    return first


def _review_id(data: EventData) -> str | None:
    if isinstance(data, MeetingHeld) and data.meeting_kind is MeetingKind.LOOKED_AFTER_CHILD_REVIEW:
        return data.meeting_id
    return None


def _reaches(data: EventData) -> Iterator[tuple[MilestoneKey, str | None]]:  # noqa: C901, PLR0912 - a table as a match
    match data:
        case ChildAccommodated():
            yield MilestoneKey.ACCOMMODATED, data.legal_reason
        case HomeStarted():
            yield MilestoneKey.FIRST_HOME, data.home_kind
        case MeetingHeld():
            yield from _meeting_reaches(data)
        case PermanenceDiscussed() if data.extent is Extent.YES and Role.PARENT in data.discussed_with:
            yield MilestoneKey.PERMANENCE_DISCUSSED, None
        case CarePlanAgreed():
            detail = "with_parents" if Role.PARENT in data.agreed_with else "without_parents"
            yield MilestoneKey.CARE_PLAN_AGREED, detail
        case ParentingCapacityAssessmentStarted():
            yield MilestoneKey.PARENTING_CAPACITY_ASSESSMENT_STARTED, None
        case ParentingCapacityAssessmentCompleted():
            yield MilestoneKey.PARENTING_CAPACITY_ASSESSMENT_COMPLETED, None
        case PermanenceRecommended():
            yield MilestoneKey.PERMANENCE_RECOMMENDED, data.route
        case PanelRecommended() if data.advice is not PanelAdvice.DEFERRED:
            yield MilestoneKey.PANEL_RECOMMENDATION, data.advice
        case AgencyDecisionMade():
            yield MilestoneKey.AGENCY_DECISION, data.outcome
        case ApplicationLodged():
            yield MilestoneKey.APPLICATION_LODGED, data.order_kind
        case OrderGranted():
            yield MilestoneKey.ORDER_GRANTED, data.order_kind
        case EpisodeEnded():
            yield MilestoneKey.EPISODE_ENDED, data.destination


def _meeting_reaches(meeting: MeetingHeld) -> Iterator[tuple[MilestoneKey, str | None]]:
    if meeting.meeting_kind is MeetingKind.EMERGENCY_REVIEW:
        yield MilestoneKey.EMERGENCY_REVIEW, None
    if meeting.meeting_kind is MeetingKind.TWO_WEEK_PLANNING_MEETING:
        yield MilestoneKey.TWO_WEEK_PLANNING_MEETING, None
    if meeting.planning is not None:
        yield from _planning_reaches(meeting.planning)


def _planning_reaches(record: PlanningRecord) -> Iterator[tuple[MilestoneKey, str | None]]:
    # "Partly" is on the way, not there: only a plain yes reaches a milestone.
    if record.permanence_discussed is Extent.YES:
        yield MilestoneKey.PERMANENCE_DISCUSSED, None
    if record.care_plan_agreed is Extent.YES:
        yield MilestoneKey.CARE_PLAN_AGREED, "with_parents"
    if record.parenting_capacity_assessment_started:
        yield MilestoneKey.PARENTING_CAPACITY_ASSESSMENT_STARTED, None
