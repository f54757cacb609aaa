"""One episode of care told from accommodation to its end, as facts and as truth."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from services.demonstration.chance import Chance
from services.demonstration.days import Span
from services.demonstration.homes import Stay, draw_stays
from services.demonstration.intake import Arrival
from services.demonstration.meetings import Register
from services.demonstration.planning import FirstWeeks
from services.demonstration.reviews import PlannedReview, plan_reviews
from services.demonstration.road import Road, draw_road
from services.demonstration.truth import EpisodeTruth, ReviewTruth
from shared.domain.catalogue import EventData
from shared.domain.catalogue.child import (
    ChildAccommodated,
    ChildRegistered,
    Destination,
    EpisodeEnded,
    HomeEnded,
    HomeKind,
    HomeStarted,
)
from shared.domain.catalogue.meeting import MeetingKind


@dataclass(frozen=True, slots=True)
class Episode:
    """One episode: its facts in no particular order, some of them after the day of loading; its truth."""

    facts: tuple[EventData, ...]
    truth: EpisodeTruth
    reviews: tuple[ReviewTruth, ...]
    #: The day the child went home to parents, None if the episode did not end that way.
    went_home_on: date | None


def draw_episode(arrival: Arrival, span: Span, chance: Chance) -> Episode:
    """Draw the whole episode that begins with ``arrival``."""
    road = draw_road(arrival, span, chance)
    stays = draw_stays(arrival, road, span, chance)
    wanted = deque(sorted(road.wanted, key=lambda each: each.on))
    planned = [(stay, review) for stay in stays for review in plan_reviews(stay, wanted, span, chance)]
    facts = [
        *_care(arrival, road, stays),
        *_reviews(arrival, planned, chance),
        *FirstWeeks(arrival, road, span, chance).events(stays[0], _first_review_on(planned)),
        *_legal(arrival, road, chance),
        *road.facts,
    ]
    return Episode(
        facts=tuple(facts),
        truth=_truth(arrival, road, planned, span),
        reviews=tuple(_review_truth(arrival, stay, review) for stay, review in planned),
        went_home_on=road.ends_on if road.destination is Destination.PARENTS else None,
    )


def _care(arrival: Arrival, road: Road, stays: list[Stay]) -> Iterator[EventData]:
    if arrival.registered_on is not None:
        yield ChildRegistered(occurred_on=arrival.registered_on, born_on=arrival.born_on, team=arrival.team)
    yield ChildAccommodated(
        occurred_on=arrival.accommodated_on,
        occurred_at=arrival.accommodated_at,
        episode_id=arrival.episode_id,
        legal_reason=arrival.legal_reason,
    )
    for number, stay in enumerate(stays):
        yield HomeStarted(
            occurred_on=stay.started_on,
            occurred_at=arrival.accommodated_at if number == 0 else None,
            home_id=stay.home_id,
            home_kind=stay.kind,
            emergency=stay.emergency,
        )
        if stay.ended_on is not None:
            yield HomeEnded(occurred_on=stay.ended_on, home_id=stay.home_id, reason=stay.end_reason)
    if road.ends_on is not None:
        yield EpisodeEnded(occurred_on=road.ends_on, episode_id=arrival.episode_id, destination=road.destination)


def _reviews(arrival: Arrival, planned: list[tuple[Stay, PlannedReview]], chance: Chance) -> Iterator[EventData]:
    register = Register(arrival, chance)
    for stay, review in planned:
        yield from register.review(review, stay)


def _legal(arrival: Arrival, road: Road, chance: Chance) -> Iterator[EventData]:
    on = road.legal_planning_on
    if on is None:
        return
    kind, meeting_id = MeetingKind.LEGAL_PLANNING_MEETING, chance.identifier("meeting-")
    register = Register(arrival, chance)
    yield register.held(kind, meeting_id, on, HomeKind.OTHER)


def _first_review_on(planned: list[tuple[Stay, PlannedReview]]) -> date | None:
    return planned[0][1].held_on if planned else None


def _truth(arrival: Arrival, road: Road, planned: list[tuple[Stay, PlannedReview]], span: Span) -> EpisodeTruth:
    recommended_on = road.recommended_on
    for _, review in planned:
        if any(wanted.route is not None for wanted in review.reasons):
            recommended_on = review.held_on
    days = None if recommended_on is None else (recommended_on - arrival.accommodated_on).days
    return EpisodeTruth(
        child_id=arrival.child_id,
        episode_id=arrival.episode_id,
        accommodated_on=arrival.accommodated_on,
        after_change=arrival.accommodated_on >= span.changed_on,
        route=road.route,
        days_to_recommendation=days,
        ended_on=road.ends_on,
    )


def _review_truth(arrival: Arrival, stay: Stay, review: PlannedReview) -> ReviewTruth:
    return ReviewTruth(
        child_id=arrival.child_id,
        home_id=stay.home_id,
        ordinal=review.ordinal,
        due_on=review.due_on,
        held_on=review.held_on,
        home_ended_on=stay.ended_on,
        left_out=review.left_out,
        brought_forward=review.brought_forward,
    )
