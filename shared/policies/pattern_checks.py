"""Whether the events that a rule names have the members, codes and days that it asks of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import Any

from shared.domain.catalogue import event_type, json_schema
from shared.domain.ids import CODE_PATTERN
from shared.policies.faults import Fault, FaultCode
from shared.policies.pack_file import RuleTable
from shared.policies.pack_patterns import AnchorTable, EndTable, FactsTable, TiedTable
from shared.policies.places import Path


@dataclass(frozen=True, slots=True)
class _Member:
    """What a member of an event's data may hold: codes (None: any of the council's own), a day, or something else."""

    codes: frozenset[str] | None
    is_day: bool

    @property
    def has_codes(self) -> bool:
        return self.codes is None or bool(self.codes)


def facts_named(rule: RuleTable) -> Iterator[Fault]:
    """Yield what is wrong with the facts that a rule names, by their members."""
    if isinstance(rule.anchor, AnchorTable):
        yield from _asked(rule.anchor, ("anchor",))
        yield from _day(rule.anchor.event, rule.anchor.day, ("anchor", "day"))
        for number, step in enumerate(rule.step):
            if step.on_day is not None:
                yield from _day(rule.anchor.event, step.on_day, ("step", number, "on_day"))
    for path, tied in _tied(rule):
        yield from _asked(tied, path)
        for number, same in enumerate(tied.same or ()):
            yield from _same(rule, tied, same, (*path, "same", number))


def _tied(rule: RuleTable) -> Iterator[tuple[Path, TiedTable | EndTable]]:
    for number, satisfying in enumerate(rule.satisfied_by_event):
        yield ("satisfied_by_event", number), satisfying
    for number, end in enumerate(rule.ends):
        yield ("ends", number), end


def _asked(facts: FactsTable, path: Path) -> Iterator[Fault]:
    for name, codes in facts.asked.items():
        place = (*path, "where", name)
        member = _members(facts.event).get(name)
        if member is None:
            yield _unknown(facts.event, name, place)
        elif not member.has_codes:
            message = f"{name} of {facts.event} has no codes, so none can be asked for"
            yield Fault(FaultCode.MEMBER_WITHOUT_CODES, place, message)
        elif member.codes is not None:
            for number, code in enumerate(codes):
                if code not in member.codes:
                    message = f'"{code[:40]}" is no code of {facts.event}.{name}; {_one_of(code, member.codes)}'
                    yield Fault(FaultCode.CODE_UNKNOWN, (*place, number), message)


def _day(event: str, name: str, place: Path) -> Iterator[Fault]:
    member = _members(event).get(name)
    days = frozenset(each for each, of in _members(event).items() if of.is_day)
    if member is None:
        yield _unknown(event, name, place, days)
    elif not member.is_day:
        yield Fault(FaultCode.MEMBER_NO_DAY, place, f"{name} of {event} is no day; {_one_of(name, days)}")


def _same(rule: RuleTable, tied: TiedTable, same: str, place: Path) -> Iterator[Fault]:
    if same not in _members(tied.event):
        yield _unknown(tied.event, same, place)
    elif not isinstance(rule.anchor, AnchorTable):
        message = "no fact starts this clock with which it could be the same; leave it out, or write [rule.anchor]"
        yield Fault(FaultCode.SAME_NOT_SHARED, place, message)
    elif same not in _members(rule.anchor.event):
        both = frozenset(_members(rule.anchor.event)) & frozenset(_members(tied.event))
        message = f"{rule.anchor.event}, which starts the clock, has no {same}; {_one_of(same, both)}"
        yield Fault(FaultCode.SAME_NOT_SHARED, place, message)


def _unknown(event: str, name: str, place: Path, known: frozenset[str] | None = None) -> Fault:
    message = f'{event} has no member "{name[:40]}"; {_one_of(name, known or frozenset(_members(event)))}'
    return Fault(FaultCode.MEMBER_UNKNOWN, place, message)


def _one_of(word: str, known: frozenset[str]) -> str:
    near = get_close_matches(word[:40], sorted(known), n=1)
    return f"near it: {near[0]}" if near else f"write one of {', '.join(sorted(known))}"


@cache
def _members(event: str) -> dict[str, _Member]:
    """Return the members of the latest data of an event type, by what their published schema says of them."""
    schema = json_schema(event_type(event))
    return {name: _member(list(_told(node, schema))) for name, node in schema["properties"].items()}


def _told(node: dict[str, Any], schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield every schema that a member's value, or an element of its list, may follow."""
    if "$ref" in node:
        node = schema["$defs"][node["$ref"].rpartition("/")[2]]
    for each in node.get("anyOf", ()):
        yield from _told(each, schema)
    if node.get("type") == "array":
        yield from _told(node["items"], schema)
    yield node


def _member(told: list[dict[str, Any]]) -> _Member:
    if any(each.get("pattern") == CODE_PATTERN for each in told):
        return _Member(None, is_day=False)
    codes = {str(code) for each in told for code in _named(each)}
    if any(each.get("type") == "boolean" for each in told):
        codes |= {"true", "false"}
    return _Member(frozenset(codes), is_day=any(each.get("format") == "date" for each in told))


def _named(told: dict[str, Any]) -> list[Any]:
    return [*told.get("enum", ()), *((told["const"],) if "const" in told else ())]
