"""Where in a TOML text each key, array element and table stands.

::

    places(text: str) -> dict[Path, Place]

``tomllib`` tells what a text says and not where; whoever writes a pack by hand needs the line.
A path is what leads to a value in what ``tomllib.loads`` returns: names of keys, and indices
of arrays from 0.  A key's place is its first character (the quote, if it has one), that of an
array's element where its value begins, and that of a table of an array its ``[[``.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A character of a text: its line, and its column in characters, both from 1."""

    line: int
    column: int


#: What tells no value: white space, line ends and comments.
_BETWEEN = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*+")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BASIC = r'"(?:\\.|[^"\\])*+"'
_LITERAL = r"'[^']*+'"
_QUOTED_KEY = re.compile(f"{_BASIC}|{_LITERAL}")
#: Up to two quotes may stand before the three that end a text of several lines, and belong to it.
_BASIC_LINES = r'"""(?:\\.|[^"\\]|"(?!""))*+"{3,5}'
_LITERAL_LINES = r"'''(?:[^']|'(?!''))*+'{3,5}"
_SCALAR = re.compile(rf"{_BASIC_LINES}|{_LITERAL_LINES}|{_BASIC}|{_LITERAL}|[^,\]}}#\n]+", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|x([0-9A-Fa-f]{2})|(.))", re.DOTALL)
_ESCAPED = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", "e": "\x1b"}


def places(text: str) -> dict[Path, Place]:
    """Return the place of every path of ``text``, which must be TOML as ``tomllib`` reads it.

    Of a text that is not, it raises ValueError or returns some places: ask ``tomllib`` first.
    """
    return _Scanner(text).scan()


@dataclass(slots=True)
class _Open:
    """An array or an inline table whose end has not come yet; ``length`` counts elements of an array."""

    path: Path
    end: str
    length: int = 0


class _Scanner:
    """Reads a text from its first character to its last, without recursion: arrays may be nested without end."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._lines = [0, *(end.end() for end in re.finditer("\n", text))]
        self._places: dict[Path, Place] = {}
        #: How many tables each array of tables has so far.
        self._tables: dict[Path, int] = {}

    def scan(self) -> dict[Path, Place]:
        table: Path = ()
        while self._goes_on():
            if self._text.startswith("[", self._at):
                table = self._header()
            else:
                self._value(self._key(table))
        return self._places

    def _goes_on(self) -> bool:
        self._pass(_BETWEEN)
        return self._at < len(self._text)

    def _header(self) -> Path:
        """Read ``[a.b]`` or ``[[a.b]]``; return the path of the table that it begins."""
        place, brackets = self._place(), 2 if self._text.startswith("[[", self._at) else 1
        self._at += brackets
        *parents, last = self._parts()
        self._at += brackets
        path = self._inside((), parents)
        name, stands = last
        path = (*path, name)
        if brackets == 1:
            self._places[path] = stands
            return path
        self._places.setdefault(path, stands)
        index = self._tables.get(path, 0)
        self._tables[path] = index + 1
        self._places[*path, index] = place
        return (*path, index)

    def _inside(self, path: Path, parts: list[tuple[str, Place]]) -> Path:
        """Go down from ``path``, and in an array of tables to its last one."""
        for name, place in parts:
            path = (*path, name)
            self._places.setdefault(path, place)
            if path in self._tables:
                path = (*path, self._tables[path] - 1)
        return path

    def _key(self, table: Path) -> Path:
        """Read ``a.b =`` within a table; return the path of its value."""
        path = self._inside(table, self._parts())
        self._expect("=")
        return path

    def _parts(self) -> list[tuple[str, Place]]:
        """Read a key with its dots; return each part, and where it stands."""
        parts = [self._part()]
        while self._take("."):
            parts.append(self._part())
        return parts

    def _part(self) -> tuple[str, Place]:
        self._pass(_BETWEEN)
        place = self._place()
        quoted = self._text[self._at : self._at + 1] in ("'", '"')
        part = self._pass(_QUOTED_KEY if quoted else _BARE_KEY)
        self._pass(_BETWEEN)
        if not part:
            raise ValueError(f"no key at line {place.line}, column {place.column}")
        return (_unquoted(part) if quoted else part), place

    def _value(self, path: Path) -> None:
        """Read one value with all that is nested in it."""
        opened: list[_Open] = []
        self._begin(path, opened)
        while opened:
            self._pass(_BETWEEN)
            innermost = opened[-1]
            if self._take(innermost.end):
                opened.pop()
            elif not self._take(","):
                self._begin(self._next(innermost), opened)

    def _begin(self, path: Path, opened: list[_Open]) -> None:
        self._pass(_BETWEEN)
        if self._take("["):
            opened.append(_Open(path, "]"))
        elif self._take("{"):
            opened.append(_Open(path, "}"))
        elif not self._pass(_SCALAR):
            raise ValueError(f"no value at {self._place()}")

    def _next(self, opened: _Open) -> Path:
        if opened.end == "}":
            return self._key(opened.path)
        path = (*opened.path, opened.length)
        opened.length += 1
        self._places[path] = self._place()
        return path

    def _place(self) -> Place:
        line = bisect_right(self._lines, self._at)
        return Place(line, self._at - self._lines[line - 1] + 1)

    def _pass(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._at)
        if found is None:
            return ""
        self._at = found.end()
        return found.group()

    def _take(self, character: str) -> bool:
        taken = self._text.startswith(character, self._at)
        self._at += taken
        return taken

    def _expect(self, character: str) -> None:
        if not self._take(character):
            raise ValueError(f"no {character!r} at {self._place()}")


def _unquoted(part: str) -> str:
    inner = part[1:-1]
    return inner if part.startswith("'") else _ESCAPE.sub(_character, inner)


def _character(escape: re.Match[str]) -> str:
    code, other = escape[1] or escape[2] or escape[3], escape[4]
    return chr(int(code, 16)) if code else _ESCAPED.get(other, other)
