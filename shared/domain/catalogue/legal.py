"""Legal advice, hearings, applications and orders on the way to a permanent home."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import Field, ValidationInfo, field_validator

from shared.domain.catalogue.base import AtMeeting, CivilDate, EventData, Instant, hour_on
from shared.domain.catalogue.identifiers import ApplicationId
from shared.domain.ids import Code


class OrderKind(StrEnum):
    """Orders that secure a permanent home."""

    PERMANENCE_ORDER = "permanence_order"
    PERMANENCE_ORDER_WITH_AUTHORITY_TO_ADOPT = "permanence_order_with_authority_to_adopt"
    ADOPTION_ORDER = "adoption_order"
    KINSHIP_CARE_ORDER = "kinship_care_order"


class LegalAdvice(StrEnum):
    """What legal advice came to; what it says stays with the solicitor."""

    APPLICATION_SUPPORTED = "application_supported"
    MORE_EVIDENCE_NEEDED = "more_evidence_needed"
    APPLICATION_NOT_SUPPORTED = "application_not_supported"
    OTHER = "other"


class ReviewGround(StrEnum):
    """Why the council must have a compulsory supervision order reviewed (2011 Act s131)."""

    ORDER_OUGHT_TO_END_OR_CHANGE = "order_ought_to_end_or_change"
    ORDER_NOT_COMPLIED_WITH = "order_not_complied_with"
    PERMANENCE_ORDER_INTENDED = "permanence_order_intended"
    ADOPTION_INTENDED = "adoption_intended"
    ADOPTION_APPLICATION_EXPECTED = "adoption_application_expected"


class HearingAdvice(StrEnum):
    """What a children's hearing advised the court."""

    SUPPORTS = "supports"
    DOES_NOT_SUPPORT = "does_not_support"
    DEFERRED = "deferred"


class CourtHearing(StrEnum):
    """What a court date is for."""

    PRELIMINARY_HEARING = "preliminary_hearing"
    PROCEDURAL_HEARING = "procedural_hearing"
    PROOF = "proof"
    OTHER = "other"


class WithdrawalReason(StrEnum):
    """Why an application was withdrawn."""

    ROUTE_CHANGED = "route_changed"
    CHILD_RETURNED_HOME = "child_returned_home"
    APPLICANT_WITHDREW = "applicant_withdrew"
    REPLACED_BY_ANOTHER = "replaced_by_another"
    OTHER = "other"


class LegalAdviceRecorded(AtMeeting):
    """Legal advice about the way to an order was recorded (source report, lines 687-692).

    Neither review dates nor milestones rest on it today.
    """

    order_kind: OrderKind | None = None
    advice: LegalAdvice


class CompulsorySupervisionOrderReviewRequired(EventData):
    """The council required a review of the child's compulsory supervision order.

    It must before it applies for a permanence order or places for adoption (2011 Act s131).
    It is a children's hearing's review, not a review that the timetable owes.
    Neither review dates nor milestones rest on it today.
    """

    ground: ReviewGround


class AdviceHearingHeld(EventData):
    """A children's hearing gave the advice that the court must consider (SSI 2014/113).

    Neither review dates nor milestones rest on it today.
    """

    advice: HearingAdvice
    order_kind: OrderKind | None = None
    application_id: ApplicationId | None = None


class ApplicationLodged(EventData):
    """An application for an order was lodged in court.

    Journeys: reaches the milestone.
    """

    application_id: ApplicationId
    order_kind: OrderKind


class ApplicationWithdrawn(EventData):
    """An application for an order was withdrawn.

    A journey goes on to show what it awaited before.  Neither review dates nor milestones rest on it today.
    """

    application_id: ApplicationId
    reason: WithdrawalReason


class CourtDateSet(EventData):
    """The court set a day for the application; courts tell their dates, none is computed.

    Neither review dates nor milestones rest on it today.
    """

    application_id: ApplicationId
    hearing: CourtHearing
    court_on: CivilDate = Field(description="The day that the court set.")
    court_at: Instant | None = Field(
        default=None, description="The hour, where one is set; its Europe/London date must be `court_on`."
    )

    @field_validator("court_at")
    @classmethod
    def _hour_lies_on_day(cls, court_at: datetime | None, info: ValidationInfo) -> datetime | None:
        return hour_on("court_on", court_at, info)


class OrderGranted(EventData):
    """A court granted the order.

    Journeys: reaches the milestone.  A child on a permanence order is still looked after,
    so no review ends with it: `episode.ended` says when care away from home ended.
    """

    order_kind: OrderKind
    application_id: ApplicationId | None = None
    court: Code | None = Field(default=None, description="Which court: a code from the council's own list.")


class OrderRefused(EventData):
    """A court refused the order.

    A journey goes on to show what it awaited before.  Neither review dates nor milestones rest on it today.
    """

    order_kind: OrderKind
    application_id: ApplicationId | None = None
    court: Code | None = Field(default=None, description="Which court: a code from the council's own list.")
