"""Meetings: scheduled, moved, held with their record, adjourned, cancelled.

The record of a two-week planning meeting follows the source report, which names what
such a meeting is for (its lines 53-63, 405-414, 453-480 and 525-536).
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import Field, ValidationInfo, field_validator

from shared.domain.catalogue.base import MAX_ITEMS, CivilDate, EventData, Instant, Part, ShortText, hour_on
from shared.domain.catalogue.identifiers import ActionId, MeetingId
from shared.domain.catalogue.permanence import Route
from shared.domain.catalogue.roles import Role
from shared.domain.ids import Code


class MeetingKind(StrEnum):
    """What a meeting was convened as.  Which review it satisfies is the timetable's business."""

    EMERGENCY_REVIEW = "emergency_review"
    TWO_WEEK_PLANNING_MEETING = "two_week_planning_meeting"
    LOOKED_AFTER_CHILD_REVIEW = "looked_after_child_review"
    LEGAL_PLANNING_MEETING = "legal_planning_meeting"
    OTHER = "other"


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


class RebookingReason(StrEnum):
    """Why a meeting was moved to another day, or broken off."""

    CHILD_OR_FAMILY_REQUEST = "child_or_family_request"
    ILLNESS = "illness"
    REPORTS_NOT_READY = "reports_not_ready"
    TOO_FEW_PRESENT = "too_few_present"
    OTHER = "other"


class Attendance(Part):
    """One invited role: whether it came, and whether its report arrived."""

    role: Role = Field(description="Who was invited.")
    presence: Presence
    report: ReportStatus = ReportStatus.NOT_REQUIRED


class ViewsAtMeeting(Part):
    """How the views of the child or of the parents were sought for this meeting, or why not."""

    of: Role = Field(description="Whose views.")
    sought: bool = Field(description="Whether they were sought.")
    method: Code | None = Field(default=None, description="For instance `conversation`, `software`, `advocate`.")
    reason_not_sought: Code | None = Field(default=None, description="A code from the council's own list.")


class AgreedAction(Part):
    """An action logged at the meeting."""

    action_id: ActionId
    owner: Role = Field(description="Who is to do it.")
    due_on: CivilDate | None = Field(default=None, description="By when.")
    summary: ShortText | None = Field(default=None, description="What is to be done, without a word about any person.")


class PlannedAssessment(Part):
    """An assessment with the date by which it is to be complete."""

    kind: Code = Field(description="A code from the council's own list.")
    target_on: CivilDate = Field(description="The day by which it is to be complete.")


class SupportOffer(Part):
    """Support offered to the parents, which may precede their assessment."""

    kind: Code = Field(description="A code from the council's own list.")
    starts_on: CivilDate = Field(description="The first day.")
    ends_on: CivilDate | None = Field(default=None, description="The last day, if one is set.")


class Leaflet(Part):
    """The leaflet about permanence that supplements the conversation."""

    offer: LeafletOffer
    edition: Code | None = Field(default=None, description="Which edition of the leaflet.")
    language: Code | None = Field(default=None, description="Its language, for instance `en`.")


class Agenda(Part):
    """Which set agenda the meeting followed, and what of it was covered."""

    template: Code = Field(description="Which set agenda.")
    edition: Code = Field(description="Which edition of it.")
    items_covered: tuple[Code, ...] = Field(
        default=(), max_length=MAX_ITEMS, description="Which of its items were covered."
    )


class PlanningRecord(Part):
    """What a two-week planning meeting does and records, in full."""

    agenda: Agenda | None = None
    permanence_discussed: Extent | None = Field(default=None, description="Was permanence discussed with the parents?")
    discussed_with: tuple[Role, ...] = Field(
        default=(), max_length=MAX_ITEMS, description="With whom permanence was discussed."
    )
    purpose_explained: Extent | None = Field(
        default=None, description="Were the parents told that the purpose is to decide on the child's permanent home?"
    )
    routes_discussed: tuple[Route, ...] = Field(
        default=(), max_length=MAX_ITEMS, description="Which routes were named."
    )
    expectations_explained: Extent | None = None
    parents_understood: Extent | None = Field(default=None, description="As the parents themselves confirmed it.")
    leaflet: Leaflet | None = None
    care_plan_agreed: Extent | None = None
    assessments: tuple[PlannedAssessment, ...] = Field(
        default=(), max_length=MAX_ITEMS, description="Which assessments are to be complete by when."
    )
    support_offers: tuple[SupportOffer, ...] = Field(
        default=(), max_length=MAX_ITEMS, description="Which support was offered to the parents."
    )
    parenting_capacity_assessment_started: bool | None = Field(
        default=None, description="Was the assessment of the parents' capacity started by this meeting?"
    )
    reason_assessment_not_started: Code | None = Field(
        default=None, description="If not, why: a code from the council's own list."
    )
    review_dates_set: bool | None = Field(
        default=None, description="Were the dates of all later reviews set in advance for this child?"
    )
    review_dates: tuple[CivilDate, ...] = Field(
        default=(),
        max_length=MAX_ITEMS,
        description="The dates that were set; bookings are told by `meeting.scheduled`.",
    )
    parent_feedback_given: bool | None = Field(
        default=None, description="Did the parents say how the meeting was for them?"
    )


class MeetingScheduled(EventData):
    """A meeting was booked, or booked again for another date.

    Timetable: the earliest open review that it could satisfy shows it as booked.
    """

    meeting_id: MeetingId
    meeting_kind: MeetingKind
    scheduled_for: CivilDate = Field(description="The day for which it is booked now.")
    scheduled_at: Instant | None = Field(default=None, description="The hour, where one is booked.")


class MeetingRescheduled(EventData):
    """A booked meeting was moved to another day.

    Timetable: the booking moves, exactly as if `meeting.scheduled` were recorded again.
    """

    meeting_id: MeetingId
    meeting_kind: MeetingKind
    scheduled_for: CivilDate = Field(description="The day for which it is booked now.")
    scheduled_at: Instant | None = Field(
        default=None, description="The hour, where one is booked; its Europe/London date must be `scheduled_for`."
    )
    reason: RebookingReason | None = None

    @field_validator("scheduled_at")
    @classmethod
    def _hour_lies_on_day(cls, scheduled_at: datetime | None, info: ValidationInfo) -> datetime | None:
        return hour_on("scheduled_for", scheduled_at, info)


class MeetingAdjourned(EventData):
    """A meeting began and was broken off before it was complete.

    Timetable: it was not held, so the review stays owed until `meeting.held` says that it was.
    Its booking moves to the day on which it is to be resumed; without one, nothing is booked.
    Where one meeting is told as held, too, that counts.
    """

    meeting_id: MeetingId
    meeting_kind: MeetingKind
    reason: RebookingReason
    resumes_on: CivilDate | None = Field(
        default=None, description="The day on which it is to be resumed, if one is set."
    )
    resumes_at: Instant | None = Field(
        default=None, description="The hour, where one is booked; its Europe/London date must be `resumes_on`."
    )

    @field_validator("resumes_at")
    @classmethod
    def _hour_lies_on_day(cls, resumes_at: datetime | None, info: ValidationInfo) -> datetime | None:
        return hour_on("resumes_on", resumes_at, info)


class MeetingHeld(EventData):
    """A meeting took place on `occurred_on`.

    Timetable: satisfies a review, and the next one is counted from its day.  Journeys: by its
    kind and its record it reaches milestones.
    """

    meeting_id: MeetingId
    meeting_kind: MeetingKind
    chaired_by: Role | None = Field(default=None, description="The role of who chaired it.")
    attendance: tuple[Attendance, ...] = Field(
        default=(), max_length=MAX_ITEMS, description="Who was invited, whether they came, and whether they reported."
    )
    views: tuple[ViewsAtMeeting, ...] = Field(
        default=(), max_length=MAX_ITEMS, description="Whose views were sought for it, or why not."
    )
    actions: tuple[AgreedAction, ...] = Field(
        default=(), max_length=MAX_ITEMS, description="What was agreed that somebody should do."
    )
    planning: PlanningRecord | None = None
    plan_work_begun: Extent | None = Field(
        default=None, description="Evidence at this meeting that work on the care plan has begun with the parents."
    )
    outcome: Code | None = Field(default=None, description="A code from the council's own list.")


class MeetingCancelled(EventData):
    """A booked meeting will not take place as booked.

    Timetable: no review shows it as booked any longer.
    """

    meeting_id: MeetingId
    reason: CancellationReason
