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
    ``calendar`` is the one on which its working days are counted; ``shown_on`` the civil day on
    which the last of what it is counted from was recorded.
    """

    ordinal: int
    step: Step
    calendar: WorkingCalendar
    anchor: Moment
    due: Moment | None
    previous: Owed | None
    position: int
    shown_on: date
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
    settled: int | None = clock.decided_position
    while (step := rule.step(len(found) + 1)) is not None:
        held = next(waiting, None)
        settled = _settled_at(clock, held, settled)
        owed = _next(step, clock, calendar.known_by(settled), previous)
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


def _settled_at(clock: ReviewClock, held: Meeting | None, before: int | None) -> int | None:
    """Return the position at which a review was settled, None while it is open.

    ``before`` is that of what it is counted from, the clock or the review in front of it: until that was told there
    was no such review, whatever else was known.
    """
    end = held.decided_position if held is not None else clock.closing.decided_position if clock.closing else None
    return None if end is None or before is None else max(end, before)


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
        shown_on=_shown_on(clock, previous),
    )


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
