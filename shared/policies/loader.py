"""Timetable packs, read from the TOML files beside this module.

::

    known_packs() -> tuple[Pack, ...]         raises InvalidPack
    read_pack(path: Path) -> Pack             raises InvalidPack

What a file may say is in :mod:`shared.policies.pack_file`, how it is read in :mod:`shared.policies.linter`.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from pathlib import Path

from shared.domain.timetable.rules import Pack
from shared.policies.linter import check

_HERE = Path(__file__).parent


class InvalidPack(ValueError):
    """A pack file says something that a pack cannot say; the message names file, line, key and reason."""


@cache
def known_packs() -> tuple[Pack, ...]:
    """Return every edition of every shipped pack, ordered by pack, then edition.

    Raises InvalidPack if a shipped file is not valid, or if two files give one edition.
    """
    packs = sorted((read_pack(path) for path in _HERE.glob("*.toml")), key=lambda each: (each.pack, each.edition))
    for one, next_one in pairwise(packs):
        if (one.pack, one.edition) == (next_one.pack, next_one.edition):
            raise InvalidPack(f"two files give edition {one.edition} of pack {one.pack}")
    return tuple(packs)


def read_pack(path: Path) -> Pack:
    """Read and check one pack file; raises InvalidPack naming file, line, key and reason."""
    reading = check(path.read_text(encoding="utf-8"), path.name)
    if reading.pack is None:
        raise InvalidPack("\n".join(reading.lines(reading.errors)))
    return reading.pack
