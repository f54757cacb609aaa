"""The plan, the parents' assessment, and the steps towards a permanent home.

A *recommendation* is made by professionals at a review; a *panel* advises; the
agency's *decision* and the court's *order* come later.  They are never the same event.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from shared.domain.catalogue.base import EventData
from shared.domain.ids import Code, Identifier


class Route(StrEnum):
    """The four routes to permanence (source report, lines 219-225 and 791-798)."""

    RETURN_HOME = "return_home"
    KINSHIP_CARE_ORDER = "kinship_care_order"
    PERMANENCE_ORDER = "permanence_order"
    ADOPTION = "adoption"


class PanelAdvice(StrEnum):
    """What the adoption and permanence panel advised."""

    SUPPORTED = "supported"
    NOT_SUPPORTED = "not_supported"
    DEFERRED = "deferred"


class DecisionOutcome(StrEnum):
    """What the agency decision maker decided."""

    APPROVED = "approved"
    NOT_APPROVED = "not_approved"


class OrderKind(StrEnum):
    """Orders that secure a permanent home."""

    PERMANENCE_ORDER = "permanence_order"
    PERMANENCE_ORDER_WITH_AUTHORITY_TO_ADOPT = "permanence_order_with_authority_to_adopt"
    ADOPTION_ORDER = "adoption_order"
    KINSHIP_CARE_ORDER = "kinship_care_order"


class CarePlanAgreed(EventData):
    """A care plan was agreed."""

    plan_id: Identifier
    agreed_with_parents: bool
    meeting_id: Identifier | None = None


class ParentingCapacityAssessmentStarted(EventData):
    """The assessment of the parents' capacity began."""

    assessment_id: Identifier
    meeting_id: Identifier | None = None


class ParentingCapacityAssessmentCompleted(EventData):
    """The assessment of the parents' capacity was completed."""

    assessment_id: Identifier


class PermanenceRecommended(EventData):
    """Professionals recommended where the child should live permanently."""

    route: Route
    parallel_route: Route | None = Field(default=None, description="A second route planned for at the same time.")
    meeting_id: Identifier | None = None


class PanelRecommended(EventData):
    """The adoption and permanence panel gave its advice."""

    route: Route
    advice: PanelAdvice


class AgencyDecisionMade(EventData):
    """The agency decision maker decided."""

    route: Route
    outcome: DecisionOutcome


class ApplicationLodged(EventData):
    """An application for an order was lodged in court."""

    application_id: Identifier
    order_kind: OrderKind


class OrderGranted(EventData):
    """A court granted the order."""

    order_kind: OrderKind
    application_id: Identifier | None = None
    court: Code | None = None
