"""The milestone chain of one episode: what is reached, what is awaited, what comes later.

The order is that of the chain in the research notes (``domain.md`` 2.4).  What is *owed*
and by when is the scheduler's to say; a step that waits here is simply the next on the way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from services.reporting.model import MilestoneKey as Key
from services.reporting.model import Step, StepState
from services.reporting.projection.reaching import Reached
from services.reporting.projection.spans import entry
from shared.domain.catalogue.permanence import Route

_PANEL_ROUTES = frozenset({Route.PERMANENCE_ORDER, Route.ADOPTION})
_ORDER_ROUTES = _PANEL_ROUTES | {Route.KINSHIP_CARE_ORDER}

_BY_RECOMMENDATION = (Key.PERMANENCE_RECOMMENDED,)
_BY_REVIEW = (Key.FIRST_LOOKED_AFTER_CHILD_REVIEW, *_BY_RECOMMENDATION)


@dataclass(frozen=True, slots=True)
class _Rule:
    """When a step is awaited.

    It waits once the first *expected* one of ``after`` is reached (from the start if there
    is none), until one of ``overtaken_by`` is.  With ``routes`` it is expected only if one
    of them is recommended.
    """

    after: tuple[Key, ...] = ()
    overtaken_by: tuple[Key, ...] = ()
    routes: frozenset[Route] | None = None


_RULES: Mapping[Key, _Rule] = {
    Key.ACCOMMODATED: _Rule(),
    Key.FIRST_HOME: _Rule(overtaken_by=_BY_RECOMMENDATION),
    Key.EMERGENCY_REVIEW: _Rule(overtaken_by=_BY_REVIEW),
    Key.TWO_WEEK_PLANNING_MEETING: _Rule(overtaken_by=_BY_REVIEW),
    Key.PERMANENCE_DISCUSSED: _Rule(overtaken_by=_BY_RECOMMENDATION),
    Key.CARE_PLAN_AGREED: _Rule(overtaken_by=_BY_RECOMMENDATION),
    Key.PARENTING_CAPACITY_ASSESSMENT_STARTED: _Rule(
        overtaken_by=(Key.PARENTING_CAPACITY_ASSESSMENT_COMPLETED, *_BY_RECOMMENDATION)
    ),
    # Statutory reviews do not stop at a recommendation, so nothing overtakes them.
    Key.FIRST_LOOKED_AFTER_CHILD_REVIEW: _Rule(),
    Key.PARENTING_CAPACITY_ASSESSMENT_COMPLETED: _Rule(
        after=(Key.PARENTING_CAPACITY_ASSESSMENT_STARTED,), overtaken_by=_BY_RECOMMENDATION
    ),
    Key.SECOND_LOOKED_AFTER_CHILD_REVIEW: _Rule(after=(Key.FIRST_LOOKED_AFTER_CHILD_REVIEW,)),
    Key.THIRD_LOOKED_AFTER_CHILD_REVIEW: _Rule(after=(Key.SECOND_LOOKED_AFTER_CHILD_REVIEW,)),
    Key.PERMANENCE_RECOMMENDED: _Rule(),
    Key.PANEL_RECOMMENDATION: _Rule(
        after=_BY_RECOMMENDATION,
        overtaken_by=(Key.AGENCY_DECISION, Key.APPLICATION_LODGED, Key.ORDER_GRANTED),
        routes=_PANEL_ROUTES,
    ),
    Key.AGENCY_DECISION: _Rule(
        after=(Key.PANEL_RECOMMENDATION,),
        overtaken_by=(Key.APPLICATION_LODGED, Key.ORDER_GRANTED),
        routes=_PANEL_ROUTES,
    ),
    Key.APPLICATION_LODGED: _Rule(
        after=(Key.AGENCY_DECISION, Key.PERMANENCE_RECOMMENDED), overtaken_by=(Key.ORDER_GRANTED,), routes=_ORDER_ROUTES
    ),
    Key.ORDER_GRANTED: _Rule(after=(Key.APPLICATION_LODGED,), routes=_ORDER_ROUTES),
    # Care may end at any time; what is awaited is its end once the way to a permanent home is done.
    Key.EPISODE_ENDED: _Rule(after=(Key.ORDER_GRANTED, Key.PERMANENCE_RECOMMENDED)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """What decides which steps an episode has: its routes at present, an emergency, its end."""

    reached: Mapping[Key, Reached]
    routes: frozenset[Route]
    emergency: bool
    closed: bool


def steps(way: Way) -> tuple[Step, ...]:
    """Return every milestone of the chain, in its order, with its state and the days between."""
    began_on = way.reached[Key.ACCOMMODATED].fact.occurred_on
    gaps = _gaps(way.reached)
    return tuple(
        _reached_step(way.reached[key], began_on, gaps[key]) if key in way.reached else _open_step(key, way, began_on)
        for key in Key
    )


def next_step(chain: Sequence[Step]) -> Step | None:
    """Return what is next: the first waiting step behind the furthest reached one, or else the first waiting."""
    furthest = max(index for index, step in enumerate(chain) if step.state is StepState.REACHED)
    waiting = [step for step in (*chain[furthest:], *chain[:furthest]) if step.state is StepState.WAITING]
    return waiting[0] if waiting else None


def last_step(chain: Sequence[Step]) -> Step:
    """Return the milestone reached last in time; of several on one day the furthest in the chain."""
    reached = [(step.reached_on, index) for index, step in enumerate(chain) if step.reached_on is not None]
    return chain[max(reached)[1]]


def _gaps(reached: Mapping[Key, Reached]) -> dict[Key, int | None]:
    """Return for each reached milestone the days since the one reached before it."""
    gaps: dict[Key, int | None] = {}
    previous: date | None = None
    chain = list(Key)
    for each in sorted(reached.values(), key=lambda each: (each.fact.occurred_on, chain.index(each.key))):
        gaps[each.key] = None if previous is None else (each.fact.occurred_on - previous).days
        previous = each.fact.occurred_on
    return gaps


def _reached_step(reached: Reached, began_on: date, gap: int | None) -> Step:
    return Step(
        key=reached.key,
        state=StepState.REACHED,
        entry=entry(reached.fact),
        detail=reached.detail,
        days_since_accommodated=(reached.fact.occurred_on - began_on).days,
        days_since_previous=gap,
    )


def _open_step(key: Key, way: Way, began_on: date) -> Step:
    rule, step = _RULES[key], Step(key=key, state=StepState.WAITING, since_on=began_on)
    unexpected = _unexpected(key, way)
    if unexpected is not None:
        return _idle(step, StepState.NOT_EXPECTED, unexpected)
    overtaken = [other for other in rule.overtaken_by if other in way.reached]
    if overtaken:
        return _idle(step, StepState.PASSED_OVER, f"A later step was taken without it: {overtaken[0].wording.lower()}.")
    if way.closed:
        return _idle(step, StepState.CLOSED, "The episode of care ended without it.")
    before = next((other for other in rule.after if _unexpected(other, way) is None), None)
    if before is None:
        return step
    if before not in way.reached:
        return _idle(step, StepState.LATER, f"Another step comes first: {before.wording.lower()}.")
    return replace(step, since_on=way.reached[before].fact.occurred_on)


def _idle(step: Step, state: StepState, reason: str) -> Step:
    return replace(step, state=state, since_on=None, reason=reason)


def _unexpected(key: Key, way: Way) -> str | None:
    """Return why this child's way does not go through the step, or None if it may."""
    if key is Key.EMERGENCY_REVIEW and not way.emergency:
        return "No home in this episode is recorded as an emergency."
    routes = _RULES[key].routes
    if routes is not None and way.routes and not routes & way.routes:
        return "The recommended route does not go through it."
    return None
