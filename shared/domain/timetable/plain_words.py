"""The same as the explanation in a few short sentences, for whoever is told of the date and not of the law."""

from __future__ import annotations

from datetime import date

from shared.domain.timetable.chain import Owed
from shared.domain.timetable.clocks import ReviewClock
from shared.domain.timetable.intervals import Counting
from shared.domain.timetable.reviews import What
from shared.domain.timetable.rules import CountedFrom, Rule
from shared.domain.timetable.wording import date_words, instant_words, weekday_words

#: What has to be done by the day, by what is owed.
_MUST = {
    What.REVIEW: "This review must be held by",
    What.VISIT: "This visit must be made by",
    What.ASSESSMENT: "This assessment must be completed by",
    What.DIRECTION: "The direction for the child must be decided by",
    What.DECISION: "This decision must be made by",
    What.AGREEMENT: "This must be agreed by",
    What.NOTIFICATION: "This is due by",
    What.HEARING: "This hearing is on",
    What.EXPIRY: "This runs out on",
}
_NO_DAY = (
    "How often these reviews are held is for the child, the family and the council to agree. "
    "No agreement is recorded, so there is no date yet."
)
_NOT_VERIFIED = "Nobody has yet checked this rule against the law as it now stands."


def plainly(rule: Rule, clock: ReviewClock, owed: Owed) -> str:
    """Return what is owed by when and why, without citation or arithmetic; what was not verified is said to be so."""
    if owed.due is None:
        sentences = [_NO_DAY]
    else:
        by = instant_words(owed.due.at) if owed.due.at else _named(owed.due.on)
        sentences = [f"{_MUST[rule.what]} {by}{_because(clock, owed)}.", *_advice(rule, owed, owed.due.on)]
    if rule.verified_by is None:
        sentences.append(_NOT_VERIFIED)
    return " ".join(sentences)


def _named(day: date) -> str:
    return f"{weekday_words(day)} {date_words(day)}"


def _because(clock: ReviewClock, owed: Owed) -> str:
    step = owed.step
    if step.on_day is not None:
        return ", the day that is recorded for it"
    if step.each_calendar_year:
        return ": one is owed in each calendar year"
    within = owed.within or step.maximum
    if within is None:
        return ""
    if owed.agreed is not None:
        longest = f", and no more than {step.maximum.words} is allowed" if step.maximum else ""
        return f": one every {within.words} was agreed on {date_words(owed.agreed.on)}{longest}"
    how = "counting from" if step.counting is Counting.BEGINNING_WITH else "after"
    return f": {within.words} {how} {_since(clock, owed)}"


def _since(clock: ReviewClock, owed: Owed) -> str:
    previous, day = owed.previous, date_words(owed.anchor.on)
    if previous is None or not owed.step.from_previous:
        return f"{day}, {clock.description}"
    if owed.step.counted_from is CountedFrom.PREVIOUS_DUE:
        return f"{day}, the last day for the one before"
    if previous.held is not None:
        return f"the one before, on {day}"
    return f"the one before, if that is on its last day, {day}"


def _advice(rule: Rule, owed: Owed, due_on: date) -> list[str]:
    """Tell of a weekend, where the day by which something can be done is an earlier one."""
    if (
        owed.calendar.is_working_day(due_on)
        or rule.what in {What.EXPIRY, What.HEARING}
        or owed.due is None
        or owed.due.at
    ):
        return []
    last = owed.calendar.last_on_or_before(due_on)
    return [] if last < owed.anchor.on else [f"That is no working day, so plan it for {_named(last)} or before."]
