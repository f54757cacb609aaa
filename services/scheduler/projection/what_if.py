"""What a draft pack would change, child by child: pure, and over nothing but reviews projected twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from heapq import nsmallest

from shared.domain.history import Fact
from shared.domain.timetable.adopted import AdoptedPack, Timetable
from shared.domain.timetable.engine import project_reviews
from shared.domain.timetable.intervals import add_months
from shared.domain.timetable.reviews import Outcome, Review, Status, status
from shared.domain.timetable.rules import Pack

#: Months for which the load is told, the present one first.
LOAD_MONTHS = 12
#: Changes listed; all are counted.
MOST_LISTED = 500


@dataclass(frozen=True, slots=True)
class Draft:
    """A pack that a council might adopt, effective from a day."""

    pack: Pack
    adopt_on: date


class Kind(StrEnum):
    """What a draft would change of a review."""

    MOVED = "moved"
    APPEARING = "appearing"
    VANISHING = "vanishing"
    SETTLED_OTHERWISE = "settled_otherwise"


@dataclass(frozen=True, slots=True)
class Change:
    """A review as it stands (None: not owed) and as it would (None: not any more)."""

    kind: Kind
    now: Review | None
    drafted: Review | None
    would_be_overdue: bool

    @property
    def review(self) -> Review:
        """The review by the draft, or else as it stands."""
        found = self.drafted or self.now
        assert found is not None, "one of both is there"
        return found


@dataclass(slots=True)
class Load:
    """How many open reviews fall due, by the first day of the month and by team, now and by the draft."""

    now: Counter[tuple[date, str | None]] = field(default_factory=Counter)
    drafted: Counter[tuple[date, str | None]] = field(default_factory=Counter)


@dataclass(slots=True)
class Differences:
    """What a draft would change of a council, as far as its children were compared on the civil day ``today``.

    Of the changes at most ``most_listed`` are kept: those that would be overdue first, then by day.
    """

    today: date
    most_listed: int
    children: int = 0
    now: int = 0
    drafted: int = 0
    overdue_now: int = 0
    overdue_drafted: int = 0
    would_be_overdue: int = 0
    no_longer_overdue: int = 0
    kinds: Counter[Kind] = field(default_factory=Counter)
    load: Load = field(default_factory=Load)
    listed: list[Change] = field(default_factory=list)

    @property
    def left_out(self) -> int:
        """How many changes are counted and not listed."""
        return self.kinds.total() - len(self.listed)

    def add(self, now: Sequence[Review], drafted: Sequence[Review]) -> None:
        """Compare the reviews of one more child."""
        self.children += 1
        self.now += len(now)
        self.drafted += len(drafted)
        overdue_now, overdue_drafted = self._overdue(now), self._overdue(drafted)
        self.overdue_now += len(overdue_now)
        self.overdue_drafted += len(overdue_drafted)
        self.would_be_overdue += len(overdue_drafted - overdue_now)
        self.no_longer_overdue += len(overdue_now - overdue_drafted)
        self.load.now.update(self._due_soon(now))
        self.load.drafted.update(self._due_soon(drafted))
        new = list(changes(now, drafted, self.today))
        self.kinds.update(each.kind for each in new)
        self.listed = nsmallest(self.most_listed, [*self.listed, *new], key=_order)

    def _overdue(self, reviews: Iterable[Review]) -> set[object]:
        return {each.review_id for each in reviews if status(each, as_of=self.today) is Status.OVERDUE}

    def _due_soon(self, reviews: Iterable[Review]) -> Iterator[tuple[date, str | None]]:
        first = self.today.replace(day=1)
        end = add_months(first, LOAD_MONTHS)
        for each in reviews:
            if each.outcome is Outcome.OPEN and each.due_on is not None and first <= each.due_on < end:
                yield each.due_on.replace(day=1), each.team


def with_draft(timetable: Timetable, draft: Draft, position: int) -> Timetable:
    """Return the timetable as it would be had the council adopted the draft at ``position``."""
    adopted = AdoptedPack(pack=draft.pack, effective_on=draft.adopt_on, position=position)
    ordered = sorted((*timetable.adopted, adopted), key=lambda each: (each.effective_on, each.position))
    return replace(timetable, adopted=tuple(ordered))


def compare(child_id: str, facts: Sequence[Fact], now: Timetable, drafted: Timetable, found: Differences) -> None:
    """Add to ``found`` what the draft would change for one child."""
    found.add(project_reviews(child_id, facts, now), project_reviews(child_id, facts, drafted))


def changes(now: Iterable[Review], drafted: Iterable[Review], today: date) -> Iterator[Change]:
    """Yield each review of a child that would be another, or not be, or be new."""
    stand = {each.review_id: each for each in now}
    would = {each.review_id: each for each in drafted}
    for review_id in sorted(stand.keys() | would.keys()):
        before, after = stand.get(review_id), would.get(review_id)
        kind = _kind(before, after)
        if kind is not None:
            yield Change(kind, before, after, _is_overdue(after, today) and not _is_overdue(before, today))


def _kind(before: Review | None, after: Review | None) -> Kind | None:
    if before is None:
        return Kind.APPEARING
    if after is None:
        return Kind.VANISHING
    if before.due_on != after.due_on:
        return Kind.MOVED
    return Kind.SETTLED_OTHERWISE if (before.outcome, before.held_on) != (after.outcome, after.held_on) else None


def _is_overdue(review: Review | None, today: date) -> bool:
    return review is not None and status(review, as_of=today) is Status.OVERDUE


def _order(change: Change) -> tuple[bool, date, str]:
    return (not change.would_be_overdue, change.review.due_on or date.max, str(change.review.review_id))
