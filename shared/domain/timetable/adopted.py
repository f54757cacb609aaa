"""Which timetable packs a council works to, and from when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from shared.domain.catalogue.governance import TimetableAdopted
from shared.domain.history import Fact, in_order
from shared.domain.timetable.intervals import Unit
from shared.domain.timetable.rules import CountedFrom, EventAnchor, Pack, Rule
from shared.domain.timetable.working_days import CouncilCalendar

#: The pack that binds a council without its adopting anything.
STATUTORY_PACK = "scotland"


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptedPack:
    """One pack, worked to for clocks that start on or after ``effective_on``.

    ``position`` is that of the event that says so; 0 for the statutory pack, which needs none.
    """

    pack: Pack
    effective_on: date
    position: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownAdoptedPack:
    """A council adopted a pack or edition that this installation does not have.

    Its rules cannot be applied: whoever builds a timetable must make that visible.
    """

    pack: str
    edition: str
    effective_on: date
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Timetable:
    """All that a council works to: adopted packs, and the calendars their rules name.

    ``adopted`` are ordered by effective day, then position.  ``calendars`` have the days
    that the council itself declared or removed.  ``unknown_calendars`` are named by its
    decisions and not at hand, so that those decisions are not applied.
    """

    adopted: tuple[AdoptedPack, ...]
    calendars: Mapping[str, CouncilCalendar]
    unknown: tuple[UnknownAdoptedPack, ...] = ()
    unknown_calendars: frozenset[str] = frozenset()

    def in_force_on(self, day: date) -> tuple[AdoptedPack, ...]:
        """Return the packs that judge a clock started on ``day``: one edition of each pack."""
        latest = {each.pack.pack: each for each in self.adopted if each.effective_on <= day}
        return tuple(latest.values())

    def differs_from(self, other: Timetable) -> date | None:
        """Return the first day on which a clock may start that owes other reviews by ``other``; None if there is none.

        Which reviews are owed, not when: the days of a calendar decide that only for rules by which
        more reviews may follow one that is owed within working days.
        """
        if self._follows_otherwise(other):
            return date.min
        days = sorted({each.effective_on for each in (*self.adopted, *other.adopted)})
        return next((day for day in days if self.in_force_on(day) != other.in_force_on(day)), None)

    @property
    def counts_simply(self) -> bool:
        """Whether what is owed rests on homes, episodes and meetings alone, and is counted from what was held."""
        return not any(_asks_more(rule) for each in self.adopted for rule in each.pack.rules)

    def calendar_of(self, rule: Rule) -> CouncilCalendar:
        """Return the calendar on which ``rule`` counts; raises KeyError if there is none of that name."""
        return self.calendars[rule.calendar]

    def _follows_otherwise(self, other: Timetable) -> bool:
        rules = (rule for each in (*self.adopted, *other.adopted) for rule in each.pack.rules if _may_follow(rule))
        return any(self.calendar_of(rule) != other.calendar_of(rule) for rule in rules)


def _asks_more(rule: Rule) -> bool:
    by_events = isinstance(rule.anchor, EventAnchor) or rule.satisfied_by_events or rule.ends
    return bool(by_events) or any(step.counted_from is CountedFrom.PREVIOUS_DUE for step in rule.steps)


def _may_follow(rule: Rule) -> bool:
    """Tell whether how many reviews are projected to the horizon depends on working days."""
    several = len(rule.steps) > 1 or rule.steps[-1].repeats
    return several and any(step.within and step.within.unit is Unit.WORKING_DAYS for step in rule.steps)


def adopted_timetable(
    authority_facts: Sequence[Fact],
    *,
    packs: Iterable[Pack],
    calendars: Mapping[str, CouncilCalendar],
    unknown_calendars: frozenset[str] = frozenset(),
) -> Timetable:
    """Build the timetable of a council from the facts of its own stream.

    ``packs`` are all editions at hand.  The latest edition of the statutory pack is in
    force from the beginning of time; facts other than ``timetable.adopted`` are passed
    over.  Raises KeyError if the statutory pack, or the calendar of an adopted rule, is not at hand.
    """
    known = {(pack.pack, pack.edition): pack for pack in packs}
    adopted = [_statutory(known)]
    unknown: list[UnknownAdoptedPack] = []
    for fact in in_order(authority_facts):
        if not isinstance(fact.data, TimetableAdopted):
            continue
        pack = known.get((fact.data.pack, fact.data.edition))
        if pack is None:
            unknown.append(_unknown(fact, fact.data))
        else:
            adopted.append(AdoptedPack(pack=pack, effective_on=fact.data.effective_on, position=fact.latest_position))
    for rule in (rule for each in adopted for rule in each.pack.rules):
        if rule.calendar not in calendars:
            raise KeyError(rule.calendar)
    return Timetable(
        adopted=tuple(sorted(adopted, key=lambda each: (each.effective_on, each.position))),
        calendars=calendars,
        unknown=tuple(unknown),
        unknown_calendars=unknown_calendars,
    )


def _statutory(known: Mapping[tuple[str, str], Pack]) -> AdoptedPack:
    editions = [edition for pack, edition in known if pack == STATUTORY_PACK]
    if not editions:
        raise KeyError(STATUTORY_PACK)
    return AdoptedPack(pack=known[STATUTORY_PACK, max(editions)], effective_on=date.min)


def _unknown(fact: Fact, data: TimetableAdopted) -> UnknownAdoptedPack:
    return UnknownAdoptedPack(
        pack=data.pack, edition=data.edition, effective_on=data.effective_on, position=fact.latest_position
    )
