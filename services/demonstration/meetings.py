"""Meetings as the case system enters them: booked, booked again, cancelled, held with a record."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from datetime import date, datetime, timedelta

from services.demonstration.chance import Chance
from services.demonstration.days import instant, working_day_until
from services.demonstration.homes import Stay
from services.demonstration.intake import Arrival
from services.demonstration.reviews import PlannedReview
from shared.domain.catalogue import EventData
from shared.domain.catalogue.child import HomeKind
from shared.domain.catalogue.meeting import (
    AgreedAction,
    Attendance,
    CancellationReason,
    Extent,
    MeetingCancelled,
    MeetingHeld,
    MeetingKind,
    MeetingRescheduled,
    MeetingScheduled,
    PlanningRecord,
    Presence,
    ReportStatus,
    ViewsAtMeeting,
)
from shared.domain.catalogue.permanence import PermanenceRecommended
from shared.domain.catalogue.roles import Role

_REVIEW = MeetingKind.LOOKED_AFTER_CHILD_REVIEW
_PRESENCE = {Presence.ATTENDED: 0.82, Presence.ATTENDED_IN_PART: 0.05, Presence.ABSENT: 0.13}
_REPORTS = {ReportStatus.RECEIVED: 0.80, ReportStatus.RECEIVED_LATE: 0.12, ReportStatus.MISSING: 0.08}
_REPORTING = (Role.SOCIAL_WORKER, Role.HEALTH, Role.EDUCATION)
_CARERS = {
    HomeKind.KINSHIP: Role.KINSHIP_CARER,
    HomeKind.FOSTER: Role.FOSTER_CARER,
    HomeKind.RESIDENTIAL: Role.RESIDENTIAL_WORKER,
    HomeKind.PROSPECTIVE_ADOPTERS: Role.PROSPECTIVE_ADOPTER,
}
_MOVED = {
    CancellationReason.RESCHEDULED: 0.4,
    CancellationReason.REPORTS_NOT_READY: 0.3,
    CancellationReason.ILLNESS: 0.15,
    CancellationReason.CHILD_OR_FAMILY_REQUEST: 0.15,
}
_OUTCOMES = {"plan-continues": 0.6, "plan-changed": 0.25, "further-assessment": 0.15}
_SCHOOL_FROM_DAYS = 5 * 365
_VIEWS_FROM_DAYS = 4 * 365


class Register:
    """Writes meetings about one child, with who came and what was recorded."""

    def __init__(self, arrival: Arrival, chance: Chance) -> None:
        """Write about the child of ``arrival``."""
        self._arrival = arrival
        self._chance = chance

    def review(self, review: PlannedReview, stay: Stay) -> Iterator[EventData]:
        """Write one review: its bookings, its meeting, and what it recommended."""
        meeting_id = self._chance.identifier("meeting-")
        if review.booked_on is not None:
            meeting_id = yield from self._bookings(review, meeting_id, review.booked_on)
        if review.held_on is None:
            return
        begun = self._begun() if review.ordinal == 1 else None
        yield self.held(_REVIEW, meeting_id, review.held_on, stay.kind, plan_work_begun=begun)
        for wanted in review.reasons:
            if wanted.route is not None:
                yield PermanenceRecommended(
                    occurred_on=review.held_on,
                    route=wanted.route,
                    parallel_route=wanted.parallel_route,
                    meeting_id=meeting_id,
                )

    def _bookings(self, review: PlannedReview, meeting_id: str, booked_on: date) -> Generator[EventData, None, str]:
        """Write the bookings; return the identifier under which the meeting is held at last."""
        yield self.booked(_REVIEW, meeting_id, booked_on, review.booked_for)
        if review.called_off_on is not None:
            called_off_on = min(review.called_off_on, review.booked_for)
            reason = CancellationReason.OTHER if review.left_out else CancellationReason.NOT_NEEDED
            yield MeetingCancelled(occurred_on=called_off_on, meeting_id=meeting_id, reason=reason)
        elif review.left_out:
            reason = CancellationReason.REPORTS_NOT_READY
            yield MeetingCancelled(occurred_on=review.booked_for, meeting_id=meeting_id, reason=reason)
            return self._chance.identifier("meeting-")
        elif review.held_on is not None and review.held_on != review.booked_for:
            meeting_id = yield from self._booked_again(review, meeting_id, booked_on, review.held_on)
        return meeting_id

    def _booked_again(
        self, review: PlannedReview, meeting_id: str, booked_on: date, held_on: date
    ) -> Generator[EventData, None, str]:
        """Write how a meeting was moved: the same one on another day, or cancelled and a new one."""
        notice = timedelta(days=self._chance.within(0, 8))
        moved_on = max(booked_on, working_day_until(min(review.booked_for, held_on) - notice))
        if self._chance.happens(0.5):
            reason = self._chance.pick(_MOVED)
            yield MeetingCancelled(occurred_on=moved_on, meeting_id=meeting_id, reason=reason)
            meeting_id = self._chance.identifier("meeting-")
            yield self.booked(_REVIEW, meeting_id, moved_on, held_on)
        else:
            yield self._rescheduled(_REVIEW, meeting_id, moved_on, held_on)
        return meeting_id

    def booked(self, kind: MeetingKind, meeting_id: str, booked_on: date, scheduled_for: date) -> MeetingScheduled:
        """Write a booking; about half of them name the hour."""
        return MeetingScheduled(
            occurred_on=booked_on,
            meeting_id=meeting_id,
            meeting_kind=kind,
            scheduled_for=scheduled_for,
            scheduled_at=self._hour(scheduled_for),
        )

    def _rescheduled(
        self, kind: MeetingKind, meeting_id: str, moved_on: date, scheduled_for: date
    ) -> MeetingRescheduled:
        return MeetingRescheduled(
            occurred_on=moved_on,
            meeting_id=meeting_id,
            meeting_kind=kind,
            scheduled_for=scheduled_for,
            scheduled_at=self._hour(scheduled_for),
        )

    def _hour(self, on: date) -> datetime | None:
        return instant(on, self._chance.within(9, 15)) if self._chance.happens(0.5) else None

    def held(
        self,
        kind: MeetingKind,
        meeting_id: str,
        on: date,
        home_kind: HomeKind,
        *,
        at: datetime | None = None,
        planning: PlanningRecord | None = None,
        plan_work_begun: Extent | None = None,
    ) -> MeetingHeld:
        """Write a meeting that took place, with attendance by role, views and actions."""
        chair = Role.INDEPENDENT_REVIEWING_OFFICER if kind is _REVIEW else Role.TEAM_LEADER
        legal = kind is MeetingKind.LEGAL_PLANNING_MEETING
        return MeetingHeld(
            occurred_on=on,
            occurred_at=at,
            meeting_id=meeting_id,
            meeting_kind=kind,
            chaired_by=chair,
            attendance=self._legal() if legal else self._attendance(chair, home_kind, kind),
            views=() if legal else self._views(),
            actions=self._actions(on),
            planning=planning,
            plan_work_begun=plan_work_begun,
            outcome=self._chance.pick(_OUTCOMES) if kind is _REVIEW else None,
        )

    def _attendance(self, chair: Role, home_kind: HomeKind, kind: MeetingKind) -> tuple[Attendance, ...]:
        invited = [Role.PARENT, Role.SOCIAL_WORKER]
        if home_kind in _CARERS:
            invited.append(_CARERS[home_kind])
        # The wider agencies are absent from the emergency meeting (source report, lines 388-389).
        if kind is not MeetingKind.EMERGENCY_REVIEW:
            invited += [Role.HEALTH]
            if self._arrival.age_days >= _SCHOOL_FROM_DAYS:
                invited += [Role.EDUCATION, Role.CHILD]
        others = tuple(self._attended(role) for role in invited)
        return (Attendance(role=chair, presence=Presence.ATTENDED), *others)

    def _legal(self) -> tuple[Attendance, ...]:
        roles = (Role.TEAM_LEADER, Role.SOLICITOR, Role.SOCIAL_WORKER)
        return tuple(Attendance(role=role, presence=Presence.ATTENDED) for role in roles)

    def _attended(self, role: Role) -> Attendance:
        presence = Presence.ATTENDED if role is Role.SOCIAL_WORKER else self._chance.pick(_PRESENCE)
        report = self._chance.pick(_REPORTS) if role in _REPORTING else ReportStatus.NOT_REQUIRED
        return Attendance(role=role, presence=presence, report=report)

    def _views(self) -> tuple[ViewsAtMeeting, ...]:
        parents = ViewsAtMeeting(of=Role.PARENT, sought=True, method="conversation")
        if self._arrival.age_days < _VIEWS_FROM_DAYS:
            return (parents, ViewsAtMeeting(of=Role.CHILD, sought=False, reason_not_sought="too-young"))
        if self._chance.happens(0.75):
            methods = {"conversation": 0.6, "software": 0.25, "advocate": 0.15}
            return (parents, ViewsAtMeeting(of=Role.CHILD, sought=True, method=self._chance.pick(methods)))
        return (parents, ViewsAtMeeting(of=Role.CHILD, sought=False, reason_not_sought="not-asked"))

    def _actions(self, on: date) -> tuple[AgreedAction, ...]:
        owners = {Role.SOCIAL_WORKER: 0.6, Role.HEALTH: 0.15, Role.EDUCATION: 0.1, Role.TEAM_LEADER: 0.15}
        return tuple(
            AgreedAction(
                action_id=self._chance.identifier("action-"),
                owner=self._chance.pick(owners),
                due_on=on + timedelta(days=self._chance.within(7, 42)),
            )
            for _ in range(self._chance.within(0, 3))
        )

    def _begun(self) -> Extent:
        return self._chance.pick({Extent.YES: 0.6, Extent.PARTLY: 0.25, Extent.NO: 0.15})
