"""What changed of a review and why, in sentences that can be read aloud."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from datetime import date, timedelta

from shared.domain.timetable.causes import Aspect, Cause, CauseKind
from shared.domain.timetable.reviews import Certainty, Outcome, Review
from shared.domain.timetable.wording import date_words

_HELD_BEFORE = "the review before it was held on {day}"
_NO_HOME_CLOSED = "This review was counted because no home was recorded."
_TAKEN_OVER = "A home is now recorded: the review of that home takes its place."
_STOOD = "It stood overdue from {first} to {last}."

_Part = Callable[[Review, Review], str]


def sentence(before: Review | None, after: Review, changed: AbstractSet[Aspect], cause: Cause) -> str:
    """Say what changed because of ``cause``; ``before`` is None where nothing was on the record."""
    if before is None or Aspect.APPEARED in changed:
        what = [_appeared(after)]
        if Aspect.REPLACED in changed:
            what.append("takes the place of the review that was counted while no home was recorded")
    else:
        what = [say(before, after) for aspect, say in _PARTS.items() if aspect in changed - _implied(after, changed)]
    said = "; ".join(what)
    return f"{said[:1].upper()}{said[1:]}, {_because(before, after, changed, cause)}."


def _implied(after: Review, changed: AbstractSet[Aspect]) -> frozenset[Aspect]:
    """Return what goes without saying beside the rest."""
    implied = set()
    if Aspect.DUE_ON in changed and after.certainty is Certainty.FIRM:
        implied |= {Aspect.CERTAINTY, Aspect.ANCHOR}
    if changed & {Aspect.DUE_ON, Aspect.CERTAINTY, Aspect.OUTCOME}:
        implied.add(Aspect.ANCHOR)
    if Aspect.OUTCOME in changed and after.outcome is not Outcome.OPEN:
        implied |= {Aspect.BOOKING, Aspect.CERTAINTY}
    return frozenset(implied)


def gone_because(cause: Cause, *, replaced: bool, overdue: tuple[date, date] | None) -> str:
    """Say why a review is not owed any more because of ``cause``, and how long it stood overdue until then."""
    if replaced:
        sentences = [_NO_HOME_CLOSED, *_stood(overdue), _TAKEN_OVER]
    else:
        sentences = [f"The record no longer makes this review owed: {_see(cause)}.", *_stood(overdue)]
    return " ".join(sentences)


def _stood(overdue: tuple[date, date] | None) -> list[str]:
    if overdue is None:
        return []
    first, last = overdue
    return [_STOOD.format(first=date_words(first), last=date_words(last))]


def _see(cause: Cause) -> str:
    if cause.kind is CauseKind.EVENT:
        return f"see the event at position {cause.position}"
    if cause.kind is CauseKind.DAY:
        return f"a fact that was recorded ahead counts from {date_words(cause.on)}"
    return "the rules at hand are other ones"


def _appeared(after: Review) -> str:
    if after.outcome is Outcome.HELD and after.held_on is not None:
        return f"recorded as held on {date_words(after.held_on)}"
    if after.outcome is Outcome.MISSED:
        return "recorded as missed"
    if after.due_on is None:
        return "owed, without a day: its frequency is to be agreed"
    provisionally = "provisionally " if after.certainty is Certainty.PROVISIONAL else ""
    return f"owed {provisionally}by {date_words(after.due_on)}"


def _outcome(before: Review, after: Review) -> str:
    if after.outcome is Outcome.HELD and after.held_on is not None:
        return f"held on {date_words(after.held_on)}"
    if after.outcome is Outcome.OPEN:
        return "not held after all" if before.outcome is Outcome.HELD else "owed again"
    return "missed: it can no longer be held" if after.outcome is Outcome.MISSED else "no longer owed"


def _due(before: Review, after: Review) -> str:
    if before.due_on is None or after.due_on is None:
        return f"due on {date_words(after.due_on)}" if after.due_on else "without a day"
    if before.due_on == after.due_on:
        return f"the hour on {date_words(after.due_on)} changed"
    former = date_words(before.due_on)
    if before.due_on.year == after.due_on.year:
        former = former.removesuffix(f" {before.due_on.year}")
    return f"moved from {former} to {date_words(after.due_on)}"


def _certainty(_: Review, after: Review) -> str:
    return "became firm" if after.certainty is Certainty.FIRM else "became provisional"


def _booking(before: Review, after: Review) -> str:
    if after.booked_on is None:
        return "not booked any more"
    again = "booked again" if before.booked_on is not None else "booked"
    return f"{again} for {date_words(after.booked_on)}"


_PARTS: dict[Aspect, _Part] = {
    Aspect.OUTCOME: _outcome,
    Aspect.DUE_ON: _due,
    Aspect.CERTAINTY: _certainty,
    Aspect.BOOKING: _booking,
    Aspect.TEAM: lambda _, after: f"now with the team {after.team}" if after.team else "without a team",
    Aspect.RULE: lambda _, after: f"judged by edition {after.explanation.pack_edition}",
    Aspect.ANCHOR: lambda _, after: f"counted from {date_words(after.explanation.anchor.occurred_on)}",
    Aspect.REPLACED: lambda _, __: "the review of the home that is now recorded takes its place",
}


def _because(before: Review | None, after: Review, changed: AbstractSet[Aspect], cause: Cause) -> str:
    if cause.kind is CauseKind.DAY:
        return f"because a fact that was recorded ahead counts from {date_words(cause.on)}"
    if cause.kind is CauseKind.EDITION:
        return "because the rules at hand are other ones"
    named = f"({cause.type}, position {cause.position})"
    anchor = after.explanation.anchor
    counted = before is None or before.explanation.anchor != anchor
    if counted and Aspect.DUE_ON in changed and anchor.event_type == "meeting.held":
        return f"because {_HELD_BEFORE.format(day=_day_and_month(anchor.occurred_on, after.due_on))} {named}"
    return f"because of what was recorded {named}"


def _day_and_month(day: date, beside: date | None) -> str:
    said = date_words(day)
    return said.removesuffix(f" {day.year}") if beside is not None and beside.year == day.year else said


def days_overdue(review: Review, on: date) -> tuple[date, date] | None:
    """Return from and until which day the record showed ``review`` as overdue, on ``on``; None if it did not.

    One that is counted from a review not held yet is never overdue itself.
    """
    if review.due_on is None or review.rests_on_projection:
        return None
    until = on if review.outcome is Outcome.OPEN else review.closed_on if review.outcome is Outcome.MISSED else None
    since = max(review.due_on + timedelta(days=1), review.shown_on or review.due_on)
    return (since, until) if until is not None and since <= until else None
