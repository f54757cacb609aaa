"""How often something is done, where the law leaves that to agreement: what is recorded as agreed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from shared.domain.catalogue.agreements import ReviewFrequencyAgreed
from shared.domain.clock import civil_date
from shared.domain.history import Fact
from shared.domain.timetable.clocks import ReviewClock
from shared.domain.timetable.intervals import Interval, Moment, Unit
from shared.domain.timetable.record import Occasion, moment
from shared.domain.timetable.rules import Rule
from shared.domain.timetable.working_days import WorkingCalendar


@dataclass(frozen=True, slots=True)
class Agreement:
    """An interval that holds from a civil day until another is agreed; ``position`` is that of its latest wording."""

    on: date
    interval: Interval
    position: int
    recorded_on: date

    def due_after(self, since: Moment, calendar: WorkingCalendar) -> Moment:
        """Return by when one is owed that is counted from ``since``, or from the agreement if that is later."""
        return self.interval.after(Moment(max(since.on, self.on)), calendar)


def agreements(rule: Rule, clock: ReviewClock, ordered: Iterable[Fact]) -> tuple[Agreement, ...]:
    """Return what was agreed while ``clock`` ran about the frequency of what ``rule`` owes, in order."""
    if not any(step.is_agreed for step in rule.steps):
        return ()
    told = ((fact, fact.data) for fact in ordered if isinstance(fact.data, ReviewFrequencyAgreed))
    return tuple(_agreement(fact, data) for fact, data in told if _is_about(rule, clock, moment(fact), data))


def made_before(agreed: Sequence[Agreement], held: Occasion | None) -> Sequence[Agreement]:
    """Return the agreements by which a review may be judged: those made before it was held, if it was."""
    return [each for each in agreed if held is None or each.on < held.held.on]


def in_force(agreed: Sequence[Agreement], since: Moment, calendar: WorkingCalendar) -> Agreement | None:
    """Return the agreement by which a review is counted that is counted from ``since``; None if there is none.

    That is the last one made by then, or else the first one made later.  Another one takes its place
    only if it was made while the review was not yet due, and brings it forward: nobody agrees away
    a review that is owed.
    """
    before = [each for each in agreed if each.on <= since.on]
    later = [each for each in agreed if each.on > since.on]
    found = before[-1] if before else later.pop(0) if later else None
    for each in later:
        assert found is not None
        due = found.due_after(since, calendar)
        if each.on <= due.on and each.due_after(since, calendar).on < due.on:
            found = each
    return found


def _is_about(rule: Rule, clock: ReviewClock, agreed_at: Moment, data: ReviewFrequencyAgreed) -> bool:
    """Tell whether it was agreed for this clock: while it ran, or before, if for its home by name."""
    if data.review_kind not in {None, rule.key}:
        return False
    home_id = getattr(clock.data, "home_id", None)
    if data.home_id is None:
        return clock.admits(agreed_at)
    ended = clock.closing is not None and clock.closing.at.precedes(agreed_at)
    return data.home_id == home_id and not ended


def _agreement(fact: Fact, data: ReviewFrequencyAgreed) -> Agreement:
    interval = Interval(data.interval_count, Unit(data.interval_unit.value))
    return Agreement(fact.occurred_on, interval, fact.latest_position, civil_date(fact.recorded_at))
