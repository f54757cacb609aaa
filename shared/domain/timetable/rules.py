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
from shared.domain.catalogue.roles import Role
from shared.domain.timetable.intervals import Counting, Interval
from shared.domain.timetable.reviews import Basis, What

#: Every kind of home but the parents' own: what the regulations call a placement.
AWAY_FROM_HOME = frozenset(HomeKind) - {HomeKind.PARENTS}


class AnchorKind(StrEnum):
    """Which span of the child's life a rule's clock runs along: an episode of care, or a home."""

    ACCOMMODATED = "accommodated"
    HOME_STARTED = "home_started"


class Which(StrEnum):
    """Which of several matching facts of a child start a clock.

    ``first`` is the first one of each episode of care; with ``latest`` each stops the clock of the
    one before it; with ``each`` all of them run side by side.
    """

    FIRST = "first"
    LATEST = "latest"
    EACH = "each"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """Facts of one event type.

    ``where`` limits them to those whose members have one of these codes (truth values are written
    "true" and "false").  ``same`` names members that must be those of the fact which started the clock.
    """

    event: str
    where: tuple[tuple[str, frozenset[str]], ...] = ()
    same: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EventAnchor:
    """A fact that starts a clock of its own, which runs until the rule's ends, the episode or the child's life do.

    One that ``outlives_episode`` runs on when care away from home ends: an order may hold at home, too.

    ``day`` is the member that has the day on which it starts; where a fact leaves that out, no clock
    starts yet.  ``called`` names that day in sentences, for instance "the day the panel met".
    """

    pattern: Pattern
    called: str
    day: str = "occurred_on"
    which: Which = Which.EACH
    outlives_episode: bool = False


#: What starts a rule's clock.
RuleAnchor = AnchorKind | EventAnchor


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """Facts that stop a rule's clock; ``because`` is a sentence without its day, "The order ended"."""

    pattern: Pattern
    because: str


class CountedFrom(StrEnum):
    """From what a step counts: the rule's anchor, or the day the one before was held, or was due."""

    ANCHOR = "anchor"
    PREVIOUS_HELD = "previous_held"
    PREVIOUS_DUE = "previous_due"


class Weekend(StrEnum):
    """What a due day that is no working day becomes: it stands, or the next working day is the last one."""

    STANDS = "stands"
    NEXT_WORKING_DAY = "next_working_day"


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
    """One deadline of a rule's sequence.

    It falls due ``within`` an interval; or ``on_day``, a member of the fact that started the clock;
    or, with ``each_calendar_year``, on the last day of the first calendar year that ends after the
    one in which that before it was held.  With none of them the law leaves the frequency to agreement:
    it is owed as often as is recorded as agreed, and within ``maximum`` of the one before if that is given.
    ``repeats`` has it recur: the last step as long as the clock runs, another one for as long as
    what it is counted from lies before the end of ``phase``, counted from the clock's start.
    """

    title: str
    within: Interval | None
    counted_from: CountedFrom = CountedFrom.ANCHOR
    counting: Counting = Counting.FROM
    on_day: str | None = None
    each_calendar_year: bool = False
    maximum: Interval | None = None
    repeats: bool = False
    phase: Interval | None = None
    citation: str
    notes: tuple[Note, ...] = ()

    @property
    def is_agreed(self) -> bool:
        """Whether its frequency is left to agreement."""
        return self.within is None and self.on_day is None and not self.each_calendar_year

    @property
    def recurs(self) -> bool:
        """Whether it is owed again and again: so is what has to be agreed, and what is owed in each year."""
        return self.repeats or self.is_agreed or self.each_calendar_year

    @property
    def from_previous(self) -> bool:
        """Whether it is counted from the one before it, if there is one."""
        return self.counted_from is not CountedFrom.ANCHOR or self.is_agreed or self.each_calendar_year


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What owes a sequence of reviews, or of other deadlines, to a child in certain circumstances.

    ``key`` is their kind; rules of one pack may share it only if they can
    never apply to the same clock.  ``satisfied_by`` are the kinds of meeting, ``satisfied_by_events``
    the other facts, by which one of them is held.  ``roles`` are those whose work it is.
    ``home_kinds``, ``emergency_only`` and ``short_break_series`` (None: either) concern clocks that
    start with a home.
    ``effective_from`` and ``effective_to`` (both inclusive) are compared with the day the
    clock starts.  ``owed_from`` is the first ordinal the rule owes: earlier steps only
    carry the count, because another rule owes them.
    """

    key: str
    title: str
    anchor: RuleAnchor
    basis: Basis
    citation: str
    calendar: str
    steps: tuple[Step, ...]
    what: What = What.REVIEW
    roles: frozenset[Role] = frozenset()
    satisfied_by: frozenset[MeetingKind] = frozenset()
    satisfied_by_events: tuple[Pattern, ...] = ()
    ends: tuple[End, ...] = ()
    weekend: Weekend = Weekend.STANDS
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """An edition of a set of rules, with where it comes from.  ``edition`` reads as year-month."""

    pack: str
    edition: str
    title: str
    jurisdiction: str
    source: str
    rules: tuple[Rule, ...]
