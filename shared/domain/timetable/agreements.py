"""How often something is done, where the law leaves that to agreement: what is recorded as agreed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from shared.domain.catalogue.agreements import ReviewFrequencyAgreed
from shared.domain.clock import civil_date
from shared.domain.history import Fact
from shared.domain.timetable.clocks import ReviewClock
from shared.domain.timetable.intervals import Interval, Unit
from shared.domain.timetable.record import Occasion, moment
from shared.domain.timetable.rules import Rule


@dataclass(frozen=True, slots=True)
class Agreement:
    """An interval that holds from a civil day until another is agreed; ``position`` is that of its latest wording."""

    on: date
    interval: Interval
    position: int
    recorded_on: date


def agreements(rule: Rule, clock: ReviewClock, ordered: Iterable[Fact]) -> tuple[Agreement, ...]:
    """Return what was agreed while ``clock`` ran about the frequency of what ``rule`` owes, in order."""
    if not any(step.is_agreed for step in rule.steps):
        return ()
    return tuple(_agreement(fact, fact.data) for fact in ordered if _is_about(rule, clock, fact))  # type: ignore[arg-type]


def in_force(agreed: Sequence[Agreement], held: Occasion | None) -> Agreement | None:
    """Return the agreement by which a review is judged: the last one made before it was held, if it was."""
    before = [each for each in agreed if held is None or each.on < held.held.on]
    return before[-1] if before else None


def _is_about(rule: Rule, clock: ReviewClock, fact: Fact) -> bool:
    data = fact.data
    if not isinstance(data, ReviewFrequencyAgreed) or data.review_kind not in {None, rule.key}:
        return False
    return data.home_id in {None, getattr(clock.data, "home_id", None)} and clock.admits(moment(fact))


def _agreement(fact: Fact, data: ReviewFrequencyAgreed) -> Agreement:
    interval = Interval(data.interval_count, Unit(data.interval_unit.value))
    return Agreement(fact.occurred_on, interval, fact.latest_position, civil_date(fact.recorded_at))
