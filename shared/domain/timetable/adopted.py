"""Which timetable packs a council works to, and from when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from shared.domain.catalogue.governance import TimetableAdopted
from shared.domain.history import Fact, in_order
from shared.domain.timetable.rules import Pack, Rule
from shared.domain.timetable.working_days import WorkingCalendar

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

    ``adopted`` are ordered by effective day, then position.  ``working_calendar``,
    where given, names the calendar that stands in for the one each rule names: that is how
    a council counts its own closure days.
    """

    adopted: tuple[AdoptedPack, ...]
    calendars: Mapping[str, WorkingCalendar]
    working_calendar: str | None = None
    unknown: tuple[UnknownAdoptedPack, ...] = ()

    def in_force_on(self, day: date) -> tuple[AdoptedPack, ...]:
        """Return the packs that judge a clock started on ``day``: one edition of each pack."""
        latest = {each.pack.pack: each for each in self.adopted if each.effective_on <= day}
        return tuple(latest.values())

    def differs_from(self, other: Timetable) -> date | None:
        """Return the first day on which a clock may start that ``other`` judges otherwise; None if there is none."""
        if (self.calendars, self.working_calendar) != (other.calendars, other.working_calendar):
            return date.min
        days = sorted({each.effective_on for each in (*self.adopted, *other.adopted)})
        return next((day for day in days if self.in_force_on(day) != other.in_force_on(day)), None)

    def calendar_of(self, rule: Rule) -> WorkingCalendar:
        """Return the calendar on which ``rule`` counts; raises KeyError if there is none of that name."""
        return self.calendars[self.working_calendar or rule.calendar]


def adopted_timetable(
    authority_facts: Sequence[Fact],
    *,
    packs: Iterable[Pack],
    calendars: Mapping[str, WorkingCalendar],
    working_calendar: str | None = None,
) -> Timetable:
    """Build the timetable of a council from the facts of its own stream.

    ``packs`` are all editions at hand.  The latest edition of the statutory pack is in
    force from the beginning of time; facts other than ``timetable.adopted`` are passed
    over.  Raises KeyError if the statutory pack, or the named working calendar, is not at hand.
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
    if working_calendar is not None and working_calendar not in calendars:
        raise KeyError(working_calendar)
    return Timetable(
        adopted=tuple(sorted(adopted, key=lambda each: (each.effective_on, each.position))),
        calendars=calendars,
        working_calendar=working_calendar,
        unknown=tuple(unknown),
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
