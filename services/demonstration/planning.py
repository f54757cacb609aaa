"""The first weeks: emergency review, two-week planning meeting, care plan, the parents' assessment.

Before the change of practice a care plan often waits for the six-week review.  After it,
every child is to have a two-week planning meeting whose record is complete; how complete
grows with the ramp, as new practice spreads.  Emergency reviews are aimed at the 72 hours
of local practice, which on most days is sooner than the three working days of the law.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from services.demonstration import calibration
from services.demonstration.chance import Chance
from services.demonstration.days import (
    Span,
    instant,
    months_after,
    working_day_from,
    working_day_until,
    working_days_after,
)
from services.demonstration.homes import Stay
from services.demonstration.intake import Arrival
from services.demonstration.meetings import Register
from services.demonstration.road import Road
from shared.domain.catalogue import EventData
from shared.domain.catalogue.earlier import CarePlanAgreedV1
from shared.domain.catalogue.meeting import (
    Agenda,
    CancellationReason,
    Extent,
    Leaflet,
    LeafletOffer,
    MeetingCancelled,
    MeetingHeld,
    MeetingKind,
    PlannedAssessment,
    PlanningRecord,
    SupportOffer,
)
from shared.domain.catalogue.permanence import Route
from shared.domain.catalogue.plan import (
    CarePlanAgreed,
    ParentingCapacityAssessmentCompleted,
    ParentingCapacityAssessmentStarted,
)
from shared.domain.catalogue.roles import Role

_TWO_WEEKS = timedelta(days=14)
_AGENDA_ITEMS = (
    "reason-for-meeting",
    "permanence",
    "care-plan",
    "assessments",
    "support-for-parents",
    "childs-views",
    "review-dates",
)
_LEAFLET = {LeafletOffer.GIVEN: 0.8, LeafletOffer.DECLINED: 0.08, LeafletOffer.NOT_OFFERED: 0.12}
_SUPPORT = ("parenting-programme", "family-support-worker", "substance-use-service", "housing-advice")


class FirstWeeks:
    """Draws the first weeks of one episode.

    ``new_practice`` is 0 for a child accommodated before the change of practice, and from
    then on how far the new practice has spread: from 0.5 on the first day to 1.
    """

    def __init__(self, arrival: Arrival, road: Road, span: Span, chance: Chance) -> None:
        """Draw for the episode that begins with ``arrival`` and goes along ``road``."""
        self._arrival = arrival
        self._road = road
        self._chance = chance
        self._register = Register(arrival, chance)
        since = (arrival.accommodated_on - span.changed_on).days
        self.new_practice = min(1.0, 0.5 + since / (2 * calibration.RAMP_DAYS.value)) if since >= 0 else 0.0
        self._two_week: MeetingHeld | None = None

    def events(self, first: Stay, six_week_on: date | None) -> Iterator[EventData]:
        """Yield what happens; ``six_week_on`` is the day of the first home's first review, if held."""
        if first.emergency:
            yield from self._emergency_review(first)
        if self.new_practice:
            yield from self._two_week_meeting(first)
        yield from self._care_plan(six_week_on)
        yield from self._assessment()

    def _gone(self, day: date) -> bool:
        return self._road.ends_on is not None and day >= self._road.ends_on

    def _emergency_review(self, first: Stay) -> Iterator[EventData]:
        kind = MeetingKind.EMERGENCY_REVIEW
        held_at = self._within_three_days()
        meeting_id = self._chance.identifier("meeting-")
        booked_on = first.started_on
        if self._chance.happens(1 - calibration.REVIEWS_NEVER_HELD.value):
            yield self._register.booked(kind, meeting_id, booked_on, held_at.date())
            yield self._register.held(kind, meeting_id, held_at.date(), first.kind, at=held_at)

    def _within_three_days(self) -> datetime:
        """Draw an instant on the next working days, where it can be within 72 hours of the accommodation."""
        on, at = self._arrival.accommodated_on, self._arrival.accommodated_at
        latest = (at or instant(on, 9)) + timedelta(hours=72)
        late = self._chance.happens(1 - calibration.REVIEWS_ON_TIME.value)
        if late:
            return instant(working_days_after(on, 4), self._chance.within(10, 16))
        choices = [instant(working_days_after(on, days), hour) for days in (1, 2, 3) for hour in (9, 10, 11, 14)]
        in_time = [choice for choice in choices if choice <= latest]
        return self._chance.one_of(in_time or choices[:2])

    def _two_week_meeting(self, first: Stay) -> Iterator[EventData]:
        kind = MeetingKind.TWO_WEEK_PLANNING_MEETING
        accommodated_on = self._arrival.accommodated_on
        meeting_id = self._chance.identifier("meeting-")
        held_on = self._two_week_day()
        booked_on = working_day_from(accommodated_on + timedelta(days=self._chance.within(0, 3)))
        if booked_on < held_on:
            yield self._register.booked(kind, meeting_id, booked_on, held_on)
        if self._gone(held_on) or self._chance.happens(calibration.REVIEWS_NEVER_HELD.value):
            if booked_on < held_on:
                ends_on = self._road.ends_on if self._gone(held_on) else None
                cancelled_on = max(booked_on, min(held_on, ends_on or held_on))
                reason = CancellationReason.NOT_NEEDED if ends_on else CancellationReason.OTHER
                yield MeetingCancelled(occurred_on=cancelled_on, meeting_id=meeting_id, reason=reason)
            return
        record = self._record(held_on)
        self._two_week = self._register.held(kind, meeting_id, held_on, first.kind, planning=record)
        yield self._two_week

    def _two_week_day(self) -> date:
        due_on = self._arrival.accommodated_on + _TWO_WEEKS
        if self._chance.happens(calibration.REVIEWS_ON_TIME.value):
            return working_day_until(due_on - timedelta(days=self._chance.leaning(0, 6)))
        return working_day_from(due_on + timedelta(days=self._chance.within(1, 10)))

    def _done(self, share: float) -> bool:
        """Tell whether something asked of the new practice was done; rarer while it spreads."""
        return self._chance.happens(share * (0.6 + 0.4 * self.new_practice))

    def _extent(self, share: float) -> Extent:
        if self._done(share):
            return Extent.YES
        return Extent.PARTLY if self._chance.happens(0.6) else Extent.NO

    def _record(self, held_on: date) -> PlanningRecord:
        discussed = self._extent(0.93)
        started = self._done(0.65)
        dates = self._review_dates() if self._done(0.95) else ()
        covered = tuple(item for item in _AGENDA_ITEMS if self._done(0.96))
        return PlanningRecord(
            agenda=Agenda(template="two-week-planning", edition="2", items_covered=covered),
            permanence_discussed=discussed,
            discussed_with=() if discussed is Extent.NO else (Role.PARENT,),
            purpose_explained=self._extent(0.92),
            routes_discussed=() if discussed is Extent.NO else self._routes_discussed(),
            expectations_explained=self._extent(0.9),
            parents_understood=self._extent(0.85),
            leaflet=self._leaflet(),
            care_plan_agreed=self._extent(0.8),
            assessments=self._assessments(held_on),
            support_offers=self._support(held_on),
            parenting_capacity_assessment_started=started,
            reason_assessment_not_started=None if started else "support-first",
            review_dates_set=bool(dates),
            review_dates=dates,
            parent_feedback_given=self._chance.happens(0.35),
        )

    def _routes_discussed(self) -> tuple[Route, ...]:
        # Return home is the first and preferred route (source report, lines 219-220).
        others = (Route.KINSHIP_CARE_ORDER, Route.PERMANENCE_ORDER, Route.ADOPTION)
        return (Route.RETURN_HOME, *(route for route in others if self._done(0.85)))

    def _leaflet(self) -> Leaflet:
        offer = self._chance.pick(_LEAFLET)
        return Leaflet(offer=offer, edition="1", language="en") if offer is LeafletOffer.GIVEN else Leaflet(offer=offer)

    def _assessments(self, held_on: date) -> tuple[PlannedAssessment, ...]:
        capacity = PlannedAssessment(
            kind="parenting-capacity", target_on=held_on + timedelta(days=self._chance.within(84, 126))
        )
        if self._chance.happens(0.4):
            kinship = PlannedAssessment(kind="kinship", target_on=held_on + timedelta(days=self._chance.within(42, 90)))
            return (capacity, kinship)
        return (capacity,)

    def _support(self, held_on: date) -> tuple[SupportOffer, ...]:
        if not self._done(0.85):
            return ()
        starts_on = held_on + timedelta(days=self._chance.within(1, 14))
        # The source report's support period is three months (lines 558-560).
        offer = SupportOffer(
            kind=self._chance.one_of(_SUPPORT), starts_on=starts_on, ends_on=months_after(starts_on, 3)
        )
        return (offer,)

    def _review_dates(self) -> tuple[date, ...]:
        six_week_on = working_day_until(self._arrival.accommodated_on + timedelta(days=self._chance.within(36, 42)))
        second_on = working_day_until(months_after(six_week_on, 3) - timedelta(days=self._chance.within(0, 6)))
        third_on = working_day_until(months_after(second_on, 3) - timedelta(days=self._chance.within(0, 6)))
        return (six_week_on, second_on, third_on)

    def _care_plan(self, six_week_on: date | None) -> Iterator[EventData]:
        meeting, on = self._two_week, None
        if meeting is not None and meeting.planning is not None and meeting.planning.care_plan_agreed is Extent.YES:
            on = meeting.occurred_on
        elif self._chance.happens(0.5):
            on, meeting = six_week_on, None
        elif self._chance.happens(0.8):
            days = self._chance.within(20, 110)
            on, meeting = working_day_from(self._arrival.accommodated_on + timedelta(days=days)), None
        if on is None or self._gone(on):
            return
        yield self._agreed(on, None if meeting is None else meeting.meeting_id)

    def _agreed(self, on: date, meeting_id: str | None) -> EventData:
        """Write the agreement as the case system does: since it was changed for the new practice, by the second schema.

        Changing it is part of the story (source report, line 553), and keeps both versions in every log.
        """
        plan_id, with_parents = self._chance.identifier("plan-"), self._chance.happens(0.85)
        if not self.new_practice:
            return CarePlanAgreedV1(
                occurred_on=on, plan_id=plan_id, agreed_with_parents=with_parents, meeting_id=meeting_id
            )
        agreed_with = (Role.PARENT,) if with_parents else ()
        return CarePlanAgreed(occurred_on=on, plan_id=plan_id, agreed_with=agreed_with, meeting_id=meeting_id)

    def _assessment(self) -> Iterator[EventData]:
        """Yield the start of the assessment and its completion, which comes before any recommendation."""
        meeting = self._two_week
        if (
            meeting is not None
            and meeting.planning is not None
            and meeting.planning.parenting_capacity_assessment_started
        ):
            yield from self._assessed(meeting.occurred_on, meeting.meeting_id)
            return
        days = self._chance.within(35, 80) if self.new_practice else self._chance.within(30, 110)
        started_on = working_day_from(self._arrival.accommodated_on + timedelta(days=days))
        recommended_on = self._road.recommended_on
        soon_enough = recommended_on is not None and started_on < recommended_on and not self._gone(started_on)
        if soon_enough and self._chance.happens(calibration.PARENTS_ASSESSED.value):
            yield from self._assessed(started_on, None)

    def _assessed(self, started_on: date, meeting_id: str | None) -> Iterator[EventData]:
        assessment_id = self._chance.identifier("assessment-")
        yield ParentingCapacityAssessmentStarted(
            occurred_on=started_on, assessment_id=assessment_id, meeting_id=meeting_id
        )
        completed_on = working_day_from(started_on + timedelta(days=self._chance.within(56, 140)))
        recommended_on = self._road.recommended_on
        if recommended_on is not None and completed_on >= recommended_on:
            completed_on = working_day_until(recommended_on - timedelta(days=self._chance.within(1, 14)))
        if completed_on > started_on and not self._gone(completed_on):
            yield ParentingCapacityAssessmentCompleted(occurred_on=completed_on, assessment_id=assessment_id)
