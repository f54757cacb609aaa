"""Why a review is due on its day, in sentences that a parent and a solicitor can both follow."""

from __future__ import annotations

from datetime import date

from shared.domain.timetable.chain import Owed
from shared.domain.timetable.clocks import ReviewClock
from shared.domain.timetable.intervals import Counting, Interval, Moment, Unit
from shared.domain.timetable.plain_words import plainly
from shared.domain.timetable.reviews import Anchor, Explanation, What
from shared.domain.timetable.rules import Condition, CountedFrom, Pack, Rule
from shared.domain.timetable.wording import date_words, instant_words, listed, weekday_words
from shared.domain.timetable.working_days import WorkingCalendar

_NOUNS = {
    What.REVIEW: "review",
    What.VISIT: "visit",
    What.ASSESSMENT: "assessment",
    What.DIRECTION: "direction",
    What.DECISION: "decision",
    What.AGREEMENT: "agreement",
    What.NOTIFICATION: "notification",
    What.HEARING: "hearing",
    What.EXPIRY: "day",
}
#: What was done when one of these is held; of the others, that it is recorded.
_DONE = {What.REVIEW: "held", What.HEARING: "held", What.VISIT: "made", What.DECISION: "made", What.AGREEMENT: "made"}
_COUNTED = "The first day is counted."
_NOT_COUNTED = "The day of the event itself is not counted."
_AGREED = "The frequency of these reviews must be agreed, and none is recorded: no date can be counted."
_AS_AGREED = "A review every {within} was agreed on {on}."
_MAXIMUM = "Every {within} was agreed on {on}; the rule allows no more than until {due}."
_HOUR_UNKNOWN = (
    "The hour of {anchor} is not recorded. The end of {due} is shown; counted from the hour itself, "
    "the time may have run out earlier that day."
)
_ADJOURNED = "The meeting of {day} was broken off before it was complete, so this review does not count as held."
_BOOKED_LATE = "A meeting is booked for {booked}. That is {days} after the last day for this review, {due}."
_HOLIDAYS_UNKNOWN = "Bank holidays are not known for {due}: only weekends were left out of the count."


def explanation(pack: Pack, rule: Rule, clock: ReviewClock, owed: Owed, calendar: WorkingCalendar) -> Explanation:
    """Tell which rule owes the review, from what its date is counted, and how."""
    return Explanation(
        rule=rule.key,
        rule_title=rule.title,
        pack=pack.pack,
        pack_edition=pack.edition,
        basis=rule.basis,
        citation=owed.step.citation,
        verified_by=rule.verified_by,
        verified_on=rule.verified_on,
        anchor=_anchor(rule, clock, owed),
        arithmetic=_arithmetic(rule, owed, calendar),
        notes=_notes(rule, clock, owed, calendar),
        plain=plainly(rule, clock, owed),
    )


def _anchor(rule: Rule, clock: ReviewClock, owed: Owed) -> Anchor:
    previous, noun = owed.previous, _NOUNS[rule.what]
    if owed.agreed is not None and owed.agreed.on == owed.anchor.on:
        return Anchor(
            description="the day the frequency was agreed",
            occurred_on=owed.agreed.on,
            event_type="review_frequency.agreed",
            position=owed.agreed.position,
        )
    if previous is None or not owed.step.from_previous:
        return Anchor(
            description=clock.description,
            occurred_on=clock.started.on,
            event_type=clock.event_type,
            position=clock.position,
        )
    if owed.step.counted_from is CountedFrom.PREVIOUS_DUE:
        return Anchor(
            description=f"the last day for the {noun} before this one, whenever that was",
            occurred_on=owed.anchor.on,
            event_type=clock.event_type,
            position=clock.position,
        )
    if previous.held is not None:
        return Anchor(
            description=f"the day the {noun} before this one was {_DONE.get(rule.what, 'recorded')}",
            occurred_on=previous.held.held.on,
            event_type=previous.held.event_type,
            position=previous.held.position,
        )
    missing = "no meeting" if rule.what is What.REVIEW else "nothing"
    return Anchor(
        description=f"the last day for the {noun} before this one, of which {missing} is recorded",
        occurred_on=owed.anchor.on,
    )


def _arithmetic(rule: Rule, owed: Owed, calendar: WorkingCalendar) -> str:
    if owed.due is None:
        return _AGREED
    sentences = [_counted(owed, owed.due, calendar)]
    if owed.rests_on_projection:
        done = f"is {_DONE.get(rule.what, 'recorded')} on its last day, {date_words(owed.anchor.on)}:"
        sentences.insert(0, f"If the {_NOUNS[rule.what]} before this one {done}")
    in_working_days = owed.within is not None and owed.within.unit is Unit.WORKING_DAYS
    if owed.due.at is None and not in_working_days:
        sentences.append(_working_day(rule, owed, owed.due, calendar))
    return " ".join(sentences)


def _counted(owed: Owed, due: Moment, calendar: WorkingCalendar) -> str:
    """Tell how the due day follows; where weekends move it on, the day before that is told."""
    step, last = owed.step, owed.counted_to or due
    if step.on_day is not None:
        return f"The record itself tells this day, {date_words(last.on)}."
    if step.each_calendar_year:
        return (
            f"Once in each calendar year: after {date_words(owed.anchor.on)} the next is owed by {date_words(last.on)}."
        )
    within = owed.within or step.maximum
    if within is None:
        return _AGREED
    if step.counting is Counting.BEGINNING_WITH and within.unit is not Unit.HOURS:
        counted = f"{within.words} beginning with {date_words(owed.anchor.on)} end on {date_words(last.on)}."
        return f"{counted} {_COUNTED}"
    if owed.agreed is not None and within.after(owed.anchor, calendar).on != last.on:
        return _MAXIMUM.format(within=within.words, on=date_words(owed.agreed.on), due=date_words(last.on))
    counted = _count(within, owed.anchor, last, calendar)
    if owed.agreed is not None:
        counted = f"{_AS_AGREED.format(within=within.words, on=date_words(owed.agreed.on))} {counted}"
    return counted if last.at is not None else f"{counted} {_NOT_COUNTED}"


def _count(within: Interval, anchor: Moment, due: Moment, calendar: WorkingCalendar) -> str:
    match within.unit:
        case Unit.HOURS:
            return _count_hours(within, anchor, due)
        case Unit.WORKING_DAYS:
            days = listed([date_words(day) for day in calendar.days_after(anchor.on, within.count)])
            counted = f"{within.words} from {date_words(anchor.on)} is {date_words(due.on)}"
            decided = _decided(calendar, anchor.on, due.on)
            return f"{counted}, counting {days}; {calendar.title} are left out.{decided}"
        case Unit.MONTHS if due.on.day != anchor.on.day:
            counted = f"{within.words} from {date_words(anchor.on)} is {date_words(due.on)}"
            return f"{counted}, the last day of a month that has no day {anchor.on.day}."
        case _:
            return f"{within.words} from {date_words(anchor.on)} is {date_words(due.on)}."


def _decided(calendar: WorkingCalendar, anchored_on: date, due_on: date) -> str:
    """Tell which days between the two are counted, or left out, because the council said so."""
    return "".join(
        f" The council {'works on' if each.worked else 'does not work on'} {date_words(each.day)}: "
        f"it decided so on {date_words(each.decided_on)}."
        for each in calendar.decided_between(anchored_on, due_on)
        if each.day > anchored_on
    )


def _count_hours(within: Interval, anchor: Moment, due: Moment) -> str:
    if anchor.at is None or due.at is None:
        return f"{within.words} from {date_words(anchor.on)} is taken as the end of {date_words(due.on)}."
    counted = f"{within.words} from {instant_words(anchor.at)} is {instant_words(due.at)}"
    return f"{counted}; hours run on through nights, weekends, holidays and a change of the clocks."


def _working_day(rule: Rule, owed: Owed, due: Moment, calendar: WorkingCalendar) -> str:
    anchor, counted = owed.anchor, owed.counted_to
    if counted is not None and counted.on != due.on:
        late = f"That is a {weekday_words(counted.on)}, not a working day: the next one is the last day for it"
        return f"{late}, {weekday_words(due.on)} {date_words(due.on)}."
    if calendar.is_working_day(due.on):
        return f"That is a {weekday_words(due.on)}, a working day."
    if rule.what in {What.EXPIRY, What.HEARING}:
        return f"That is a {weekday_words(due.on)}, not a working day."
    moved = f"That is a {weekday_words(due.on)}, not a working day, and the date does not move on to the next one"
    last = calendar.last_on_or_before(due.on)
    if last < anchor.on:
        return f"{moved}; there is no working day before it."
    return f"{moved}: the last working day for it is {weekday_words(last)} {date_words(last)}."


def _notes(rule: Rule, clock: ReviewClock, owed: Owed, calendar: WorkingCalendar) -> tuple[str, ...]:
    holds = _conditions(clock)
    written = (*owed.step.notes, *rule.notes)
    notes = [*clock.notes, *(note.text for note in written if note.when is None or note.when in holds)]
    if owed.adjourned_on is not None:
        notes.append(_ADJOURNED.format(day=date_words(owed.adjourned_on)))
    notes += _booked_late(owed)
    if owed.due is not None and owed.within is not None:
        due = date_words(owed.due.on)
        if owed.within.unit is Unit.HOURS and owed.due.at is None:
            notes.append(_HOUR_UNKNOWN.format(anchor=date_words(owed.anchor.on), due=due))
        if not calendar.covers(owed.due.on):
            notes.append(_HOLIDAYS_UNKNOWN.format(due=due))
    return tuple(notes)


def _booked_late(owed: Owed) -> list[str]:
    """Tell of a meeting that is booked too late, for as long as it can still be moved."""
    if owed.booking is None or owed.due is None:
        return []
    booked_on, due_on = owed.booking.booked_for.on, owed.due.on
    late = (booked_on - due_on).days
    days = "1 day" if late == 1 else f"{late} days"
    return [_BOOKED_LATE.format(booked=date_words(booked_on), days=days, due=date_words(due_on))] if late > 0 else []


def _conditions(clock: ReviewClock) -> frozenset[str]:
    traits = clock.traits
    if traits is None:
        return frozenset()
    said = (
        (traits.emergency, Condition.EMERGENCY),
        (traits.short_break_series, Condition.SHORT_BREAK_SERIES),
        (traits.kind is not None, traits.kind or ""),
    )
    return frozenset(name for applies, name in said if applies)
