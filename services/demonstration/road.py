"""The road to a permanent home: recommendation, panel, decision, application, order.

Recommendations are made at reviews, so the road does not write them down: it says on
which days a review is wanted, and what for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

from services.demonstration import calibration
from services.demonstration.calibration import Range
from services.demonstration.chance import Chance
from services.demonstration.days import Span, months_after, working_day_from, working_day_until
from services.demonstration.intake import Arrival
from shared.domain.catalogue import EventData
from shared.domain.catalogue.child import ChildTeamAssigned, Destination, HomeEndReason, HomeKind, LegalReason
from shared.domain.catalogue.legal import ApplicationLodged, OrderGranted, OrderKind
from shared.domain.catalogue.permanence import AgencyDecisionMade, DecisionOutcome, PanelAdvice, PanelRecommended, Route


@dataclass(frozen=True, slots=True)
class _Times:
    """Days until an application is lodged, and days in court until the order; modelling choices."""

    to_lodge: Range
    in_court: Range


_KINSHIP_TIMES = _Times(Range(49, 210), Range(84, 300))
_PERMANENCE_TIMES = _Times(Range(56, 182), Range(120, 420))
_AUTHORITY_TIMES = _Times(Range(42, 150), Range(120, 400))
# The last step has a long tail: adoption takes two to three years on average.
_ADOPTION_TIMES = _Times(Range(91, 300), Range(60, 420))

_COURTS = ("sheriff-court-1", "sheriff-court-2")
_AT_EIGHTEEN = {Destination.CONTINUING_CARE: 0.5, Destination.INDEPENDENT_LIVING: 0.4, Destination.OTHER: 0.1}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A day on which a review is wanted; ``route`` is what it recommends, None if it recommends nothing."""

    on: date
    route: Route | None = None
    parallel_route: Route | None = None


@dataclass(frozen=True, slots=True)
class HomeChange:
    """A move that the plan for the child brings about."""

    on: date
    kind: HomeKind
    reason: HomeEndReason


@dataclass(slots=True)
class Road:
    """How one episode goes on and ends; ``ends_on`` is None where the child stays."""

    recommended_on: date | None = None
    route: Route | None = None
    wanted: list[Wanted] = field(default_factory=list)
    changes: list[HomeChange] = field(default_factory=list)
    legal_planning_on: date | None = None
    facts: list[EventData] = field(default_factory=list)
    ends_on: date | None = None
    destination: Destination = Destination.PARENTS


def draw_road(arrival: Arrival, span: Span, chance: Chance) -> Road:
    """Draw how the episode that begins with ``arrival`` goes."""
    if chance.happens(calibration.LEAVES_FIRST.value):
        return Road(ends_on=_after(arrival.accommodated_on, chance, 6, 60))
    if chance.happens(calibration.TRANSFERRED.value):
        ends_on = _after(arrival.accommodated_on, chance, 20, 300)
        return Road(ends_on=ends_on, destination=Destination.OTHER_AUTHORITY)
    road = _recommendation(arrival, span, chance)
    _FURTHER[_route(road)](road, arrival, chance)
    return _until_eighteen(road, arrival, chance)


def expected_share(accommodated_on: date, changed_on: date) -> float:
    """Return the share recommended within 228 days among children accommodated on this day."""
    ramp = (accommodated_on - changed_on).days / calibration.RAMP_DAYS.value
    effect = calibration.EFFECT_OF_CHANGE.value * min(max(ramp, 0.0), 1.0)
    return calibration.RECOMMENDED_BEFORE_CHANGE.value + effect


def _recommendation(arrival: Arrival, span: Span, chance: Chance) -> Road:
    scale = calibration.recommendation_scale(expected_share(arrival.accommodated_on, span.changed_on))
    days = round(chance.weibull_days(scale, calibration.RECOMMENDATION_SHAPE.value))
    earliest = calibration.FIRST_RECOMMENDATION_DAYS.value
    if days < earliest.low:
        days = chance.days(earliest)
    on = working_day_until(arrival.accommodated_on + timedelta(days=days))
    routes = calibration.ROUTES.value[arrival.age_band]
    route = chance.pick(routes)
    parallel = None
    if route is not Route.RETURN_HOME and chance.happens(calibration.PARALLEL_ROUTE.value):
        parallel = chance.pick({other: share for other, share in routes.items() if other is not route})
    return Road(recommended_on=on, route=route, wanted=[Wanted(on, route, parallel)])


def _route(road: Road) -> Route:
    assert road.route is not None
    return road.route


def _after(day: date, chance: Chance, low: int, high: int) -> date:
    return working_day_from(day + timedelta(days=chance.within(low, high)))


def _recommended_on(road: Road) -> date:
    assert road.recommended_on is not None
    return road.recommended_on


def _return_home(road: Road, arrival: Arrival, chance: Chance) -> None:
    leaves_on = _after(_recommended_on(road), chance, 28, 154)
    supervised = arrival.legal_reason is not LegalReason.SECTION_25
    road.ends_on = leaves_on
    if supervised and chance.happens(calibration.HOME_UNDER_SUPERVISION.value):
        road.changes.append(HomeChange(leaves_on, HomeKind.PARENTS, HomeEndReason.RETURNED_TO_PARENTS))
        road.ends_on = _after(leaves_on, chance, 56, 120)


def _kinship_care_order(road: Road, _arrival: Arrival, chance: Chance) -> None:
    moves_on = _after(_recommended_on(road), chance, 7, 60)
    road.changes.append(HomeChange(moves_on, HomeKind.KINSHIP, HomeEndReason.PLANNED_MOVE))
    granted_on = _application(road, OrderKind.KINSHIP_CARE_ORDER, _recommended_on(road), chance, _KINSHIP_TIMES)
    road.ends_on = _after(granted_on, chance, 0, 14)
    road.destination = Destination.KINSHIP_CARE_ORDER


def _permanence_order(road: Road, _arrival: Arrival, chance: Chance) -> None:
    decided_on = _panel_and_decision(road, Route.PERMANENCE_ORDER, chance)
    if decided_on is not None:
        _application(road, OrderKind.PERMANENCE_ORDER, decided_on, chance, _PERMANENCE_TIMES)


def _adoption(road: Road, _arrival: Arrival, chance: Chance) -> None:
    decided_on = _panel_and_decision(road, Route.ADOPTION, chance)
    if decided_on is None:
        return
    with_authority = OrderKind.PERMANENCE_ORDER_WITH_AUTHORITY_TO_ADOPT
    ready_on = decided_on
    if chance.happens(0.6):
        ready_on = _application(road, with_authority, decided_on, chance, _AUTHORITY_TIMES)
    moves_on = _after(decided_on, chance, 60, 330)
    road.changes.append(HomeChange(moves_on, HomeKind.PROSPECTIVE_ADOPTERS, HomeEndReason.PLANNED_MOVE))
    granted_on = _application(road, OrderKind.ADOPTION_ORDER, max(ready_on, moves_on), chance, _ADOPTION_TIMES)
    road.ends_on = granted_on
    road.destination = Destination.ADOPTION


_FURTHER = {
    Route.RETURN_HOME: _return_home,
    Route.KINSHIP_CARE_ORDER: _kinship_care_order,
    Route.PERMANENCE_ORDER: _permanence_order,
    Route.ADOPTION: _adoption,
}


def _panel_and_decision(road: Road, route: Route, chance: Chance) -> date | None:
    """Draw legal advice, panel and decision; return the day of approval, None if not approved."""
    recommended_on = _recommended_on(road)
    road.legal_planning_on = _after(recommended_on, chance, 14, 50)
    road.facts.append(ChildTeamAssigned(occurred_on=_after(recommended_on, chance, 5, 30), team="permanence"))
    panel_on = _after(recommended_on, chance, 56, 140)
    if chance.happens(calibration.PANEL_DEFERRED.value):
        road.facts.append(PanelRecommended(occurred_on=panel_on, route=route, advice=PanelAdvice.DEFERRED))
        panel_on = _after(panel_on, chance, 28, 63)
    supported = not chance.happens(0.03)
    advice = PanelAdvice.SUPPORTED if supported else PanelAdvice.NOT_SUPPORTED
    road.facts.append(PanelRecommended(occurred_on=panel_on, route=route, advice=advice))
    decided_on = working_day_until(panel_on + timedelta(days=chance.days(calibration.DECISION_DAYS.value)))
    outcome = DecisionOutcome.APPROVED if supported else DecisionOutcome.NOT_APPROVED
    road.facts.append(AgencyDecisionMade(occurred_on=decided_on, route=route, outcome=outcome))
    return decided_on if supported else None


def _application(road: Road, kind: OrderKind, since: date, chance: Chance, times: _Times) -> date:
    """Draw an application and the order; return the day the order is granted.

    A review comes first: SSI 2009/210 reg 45(4)(b).
    """
    lodged_on = _after(since, chance, times.to_lodge.low, times.to_lodge.high)
    road.wanted.append(Wanted(working_day_until(lodged_on - timedelta(days=chance.within(10, 30)))))
    application_id = chance.identifier("application-")
    granted_on = _after(lodged_on, chance, times.in_court.low, times.in_court.high)
    road.facts.append(ApplicationLodged(occurred_on=lodged_on, application_id=application_id, order_kind=kind))
    road.facts.append(
        OrderGranted(
            occurred_on=granted_on, order_kind=kind, application_id=application_id, court=chance.one_of(_COURTS)
        )
    )
    return granted_on


def _until_eighteen(road: Road, arrival: Arrival, chance: Chance) -> Road:
    """End the road on the eighteenth birthday, if it leads that far."""
    eighteen_on = months_after(arrival.born_on, 12 * 18)
    if road.ends_on is not None and road.ends_on <= eighteen_on:
        return road
    destination = chance.pick(_AT_EIGHTEEN)
    if _recommended_on(road) >= eighteen_on:
        return Road(ends_on=eighteen_on, destination=destination)
    road.facts = [fact for fact in road.facts if fact.occurred_on < eighteen_on]
    road.wanted = [wanted for wanted in road.wanted if wanted.on < eighteen_on]
    road.changes = [change for change in road.changes if change.on < eighteen_on]
    if road.legal_planning_on is not None and road.legal_planning_on >= eighteen_on:
        road.legal_planning_on = None
    road.ends_on, road.destination = eighteen_on, destination
    return road
