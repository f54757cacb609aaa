"""Which fact belongs to which episode of care.

An episode spans the days from accommodation to its recorded end, both included, and is
open without one.  A fact belongs to the episode whose span holds its day; where two do,
to the one that began later.  A fact in no span is kept with the reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import pairwise

from services.reporting.model import Entry, OutsideReason
from shared.domain.catalogue.child import (
    CaseTransferred,
    ChildAccommodated,
    ChildBecameLookedAfter,
    ChildRegistered,
    ChildTeamAssigned,
    EpisodeEnded,
)
from shared.domain.history import Fact

#: Said of the child rather than of one time in care.
_ABOUT_CHILD = (ChildRegistered, ChildTeamAssigned, ChildBecameLookedAfter, CaseTransferred)
_NO_INSTANT = datetime(9999, 12, 31, tzinfo=UTC)


@dataclass(slots=True)
class Span:
    """One episode of care with the facts in it, in the order in which they are told.

    ``identity`` is the recorded episode id, with a number from the second time on (``e1#2``):
    an id that is used again after its end is another episode, as for the scheduler.
    ``overtaken_on``: the day a later episode began while this one had no recorded end.
    """

    identity: str
    begun: Fact
    accommodated: ChildAccommodated
    ended: Fact | None = None
    overtaken_on: date | None = None
    facts: list[Fact] = field(default_factory=list)

    @property
    def accommodated_on(self) -> date:
        """The first day."""
        return self.begun.occurred_on

    def holds(self, day: date) -> bool:
        """Tell whether ``day`` lies in the span."""
        return self.accommodated_on <= day and (self.ended is None or day <= self.ended.occurred_on)


@dataclass(slots=True)
class Placed:
    """Every fact of a child in its place."""

    spans: list[Span]
    about_child: list[Fact]
    outside: list[tuple[Fact, OutsideReason]]


def entry(fact: Fact) -> Entry:
    """Return the timeline's line for a fact."""
    return Entry(
        occurred_on=fact.occurred_on,
        type=fact.type,
        position=fact.position,
        source=fact.source,
        event_id=fact.event_id,
        recorded_at=fact.recorded_at,
        amended_position=fact.amended_position,
    )


def in_told_order(facts: Iterable[Fact]) -> list[Fact]:
    """Sort facts by day, then beginnings first and ends last, then by instant where one is known.

    What is still equal is sorted by its own identity, not by log position: the same facts
    must tell the same story in whatever order they arrived.
    """

    def key(fact: Fact) -> tuple[date, int, datetime, str, str]:
        rank = 0 if isinstance(fact.data, ChildAccommodated) else 2 if isinstance(fact.data, EpisodeEnded) else 1
        return fact.occurred_on, rank, fact.data.occurred_at or _NO_INSTANT, *_identity(fact)

    return sorted(facts, key=key)


def _identity(fact: Fact) -> tuple[str, str]:
    return fact.source, fact.event_id


def attribute(told: Sequence[Fact]) -> Placed:
    """Put every fact, given in told order, in its place."""
    placed = Placed(spans=[], about_child=[], outside=[])
    _pair(placed, told)
    _overtake(placed.spans)
    taken = {_identity(fact) for fact, _ in placed.outside}
    for fact in told:
        if _identity(fact) not in taken:
            _place(placed, fact)
    return placed


def _pair(placed: Placed, told: Sequence[Fact]) -> None:
    """Tell beginnings and ends in turn: the id of an episode may be used again once it is over."""
    ends = {_ending(fact): fact for fact in reversed(told) if isinstance(fact.data, EpisodeEnded)}
    strays: list[Fact] = []
    for fact in told:
        if isinstance(fact.data, ChildAccommodated):
            _begin(placed, fact, fact.data, ends)
        elif isinstance(fact.data, EpisodeEnded) and not _end(placed.spans, fact, fact.data):
            strays.append(fact)
    placed.outside += [(fact, _cannot_end(placed.spans, fact)) for fact in strays]


def _ending(fact: Fact) -> tuple[str, date]:
    return _episode_named(fact), fact.occurred_on


def _episode_named(fact: Fact) -> str:
    return fact.data.episode_id if isinstance(fact.data, (ChildAccommodated, EpisodeEnded)) else ""


def _named(spans: Iterable[Span], episode_id: str) -> list[Span]:
    return [span for span in spans if span.accommodated.episode_id == episode_id]


def _begin(placed: Placed, fact: Fact, data: ChildAccommodated, ends: Mapping[tuple[str, date], Fact]) -> None:
    same = _named(placed.spans, data.episode_id)
    if same and _runs(same[-1], placed.spans):
        end = ends.get((data.episode_id, fact.occurred_on))
        if end is None or same[-1].accommodated_on == fact.occurred_on:
            placed.outside.append((fact, OutsideReason.EPISODE_ALREADY_BEGUN))
            return
        # Beginnings are told before ends, but here the episode that runs ends and another begins that day.
        same[-1].ended = end
    identity = f"{data.episode_id}#{len(same) + 1}" if same else data.episode_id
    placed.spans.append(Span(identity, fact, data))


def _runs(span: Span, spans: Sequence[Span]) -> bool:
    # An episode without an end that a later one has overtaken is over when the later one is.
    return span.ended is None and (span is spans[-1] or spans[-1].ended is None)


def _end(spans: Iterable[Span], fact: Fact, data: EpisodeEnded) -> bool:
    """Tell whether the fact ends an episode, or has done so already."""
    same = _named(spans, data.episode_id)
    if any(span.ended is fact for span in same):
        return True
    if not same or same[-1].ended is not None or _told_again(same, fact):
        return False
    same[-1].ended = fact
    return True


def _told_again(same: Sequence[Span], end: Fact) -> bool:
    # The end of an episode that began again that day, told twice, must not end the new one unseen.
    before = [span.ended.occurred_on for span in same[:-1] if span.ended is not None]
    return end.occurred_on in before and same[-1].accommodated_on == end.occurred_on


def _cannot_end(spans: Iterable[Span], end: Fact) -> OutsideReason:
    same = _named(spans, _episode_named(end))
    if not same:
        return OutsideReason.EPISODE_NOT_KNOWN
    if end.occurred_on < same[0].accommodated_on:
        return OutsideReason.ENDED_BEFORE_IT_BEGAN
    return OutsideReason.EPISODE_ALREADY_ENDED


def _overtake(spans: Sequence[Span]) -> None:
    for span, later in pairwise(spans):
        if span.ended is None:
            span.overtaken_on = later.accommodated_on


def _place(placed: Placed, fact: Fact) -> None:
    if isinstance(fact.data, _ABOUT_CHILD):
        placed.about_child.append(fact)
        return
    span = _span_of(placed.spans, fact)
    if span is None:
        placed.outside.append((fact, _outside_reason(placed.spans, fact.occurred_on)))
    else:
        span.facts.append(fact)


def _span_of(spans: Sequence[Span], fact: Fact) -> Span | None:
    # A beginning or an end names its episode; only the other facts are placed by their day.
    if isinstance(fact.data, (ChildAccommodated, EpisodeEnded)):
        return next(span for span in spans if span.begun is fact or span.ended is fact)
    return next((span for span in reversed(spans) if span.holds(fact.occurred_on)), None)


def _outside_reason(spans: Sequence[Span], day: date) -> OutsideReason:
    if not spans:
        return OutsideReason.NO_EPISODE
    if day < spans[0].accommodated_on:
        return OutsideReason.BEFORE_FIRST_EPISODE
    if day > max(span.accommodated_on for span in spans):
        return OutsideReason.AFTER_LAST_EPISODE
    return OutsideReason.BETWEEN_EPISODES
