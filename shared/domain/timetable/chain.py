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

from shared.domain.timetable.clocks import ReviewClock
from shared.domain.timetable.intervals import Moment, add_months
from shared.domain.timetable.record import Booking, Meeting
from shared.domain.timetable.rules import CountedFrom, Rule, Step
from shared.domain.timetable.working_days import CouncilCalendar, WorkingCalendar

#: Open reviews are projected until one falls due this long after the last firm anchor, or later.
HORIZON_MONTHS = 24


@dataclass(slots=True, kw_only=True)
class Owed:
    """One review of a sequence, before it becomes a ``Review``.

    ``due`` is None where a frequency must be agreed.  ``position`` is that of the latest
    fact that shaped this review, so far as the child's own meetings and bookings go.
    ``adjourned_on`` is the day of a meeting that was to be this review and was broken off.
    ``calendar`` is the one on which its working days are counted.
    """

    ordinal: int
    step: Step
    calendar: WorkingCalendar
    anchor: Moment
    due: Moment | None
    previous: Owed | None
    position: int
    held: Meeting | None = None
    booking: Booking | None = None
    adjourned_on: date | None = None

    @property
    def rests_on_projection(self) -> bool:
        """Whether the date is counted from a review that is not held yet."""
        counts = self.step.counted_from is CountedFrom.PREVIOUS_HELD
        return counts and self.previous is not None and self.previous.held is None


def chain(rule: Rule, clock: ReviewClock, calendar: CouncilCalendar, meetings: Iterable[Meeting]) -> list[Owed]:
    """Return the reviews of ``rule`` along ``clock``, satisfied in order by ``meetings``.

    ``meetings`` are those within the clock's run that can satisfy the rule, in order of
    occurrence, no two of a day.  On a closed clock a review counted from one never held was
    never owed itself, so the sequence ends before it.
    """
    waiting = iter(meetings)
    found: list[Owed] = []
    horizon = add_months(clock.started.on, HORIZON_MONTHS)
    previous: Owed | None = None
    while (step := rule.step(len(found) + 1)) is not None:
        held = next(waiting, None)
        owed = _next(step, clock, calendar.known_by(_decided_at(clock, held)), previous)
        if clock.closing is not None and owed.rests_on_projection:
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


def _decided_at(clock: ReviewClock, held: Meeting | None) -> int | None:
    """Return the position that settled a review, None while it is open."""
    if held is not None:
        return held.first_position
    return clock.closing.first_position if clock.closing else None


def _next(step: Step, clock: ReviewClock, calendar: WorkingCalendar, previous: Owed | None) -> Owed:
    anchor = clock.started
    if previous is not None and step.counted_from is CountedFrom.PREVIOUS_HELD:
        anchor = previous.held.held if previous.held else previous.due or anchor
    return Owed(
        ordinal=previous.ordinal + 1 if previous else 1,
        step=step,
        calendar=calendar,
        anchor=anchor,
        due=step.within.after(anchor, calendar) if step.within else None,
        previous=previous,
        position=previous.position if previous else clock.shaped_by,
    )


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
    """Yield the first open review without a booking, if this booking is later than those before it."""
    if booking.kind not in rule.satisfied_by or not clock.admits(booking.booked_for):
        return
    for owed in chained:
        taken = owed.held.held if owed.held else owed.booking.booked_for if owed.booking else None
        if taken is None:
            yield owed
            return
        if booking.booked_for.on <= taken.on:
            return
