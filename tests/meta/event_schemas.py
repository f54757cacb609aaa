"""The schemas of event data as files: what has been promised to those who send and read events.

``docs/reference/schemas/<type>/<version>.json`` is the last release; ``python -m
tests.meta.event_schemas`` writes what has been added since, and the page of all types.  It
refuses to write what would break a promise: that needs a new version, with an upcaster.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from shared.domain.catalogue import CATALOGUE, json_schema
from tests.meta.compatibility import broken_promises
from tests.meta.event_page import EVENT_TYPES_PAGE, event_types_page
from tests.meta.pages import write
from tests.meta.repository import ROOT

FOLDER = ROOT / "docs/reference/schemas"

Schema = dict[str, Any]
#: Name of an event type, and version.
Key = tuple[str, int]


def file_of(key: Key) -> Path:
    """Say where the schema of a version lies."""
    name, version = key
    return FOLDER / name / f"{version}.json"


def text_of(schema: Schema) -> str:
    """Return a schema as the text of its file."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def released() -> dict[Key, Schema]:
    """Return every schema of the last release."""
    # Names of event types have a dot; the folder beside them has the schema of timetable packs.
    files = sorted(FOLDER.glob("*.*/*.json"))
    return {(file.parent.name, int(file.stem)): json.loads(file.read_text(encoding="utf-8")) for file in files}


@cache
def current() -> dict[Key, Schema]:
    """Return every schema of the code."""
    return {(each.name, version): json_schema(each, version) for each in CATALOGUE.values() for version in each.schemas}


def breaks(old: dict[Key, Schema], new: dict[Key, Schema]) -> list[str]:
    """Return every promise of ``old`` that ``new`` breaks, a version that is gone among them."""
    found = []
    for key, schema in old.items():
        broken = broken_promises(schema, new[key]) if key in new else ["/: the version is gone"]
        found += [f"{key[0]} {key[1]} {each}" for each in broken]
    return found


def main() -> None:
    """Write the files; raises SystemExit, and writes none, if the code breaks a promise."""
    schemas = current()
    broken = breaks(released(), schemas)
    if broken:
        raise SystemExit("\n".join(["Not written; give the type a new version instead:", *broken]))
    for key, schema in schemas.items():
        write(file_of(key), text_of(schema))
    write(EVENT_TYPES_PAGE, event_types_page())


if __name__ == "__main__":
    main()
