"""What the members of a pack must say together, beyond the structure of its tables.

Each check is a function that yields what it finds; ``CHECKS`` has those that ask one rule, and
``PACK_CHECKS`` those that ask how rules of a pack stand to each other.  Places are paths within the
file, as :mod:`shared.policies.places` has them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from itertools import combinations

from shared.domain.catalogue.child import HomeKind
from shared.domain.timetable.reviews import Basis, What
from shared.domain.timetable.rules import AnchorKind
from shared.policies.faults import Fault, FaultCode
from shared.policies.pack_file import NoteTable, PackFile, RuleTable, beyond_language_1
from shared.policies.pack_patterns import AnchorTable
from shared.policies.pack_values import IntervalUnit
from shared.policies.pattern_checks import facts_named
from shared.policies.step_checks import counting, due_days, first_step, phases, repeating_steps, told_days

RuleCheck = Callable[[RuleTable], Iterator[Fault]]
PackCheck = Callable[[Sequence[RuleTable]], Iterator[Fault]]


def faults_of(pack: PackFile) -> Iterator[Fault]:
    """Yield what every check finds, with its path within the file."""
    if pack.language is None:
        for path in beyond_language_1(pack):
            yield Fault(FaultCode.LANGUAGE_MISSING, path, "only language 2 has this; write language = 2 at the top")
    for number, rule in enumerate(pack.rule):
        for check in CHECKS:
            for fault in check(rule):
                yield Fault(fault.code, ("rule", number, *fault.path), fault.message)
    for of_all in PACK_CHECKS:
        yield from of_all(pack.rule)


def _owed_from(rule: RuleTable) -> Iterator[Fault]:
    if rule.owed_from > len(rule.step) and not rule.step[-1].repeats:
        message = f"the last step is number {len(rule.step)} and does not repeat, so nothing would ever be owed"
        yield Fault(FaultCode.NOTHING_OWED, ("owed_from",), message)


def _about_homes(rule: RuleTable) -> Iterator[Fault]:
    if rule.anchor is AnchorKind.HOME_STARTED:
        return
    said = {
        "home_kinds": rule.home_kinds is not None,
        "emergency_only": rule.emergency_only,
        "short_break_series": rule.short_break_series is not None,
        "on_home_change": isinstance(rule.anchor, AnchorTable) and "on_home_change" in rule.model_fields_set,
    }
    anchor = rule.anchor.event if isinstance(rule.anchor, AnchorTable) else rule.anchor
    for name in (name for name, is_said in said.items() if is_said):
        message = f'a rule anchored on {anchor} cannot depend on the home; leave it out, or anchor on "home_started"'
        yield Fault(FaultCode.HOME_NOT_KNOWN, (name,), message)


def _effective(rule: RuleTable) -> Iterator[Fault]:
    if rule.effective_from and rule.effective_to and rule.effective_to < rule.effective_from:
        yield Fault(FaultCode.EFFECTIVE_REVERSED, ("effective_to",), "it lies before effective_from")


def _verified(rule: RuleTable) -> Iterator[Fault]:
    match rule.verified_by, rule.verified_on:
        case None, None:
            message = "nobody has verified this rule, and every answer says so; write verified_by and verified_on"
            yield Fault(FaultCode.NOT_VERIFIED, (), message)
        case None, _:
            yield Fault(
                FaultCode.VERIFIED_INCOMPLETE, ("verified_on",), "write verified_by too: who read the provision"
            )
        case _, None:
            yield Fault(
                FaultCode.VERIFIED_INCOMPLETE, ("verified_by",), "write verified_on too: on which day it was read"
            )


def _citation(rule: RuleTable) -> Iterator[Fault]:
    if rule.basis in (Basis.STATUTE, Basis.COURT_RULE) and not re.search(r"\d", rule.citation):
        message = (
            f"it names no provision; basis {rule.basis} wants one that can be looked up, as SSI 2009/210 reg 45(2)"
        )
        yield Fault(FaultCode.CITATION_NAMES_NOTHING, ("citation",), message)


def _satisfied(rule: RuleTable) -> Iterator[Fault]:
    nothing = not rule.satisfied_by and not rule.satisfied_by_event
    goes_by = rule.what in (What.EXPIRY, What.HEARING) and rule.ends
    if nothing and not goes_by and any(step.within or step.on_day or step.each_calendar_year for step in rule.step):
        message = "no kind of meeting satisfies it, so its reviews will all be overdue; write satisfied_by"
        yield Fault(FaultCode.NEVER_SATISFIED, (), message)


def _meetings_only(rule: RuleTable) -> Iterator[Fault]:
    if rule.satisfied_by and not rule.satisfied_by_event and rule.what is not What.REVIEW:
        message = f"only meetings satisfy it, and a meeting is no {rule.what}; write [[rule.satisfied_by_event]]"
        yield Fault(FaultCode.HELD_BY_MEETINGS_ONLY, ("what",), message)


def _hours(rule: RuleTable) -> Iterator[Fault]:
    for number, step in enumerate(rule.step):
        if IntervalUnit.HOURS in (step.within or {}):
            message = (
                "hours need the hour of what they are counted from; where none is recorded, whole days are counted"
            )
            yield Fault(FaultCode.HOUR_MAY_BE_UNKNOWN, ("step", number, "within", IntervalUnit.HOURS.value), message)


def _notes(rule: RuleTable) -> Iterator[Fault]:
    of_steps = ((("step", number), step.note) for number, step in enumerate(rule.step))
    for path, notes in (((), rule.note), *of_steps):
        for number, note in enumerate(notes):
            if _never_shown(note, rule):
                message = "the rule is not about these, so this note is never shown"
                yield Fault(FaultCode.NOTE_NEVER_SHOWN, (*path, "note", number, "when"), message)


def _never_shown(note: NoteTable, rule: RuleTable) -> bool:
    if rule.anchor is not AnchorKind.HOME_STARTED:
        return note.when is not None
    return isinstance(note.when, HomeKind) and note.when not in rule.applies_to


#: What is asked of each rule by itself.
CHECKS: tuple[RuleCheck, ...] = (
    first_step,
    repeating_steps,
    due_days,
    told_days,
    counting,
    phases,
    facts_named,
    _owed_from,
    _about_homes,
    _effective,
    _verified,
    _citation,
    _satisfied,
    _meetings_only,
    _hours,
    _notes,
)


def _ambiguous_keys(rules: Sequence[RuleTable]) -> Iterator[Fault]:
    for (first, one), (second, other) in combinations(enumerate(rules), 2):
        if one.key == other.key and _may_meet(one, other) and not _apart_in_time(one, other):
            message = f"shares the key {one.key} with rule[{first}], and both can judge {_what_meets(one, other)}"
            yield Fault(FaultCode.KEY_AMBIGUOUS, ("rule", second), message)


def _may_meet(one: RuleTable, other: RuleTable) -> bool:
    """Tell whether two rules, if in force on one day, could apply to one clock.

    Rules on different anchors are taken to meet: their reviews would have one kind.
    """
    apart_in_kind = not one.applies_to & other.applies_to
    series = {one.short_break_series, other.short_break_series}
    same_anchor = one.anchor is other.anchor is AnchorKind.HOME_STARTED
    return not (same_anchor and (apart_in_kind or series == {True, False}))


def _apart_in_time(one: RuleTable, other: RuleTable) -> bool:
    return _ends_before(one, other) or _ends_before(other, one)


def _ends_before(one: RuleTable, other: RuleTable) -> bool:
    return one.effective_to is not None and other.effective_from is not None and one.effective_to < other.effective_from


def _what_meets(one: RuleTable, other: RuleTable) -> str:
    began = [day for day in (one.effective_from, other.effective_from) if day]
    ended = [day for day in (one.effective_to, other.effective_to) if day]
    days = [f"from {max(began)} on"] if began else []
    days += [f"up to {min(ended)}"] if ended else []
    return f"a clock that starts {', '.join(days)}" if days else "one clock"


def _gaps(rules: Sequence[RuleTable]) -> Iterator[Fault]:
    for number, rule in enumerate(rules):
        if rule.effective_to is None or rule.effective_to == date.max:
            continue
        next_day = rule.effective_to + timedelta(days=1)
        successors = [each for each in rules if each.key == rule.key and _may_meet(rule, each)]
        later = [each.effective_from for each in successors if each.effective_from and each.effective_from > next_day]
        if later and not any(_in_force(each, next_day) for each in successors):
            message = (
                f"{rule.key} is in force until {rule.effective_to} and again from {min(later)}; "
                "nothing judges a clock that starts between"
            )
            yield Fault(FaultCode.EFFECTIVE_GAP, ("rule", number, "effective_to"), message)


def _in_force(rule: RuleTable, day: date) -> bool:
    began = rule.effective_from is None or rule.effective_from <= day
    return began and (rule.effective_to is None or day <= rule.effective_to)


#: What is asked of all rules of a pack together.
PACK_CHECKS: tuple[PackCheck, ...] = (_ambiguous_keys, _gaps)
