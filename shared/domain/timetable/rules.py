"""The language of timetable packs: a pack has rules, a rule has steps.

These are values without behaviour over time: :mod:`shared.policies.loader` reads them
from TOML, and :mod:`shared.domain.timetable.engine` applies them to one child's facts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from shared.domain.catalogue.child import HomeKind
from shared.domain.catalogue.meeting import MeetingKind
from shared.domain.timetable.intervals import Interval
from shared.domain.timetable.reviews import Basis

#: Every kind of home but the parents' own: what the regulations call a placement.
AWAY_FROM_HOME = frozenset(HomeKind) - {HomeKind.PARENTS}


class AnchorKind(StrEnum):
    """Which fact starts a rule's clock."""

    ACCOMMODATED = "accommodated"
    HOME_STARTED = "home_started"


class CountedFrom(StrEnum):
    """From what a step counts: the rule's anchor, or the day the previous review was held."""

    ANCHOR = "anchor"
    PREVIOUS_HELD = "previous_held"


class OnHomeChange(StrEnum):
    """What a move to another home does to a home's clock: start anew, or run on."""

    RESTART = "restart"
    CONTINUE = "continue"


class Condition(StrEnum):
    """Circumstances, besides the kinds of home, under which a note is given."""

    EMERGENCY = "emergency"
    SHORT_BREAK_SERIES = "short_break_series"


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A caution shown with a review; ``when`` limits it to a kind of home or a condition."""

    text: str
    when: HomeKind | Condition | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One review of a rule's sequence.

    ``within`` is None where the law asks for an agreed frequency and gives none.
    ``repeats`` is for the last step only: it recurs as long as the clock runs.
    """

    title: str
    within: Interval | None
    counted_from: CountedFrom = CountedFrom.ANCHOR
    repeats: bool = False
    citation: str
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What owes a sequence of reviews to a child in certain circumstances.

    ``key`` is the kind of the reviews; rules of one pack may share it only if they can
    never apply to the same clock.  ``home_kinds``, ``emergency_only`` and
    ``short_break_series`` (None: either) concern clocks that start with a home.
    ``effective_from`` and ``effective_to`` (both inclusive) are compared with the day the
    clock starts.  ``owed_from`` is the first ordinal the rule owes: earlier steps only
    carry the count, because another rule owes them.
    """

    key: str
    title: str
    anchor: AnchorKind
    basis: Basis
    citation: str
    calendar: str
    steps: tuple[Step, ...]
    satisfied_by: frozenset[MeetingKind] = frozenset()
    home_kinds: frozenset[HomeKind] = AWAY_FROM_HOME
    emergency_only: bool = False
    short_break_series: bool | None = None
    effective_from: date | None = None
    effective_to: date | None = None
    on_home_change: OnHomeChange = OnHomeChange.RESTART
    owed_from: int = 1
    verified_by: str | None = None
    verified_on: date | None = None
    notes: tuple[Note, ...] = ()

    def in_force_on(self, day: date) -> bool:
        """Tell whether a clock that starts on ``day`` is judged by this rule."""
        began = self.effective_from is None or self.effective_from <= day
        return began and (self.effective_to is None or day <= self.effective_to)

    def step(self, ordinal: int) -> Step | None:
        """Return the step of the review with this ordinal (from 1), or None after the last one."""
        if ordinal <= len(self.steps):
            return self.steps[ordinal - 1]
        return self.steps[-1] if self.steps[-1].repeats else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """An edition of a set of rules, with where it comes from.  ``edition`` reads as year-month."""

    pack: str
    edition: str
    title: str
    jurisdiction: str
    source: str
    rules: tuple[Rule, ...]
