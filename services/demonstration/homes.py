"""The homes in which a child lives during one episode, one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from services.demonstration import calibration
from services.demonstration.chance import Chance
from services.demonstration.days import Span
from services.demonstration.intake import Arrival
from services.demonstration.road import HomeChange, Road
from shared.domain.catalogue.child import Destination, HomeEndReason, HomeKind

_RESIDENTIAL_FROM_DAYS = 8 * 365
#: Children stay in these homes until the episode ends, or the plan moves them on.
_SETTLED = {HomeKind.PARENTS, HomeKind.PROSPECTIVE_ADOPTERS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """A child's time in one home; ``ended_on`` is None where it outlasts the story."""

    home_id: str
    kind: HomeKind
    emergency: bool
    started_on: date
    ended_on: date | None
    end_reason: HomeEndReason


def draw_stays(arrival: Arrival, road: Road, span: Span, chance: Chance) -> list[Stay]:
    """Draw the homes from ``arrival`` to the end of the road or of the story, without a gap."""
    stays: list[Stay] = []
    start = HomeChange(arrival.accommodated_on, _kind(arrival, chance), HomeEndReason.OTHER)
    last_on = span.horizon_on if road.ends_on is None else min(road.ends_on, span.horizon_on)
    while True:
        emergency = arrival.emergency and not stays
        change = _next_change(start, arrival, road, chance, emergency=emergency)
        if change is not None and change.on >= last_on:
            change = None
        ends_on = _last_day(road, span) if change is None else change.on
        reason = _last_reason(start.kind, road) if change is None else change.reason
        stays.append(
            Stay(
                home_id=chance.identifier("home-"),
                kind=start.kind,
                emergency=emergency,
                started_on=start.on,
                ended_on=ends_on,
                end_reason=reason,
            )
        )
        if change is None:
            return stays
        start = change


def _last_day(road: Road, span: Span) -> date | None:
    return None if road.ends_on is None or road.ends_on > span.horizon_on else road.ends_on


def _kind(arrival: Arrival, chance: Chance) -> HomeKind:
    kinds = dict(calibration.HOME_KINDS.value)
    if arrival.age_days < _RESIDENTIAL_FROM_DAYS:
        del kinds[HomeKind.RESIDENTIAL]
    elif not arrival.emergency:
        # Only half the children are old enough for a residential home: they make up the whole share.
        kinds[HomeKind.RESIDENTIAL] *= 2
    return chance.pick(kinds)


def _next_change(
    start: HomeChange, arrival: Arrival, road: Road, chance: Chance, *, emergency: bool
) -> HomeChange | None:
    """Return the first move after ``start``: planned on the road, or one that just happens."""
    planned = [change for change in road.changes if change.on > start.on and change.kind is not start.kind]
    moves = planned[:1]
    if start.kind not in _SETTLED:
        move = _move(start.on, arrival, chance, emergency=emergency)
        if not _stays_with_kin(start.kind, move.on, road):
            moves.append(move)
    return min(moves, key=lambda change: change.on, default=None)


def _stays_with_kin(kind: HomeKind, on: date, road: Road) -> bool:
    if kind is not HomeKind.KINSHIP or road.destination is not Destination.KINSHIP_CARE_ORDER:
        return False
    return road.recommended_on is not None and on > road.recommended_on


def _move(started_on: date, arrival: Arrival, chance: Chance, *, emergency: bool) -> HomeChange:
    if emergency and chance.happens(0.4):
        days = chance.within(4, 21)
    elif chance.happens(calibration.SHORT_STAY.value):
        days = chance.days(calibration.SHORT_STAY_DAYS.value)
    else:
        days = 91 + int(chance.waiting_days(calibration.LONG_STAY_MEAN_DAYS.value - 91))
    reason = HomeEndReason.UNPLANNED_MOVE if chance.happens(0.35) else HomeEndReason.PLANNED_MOVE
    return HomeChange(started_on + timedelta(days=days), _kind(arrival, chance), reason)


def _last_reason(kind: HomeKind, road: Road) -> HomeEndReason:
    if road.destination is Destination.PARENTS and kind is not HomeKind.PARENTS:
        return HomeEndReason.RETURNED_TO_PARENTS
    return HomeEndReason.CARE_ENDED
