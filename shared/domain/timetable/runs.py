"""Which rules judge which clocks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from shared.domain.history import Fact
from shared.domain.timetable.adopted import AdoptedPack, Timetable
from shared.domain.timetable.clocks import ReviewClock
from shared.domain.timetable.event_clocks import event_clocks
from shared.domain.timetable.record import ChildRecord
from shared.domain.timetable.rules import AWAY_FROM_HOME, AnchorKind, EventAnchor, OnHomeChange, Rule

#: Pack and key of a rule: rules that share both judge one sequence between them.
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Run:
    """One rule applied to one clock; ``latest`` is the last home it runs on through."""

    adopted: AdoptedPack
    rule: Rule
    clock: ReviewClock
    latest: ReviewClock


def runs(running: Iterable[ReviewClock], timetable: Timetable) -> tuple[tuple[Run, ...], ...]:
    """Return, for each key, the clocks its rules judge, in order of start.

    A rule and a pack are judged by the day the clock starts; a rule that continues on a
    change of home keeps its clock for as long as one matching home follows another.
    """
    found: dict[Key, list[Run]] = {}
    previous: ReviewClock | None = None
    for clock in running:
        continued = _continue(found, clock, previous)
        for run in _starting(clock, timetable):
            key = (run.adopted.pack.pack, run.rule.key)
            if key not in continued:
                found.setdefault(key, []).append(run)
        if clock.kind is AnchorKind.HOME_STARTED:
            previous = clock
    return tuple(map(tuple, found.values()))


def event_runs(facts: Sequence[Fact], record: ChildRecord, timetable: Timetable) -> tuple[tuple[Run, ...], ...]:
    """Return the same for the clocks that single facts start; ``facts``, of which ``record`` was made, are in order."""
    found: dict[Key, list[Run]] = {}
    for adopted in timetable.adopted:
        for rule in adopted.pack.rules:
            if not isinstance(rule.anchor, EventAnchor):
                continue
            for clock in event_clocks(rule.anchor, facts, record):
                day = clock.started.on
                if rule.in_force_on(day) and adopted in timetable.in_force_on(day):
                    found.setdefault((adopted.pack.pack, rule.key), []).append(Run(adopted, rule, clock, clock))
    return tuple(tuple(sorted(each, key=_start)) for each in found.values())


def _start(run: Run) -> tuple[date, int]:
    return (run.clock.started.on, run.clock.position)


def _starting(clock: ReviewClock, timetable: Timetable) -> Iterable[Run]:
    day = clock.started.on
    for adopted in timetable.in_force_on(day):
        for rule in adopted.pack.rules:
            if rule.in_force_on(day) and judges(rule, clock):
                yield Run(adopted, rule, clock, clock)


def _continue(found: dict[Key, list[Run]], clock: ReviewClock, previous: ReviewClock | None) -> frozenset[Key]:
    """Let runs that continue go on through ``clock``; return their keys."""
    continued = []
    for key, sequence in found.items():
        run = sequence[-1]
        if run.latest is previous and _carries_on(run, clock):
            sequence[-1] = replace(run, clock=replace(run.clock, closing=clock.closing), latest=clock)
            continued.append(key)
    return frozenset(continued)


def _carries_on(run: Run, clock: ReviewClock) -> bool:
    continues = run.rule.on_home_change is OnHomeChange.CONTINUE and not run.clock.provisional
    return continues and run.clock.episode_id == clock.episode_id and judges(run.rule, clock)


def judges(rule: Rule, clock: ReviewClock) -> bool:
    """Tell whether ``rule`` owes reviews along ``clock``, apart from when either is in force.

    Where no home is recorded, the rules for an ordinary home away from the parents do.
    """
    if rule.anchor is not clock.kind:
        return False
    traits = clock.traits
    if traits is None:
        return True
    known = traits.kind in rule.home_kinds if traits.kind else bool(rule.home_kinds & AWAY_FROM_HOME)
    in_emergency = traits.emergency or not rule.emergency_only
    return known and in_emergency and rule.short_break_series in (None, traits.short_break_series)
