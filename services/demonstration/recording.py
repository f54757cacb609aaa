"""From what happened to what the case system holds: when each fact was entered.

Most facts are entered within three days.  What belongs to one meeting, or to one day's
move between homes, is entered in one sitting.  Some meetings are written up weeks later.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby

from services.demonstration import calibration
from services.demonstration.chance import Chance
from services.demonstration.days import instant, is_working_day, working_day_until
from shared.domain.catalogue import EventData, type_of
from shared.domain.catalogue.earlier import CarePlanAgreedV1
from shared.domain.catalogue.meeting import MeetingHeld, MeetingRescheduled, MeetingScheduled
from shared.domain.catalogue.permanence import PermanenceRecommended
from shared.domain.catalogue.plan import CarePlanAgreed, ParentingCapacityAssessmentStarted

#: Facts of one day in the order in which they are told.
ORDER = (
    "child.registered",
    "child.accommodated",
    "child.team_assigned",
    "home.ended",
    "home.started",
    "meeting.held",
    "care_plan.agreed",
    "parenting_capacity_assessment.started",
    "parenting_capacity_assessment.completed",
    "permanence.recommended",
    "panel.recommended",
    "agency_decision.made",
    "application.lodged",
    "order.granted",
    "episode.ended",
    "meeting.cancelled",
    "meeting.scheduled",
    "meeting.rescheduled",
)
_RANK = {name: rank for rank, name in enumerate(ORDER)}
#: The facts of a child's whereabouts are entered in the order in which they happened.
_CARE = {"child.registered", "child.accommodated", "home.ended", "home.started", "episode.ended"}
_AT_MEETING = (MeetingHeld, CarePlanAgreedV1, CarePlanAgreed, ParentingCapacityAssessmentStarted, PermanenceRecommended)
_EVENING_HOUR = 17


@dataclass(frozen=True, slots=True)
class Entry:
    """One fact in the case system: whose stream, which identifier, entered when."""

    recorded_at: datetime
    stream: str
    event_id: str
    data: EventData


def record(stream: str, facts: Iterable[EventData], ids: Iterator[str], chance: Chance) -> Iterator[Entry]:
    """Enter the facts of one stream; entries come in no particular order."""
    in_order = sorted(facts, key=lambda fact: (fact.occurred_on, _RANK[type_of(fact).name], _sitting(fact)))
    care_at: datetime | None = None
    sittings = sorted(
        (tuple(group) for _, group in groupby(sorted(in_order, key=_sitting), key=_sitting)),
        key=lambda group: (group[0].occurred_on, _RANK[type_of(group[0]).name]),
    )
    for sitting in sittings:
        at = _begins_at(sitting, care_at, chance)
        for fact in sitting:
            yield Entry(at, stream, next(ids), fact)
            if type_of(fact).name in _CARE:
                care_at = at
            at += timedelta(seconds=chance.within(15, 90))


def _sitting(fact: EventData) -> tuple[str, str]:
    """Return what is the same for facts that are entered in one sitting."""
    name = type_of(fact).name
    if name in _CARE:
        return fact.occurred_on.isoformat(), "care"
    if isinstance(fact, _AT_MEETING) and fact.meeting_id is not None:
        return fact.occurred_on.isoformat(), fact.meeting_id
    return fact.occurred_on.isoformat(), f"{name} {getattr(fact, 'meeting_id', '')}"


def _begins_at(sitting: tuple[EventData, ...], care_at: datetime | None, chance: Chance) -> datetime:
    first = sitting[0]
    on = _entered_on(first, chance)
    at = instant(on, chance.within(8, _EVENING_HOUR), chance.within(0, 59), chance.within(0, 59))
    happened_at = max((fact.occurred_at for fact in sitting if fact.occurred_at is not None), default=at)
    # Nothing is entered before it happened, and nothing about a child before the child's whereabouts.
    at = max(at, happened_at + timedelta(minutes=20))
    return at if care_at is None else max(at, care_at + timedelta(minutes=2))


def _entered_on(fact: EventData, chance: Chance) -> date:
    if isinstance(fact, MeetingScheduled | MeetingRescheduled):
        return fact.occurred_on
    delay = chance.pick(calibration.RECORDING_DAYS.value)
    if isinstance(fact, MeetingHeld):
        draw = chance.fraction()
        if draw < calibration.RECORDED_OVER_A_MONTH_LATE.value:
            delay = chance.within(31, 75)
        elif draw < calibration.RECORDED_OVER_A_MONTH_LATE.value + calibration.RECORDED_WEEKS_LATE.value:
            delay = chance.within(8, 30)
    on = fact.occurred_on + timedelta(days=delay)
    return on if is_working_day(on) else max(fact.occurred_on, working_day_until(on))
