"""Whether a schema keeps what an earlier state of the same version promised.

What was valid must stay valid, for senders; and who reads by the earlier state must be able
to read what is sent now, except that it may meet members and codes that it does not know.
So within a version only this may change:

* a new member, if it is optional;
* a further code where there are codes;
* a limit, if it becomes wider;
* titles, descriptions and examples.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]

_WORDS = {"$schema", "$id", "$defs", "title", "description", "examples"}
_LOWER = ("minLength", "minItems", "minProperties", "minimum")
_UPPER = ("maxLength", "maxItems", "maxProperties", "maximum")
_SAME = ("type", "format", "pattern", "additionalProperties", "uniqueItems", "default")
_WITHIN = ("items", "propertyNames")
_JUDGED = {*_WORDS, *_LOWER, *_UPPER, *_SAME, *_WITHIN, "$ref", "anyOf", "enum", "const", "properties", "required"}


def broken_promises(old: Schema, new: Schema) -> list[str]:
    """Return what ``new`` breaks of ``old``, each with where; both are schemas of event data (JSON Schema 2020-12)."""
    return [f"{at or '/'}: {what}" for at, what in _compare(_At(old, old), _At(new, new), "")]


class _At:
    """A place in a schema, with its reference followed."""

    def __init__(self, node: Schema, root: Schema) -> None:
        target = root["$defs"][node["$ref"].removeprefix("#/$defs/")] if "$ref" in node else {}
        self.node: Schema = {**target, **{name: each for name, each in node.items() if name != "$ref"}}
        self.root = root

    def into(self, node: Schema) -> _At:
        return _At(node, self.root)

    @property
    def options(self) -> list[_At]:
        """The alternatives, of which there is one where the schema names none."""
        return [self.into(each) for each in self.node["anyOf"]] if "anyOf" in self.node else [self]

    @property
    def codes(self) -> list[Any] | None:
        """The values of which it has to be one, None if it may be any."""
        return [self.node["const"]] if "const" in self.node else self.node.get("enum")


Broken = Iterator[tuple[str, str]]


def _compare(old: _At, new: _At, at: str) -> Broken:
    for name in sorted((old.node.keys() | new.node.keys()) - _JUDGED):
        yield at, f"'{name}' is not judged; teach the check what it means"
    if "anyOf" in old.node or "anyOf" in new.node:
        yield from _same("default", old, new, at)
        yield from _alternatives(old, new, at)
        return
    for name in _SAME:
        yield from _same(name, old, new, at)
    yield from _codes(old, new, at)
    yield from _limits(old, new, at)
    yield from _members(old, new, at)
    for name in _WITHIN:
        if (name in old.node) != (name in new.node):
            yield at, f"its {name} are not told as before"
        elif name in old.node:
            yield from _compare(old.into(old.node[name]), new.into(new.node[name]), f"{at}/{name}")


def _same(name: str, old: _At, new: _At, at: str) -> Broken:
    # A default is what silence means, so another one would change what was said.
    if (name in old.node, old.node.get(name)) != (name in new.node, new.node.get(name)):
        yield at, f"'{name}' is another"


def _alternatives(old: _At, new: _At, at: str) -> Broken:
    """Pair the alternatives; where one value, and nothing else but null, is told, look into it."""
    before, after = _told(old), _told(new)
    if len(before) == len(after) == 1:
        if len(old.options) != len(new.options):
            yield at, "null is taken by only one of both"
        yield from _compare(before[0], after[0], at)
        return
    if not all(any(_keeps(each, other) for other in new.options) for each in old.options):
        yield at, "an alternative is gone"
    if not all(any(_keeps(other, each) for other in old.options) for each in new.options):
        yield at, "there is an alternative that was not there"


def _keeps(old: _At, new: _At) -> bool:
    return not any(_compare(old, new, ""))


def _told(at: _At) -> list[_At]:
    return [each for each in at.options if each.node.get("type") != "null"]


def _codes(old: _At, new: _At, at: str) -> Broken:
    if (old.codes is None) != (new.codes is None):
        yield at, "codes and other values are different things"
    for code in old.codes or ():
        if code not in (new.codes or ()):
            yield at, f"the code {code!r} is gone"


def _limits(old: _At, new: _At, at: str) -> Broken:
    for name in (*_LOWER, *_UPPER):
        if name not in new.node:
            continue
        if name not in old.node:
            yield at, f"'{name}' is a new limit"
        elif (new.node[name] > old.node[name]) if name in _LOWER else (new.node[name] < old.node[name]):
            yield at, f"'{name}' is narrower"


def _members(old: _At, new: _At, at: str) -> Broken:
    before, after = old.node.get("properties", {}), new.node.get("properties", {})
    for name in before:
        if name in after:
            yield from _compare(old.into(before[name]), new.into(after[name]), f"{at}/{name}")
        else:
            yield f"{at}/{name}", "the member is gone"
    had_to, has_to = set(old.node.get("required", ())), set(new.node.get("required", ()))
    for name in sorted(has_to - had_to):
        yield f"{at}/{name}", "the member is required, and was not"
    for name in sorted(had_to - has_to):
        yield f"{at}/{name}", "the member was required, so readers count on it"
