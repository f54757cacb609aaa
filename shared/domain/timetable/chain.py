"""One rule's sequence along one clock: held reviews, then open ones to a horizon.

Each step is counted from the day the review before it was actually held; where it is not
held, from its due day, so that what follows is provisional.  A clock that is closed
owes nothing that rests on a projection: of it remain the reviews held, and the first not held.
These are judged by the working days known when that was recorded, open ones by all that are known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from shared.domain.timetable.agreements import Agreement, in_force, made_before
from shared.domain.timetable.clocks import Closing, ReviewClock
from shared.domain.timetable.intervals import Interval, Moment, add_months
from shared.domain.timetable.patterns import day_told
from shared.domain.timetable.record import Booking, Occasion
from shared.domain.timetable.rules import CountedFrom, Rule, Step, Weekend
from shared.domain.timetable.working_days import CouncilCalendar, WorkingCalendar

#: Open reviews are projected until one falls due this long after the last firm anchor, or later.
HORIZON_MONTHS = 24

#: For phases, which no law counts in working days.
_EVERY_DAY = WorkingCalendar("every day", "no days")


@dataclass(slots=True, kw_only=True)
class Owed:
    """One review of a sequence, before it becomes a ``Review``.

    ``due`` is None where a frequency must be agreed.  ``position`` is that of the latest
    fact that shaped this review, so far as the child's own meetings and bookings go.
    ``adjourned_on`` is the day of a meeting that was to be this review and was broken off.
    ``within`` is the interval that was counted, the step's own or the one in ``agreed``.
    ``counted_to`` is the day to which it is counted, before a weekend moved it on.
    ``calendar`` is the one on which its working days are counted; ``shown_on`` the civil day on
    which the last of what it is counted from was recorded.
    """

    ordinal: int
    step: Step
    calendar: WorkingCalendar
    anchor: Moment
    within: Interval | None
    agreed: Agreement | None
    due: Moment | None
    counted_to: Moment | None
    previous: Owed | None
    position: int
    shown_on: date
    held: Occasion | None = None
    booking: Booking | None = None
    adjourned_on: date | None = None

    @property
    def rests_on_projection(self) -> bool:
        """Whether the date is counted from a review that is not held yet."""
        counts = self.step.from_previous and self.step.counted_from is not CountedFrom.PREVIOUS_DUE
        return counts and self.previous is not None and self.previous.held is None


def chain(
    rule: Rule,
    clock: ReviewClock,
    calendar: CouncilCalendar,
    occasions: Iterable[Occasion],
    agreements: Sequence[Agreement] = (),
) -> list[Owed]:
    """Return the reviews of ``rule`` along ``clock``, satisfied in order by ``occasions``.

    ``agreements`` are those about its frequency, in order.

    ``occasions`` are those within the clock's run that can satisfy the rule, in order of
    occurrence, no two of a day.  On a closed clock a review counted from one never held was
    never owed itself, and none is owed behind the first that fell due after the end.
    """
    waiting = iter(occasions)
    found: list[Owed] = []
    horizon = add_months(clock.started.on, HORIZON_MONTHS)
    previous: Owed | None = None
    settled: int | None = clock.decided_position
    steps = _Steps(rule, clock)
    while (step := steps.next(previous)) is not None:
        held = next(waiting, None)
        settled = _settled_at(clock, held, settled)
        days, agreed = calendar.known_by(settled), None
        if step.is_agreed:
            agreed = in_force(made_before(agreements, held), _anchor(step, clock, previous), days)
        owed = _next(_Place(rule, step, clock, previous, agreed), days)
        if clock.closing is not None and (owed.rests_on_projection or _fell_due_after(clock.closing, previous)):
            break
        if step.on_day is not None and owed.due is None:
            break
        found.append(owed)
        owed.held = held
        if owed.held is not None:
            owed.position = max(owed.position, owed.held.position)
            horizon = add_months(owed.held.held.on, HORIZON_MONTHS)
        elif owed.due is None or (owed.due.on >= horizon and owed.ordinal >= rule.owed_from):
            break
        previous = owed
    return found


class _Steps:
    """Gives out the steps of a rule: each once, the last again and again if it repeats, others through their phase."""

    def __init__(self, rule: Rule, clock: ReviewClock) -> None:
        self._steps = rule.steps
        self._clock = clock
        self._index = 0

    def next(self, previous: Owed | None) -> Step | None:
        """Return the step of the review that follows ``previous``; None after the last one."""
        while self._index < len(self._steps):
            step = self._steps[self._index]
            if step.phase is None or _anchor(step, self._clock, previous).on < self._end_of(step.phase):
                self._index += not step.recurs
                return step
            self._index += 1
        return None

    def _end_of(self, phase: Interval) -> date:
        return phase.after(self._clock.started, _EVERY_DAY).on


def _fell_due_after(closing: Closing, previous: Owed | None) -> bool:
    """Tell whether the review before was not held, and due when its clock had stopped."""
    if previous is None or previous.held is not None or previous.due is None:
        return False
    return previous.due.on >= closing.at.on


def _settled_at(clock: ReviewClock, held: Occasion | None, before: int | None) -> int | None:
    """Return the position at which a review was settled, None while it is open.

    ``before`` is that of what it is counted from, the clock or the review in front of it: until that was told there
    was no such review, whatever else was known.
    """
    end = held.decided_position if held is not None else clock.closing.decided_position if clock.closing else None
    return None if end is None or before is None else max(end, before)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in a sequence a review stands."""

    rule: Rule
    step: Step
    clock: ReviewClock
    previous: Owed | None
    agreed: Agreement | None

    @property
    def anchor(self) -> Moment:
        """What the review is counted from: the one before, or an agreement that was made since."""
        anchor = _anchor(self.step, self.clock, self.previous)
        return Moment(max(anchor.on, self.agreed.on)) if self.agreed is not None else anchor


def _next(place: _Place, calendar: WorkingCalendar) -> Owed:
    clock, previous, agreed = place.clock, place.previous, place.agreed
    due = counted_to = _due(place, calendar)
    if due is not None and place.rule.weekend is Weekend.NEXT_WORKING_DAY and not calendar.is_working_day(due.on):
        due = Moment(calendar.days_after(due.on, 1)[0])
    position = previous.position if previous else clock.shaped_by
    shown_on = _shown_on(clock, previous)
    return Owed(
        ordinal=previous.ordinal + 1 if previous else 1,
        step=place.step,
        calendar=calendar,
        anchor=place.anchor,
        within=agreed.interval if agreed else place.step.within,
        agreed=agreed,
        due=due,
        counted_to=counted_to,
        previous=previous,
        position=max(position, agreed.position) if agreed else position,
        shown_on=max(shown_on, agreed.recorded_on) if agreed else shown_on,
    )


def _anchor(step: Step, clock: ReviewClock, previous: Owed | None) -> Moment:
    """Return what the review of ``step`` is counted from: the one before it counts as of its due day if not held."""
    if previous is None or not step.from_previous:
        return clock.started
    if step.counted_from is not CountedFrom.PREVIOUS_DUE and previous.held is not None:
        return previous.held.held
    return previous.due or clock.started


def _due(place: _Place, calendar: WorkingCalendar) -> Moment | None:
    step, clock, anchor = place.step, place.clock, place.anchor
    if step.on_day is not None:
        return day_told(clock.data, step.on_day) if clock.data is not None else None
    if step.each_calendar_year:
        return Moment(date(anchor.on.year + 1, 12, 31))
    if place.agreed is not None:
        agreed = place.agreed.due_after(anchor, calendar)
        latest = step.maximum.after(_anchor(step, clock, place.previous), calendar) if step.maximum else agreed
        return min(agreed, latest, key=lambda moment: moment.on)
    within = step.within or step.maximum
    return within.ending(anchor, calendar, step.counting) if within else None


def _shown_on(clock: ReviewClock, previous: Owed | None) -> date:
    if previous is None:
        return clock.recorded_on
    return max(previous.shown_on, previous.held.recorded_on) if previous.held else previous.shown_on


def book(sequences: Sequence[tuple[Rule, ReviewClock, list[Owed]]], bookings: Iterable[Booking]) -> None:
    """Attach each booking, in order of its day, to the earliest open review it could satisfy.

    A cancelled booking takes no review, but the one it would have taken was shaped by it.
    """
    still_open = [sequence for sequence in sequences if sequence[1].closing is None]
    for booking in bookings:
        owed = next((owed for sequence in still_open for owed in _bookable(*sequence, booking)), None)
        if owed is None:
            continue
        owed.position = max(owed.position, booking.position)
        owed.adjourned_on = booking.adjourned_on or owed.adjourned_on
        if not booking.cancelled:
            owed.booking = booking


def _bookable(rule: Rule, clock: ReviewClock, chained: Iterable[Owed], booking: Booking) -> Iterator[Owed]:
    """Yield the first open review that has no booking, if this one is for a later day than those before it.

    A booking whose day had gone by, without the meeting, when this one was made is none any more.
    """
    if booking.kind not in rule.satisfied_by or not clock.admits(booking.booked_for):
        return
    for owed in chained:
        if owed.held is not None:
            taken = owed.held.held
        elif owed.booking is not None and booking.made_on <= owed.booking.booked_for.on:
            taken = owed.booking.booked_for
        else:
            yield owed
            return
        if booking.booked_for.on <= taken.on:
            return
