"""The steps towards a permanent home that professionals, the panel and the agency take.

A *recommendation* is made by professionals at a review; a *panel* advises; the agency's
*decision* and the court's *order* come later.  They are never the same event.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from shared.domain.catalogue.base import AtMeeting, CivilDate, EventData
from shared.domain.catalogue.child import HomeKind
from shared.domain.catalogue.identifiers import CertificateId, HomeId, MatchId
from shared.domain.catalogue.roles import Role
from shared.domain.ids import Code


class Route(StrEnum):
    """The four routes to permanence (source report, lines 219-225 and 791-798)."""

    RETURN_HOME = "return_home"
    KINSHIP_CARE_ORDER = "kinship_care_order"
    PERMANENCE_ORDER = "permanence_order"
    ADOPTION = "adoption"


class RouteStanding(StrEnum):
    """What became of a route that was considered."""

    EXPLORED_FURTHER = "explored_further"
    RULED_IN = "ruled_in"
    RULED_OUT = "ruled_out"


class RouteChangeReason(StrEnum):
    """Why another route is taken; a reason, never a fault of anybody."""

    ASSESSMENT = "assessment"
    CHILDS_VIEWS = "childs_views"
    PARENTS_CIRCUMSTANCES = "parents_circumstances"
    CARERS_CIRCUMSTANCES = "carers_circumstances"
    COURT_OR_HEARING = "court_or_hearing"
    OTHER = "other"


class PanelAdvice(StrEnum):
    """What the adoption and permanence panel advised."""

    SUPPORTED = "supported"
    NOT_SUPPORTED = "not_supported"
    DEFERRED = "deferred"


class DecisionOutcome(StrEnum):
    """What the agency decision maker decided."""

    APPROVED = "approved"
    NOT_APPROVED = "not_approved"


class NotifiedOf(StrEnum):
    """What a parent was told of in writing."""

    PANEL_RECOMMENDATION = "panel_recommendation"
    AGENCY_DECISION = "agency_decision"
    APPLICATION = "application"


class CertificateAnswer(StrEnum):
    """How a certificate of parental consent came back."""

    SIGNED = "signed"
    NOT_SIGNED = "not_signed"


class RouteConsidered(AtMeeting):
    """A route to permanence was considered, and ruled in, ruled out or left to be explored.

    Neither review dates nor milestones rest on it today.
    """

    route: Route
    standing: RouteStanding
    reason: Code | None = Field(default=None, description="A code from the council's own list.")


class RouteSelected(AtMeeting):
    """A route to permanence was selected to plan for, perhaps with a second one beside it.

    It is not yet `permanence.recommended`.  Neither review dates nor milestones rest on it today.
    """

    route: Route
    parallel_route: Route | None = Field(default=None, description="A second route planned for at the same time.")


class RouteChanged(AtMeeting):
    """Planning turned from one route to permanence to another.

    What a journey expects follows the latest `permanence.recommended`, which is recorded
    again for the new route.  Neither review dates nor milestones rest on it today.
    """

    from_route: Route
    to_route: Route
    reason: RouteChangeReason | None = None


class PermanenceRecommended(AtMeeting):
    """Professionals recommended where the child should live permanently.

    Journeys: reaches the milestone and says which further steps are expected.  Timetable: a
    direction that an adopted pack asks for is found; it ends no sequence of reviews (SSI 2009/210
    reg 45 has no such end).
    """

    route: Route
    parallel_route: Route | None = Field(default=None, description="A second route planned for at the same time.")


class PanelRecommended(EventData):
    """The adoption and permanence panel gave its advice.

    Journeys: reaches the milestone, unless the panel deferred.  Timetable: where an adopted pack
    says by when the agency decides, that is counted from here.
    """

    route: Route
    advice: PanelAdvice


class AgencyDecisionMade(EventData):
    """The agency decision maker decided.

    Journeys: reaches the milestone.  Timetable: a decision that an adopted pack asks for is made.
    """

    route: Route
    outcome: DecisionOutcome


class ParentNotified(EventData):
    """A parent was told in writing of a recommendation, a decision or an application.

    The adoption agencies regulations (SSI 2009/154) ask for notice of the agency's decision.
    Neither review dates nor milestones rest on it today.
    """

    notified: Role = Field(description="Who was told: a parent, or another person with parental rights.")
    notified_of: NotifiedOf


class ConsentCertificateSent(EventData):
    """A certificate was sent on which a parent may consent to adoption, or to authority for it.

    Timetable: where an adopted pack says when it is to be back, that is counted from `received_on`.
    """

    certificate_id: CertificateId
    received_on: CivilDate | None = Field(
        default=None,
        description="The day on which the parent received it, from which the 28 days for its return are counted "
        "(SSI 2009/154 regs 17, 19).",
    )


class ConsentCertificateReturned(EventData):
    """A certificate of parental consent came back, signed or not.

    Timetable: what an adopted pack asks for by its return is done.
    """

    certificate_id: CertificateId
    answer: CertificateAnswer


class MatchApproved(AtMeeting):
    """The match of the child with carers who are to be the permanent family was approved.

    The child lives with them from `home.started` on.  Neither review dates nor milestones rest on it today.
    """

    match_id: MatchId
    home_kind: HomeKind
    home_id: HomeId | None = Field(default=None, description="The home, if the child lives there already.")
