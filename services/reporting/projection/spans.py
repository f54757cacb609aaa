"""Which fact belongs to which episode of care.

An episode spans the days from accommodation to its recorded end, both included, and is
open without one.  A fact belongs to the episode whose span holds its day; where two do,
to the one that began later.  A fact in no span is kept with the reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import pairwise

from services.reporting.model import Entry, OutsideReason
from shared.domain.catalogue.child import ChildAccommodated, ChildRegistered, ChildTeamAssigned, EpisodeEnded
from shared.domain.history import Fact

_NO_INSTANT = datetime(9999, 12, 31, tzinfo=UTC)


@dataclass(slots=True)
class Span:
    """One episode of care with the facts in it, in the order in which they are told.

    ``overtaken_on``: the day a later episode began while this one had no recorded end.
    """

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
    _begin(placed, told)
    _end(placed, told)
    _overtake(placed.spans)
    taken = {_identity(fact) for fact, _ in placed.outside}
    for fact in told:
        if _identity(fact) not in taken:
            _place(placed, fact)
    return placed


def _begin(placed: Placed, told: Sequence[Fact]) -> None:
    begun: set[str] = set()
    for fact in told:
        if not isinstance(fact.data, ChildAccommodated):
            continue
        if fact.data.episode_id in begun:
            placed.outside.append((fact, OutsideReason.EPISODE_ALREADY_BEGUN))
            continue
        begun.add(fact.data.episode_id)
        placed.spans.append(Span(fact, fact.data))


def _end(placed: Placed, told: Sequence[Fact]) -> None:
    spans = {span.accommodated.episode_id: span for span in placed.spans}
    for fact in told:
        if not isinstance(fact.data, EpisodeEnded):
            continue
        span = spans.get(fact.data.episode_id)
        reason = _cannot_end(span, fact)
        if reason is not None:
            placed.outside.append((fact, reason))
        elif span is not None:
            span.ended = fact


def _cannot_end(span: Span | None, fact: Fact) -> OutsideReason | None:
    if span is None:
        return OutsideReason.EPISODE_NOT_KNOWN
    if fact.occurred_on < span.accommodated_on:
        return OutsideReason.ENDED_BEFORE_IT_BEGAN
    return OutsideReason.EPISODE_ALREADY_ENDED if span.ended is not None else None


def _overtake(spans: Sequence[Span]) -> None:
    for span, later in pairwise(spans):
        if span.ended is None:
            span.overtaken_on = later.accommodated_on


def _place(placed: Placed, fact: Fact) -> None:
    if isinstance(fact.data, (ChildRegistered, ChildTeamAssigned)):
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
        named = fact.data.episode_id
        return next(span for span in spans if span.accommodated.episode_id == named)
    return next((span for span in reversed(spans) if span.holds(fact.occurred_on)), None)


def _outside_reason(spans: Sequence[Span], day: date) -> OutsideReason:
    if not spans:
        return OutsideReason.NO_EPISODE
    if day < spans[0].accommodated_on:
        return OutsideReason.BEFORE_FIRST_EPISODE
    if day > max(span.accommodated_on for span in spans):
        return OutsideReason.AFTER_LAST_EPISODE
    return OutsideReason.BETWEEN_EPISODES
