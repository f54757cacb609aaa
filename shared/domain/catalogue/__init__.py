"""Every event type there is: its permanent name, and the data of each of its versions.

``CATALOGUE`` lists them; how versions work stands in :mod:`shared.domain.catalogue.versions`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from shared.domain.catalogue import (
    agreements,
    calendars,
    child,
    earlier,
    governance,
    legal,
    meeting,
    notices,
    participation,
    permanence,
    plan,
    visiting,
)
from shared.domain.catalogue.base import EventData
from shared.domain.catalogue.versions import (
    FIRST_VERSION,
    Earlier,
    EventType,
    dataschema,
    json_schema,
    version_named,
)

__all__ = [
    "CATALOGUE",
    "FIRST_VERSION",
    "EventData",
    "EventType",
    "dataschema",
    "event_type",
    "json_schema",
    "read_data",
    "type_of",
    "version_named",
    "version_of",
]

_TYPES = (
    EventType("child.registered", child.ChildRegistered),
    EventType("child.team_assigned", child.ChildTeamAssigned),
    EventType("child.became_looked_after", child.ChildBecameLookedAfter),
    EventType("child.accommodated", child.ChildAccommodated),
    EventType("legal_reason.started", child.LegalReasonStarted),
    EventType("legal_reason.ended", child.LegalReasonEnded),
    EventType("home.started", child.HomeStarted),
    EventType("care_setting.changed", child.CareSettingChanged),
    EventType("home.ended", child.HomeEnded),
    EventType("absence.started", child.AbsenceStarted),
    EventType("absence.ended", child.AbsenceEnded),
    EventType("case.transferred", child.CaseTransferred),
    EventType("episode.ended", child.EpisodeEnded),
    EventType("meeting.scheduled", meeting.MeetingScheduled),
    EventType("meeting.rescheduled", meeting.MeetingRescheduled),
    EventType("meeting.held", meeting.MeetingHeld),
    EventType("meeting.adjourned", meeting.MeetingAdjourned),
    EventType("meeting.cancelled", meeting.MeetingCancelled),
    EventType("visit.made", visiting.VisitMade),
    EventType("review_frequency.agreed", agreements.ReviewFrequencyAgreed),
    EventType("attendance.recorded", participation.AttendanceRecorded),
    EventType("report.submitted", participation.ReportSubmitted),
    EventType("minute.finalised", participation.MinuteFinalised),
    EventType("action.agreed", participation.ActionAgreed),
    EventType("action.completed", participation.ActionCompleted),
    EventType("views.sought", participation.ViewsSought),
    EventType("views.recorded", participation.ViewsRecorded),
    EventType("permanence.discussed", participation.PermanenceDiscussed),
    EventType("leaflet.given", participation.LeafletGiven),
    EventType(
        "care_plan.agreed",
        plan.CarePlanAgreed,
        earlier=(Earlier(earlier.CarePlanAgreedV1, earlier.care_plan_agreed_v2),),
    ),
    EventType("care_plan.revised", plan.CarePlanRevised),
    EventType("plan_progress.checked", plan.PlanProgressChecked),
    EventType("parenting_capacity_assessment.started", plan.ParentingCapacityAssessmentStarted),
    EventType("parenting_capacity_assessment.completed", plan.ParentingCapacityAssessmentCompleted),
    EventType("health_board.notified", plan.HealthBoardNotified),
    EventType("assessment.planned", plan.AssessmentPlanned),
    EventType("assessment.started", plan.AssessmentStarted),
    EventType("assessment.completed", plan.AssessmentCompleted),
    EventType("support_period.started", plan.SupportPeriodStarted),
    EventType("support_period.ended", plan.SupportPeriodEnded),
    EventType("route.considered", permanence.RouteConsidered),
    EventType("route.selected", permanence.RouteSelected),
    EventType("route.changed", permanence.RouteChanged),
    EventType("permanence.recommended", permanence.PermanenceRecommended),
    EventType("panel.recommended", permanence.PanelRecommended),
    EventType("agency_decision.made", permanence.AgencyDecisionMade),
    EventType("parent.notified", permanence.ParentNotified),
    EventType("consent_certificate.sent", permanence.ConsentCertificateSent),
    EventType("consent_certificate.returned", permanence.ConsentCertificateReturned),
    EventType("match.approved", permanence.MatchApproved),
    EventType("legal_advice.recorded", legal.LegalAdviceRecorded),
    EventType("compulsory_supervision_order_review.required", legal.CompulsorySupervisionOrderReviewRequired),
    EventType("advice_hearing.held", legal.AdviceHearingHeld),
    EventType("application.lodged", legal.ApplicationLodged),
    EventType("application.withdrawn", legal.ApplicationWithdrawn),
    EventType("court_date.set", legal.CourtDateSet),
    EventType("order.granted", legal.OrderGranted),
    EventType("order.refused", legal.OrderRefused),
    EventType("record.corrected", governance.RecordCorrected),
    EventType("record.retracted", governance.RecordRetracted),
    EventType("timetable.adopted", governance.TimetableAdopted, about_authority=True),
    EventType("holiday.declared", calendars.HolidayDeclared, about_authority=True),
    EventType("holiday.removed", calendars.HolidayRemoved, about_authority=True),
    EventType("working_calendar.set", calendars.WorkingCalendarSet, about_authority=True),
    EventType("notice_thresholds.set", notices.NoticeThresholdsSet, about_authority=True),
    EventType("backfill.declared", notices.BackfillDeclared, about_authority=True),
)


def _by_model(types: Iterable[EventType]) -> Mapping[type[EventData], tuple[EventType, int]]:
    return MappingProxyType({model: (each, version) for each in types for version, model in each.schemas.items()})


CATALOGUE: Mapping[str, EventType] = MappingProxyType({each.name: each for each in _TYPES})
_MODELS = _by_model(_TYPES)


def event_type(name: str) -> EventType:
    """Return the event type of this name; raises KeyError if there is none."""
    return CATALOGUE[name]


def type_of(data: EventData) -> EventType:
    """Return the event type whose data this is, of whichever version."""
    return _MODELS[type(data)][0]


def version_of(data: EventData) -> int:
    """Return the version of its type's schema that ``data`` follows."""
    return _MODELS[type(data)][1]


def read_data(type_name: str, version: int, value: Mapping[str, Any] | bytes | str) -> EventData:
    """Read ``value`` by a version of the type's schema, and return it as data of the latest version.

    JSON text is judged strictly, as it was posted; decoded JSON was judged when it was
    appended, and only changes type.  Raises KeyError if there is no such type or version,
    and pydantic.ValidationError if ``value`` is no data of it.
    """
    return CATALOGUE[type_name].read(version, value)
