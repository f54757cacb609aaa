"""TOML as people write it, and some that nobody would: texts of every form, with where each path stands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any

from hypothesis import strategies as st

from shared.policies.places import Path, Place

_TEXT = st.text(st.sampled_from("ab1\"'\\[]{}#=,.\n\t é☃\U0001f9f8"), max_size=8)
_NAMES = st.one_of(st.sampled_from(["a", "b", "within", "weeks", "1", "-"]), _TEXT)
_SCALARS = st.one_of(
    _TEXT,
    st.integers(-1000, 1000),
    st.booleans(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.dates(),
    st.datetimes(),
    st.times(),
)
_TABLES = st.recursive(
    st.dictionaries(_NAMES, _SCALARS, max_size=3),
    lambda inner: st.dictionaries(
        _NAMES,
        st.one_of(_SCALARS, inner, st.lists(inner, max_size=3), st.lists(_SCALARS | st.lists(inner | _SCALARS))),
        max_size=4,
    ),
    max_leaves=12,
)


@st.composite
def toml_texts(draw: st.DrawFn) -> tuple[str, dict[str, Any], dict[Path, Place]]:
    """Draw a text, what it says, and the place of every path as it was written."""
    writer = _Writer(draw)
    document = draw(_TABLES)
    writer.table((), [], document)
    return writer.text, document, writer.places


def paths_of(value: Any, path: Path = ()) -> set[Path]:
    """Return every path that leads to something within ``value``."""
    inner: list[tuple[Any, Any]] = []
    if isinstance(value, Mapping):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    return {(*path, key) for key, _ in inner}.union(*(paths_of(each, (*path, key)) for key, each in inner))


class _Writer:
    """Writes a document, drawing each choice of style, and keeps where everything was written."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw
        self.text = ""
        self.places: dict[Path, Place] = {}

    def table(self, path: Path, names: list[str], table: Mapping[str, Any]) -> None:
        """Write a table: what stands in it, and then the tables that get headers of their own."""
        later = {name: value for name, value in table.items() if self._gets_headers(value)}
        for name, value in table.items():
            if name not in later:
                self._member([name], path, value)
        for name, value in later.items():
            if isinstance(value, list):
                self._tables(path, [*names, name], value)
                continue
            if not value or not all(isinstance(each, dict) and each for each in value.values()) or self._maybe():
                self._header(path, names, name, "[", "]")
                self.table((*path, name), [*names, name], value)
            else:
                self._only_headers((*path, name), [*names, name], value)

    def _only_headers(self, path: Path, names: list[str], table: Mapping[str, Any]) -> None:
        """Write a table that has no header of its own: those within it name it."""
        for name, value in table.items():
            self._header(path, names, name, "[", "]")
            self.table((*path, name), [*names, name], value)

    def _tables(self, path: Path, names: list[str], tables: list[dict[str, Any]]) -> None:
        for index, table in enumerate(tables):
            self._blank()
            self.places[*path, names[-1], index] = self._here()
            self._header(path, names[:-1], names[-1], "[[", "]]")
            self.table((*path, names[-1], index), names, table)

    def _gets_headers(self, value: Any) -> bool:
        tables = isinstance(value, dict) or (
            isinstance(value, list) and value and all(isinstance(each, dict) for each in value)
        )
        return bool(tables) and self._maybe()

    def _header(self, path: Path, names: list[str], name: str, begin: str, end: str) -> None:
        if begin == "[":
            self._blank()
        self.text += begin
        around: Path = ()
        for each in names:
            around = _down(around, each, path)
            self._name(each, around)
            self._put(" ", "", "\t")
            self.text += "."
        self._name(name, (*path, name), newest=begin == "[")
        self._put("", " ")
        self.text += end + self._choice("\n", " # [no header]\n", "\r\n")

    def _member(self, names: list[str], path: Path, value: Any) -> None:
        """Write a key and its value, or a table by dotted keys."""
        if isinstance(value, dict) and value and self._maybe():
            for name, each in value.items():
                self._member([*names, name], path, each)
            return
        self._blank()
        self._pair(names, path, value)
        self.text += self._choice("\n", "# a = 1\n", " \r\n")

    def _pair(self, names: list[str], path: Path, value: Any) -> None:
        for number, name in enumerate(names):
            self.text += "." if number else ""
            path = (*path, name)
            self._name(name, path)
            self._put("", " ")
        self.text += "="
        self._put("", " ", "\t")
        self._value(path, value)

    def _name(self, name: str, path: Path, *, newest: bool = False) -> None:
        self._put("", " ", "\t")
        if newest or path not in self.places:
            self.places[path] = self._here()
        styles = [_basic(name)]
        styles += [name] if re.fullmatch("[A-Za-z0-9_-]+", name) else []
        styles += [f"'{name}'"] if not {"'", "\n"} & set(name) else []
        self.text += self._choice(*styles)

    def _value(self, path: Path, value: Any) -> None:
        match value:
            case dict():
                self._inline(path, value)
            case list():
                self._array(path, value)
            case str():
                self.text += self._choice(*_texts(value))
            case bool():
                self.text += str(value).lower()
            case date() | datetime() | time():
                self.text += value.isoformat()
            case _:
                self.text += repr(value)

    def _inline(self, path: Path, table: Mapping[str, Any]) -> None:
        self.text += "{"
        for number, (name, value) in enumerate(table.items()):
            self.text += "," if number else ""
            self._pair([name], path, value)
            self._put("", " ")
        self.text += "}"

    def _array(self, path: Path, array: list[Any]) -> None:
        self.text += "["
        for index, each in enumerate(array):
            self._between()
            self.places[*path, index] = self._here()
            self._value((*path, index), each)
            self._between()
            self.text += "," if index + 1 < len(array) or self._maybe() else ""
        self._between()
        self.text += "]"

    def _between(self) -> None:
        self._put("", " ", "\n", "\r\n  ", '# ] " } comment\n')

    def _blank(self) -> None:
        self._put("", "\n", "  ", "\t# [x]\n", "# a.b = '\n\r\n")

    def _put(self, *styles: str) -> None:
        self.text += self._choice(*styles)

    def _choice(self, *styles: str) -> str:
        return self._draw(st.sampled_from(styles))

    def _maybe(self) -> bool:
        return self._draw(st.booleans())

    def _here(self) -> Place:
        line = self.text.rpartition("\n")[2]
        return Place(self.text.count("\n") + 1, len(line) + 1)


def _down(around: Path, name: str, path: Path) -> Path:
    """Go down by ``name`` on the way to ``path``, past the index of an array of tables."""
    length = len(around)
    if length < len(path) and isinstance(path[length], int):
        around = path[: length + 1]
    return (*around, name)


def _texts(text: str) -> list[str]:
    """Return every way to write a text."""
    several = _basic(text)[1:-1].replace("\\n", "\n").replace('\\"', '"').replace('"""', '""\\"')
    written = [
        _basic(text),
        f'"""\n{several}"""',
        f'"""\\\n   {several}"""' if not text[:1].isspace() else _basic(text),
    ]
    if "'" not in text and "\n" not in text:
        written.append(f"'{text}'")
    if "'''" not in text and not text.endswith("'" * 3):
        written.append(f"'''\n{text}'''")
    return written


def _basic(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return '"' + escaped.replace("☃", "\\u2603").replace("\U0001f9f8", "\\U0001F9F8") + '"'
