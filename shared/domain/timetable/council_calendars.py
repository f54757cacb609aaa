"""The named calendars of a council: those that are shipped, changed by what it decided about them.

A decision counts from its place in the log, not from its day: a review that was held before
anybody knew of a holiday was judged without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from types import MappingProxyType

from shared.domain.catalogue.calendars import HolidayDeclared, HolidayRemoved, WorkingCalendarSet
from shared.domain.history import Fact, in_order
from shared.domain.timetable.working_days import CouncilCalendar, CouncilDay, Followed, WorkingCalendar, undecided

_CHANGED = "{title}, as changed by the council,"

#: The facts that decide about calendars.
DECISIONS = (HolidayDeclared, HolidayRemoved, WorkingCalendarSet)


class CouncilCalendars:
    """The calendars of one council while its own events are read in log order."""

    def __init__(self, shipped: Mapping[str, WorkingCalendar]) -> None:
        """Begin with the calendars as they are shipped, by name."""
        self._shipped = shipped
        self._known = {name: undecided(calendar) for name, calendar in shipped.items()}
        self._told: dict[str, dict[int, Fact]] = {name: {} for name in shipped}
        self._missing: dict[int, frozenset[str]] = {}

    @property
    def unknown(self) -> frozenset[str]:
        """The calendars that decisions name and that are not shipped: those decisions are not applied."""
        return frozenset().union(*self._missing.values())

    def take(self, position: int, before: Fact | None, after: Fact | None) -> None:
        """Take over what the event at ``position`` changed: a fact as it was, and as it is now.

        Either may be None.  Facts that are no decisions are passed over.
        """
        concerned = [self._forget(before), self._note(after)]
        for name in sorted({name for name in concerned if name is not None}):
            known = self._known[name]
            state = self._state(name, in_order(self._told[name].values()))
            self._known[name] = CouncilCalendar((*known.since, position), (*known.states, state))

    def calendars(self) -> Mapping[str, CouncilCalendar]:
        """Return every calendar by name, with all its states so far."""
        return MappingProxyType(dict(self._known))

    def _forget(self, fact: Fact | None) -> str | None:
        if fact is None or not isinstance(fact.data, DECISIONS):
            return None
        if fact.position in self._missing:
            del self._missing[fact.position]
            return None
        del self._told[fact.data.calendar][fact.position]
        return fact.data.calendar

    def _note(self, fact: Fact | None) -> str | None:
        if fact is None or not isinstance(fact.data, DECISIONS):
            return None
        named = {fact.data.calendar} | ({fact.data.follows} if isinstance(fact.data, WorkingCalendarSet) else set())
        if missing := named - self._shipped.keys():
            self._missing[fact.position] = frozenset(missing)
            return None
        self._told[fact.data.calendar][fact.position] = fact
        return fact.data.calendar

    def _state(self, name: str, decided: Iterable[Fact]) -> WorkingCalendar:
        days: dict[date, CouncilDay] = {}
        follows: Followed | None = None
        for fact in decided:
            if isinstance(fact.data, WorkingCalendarSet):
                follows = Followed(
                    calendar=fact.data.follows, decided_on=fact.occurred_on, position=fact.latest_position
                )
            elif isinstance(fact.data, HolidayDeclared | HolidayRemoved):
                days[fact.data.holiday_on] = _council_day(fact, fact.data)
        return _changed(self._shipped[name], self._shipped[follows.calendar] if follows else None, follows, days)


def _council_day(fact: Fact, data: HolidayDeclared | HolidayRemoved) -> CouncilDay:
    return CouncilDay(
        day=data.holiday_on,
        worked=isinstance(data, HolidayRemoved),
        decided_on=fact.occurred_on,
        position=fact.latest_position,
        reason=data.reason,
    )


def _changed(
    shipped: WorkingCalendar,
    followed: WorkingCalendar | None,
    follows: Followed | None,
    days: Mapping[date, CouncilDay],
) -> WorkingCalendar:
    basis = replace(followed or shipped, name=shipped.name, follows=follows)
    if not days:
        return basis
    holidays = basis.holidays | {day for day, each in days.items() if not each.worked}
    return replace(
        basis,
        title=_CHANGED.format(title=basis.title),
        holidays=holidays - {day for day, each in days.items() if each.worked},
        council_days=tuple(days[day] for day in sorted(days)),
    )
