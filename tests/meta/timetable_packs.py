"""What has been promised of timetable packs, as files: the schema of their language, and the shipped editions.

``docs/reference/schemas/timetable-pack/<language>.json`` is the JSON Schema of each language, of which only the
latest is still written (an earlier one is never changed), and
``docs/reference/timetable-pack-findings.md`` the codes of what may be wrong.  ``shared/policies/released.json``
holds the SHA-256 of every shipped edition: councils work to them, so their text never changes again.
``python -m tests.meta.timetable_packs`` writes all three; of editions it only adds new ones, and refuses to
write while a released one is changed or gone, or a pack that the schema admitted would be refused.
"""

from __future__ import annotations

import json
import tomllib
from hashlib import sha256
from typing import Any

from shared.policies.faults import MEANINGS
from shared.policies.pack_file import LANGUAGE, pack_schema
from tests.meta.compatibility import broken_promises
from tests.meta.pages import write
from tests.meta.repository import ROOT

PACKS = ROOT / "shared/policies"
RELEASED = PACKS / "released.json"
SCHEMAS = ROOT / "docs/reference/schemas/timetable-pack"
SCHEMA = SCHEMAS / f"{LANGUAGE}.json"
FINDINGS_PAGE = ROOT / "docs/reference/timetable-pack-findings.md"

#: Pack, to edition, to the SHA-256 of its file.
Digests = dict[str, dict[str, str]]

_HEAD = """# What may be wrong with a timetable pack

`homeward timetable check FILE` tells each finding with its line and column, and ends it with one of these codes. A code
is never given another meaning. A pack with errors is not read; one with warnings is. This page is made from
`shared/policies/faults.py` by `make schemas`.

What a file may hold stands in [its JSON Schema](schemas/timetable-pack/2.json), which `GET /v1/timetables/schema`
answers too: an editor of TOML that reads schemas shows it while a pack is written. A file without `language = 2` is
in the first language, which [has a schema of its own](schemas/timetable-pack/1.json) and is read for ever.

| code | severity | meaning |
| --- | --- | --- |
"""


def released() -> Digests:
    """Return the digests of every edition that was released."""
    digests: Digests = json.loads(RELEASED.read_text(encoding="utf-8"))
    return digests


def released_schema(language: int = LANGUAGE) -> dict[str, Any]:
    """Return the schema of a language as it was last released."""
    schema: dict[str, Any] = json.loads((SCHEMAS / f"{language}.json").read_text(encoding="utf-8"))
    return schema


def shipped() -> Digests:
    """Return the digests of every edition that lies in the repository."""
    digests: Digests = {}
    for file in sorted(PACKS.glob("*.toml")):
        text = file.read_bytes()
        said = tomllib.loads(text.decode())
        digests.setdefault(said["pack"], {})[said["edition"]] = sha256(text).hexdigest()
    return digests


def changed(old: Digests, new: Digests) -> list[str]:
    """Return every edition of ``old`` that is gone from ``new`` or reads otherwise there."""
    return [
        f"edition {edition} of {pack} is released and was {'changed' if now else 'taken away'}; "
        "put it back as it was, and write what is new as another edition in a file of its own"
        for pack, editions in old.items()
        for edition, digest in editions.items()
        if (now := new.get(pack, {}).get(edition)) != digest
    ]


def findings_page() -> str:
    """Return the page of all codes."""
    rows = (f"| `{code}` | {code.severity} | {meaning} |\n" for code, meaning in MEANINGS.items())
    return _HEAD + "".join(rows)


def text_of(document: object) -> str:
    """Return a document as the text of its file."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the files; raises SystemExit, and writes none, if something released is not as it was."""
    # A language of which there is no schema yet has promised nothing.
    promised = broken_promises(released_schema(), pack_schema()) if SCHEMA.exists() else []
    wrong = changed(released(), shipped()) + promised
    if wrong:
        raise SystemExit("\n".join(["Not written:", *wrong]))
    write(RELEASED, text_of(shipped()))
    write(SCHEMA, text_of(pack_schema()))
    write(FINDINGS_PAGE, findings_page())


if __name__ == "__main__":
    main()
