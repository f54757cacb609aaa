"""Episodes of care: each span with its milestones and recommendations, linked to the one before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from services.reporting.model import Episode, EpisodeRecord, Recommendation, Step
from services.reporting.projection.chain import Way, last_step, next_step, steps
from services.reporting.projection.reaching import reached
from services.reporting.projection.spans import Span, entry
from services.reporting.projection.teams import Teams
from shared.domain.catalogue.child import EpisodeEnded, HomeStarted
from shared.domain.catalogue.permanence import PermanenceRecommended


def episodes(child_id: str, spans: Iterable[Span], teams: Teams, born_on: date | None) -> tuple[Episode, ...]:
    """Return the child's episodes, each linked to the one before."""
    told: list[Episode] = []
    for span in spans:
        recommendations = _recommendations(span)
        chain = steps(_way(span, recommendations))
        row = _row(span, recommendations, chain) | _link(told)
        record = EpisodeRecord(child_id=child_id, born_on=born_on, team=teams.of_span(span), **row)
        timeline = tuple(entry(fact) for fact in span.facts)
        told.append(Episode(record=record, steps=chain, recommendations=recommendations, timeline=timeline))
    return tuple(told)


def _recommendations(span: Span) -> tuple[Recommendation, ...]:
    made: list[Recommendation] = []
    for fact in span.facts:
        if isinstance(fact.data, PermanenceRecommended):
            routes = (fact.data.route, fact.data.parallel_route)
            recommendation = Recommendation(
                entry=entry(fact),
                route=routes[0],
                parallel_route=routes[1],
                changed=bool(made) and (made[-1].route, made[-1].parallel_route) != routes,
                days_since_accommodated=(fact.occurred_on - span.accommodated_on).days,
            )
            made.append(recommendation)
    return tuple(made)


def _way(span: Span, recommendations: Sequence[Recommendation]) -> Way:
    latest = recommendations[-1:]
    routes = {route for each in latest for route in (each.route, each.parallel_route) if route is not None}
    return Way(
        reached=reached(span.facts),
        routes=frozenset(routes),
        emergency=any(isinstance(fact.data, HomeStarted) and fact.data.emergency for fact in span.facts),
        closed=span.ended is not None or span.overtaken_on is not None,
    )


def _row(span: Span, recommendations: Sequence[Recommendation], chain: Sequence[Step]) -> dict[str, Any]:
    first = recommendations[0] if recommendations else None
    ended = span.ended.data if span.ended is not None else None
    last, coming = last_step(chain), next_step(chain)
    return {
        "episode_id": span.identity,
        "accommodated_on": span.accommodated_on,
        "legal_reason": span.accommodated.legal_reason,
        "recommended_on": first.entry.occurred_on if first else None,
        "route": first.route if first else None,
        "parallel_route": first.parallel_route if first else None,
        "ended_on": ended.occurred_on if ended else None,
        "destination": ended.destination if isinstance(ended, EpisodeEnded) else None,
        "overtaken_on": span.overtaken_on,
        "last_milestone": last.key,
        "last_reached_on": last.reached_on,
        "next_milestone": coming.key if coming else None,
        "next_since_on": coming.since_on if coming else None,
        "position": max(fact.latest_position for fact in span.facts),
    }


def _link(earlier: Sequence[Episode]) -> dict[str, Any]:
    previous = earlier[-1].record if earlier else None
    return {
        "ordinal": len(earlier) + 1,
        "previous_episode_id": previous.episode_id if previous else None,
        "previous_ended_on": previous.closed_on if previous else None,
    }
