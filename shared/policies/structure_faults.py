"""What pydantic finds wrong with the structure of a pack file, in words of our own.

Pydantic's own messages speak of Python, and its codes are not ours to promise.  Here each becomes a
:class:`Fault` with a permanent code, the path in the file, and a message that says what to write
instead.  A pack holds nothing about a child, so a message may repeat what stands there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from enum import StrEnum
from functools import cache
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from shared.policies.calendars import CALENDAR_NAMES
from shared.policies.faults import Fault, FaultCode
from shared.policies.pack_file import TABLE, WORD, PackFile
from shared.policies.pack_values import (
    CALENDAR_UNKNOWN,
    CHILD_EVENTS,
    EVENT_NOT_OF_A_CHILD,
    EVENT_UNKNOWN,
    INTERVAL_MAX,
    SAID_TWICE,
    IntervalUnit,
)
from shared.policies.places import Path

_SHOWN_MAX = 40

#: Code, and what to write, of what pydantic finds by its type.
_SAID: Mapping[str, tuple[FaultCode, str]] = {
    "string_type": (FaultCode.KIND_WRONG, "write a text in quotes"),
    "bool_type": (FaultCode.KIND_WRONG, "write true or false, without quotes"),
    "date_type": (FaultCode.KIND_WRONG, "write a day without quotes and without an hour, for instance 2026-11-23"),
    "dict_type": (FaultCode.KIND_WRONG, "write a table, for instance { weeks = 6 }"),
    "model_type": (FaultCode.KIND_WRONG, "write a table with its members"),
    "string_too_short": (FaultCode.TEXT_EMPTY, "the text is empty"),
    "greater_than_equal": (FaultCode.NUMBER_TOO_SMALL, "the least is 1"),
    "less_than_equal": (FaultCode.NUMBER_TOO_GREAT, f"the greatest is {INTERVAL_MAX}"),
    "literal_error": (FaultCode.LANGUAGE_UNKNOWN, "write language = 2; the first edition goes without saying"),
    SAID_TWICE: (FaultCode.SAID_TWICE, "the list says something twice; write each once"),
}
#: What to write in place of a part of a unit.
_SMALLER = {IntervalUnit.MONTHS: "use days or weeks", IntervalUnit.HOURS: "write whole hours"}
#: What pydantic says of a whole list because it refused what stands in it, which is told by itself.
_OF_A_WHOLE = {"too_short"}


def structure_faults(document: Mapping[str, Any], error: ValidationError) -> list[Fault]:
    """Return what ``error`` says of ``document``, in the order of the file's tables, each place once."""
    faults: dict[Path, Fault] = {}
    for detail in error.errors(include_url=False):
        path, value = _found(document, detail)
        if not (detail["type"] in _OF_A_WHOLE and value):
            faults.setdefault(path, _fault(path, value, detail))
    return list(faults.values())


def _found(document: Any, detail: ErrorDetails) -> tuple[Path, Any]:
    """Follow an error's place as far as the document goes; what is missing, and its name, come last."""
    path: Path = ()
    value = document
    for part in detail["loc"]:
        if part in (WORD, TABLE):
            continue
        try:
            value = value[part]
        except (LookupError, TypeError):
            missing = detail["type"] == "missing"
            return ((*path, part), None) if missing else (path, value)
        path = (*path, part)
    return path, value


def _fault(path: Path, value: Any, detail: ErrorDetails) -> Fault:
    say = _SAYING.get("unit" if detail["loc"][-1] == "[key]" else detail["type"])
    code, message = say(path, value) if say else _SAID.get(detail["type"], (FaultCode.KIND_WRONG, detail["msg"]))
    return Fault(code, path, message)


def _missing(path: Path, _: Any) -> tuple[FaultCode, str]:
    name = str(path[-1])
    code = FaultCode.CITATION_MISSING if name == "citation" else FaultCode.KEY_MISSING
    return code, f"is missing; write {_meaning(path)}"


def _unknown_key(path: Path, _: Any) -> tuple[FaultCode, str]:
    return FaultCode.KEY_UNKNOWN, f"there is no {_shown(path[-1])} here; {_one_of(path[-1], list(_members(path[:-1])))}"


def _unknown_unit(path: Path, _: Any) -> tuple[FaultCode, str]:
    return FaultCode.UNIT_UNKNOWN, f"unknown unit; {_one_of(path[-1], _codes(path[:-1]))}"


def _unknown_code(path: Path, value: Any) -> tuple[FaultCode, str]:
    return FaultCode.CODE_UNKNOWN, f"{_shown(value)} is no code here; {_one_of(value, _codes(path))}"


def _unknown_calendar(_: Path, value: Any) -> tuple[FaultCode, str]:
    return FaultCode.CALENDAR_UNKNOWN, f"there is no calendar {_shown(value)}; {_one_of(value, sorted(CALENDAR_NAMES))}"


def _unknown_event(_: Path, value: Any) -> tuple[FaultCode, str]:
    return FaultCode.EVENT_UNKNOWN, f"there is no event type {_shown(value)}; {_near(value, sorted(CHILD_EVENTS))}"


def _foreign_event(_: Path, value: Any) -> tuple[FaultCode, str]:
    return FaultCode.EVENT_NOT_OF_A_CHILD, f"{_shown(value)} tells no fact about a child; nothing can rest on it"


def _malformed(path: Path, value: Any) -> tuple[FaultCode, str]:
    return FaultCode.TEXT_MALFORMED, f"{_shown(value)} cannot stand here; {_meaning(path)}"


def _no_whole_number(path: Path, value: Any) -> tuple[FaultCode, str]:
    unit = str(path[-1])
    if not isinstance(value, float) or unit not in list(IntervalUnit):
        return FaultCode.KIND_WRONG, "write a whole number, without quotes"
    instead = _SMALLER.get(IntervalUnit(unit), "use a smaller unit")
    return FaultCode.INTERVAL_NOT_WHOLE, f"{value} is no whole number of {unit.replace('_', ' ')}; {instead}"


def _length(path: Path, value: Any) -> tuple[FaultCode, str]:
    if isinstance(value, Mapping) and path[-1] == "where":
        return FaultCode.LIST_EMPTY, "it asks for nothing; write a member with its codes, or leave it out"
    if isinstance(value, Mapping):
        return FaultCode.INTERVAL_NOT_ONE_UNIT, "an interval has exactly one unit, for instance { weeks = 6 }"
    return FaultCode.LIST_EMPTY, "the list is empty; write what belongs to it, or leave it out where it may be"


def _no_list(path: Path, value: Any) -> tuple[FaultCode, str]:
    if isinstance(value, Mapping):
        name = ".".join(part for part in path if isinstance(part, str))
        return FaultCode.KIND_WRONG, f"write [[{name}]] with two brackets: there may be several"
    return FaultCode.KIND_WRONG, 'write a list, for instance ["one", "other"]'


#: Who says what is wrong, by pydantic's type, where it takes the path or the value to say it.
_SAYING: Mapping[str, Callable[[Path, Any], tuple[FaultCode, str]]] = {
    "missing": _missing,
    "extra_forbidden": _unknown_key,
    "unit": _unknown_unit,
    "enum": _unknown_code,
    CALENDAR_UNKNOWN: _unknown_calendar,
    EVENT_UNKNOWN: _unknown_event,
    EVENT_NOT_OF_A_CHILD: _foreign_event,
    "string_pattern_mismatch": _malformed,
    "int_type": _no_whole_number,
    "too_short": _length,
    "too_long": _length,
    "tuple_type": _no_list,
}


def _one_of(word: object, known: Sequence[str]) -> str:
    """Say which word was meant, or, where none is near, which there are."""
    near = get_close_matches(word[:_SHOWN_MAX], known, n=1) if isinstance(word, str) else []
    return f"near it: {near[0]}" if near else f"write one of {', '.join(known)}"


def _near(word: object, known: Sequence[str]) -> str:
    """Say which word was meant, where one is near and there are too many to say them all."""
    near = get_close_matches(word[:_SHOWN_MAX], known, n=1) if isinstance(word, str) else []
    return f"near it: {near[0]}" if near else "docs/reference/event-types.md has them all"


def _shown(value: object) -> str:
    if not isinstance(value, str):
        return "this"
    return f'"{value if len(value) <= _SHOWN_MAX else value[:_SHOWN_MAX] + "..."}"'


def _meaning(path: Path) -> str:
    """Say what the member at a path means, as the tables describe it."""
    field = _members(path[:-1]).get(str(path[-1]))
    meaning = (field.description or "") if field else ""
    return meaning[:1].lower() + meaning[1:].removesuffix(".")


def _codes(path: Path) -> list[str]:
    """Return every code that the member at a path may hold."""
    names = tuple(part for part in path if isinstance(part, str))
    field = _members(names[:-1]).get(names[-1])
    kinds = _within(field.annotation) if field else ()
    return [str(code) for kind in kinds if issubclass(kind, StrEnum) for code in kind]


def _members(table: Path) -> Mapping[str, FieldInfo]:
    """Return the members of the table at a path, by the names that they have in a file."""
    return _members_of(tuple(part for part in table if isinstance(part, str)))


@cache
def _members_of(names: tuple[str, ...]) -> Mapping[str, FieldInfo]:
    model: type[BaseModel] | None = PackFile
    for name in names:
        field = _named(model).get(name)
        inner = _within(field.annotation) if field else ()
        model = next((kind for kind in inner if issubclass(kind, BaseModel)), None)
    return _named(model)


def _named(model: type[BaseModel] | None) -> dict[str, FieldInfo]:
    return {field.alias or name: field for name, field in model.model_fields.items()} if model else {}


def _within(annotation: Any) -> Iterator[type]:
    """Yield every class that is named in an annotation."""
    parts = get_args(annotation)
    if not parts and isinstance(annotation, type):
        yield annotation
    for part in parts:
        yield from _within(part)
