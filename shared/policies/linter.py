"""Reading a timetable pack, and telling its author where it is wrong: the one way to read one.

::

    check(text: str, name: str) -> Reading      never raises, whatever the text

Every finding has a permanent code, a line, a column and the key.  A pack with errors is not read; one with
warnings is.  A pack holds nothing about a child, so messages may quote it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from shared.domain.timetable.rules import Pack
from shared.policies.faults import Fault, FaultCode, Severity
from shared.policies.pack_checks import faults_of
from shared.policies.pack_file import PackFile
from shared.policies.places import Path, Place, places
from shared.policies.structure_faults import structure_faults

#: A pack has to fit into one event together with its envelope.
TEXT_MAX = 200_000
#: Beyond it ``tomllib`` takes time and memory that grow with the square of a key's length.
_DOTS_MAX = 50
_KEY_PART = r"""(?:[A-Za-z0-9_-]++|"(?:\\.|[^"\\\n])*+"|'[^'\n]*+')[ \t]*+"""
#: It begins where a part can begin, so that the time it takes grows with the text and no faster.
_TOO_MANY_DOTS = re.compile(rf"(?<![A-Za-z0-9_\\-])(?:{_KEY_PART}\.[ \t]*+){{{_DOTS_MAX}}}")
_SYNTAX_PLACE = re.compile(r" \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$")
_BYTE_ORDER_MARK = "\ufeff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something to tell of a pack file.

    ``line`` and ``column`` (in characters) count from 1; ``key`` reads as in ``rule[1].step[0].within`` and is
    empty where the whole file is meant.
    """

    code: FaultCode
    line: int
    column: int
    key: str
    message: str

    @property
    def severity(self) -> Severity:
        """Whether it keeps the pack from being read."""
        return self.code.severity

    def __str__(self) -> str:
        """Return it as it follows the name of the file in a line of ``homeward timetable check``."""
        key = f"{self.key}: " if self.key else ""
        warning = " (warning)" if self.severity is Severity.WARNING else ""
        return f"{self.line}:{self.column}: {key}{self.message} [{self.code}]{warning}"


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read from a text: its pack, or None if there are errors, and findings in the text's order."""

    name: str
    pack: Pack | None
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that keep the pack from being read."""
        return tuple(each for each in self.findings if each.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings that ask the author to look again."""
        return tuple(each for each in self.findings if each.severity is Severity.WARNING)

    def lines(self, findings: tuple[Finding, ...] | None = None) -> list[str]:
        """Return a line for each finding, or each of those given, with the name that was read."""
        return [f"{self.name}:{each}" for each in (self.findings if findings is None else findings)]


def check(text: str, name: str) -> Reading:
    """Read a pack from the text of its file, which is called ``name``; tell all that is wrong with it."""
    document = _document(text)
    if isinstance(document, Finding):
        return Reading(name, None, (document,))
    file, faults = _read(document)
    stands = places(text)
    findings = sorted((_finding(fault, stands) for fault in faults), key=_order)
    errors = any(each.severity is Severity.ERROR for each in findings)
    return Reading(name, None if file is None or errors else file.to_pack(), tuple(findings))


def _document(text: str) -> dict[str, Any] | Finding:
    """Return what a text says as TOML, or why it says nothing."""
    refused = _refused(text)
    if refused is not None:
        return refused
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return _no_toml(text, str(error))
    except RecursionError:
        return _unread(FaultCode.NESTED_TOO_DEEP, Place(1, 1), "arrays or tables are nested too deep")
    except ValueError as error:  # A number with thousands of digits.
        return _unread(FaultCode.NOT_TOML, Place(1, 1), str(error))


def _refused(text: str) -> Finding | None:
    """Return why a text is not even given to ``tomllib``."""
    if len(text) > TEXT_MAX:
        return _unread(FaultCode.TEXT_TOO_LONG, Place(1, 1), f"a pack has at most {TEXT_MAX} characters")
    if text.startswith(_BYTE_ORDER_MARK):
        return _unread(FaultCode.BYTE_ORDER_MARK, Place(1, 1), "save the file as UTF-8 without a byte order mark")
    if deep := _TOO_MANY_DOTS.search(text):
        return _unread(FaultCode.NESTED_TOO_DEEP, _place_of(text, deep.start()), f"a key has at most {_DOTS_MAX} parts")
    return None


def _no_toml(text: str, message: str) -> Finding:
    at = _SYNTAX_PLACE.search(message)
    place = Place(int(at["line"]), int(at["column"])) if at and at["line"] else _place_of(text, len(text))
    said = message[: at.start()] if at else message
    return _unread(FaultCode.NOT_TOML, place, said[:1].lower() + said[1:])


def _unread(code: FaultCode, place: Place, message: str) -> Finding:
    return Finding(code=code, line=place.line, column=place.column, key="", message=message)


def _place_of(text: str, index: int) -> Place:
    return Place(text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index))


def _read(document: dict[str, Any]) -> tuple[PackFile | None, list[Fault]]:
    try:
        file = PackFile.model_validate(document)
    except ValidationError as error:
        return None, structure_faults(document, error)
    return file, list(faults_of(file))


def _finding(fault: Fault, stands: Mapping[Path, Place]) -> Finding:
    place = _nearest(fault.path, stands)
    return Finding(
        code=fault.code,
        line=place.line,
        column=place.column,
        key=key_of(fault.path),
        message=fault.message,
    )


def _nearest(path: Path, stands: Mapping[Path, Place]) -> Place:
    """Return where a path stands, or, if the file does not have it, what is around it."""
    known = (path[:length] for length in range(len(path), 0, -1))
    return next((stands[each] for each in known if each in stands), Place(1, 1))


def key_of(path: Path) -> str:
    """Write a path as in ``rule[1].step[0].within``."""
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return key.removeprefix(".")


def _order(finding: Finding) -> tuple[int, int, str, str]:
    return finding.line, finding.column, finding.key, finding.code
