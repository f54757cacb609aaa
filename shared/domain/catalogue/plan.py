"""The care plan, the assessments it rests on, and the support that parents are given.

A support period may come before, during or after the parents' assessment: the source
report has both orders (lines 454-455 and 558-560), so each is recorded by itself.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from shared.domain.catalogue.base import MAX_ITEMS, AtMeeting, CivilDate, EventData
from shared.domain.catalogue.identifiers import AssessmentId, PlanId, SupportPeriodId
from shared.domain.catalogue.meeting import Extent
from shared.domain.catalogue.roles import Role
from shared.domain.ids import Code


class PlanRevisionReason(StrEnum):
    """What a care plan was revised for."""

    REVIEW = "review"
    CHANGE_OF_HOME = "change_of_home"
    CHANGE_OF_LEGAL_REASON = "change_of_legal_reason"
    CHANGE_OF_ROUTE = "change_of_route"
    CHILDS_VIEWS = "childs_views"
    OTHER = "other"


class AssessmentKind(StrEnum):
    """What is assessed; the parents' capacity has event types of its own."""

    CHILDS_NEEDS = "childs_needs"
    KINSHIP_CARERS = "kinship_carers"
    BROTHERS_AND_SISTERS = "brothers_and_sisters"
    HEALTH = "health"
    EDUCATION = "education"
    RISK = "risk"
    OTHER = "other"


class SupportEndReason(StrEnum):
    """Why a period of support ended."""

    AS_PLANNED = "as_planned"
    EARLIER_THAN_PLANNED = "earlier_than_planned"
    FAMILY_DECLINED = "family_declined"
    OTHER = "other"


class CarePlanAgreed(AtMeeting):
    """A care plan was agreed.

    Journeys: reaches the milestone, with whether the parents are among those who agreed.
    Timetable: a care plan that an adopted pack asks for is there.
    """

    plan_id: PlanId
    agreed_with: tuple[Role, ...] = Field(
        max_length=MAX_ITEMS,
        description="With whom it was agreed, by role; empty if with nobody outside the council.",
        examples=[["parent", "child"]],
    )


class CarePlanRevised(AtMeeting):
    """The care plan was revised, as every review has to (SSI 2009/210 regs 44, 45).

    Neither review dates nor milestones rest on it today.
    """

    plan_id: PlanId
    reason: PlanRevisionReason
    agreed_with: tuple[Role, ...] = Field(
        default=(), max_length=MAX_ITEMS, description="With whom the revision was agreed, by role."
    )


class PlanProgressChecked(AtMeeting):
    """Somebody checked whether work on the care plan had begun (source report, lines 468-469, 630-633).

    Neither review dates nor milestones rest on it today.
    """

    plan_id: PlanId | None = None
    work_begun: Extent


class ParentingCapacityAssessmentStarted(AtMeeting):
    """The assessment of the parents' capacity began.

    Journeys: reaches the milestone.
    """

    assessment_id: AssessmentId


class ParentingCapacityAssessmentCompleted(EventData):
    """The assessment of the parents' capacity was completed.

    Journeys: reaches the milestone.
    """

    assessment_id: AssessmentId


class HealthBoardNotified(EventData):
    """The health board was told that the child is looked after, and is to assess the child's health.

    Timetable: where an adopted pack asks for a health assessment, it is counted from this day
    (Scottish Government guidance: within four weeks).
    """

    health_board: Code | None = Field(default=None, description="Which one: a code from the council's own list.")


class AssessmentPlanned(AtMeeting):
    """An assessment was planned, perhaps with the day by which it is to be complete.

    Neither review dates nor milestones rest on it today.
    """

    assessment_id: AssessmentId
    assessment_kind: AssessmentKind | Literal["parenting_capacity"]
    target_on: CivilDate | None = Field(default=None, description="The day by which it is to be complete.")


class AssessmentStarted(AtMeeting):
    """An assessment began; that of the parents' capacity is `parenting_capacity_assessment.started`.

    Neither review dates nor milestones rest on it today.
    """

    assessment_id: AssessmentId
    assessment_kind: AssessmentKind


class AssessmentCompleted(AtMeeting):
    """An assessment was completed; that of the parents' capacity is `parenting_capacity_assessment.completed`.

    Timetable: an assessment of that kind, which an adopted pack asks for, is done.
    """

    assessment_id: AssessmentId
    assessment_kind: AssessmentKind


class SupportPeriodStarted(AtMeeting):
    """A period of support for the parents began (source report, lines 558-560: three months).

    Neither review dates nor milestones rest on it today.
    """

    support_period_id: SupportPeriodId
    support_kind: Code = Field(description="A code from the council's own list.")
    planned_end_on: CivilDate | None = Field(default=None, description="The last day, if one is planned.")


class SupportPeriodEnded(EventData):
    """A period of support for the parents ended.

    Neither review dates nor milestones rest on it today.
    """

    support_period_id: SupportPeriodId
    reason: SupportEndReason
