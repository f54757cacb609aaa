"""Meetings: scheduled, held with their record, cancelled.

The record of a two-week planning meeting follows the source report, which names what
such a meeting is for (its lines 53-63, 405-414, 453-480 and 525-536).
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from shared.domain.catalogue.base import CivilDate, EventData, Instant, Part, ShortText
from shared.domain.catalogue.permanence import Route
from shared.domain.ids import Code, Identifier

#: More than a meeting can have of anything; bounds what one event can make us check.
MAX_ITEMS = 100


class MeetingKind(StrEnum):
    """What a meeting was convened as.  Which review it satisfies is the timetable's business."""

    EMERGENCY_REVIEW = "emergency_review"
    TWO_WEEK_PLANNING_MEETING = "two_week_planning_meeting"
    LOOKED_AFTER_CHILD_REVIEW = "looked_after_child_review"
    LEGAL_PLANNING_MEETING = "legal_planning_meeting"
    OTHER = "other"


class Role(StrEnum):
    """Who takes part, by role and never by name."""

    CHILD = "child"
    PARENT = "parent"
    PERSON_WITH_PARENTAL_RIGHTS = "person_with_parental_rights"
    KINSHIP_CARER = "kinship_carer"
    FOSTER_CARER = "foster_carer"
    RESIDENTIAL_WORKER = "residential_worker"
    PROSPECTIVE_ADOPTER = "prospective_adopter"
    SOCIAL_WORKER = "social_worker"
    TEAM_LEADER = "team_leader"
    SERVICE_MANAGER = "service_manager"
    INDEPENDENT_REVIEWING_OFFICER = "independent_reviewing_officer"
    SOLICITOR = "solicitor"
    HEALTH = "health"
    EDUCATION = "education"
    CHILDRENS_REPORTER = "childrens_reporter"
    ADVOCACY_WORKER = "advocacy_worker"
    OTHER_AGENCY = "other_agency"


class Presence(StrEnum):
    """Whether someone invited came."""

    ATTENDED = "attended"
    ATTENDED_IN_PART = "attended_in_part"
    ABSENT = "absent"


class ReportStatus(StrEnum):
    """Whether the report owed for the meeting arrived; it is owed even by those who cannot come."""

    RECEIVED = "received"
    RECEIVED_LATE = "received_late"
    MISSING = "missing"
    NOT_REQUIRED = "not_required"


class Extent(StrEnum):
    """How far something was done."""

    YES = "yes"
    PARTLY = "partly"
    NO = "no"


class LeafletOffer(StrEnum):
    """What became of the leaflet about permanence."""

    GIVEN = "given"
    DECLINED = "declined"
    NOT_OFFERED = "not_offered"


class CancellationReason(StrEnum):
    """Why a meeting was not held as scheduled."""

    RESCHEDULED = "rescheduled"
    CHILD_OR_FAMILY_REQUEST = "child_or_family_request"
    ILLNESS = "illness"
    REPORTS_NOT_READY = "reports_not_ready"
    NOT_NEEDED = "not_needed"
    OTHER = "other"


class Attendance(Part):
    """One invited role: whether it came, and whether its report arrived."""

    role: Role
    presence: Presence
    report: ReportStatus = ReportStatus.NOT_REQUIRED


class ViewsSought(Part):
    """How the views of the child or of the parents were sought for this meeting, or why not."""

    of: Role
    sought: bool
    method: Code | None = Field(default=None, description="For instance `conversation`, `software`, `advocate`.")
    reason_not_sought: Code | None = None


class AgreedAction(Part):
    """An action logged at the meeting."""

    action_id: Identifier
    owner: Role
    due_on: CivilDate | None = None
    summary: ShortText | None = None


class PlannedAssessment(Part):
    """An assessment with the date by which it is to be complete."""

    kind: Code
    target_on: CivilDate


class SupportOffer(Part):
    """Support offered to the parents, which may precede their assessment."""

    kind: Code
    starts_on: CivilDate
    ends_on: CivilDate | None = None


class Leaflet(Part):
    """The leaflet about permanence that supplements the conversation."""

    offer: LeafletOffer
    edition: Code | None = None
    language: Code | None = None


class Agenda(Part):
    """Which set agenda the meeting followed, and what of it was covered."""

    template: Code
    edition: Code
    items_covered: tuple[Code, ...] = Field(default=(), max_length=MAX_ITEMS)


class PlanningRecord(Part):
    """What a two-week planning meeting does and records, in full."""

    agenda: Agenda | None = None
    permanence_discussed: Extent | None = Field(default=None, description="Was permanence discussed with the parents?")
    discussed_with: tuple[Role, ...] = Field(default=(), max_length=MAX_ITEMS)
    purpose_explained: Extent | None = Field(
        default=None, description="Were the parents told that the purpose is to decide on the child's permanent home?"
    )
    routes_discussed: tuple[Route, ...] = Field(default=(), max_length=MAX_ITEMS)
    expectations_explained: Extent | None = None
    parents_understood: Extent | None = Field(default=None, description="As the parents themselves confirmed it.")
    leaflet: Leaflet | None = None
    care_plan_agreed: Extent | None = None
    assessments: tuple[PlannedAssessment, ...] = Field(default=(), max_length=MAX_ITEMS)
    support_offers: tuple[SupportOffer, ...] = Field(default=(), max_length=MAX_ITEMS)
    parenting_capacity_assessment_started: bool | None = None
    reason_assessment_not_started: Code | None = None
    review_dates_set: bool | None = Field(
        default=None, description="Were the dates of all later reviews set in advance for this child?"
    )
    review_dates: tuple[CivilDate, ...] = Field(default=(), max_length=MAX_ITEMS)
    parent_feedback_given: bool | None = None


class MeetingScheduled(EventData):
    """A meeting was booked, or booked again for another date."""

    meeting_id: Identifier
    meeting_kind: MeetingKind
    scheduled_for: CivilDate
    scheduled_at: Instant | None = Field(default=None, description="The hour, where one is booked.")


class MeetingHeld(EventData):
    """A meeting took place on `occurred_on`."""

    meeting_id: Identifier
    meeting_kind: MeetingKind
    chaired_by: Role | None = None
    attendance: tuple[Attendance, ...] = Field(default=(), max_length=MAX_ITEMS)
    views: tuple[ViewsSought, ...] = Field(default=(), max_length=MAX_ITEMS)
    actions: tuple[AgreedAction, ...] = Field(default=(), max_length=MAX_ITEMS)
    planning: PlanningRecord | None = None
    plan_work_begun: Extent | None = Field(
        default=None, description="Evidence at this meeting that work on the care plan has begun with the parents."
    )
    outcome: Code | None = Field(default=None, description="A code from the council's own list.")


class MeetingCancelled(EventData):
    """A booked meeting will not take place as booked."""

    meeting_id: Identifier
    reason: CancellationReason
