"""The council's own plan of reviews: a simple reading of SSI 2009/210 regulation 45.

Within 6 weeks of the home's start, within 3 months of that review, then within 6 months
of the previous one (3 months from the change of practice on), each counted from the day
the previous review was held.  A new home starts anew.  The timetable engine is checked
against what comes out here, so nothing of it is used.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from services.demonstration import calibration
from services.demonstration.chance import Chance
from services.demonstration.days import Span, months_after, working_day_from, working_day_until
from services.demonstration.homes import Stay
from services.demonstration.road import Wanted
from shared.domain.catalogue.child import HomeKind

#: A review wanted up to this many days after another is taken at that one instead.
_NEAR = timedelta(days=5)
_SECOND = 2
#: About this share of reviews is brought forward, never late: the others are late the more often.
_BROUGHT_FORWARD = 0.2
#: A review follows the previous meeting, or the start of the home, after this many days at least.
_SOONEST = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedReview:
    """One review of one home: when it was owed, and when it was or will be held.

    ``booked_for`` is the first day it was booked for, ``booked_on`` when that was done
    (None if it never was).  ``held_on`` is None for a review that was left out or that the
    end of the home overtook; ``called_off_on`` is then the day its booking fell away.
    ``reasons`` are the wishes of the road that this review serves.
    """

    ordinal: int
    due_on: date
    booked_on: date | None
    booked_for: date
    held_on: date | None
    called_off_on: date | None = None
    left_out: bool = False
    brought_forward: bool = False
    reasons: tuple[Wanted, ...] = ()


@dataclass(frozen=True, slots=True)
class _Slot:
    """A review to be planned: which of the home's, counted from when, owed by when."""

    ordinal: int
    anchor: date
    due_on: date


def plan_reviews(stay: Stay, wanted: deque[Wanted], span: Span, chance: Chance) -> Iterator[PlannedReview]:
    """Plan the reviews of one home, taking from ``wanted`` (in order) those it serves.

    A child at home with parents is reviewed at an agreed frequency (regulation 44), which
    the council does not plan here.
    """
    if stay.kind is HomeKind.PARENTS:
        return
    anchor, ordinal = stay.started_on, 1
    while anchor <= span.horizon_on:
        due_on = _due_on(anchor, ordinal, span)
        slot = _Slot(ordinal, anchor, due_on)
        review = _planned(slot, stay, wanted, chance)
        yield review
        if review.held_on is None:
            return
        anchor, ordinal = review.held_on, ordinal + 1


def _due_on(anchor: date, ordinal: int, span: Span) -> date:
    if ordinal == 1:
        return anchor + timedelta(weeks=6)
    if ordinal == _SECOND or anchor >= span.changed_on:
        return months_after(anchor, 3)
    return months_after(anchor, 6)


def _planned(slot: _Slot, stay: Stay, wanted: deque[Wanted], chance: Chance) -> PlannedReview:
    target_on, left_out = _target(slot, chance)
    reasons = _take(wanted, target_on, stay)
    forward_on = max(reasons[0].on, slot.anchor + timedelta(days=1)) if reasons else target_on
    forward = forward_on < target_on
    if forward:
        target_on, left_out = forward_on, left_out and forward_on > slot.due_on
    booked_on, booked_for = _booking(slot, target_on, chance, left_out=left_out)
    overtaken = stay.ended_on is not None and target_on >= stay.ended_on
    if overtaken:
        wanted.extendleft(reversed(reasons))
    return PlannedReview(
        ordinal=slot.ordinal,
        due_on=slot.due_on,
        booked_on=None if booked_on is None or _gone(booked_on, stay) else booked_on,
        booked_for=booked_for,
        held_on=None if overtaken else target_on,
        called_off_on=stay.ended_on if overtaken else None,
        left_out=left_out,
        brought_forward=forward,
        reasons=() if overtaken else reasons,
    )


def _target(slot: _Slot, chance: Chance) -> tuple[date, bool]:
    """Draw the day on which the review is held, and whether it was left out in its time."""
    due_on = slot.due_on
    draw = chance.fraction() * (1 - _BROUGHT_FORWARD)
    if draw < calibration.REVIEWS_NEVER_HELD.value:
        return _late(due_on, chance.days(calibration.NEXT_AFTER_NEVER_HELD_DAYS.value)), True
    if draw < 1 - calibration.REVIEWS_ON_TIME.value:
        return _late(due_on, chance.days(calibration.REVIEWS_LATE_DAYS.value)), False
    early = chance.leaning(0, 14 if slot.ordinal == 1 else 24)
    return max(working_day_until(due_on - timedelta(days=early)), working_day_from(slot.anchor + _SOONEST)), False


def _late(due_on: date, days: int) -> date:
    late_on = working_day_until(due_on + timedelta(days=days))
    return late_on if late_on > due_on else working_day_from(due_on + timedelta(days=1))


def _take(wanted: deque[Wanted], target_on: date, stay: Stay) -> tuple[Wanted, ...]:
    """Take the wishes that the next meeting serves: the first one, and any close behind it."""
    if not wanted or wanted[0].on > target_on + _NEAR:
        return ()
    if stay.ended_on is not None and wanted[0].on >= stay.ended_on:
        return ()
    meets_on = min(wanted[0].on, target_on)
    taken = []
    while wanted and wanted[0].on <= meets_on + _NEAR:
        taken.append(wanted.popleft())
    return tuple(taken)


def _booking(slot: _Slot, target_on: date, chance: Chance, *, left_out: bool) -> tuple[date | None, date]:
    """Draw when the review was booked, and for which day at first."""
    anchor, due_on = slot.anchor, slot.due_on
    first_for = target_on
    if left_out or (target_on > due_on and chance.happens(0.7)):
        first_for = working_day_until(due_on - timedelta(days=chance.within(0, 6)))
    elif chance.happens(calibration.MEETINGS_MOVED.value):
        first_for = working_day_until(target_on - timedelta(days=chance.within(2, 9)))
    booked_on = working_day_until(max(anchor + timedelta(days=1), first_for - timedelta(days=chance.within(21, 70))))
    booked_on = max(booked_on, anchor)
    if booked_on >= first_for or not chance.happens(calibration.MEETINGS_BOOKED.value):
        return None, target_on
    return booked_on, first_for


def _gone(day: date, stay: Stay) -> bool:
    return stay.ended_on is not None and day >= stay.ended_on
