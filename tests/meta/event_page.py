"""The page of all event types, made from their schemas: what each says, member by member."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from shared.domain.catalogue import CATALOGUE, EventType, json_schema
from shared.domain.catalogue.base import EventData
from shared.domain.ids import CODE_PATTERN, IDENTIFIER_PATTERN
from tests.meta.repository import ROOT

EVENT_TYPES_PAGE = ROOT / "docs/reference/event-types.md"

Schema = dict[str, Any]

_HEAD = """# Event types

Everything that can be recorded, and what Homeward makes of it. This page is made from `shared/domain/catalogue/` by
`make schemas`; [the glossary](glossary.md) explains the words.

An event says which version of its type's schema it follows by CloudEvents `dataschema`, for instance
`/v1/event-types/care_plan.agreed/2`, as a path or as a URL of any host. **Without `dataschema` it follows version 1**,
for ever: a system that was set up once never has to change. Every version stays accepted and served. Within a version
data only gains optional members, further codes and wider limits; readers have to expect codes that they do not know.

Codes of a type are the only values it takes; where it says *code*, the value is from the council's own list (lower-case
letters, digits, `_` and `-`, at most 64). An *identifier* has letters, digits, `_` and `-`, at most 64. A *day* is
`YYYY-MM-DD` in Europe/London, an *instant* has its zone. Names of people are never recorded: `role` members take

{roles}.

## Members of all types

{common}
"""


def event_types_page() -> str:
    """Return the page, types in the order of the catalogue."""
    common = json_schema(CATALOGUE["child.team_assigned"])
    shared = [name for name in common["properties"] if name in EventData.model_fields]
    roles = ", ".join(f"`{code}`" for code in common["$defs"]["Role"]["enum"])
    head = _HEAD.format(roles=roles, common="\n".join(_table(common, shared)))
    return head + "".join(_section(each) for each in CATALOGUE.values())


def _section(of: EventType) -> str:
    schema = json_schema(of)
    own = [name for name in schema["properties"] if name not in EventData.model_fields]
    stream = "In the authority's own stream. " if of.about_authority else ""
    lines = [f"\n## `{of.name}`\n", *_paragraphs(schema["description"]), f"{stream}Schema: {_versions(of)}.\n"]
    return "\n".join([*lines, *_table(schema, own), ""])


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in text.split("\n\n"):
        yield " ".join(paragraph.split()) + "\n"


def _versions(of: EventType) -> str:
    links = [f"[version {version}](schemas/{of.name}/{version}.json)" for version in of.schemas]
    return ", ".join(links)


def _table(schema: Schema, names: list[str]) -> Iterator[str]:
    yield "| member | takes | | what it says |"
    yield "| --- | --- | --- | --- |"
    for name in names:
        member = schema["properties"][name]
        need = "required" if name in schema["required"] else ""
        yield f"| `{name}` | {_kind(member, schema)} | {need} | {' '.join(meaning(member, schema).split())} |"


def meaning(member: Schema, root: Schema) -> str:
    """Return what is said of a member: by itself, or else by what it takes; empty if nothing is."""
    if "description" in member:
        return str(member["description"])
    if "$ref" in member:
        return meaning(root["$defs"][member["$ref"].removeprefix("#/$defs/")], root)
    return next((said for each in member.get("anyOf", ()) if (said := meaning(each, root))), "")


def _kind(member: Schema, root: Schema) -> str:
    """Return in a few words what a member takes."""
    if "$ref" in member:
        name = member["$ref"].removeprefix("#/$defs/")
        return "role" if name == "Role" else _kind(root["$defs"][name], root)
    if "anyOf" in member:
        return " or ".join(_kind(each, root) for each in member["anyOf"] if each.get("type") != "null")
    if "enum" in member or "const" in member:
        return " ".join(f"`{code}`" for code in member.get("enum") or [member["const"]])
    if member["type"] == "array":
        return f"list of: {_kind(member['items'], root)}"
    if member["type"] == "object":
        return f"object of {', '.join(f'`{name}`' for name in member.get('properties', ()))}".removesuffix(" of ")
    return _plain(member)


def _plain(member: Schema) -> str:
    formats = {"date": "day", "date-time": "instant"}
    patterns = {CODE_PATTERN: "code", IDENTIFIER_PATTERN: "identifier"}
    if "maximum" in member:
        return f"number from {member['minimum']} to {member['maximum']}"
    if "maxLength" in member:
        return f"text of at most {member['maxLength']}"
    return formats.get(member.get("format", "")) or patterns.get(member.get("pattern", "")) or str(member["type"])
