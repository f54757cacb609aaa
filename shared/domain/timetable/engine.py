"""From one child's facts to the reviews owed: the public face of the timetable.

::

    project_reviews(child_id: str, facts: Sequence[Fact], timetable: Timetable) -> tuple[Review, ...]
    adopted_timetable(authority_facts: Sequence[Fact], *, packs: Iterable[Pack],
                      calendars: Mapping[str, CouncilCalendar]) -> Timetable

Packs come from :func:`shared.policies.loader.known_packs`, calendars from
:func:`shared.policies.calendars.calendars` by way of
:class:`shared.domain.timetable.council_calendars.CouncilCalendars`, both at once from
:func:`shared.policies.timetables.council_timetable`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta

from shared.domain.catalogue.agreements import ReviewFrequencyAgreed
from shared.domain.catalogue.child import ChildAccommodated, EpisodeEnded, HomeEnded, HomeStarted
from shared.domain.catalogue.meeting import MeetingHeld
from shared.domain.history import Fact, in_order
from shared.domain.ids import derived_id
from shared.domain.timetable.adopted import AdoptedPack, Timetable, UnknownAdoptedPack, adopted_timetable
from shared.domain.timetable.agreements import agreements
from shared.domain.timetable.chain import Owed, book, chain
from shared.domain.timetable.clocks import ReviewClock, clocks
from shared.domain.timetable.event_clocks import stopped
from shared.domain.timetable.explain import explanation
from shared.domain.timetable.intervals import Unit
from shared.domain.timetable.patterns import any_matches
from shared.domain.timetable.record import ChildRecord, Meeting, Occasion, child_record, occasion
from shared.domain.timetable.reviews import Certainty, Outcome, Review
from shared.domain.timetable.runs import Run, event_runs, runs

__all__ = [
    "SHAPING",
    "AdoptedPack",
    "ReviewKey",
    "Timetable",
    "UnknownAdoptedPack",
    "adopted_timetable",
    "project_reviews",
    "reviews_by_key",
]

_ONE_DAY = timedelta(days=1)

#: Names a review among those of one child: pack, key of the rule, identity of the clock, ordinal.
ReviewKey = tuple[str, str, str, int]

#: The facts that decide which reviews there are; others only change how those are told.
SHAPING = (ChildAccommodated, EpisodeEnded, HomeStarted, HomeEnded, MeetingHeld, ReviewFrequencyAgreed)


def project_reviews(child_id: str, facts: Sequence[Fact], timetable: Timetable) -> tuple[Review, ...]:
    """Return every review that ``facts`` and ``timetable`` make owed, in order of due date.

    ``facts`` are those of the child's stream as :func:`shared.domain.history.facts` gives
    them, in any order.  The result depends on nothing else, not on today's date: open
    reviews are projected until one falls due at least 24 months after the last firm
    anchor.  Reviews without a due date come last.
    """
    return tuple(sorted(reviews_by_key(child_id, facts, timetable).values(), key=_by_due_date))


def reviews_by_key(child_id: str, facts: Sequence[Fact], timetable: Timetable) -> dict[ReviewKey, Review]:
    """Return what :func:`project_reviews` does, by key."""
    ordered = in_order(facts)
    record = child_record(ordered)

    found: dict[ReviewKey, Review] = {}
    for sequence in _sequences(ordered, record, timetable):
        chains = _chains(sequence, ordered, record, timetable)
        book([(run.rule, run.clock, owed) for run, owed in chains], record.bookings)
        for key, run, owed in _owed(chains):
            found[key] = _review(child_id, key, run, owed, record=record)
    return found


def _sequences(ordered: Sequence[Fact], record: ChildRecord, timetable: Timetable) -> Iterator[Sequence[Run]]:
    yield from runs(clocks(record), timetable)
    yield from event_runs(ordered, record, timetable)


def _by_due_date(review: Review) -> tuple[date, str, int, str]:
    return (review.due_on or date.max, review.kind, review.ordinal, str(review.review_id))


def _owed(chains: Iterable[tuple[Run, Sequence[Owed]]]) -> Iterator[tuple[ReviewKey, Run, Owed]]:
    """Yield what is owed by one key of one pack, over all clocks its rules judge."""
    for run, chained in chains:
        for owed in chained[run.rule.owed_from - 1 :]:
            # Of a time without a home that has since been filled, only what fell due in it remains.
            if not (run.clock.provisional and _outcome(run.clock, owed) is Outcome.WITHDRAWN):
                yield (run.adopted.pack.pack, run.rule.key, run.clock.identity, owed.ordinal), run, owed


def _chains(
    sequence: Sequence[Run], ordered: Sequence[Fact], record: ChildRecord, timetable: Timetable
) -> list[tuple[Run, list[Owed]]]:
    """Count each run's reviews; a meeting satisfies one run, and a recorded home before none recorded."""
    taken: set[str] = set()
    found = []
    for running in sorted(sequence, key=lambda each: each.clock.provisional):
        run = replace(running, clock=stopped(running.clock, running.rule.ends, ordered))
        occasions = [each for each in _occasions(run, ordered, record) if each.identity not in taken]
        agreed = agreements(run.rule, run.clock, ordered)
        owed = chain(run.rule, run.clock, timetable.calendar_of(run.rule), _one_a_day(occasions), agreed)
        days = {each.held.held.on for each in owed if each.held}
        taken.update(each.identity for each in occasions if each.held.on in days)
        found.append((run, owed))
    return found


def _occasions(run: Run, ordered: Sequence[Fact], record: ChildRecord) -> list[Occasion]:
    """Return what may satisfy a run's rule while its clock runs, in order of occurrence."""
    rule, clock = run.rule, run.clock
    during = record.meetings_between(clock.started.on, clock.closing.at.on if clock.closing else None)
    found: list[Occasion] = [each for each in during if each.kind in rule.satisfied_by]
    if rule.satisfied_by_events:
        others = (fact for fact in ordered if fact.latest_position != clock.position)
        told = (fact for fact in others if any_matches(rule.satisfied_by_events, fact, clock.data))
        found = sorted([*found, *map(occasion, told)], key=lambda each: each.held.on)
    return [each for each in found if clock.admits(each.held)]


def _one_a_day(occasions: Sequence[Occasion]) -> list[Occasion]:
    """Keep one meeting of each day: a second cannot already be the review that follows the first.

    Nor can one meeting be two reviews of a sequence, though it is told as of two kinds and days.
    """
    once = {each.identity: each for each in reversed(occasions)}
    days = {each.held.on: each for each in once.values()}
    return [days[day] for day in sorted(days)]


def _review(child_id: str, key: ReviewKey, run: Run, owed: Owed, *, record: ChildRecord) -> Review:
    clock, due, held, booking = run.clock, owed.due, owed.held, owed.booking
    outcome = _outcome(clock, owed)
    closing = clock.closing if outcome in (Outcome.MISSED, Outcome.WITHDRAWN) else None
    shaped_by = (
        owed.position,
        run.adopted.position,
        _days_position(owed),
        closing and closing.position,
        record.team and record.team.position,
    )
    return Review(
        review_id=derived_id(child_id, *key),
        child_id=child_id,
        episode_id=clock.episode_id,
        team=record.team.code if record.team else None,
        kind=run.rule.key,
        title=owed.step.title,
        ordinal=owed.ordinal,
        due_on=due.on if due else None,
        due_at=due.at if due else None,
        last_working_day_on=_last_working_day(owed),
        certainty=_certainty(clock, owed),
        outcome=outcome,
        held_on=held.held.on if held else None,
        held_meeting_id=held.identity if isinstance(held, Meeting) else None,
        recorded_on=held.recorded_on if held else None,
        shown_on=owed.shown_on,
        closed_on=closing.at.on if closing else None,
        closed_because=closing.because if closing else None,
        booked_on=booking.booked_for.on if booking else None,
        booked_meeting_id=booking.meeting_id if booking else None,
        position=max(position or 0 for position in shaped_by),
        explanation=explanation(run.adopted.pack, run.rule, clock, owed, owed.calendar),
        what=run.rule.what,
        roles=tuple(sorted(run.rule.roles)),
    )


def _certainty(clock: ReviewClock, owed: Owed) -> Certainty:
    return Certainty.PROVISIONAL if clock.provisional or owed.rests_on_projection else Certainty.FIRM


def _outcome(clock: ReviewClock, owed: Owed) -> Outcome:
    if owed.held is not None:
        return Outcome.HELD
    if clock.closing is None:
        return Outcome.OPEN
    due_passed = owed.due is not None and owed.due.on < clock.closing.at.on
    return Outcome.MISSED if due_passed else Outcome.WITHDRAWN


def _last_working_day(owed: Owed) -> date | None:
    """Return the last working day on or before the due day, None if it would lie before the anchor."""
    if owed.due is None:
        return None
    last = owed.calendar.last_on_or_before(owed.due.on)
    return last if last >= owed.anchor.on else None


def _days_position(owed: Owed) -> int:
    """Return the position of the council's latest decision about a day that was counted or left out; 0 if none."""
    if owed.due is None or owed.within is None:
        return 0
    calendar, last_on = owed.calendar, owed.due.on
    counts_days = owed.within.unit is Unit.WORKING_DAYS
    first_on = owed.anchor.on + _ONE_DAY if counts_days else calendar.last_on_or_before(last_on)
    decided = [each.position for each in calendar.decided_between(first_on, last_on)]
    return max([*decided, calendar.follows.position if calendar.follows else 0])
