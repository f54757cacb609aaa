"""Timetable packs, read from the TOML files beside this module.

::

    known_packs() -> tuple[Pack, ...]         raises InvalidPack
    read_pack(path: Path) -> Pack             raises InvalidPack

What a file may say is in :mod:`shared.policies.pack_file`.
"""

from __future__ import annotations

import tomllib
from functools import cache
from itertools import pairwise
from pathlib import Path

from pydantic import ValidationError

from shared.domain.timetable.rules import Pack
from shared.policies.pack_file import PackFile

_HERE = Path(__file__).parent


class InvalidPack(ValueError):
    """A pack file says something that a pack cannot say; the message names file, key and reason."""


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
    """Read and check one pack file; raises InvalidPack naming file, key and reason."""
    try:
        return PackFile.model_validate(tomllib.loads(path.read_text(encoding="utf-8"))).to_pack()
    except tomllib.TOMLDecodeError as error:
        raise InvalidPack(f"{path.name}: {error}") from error
    except ValidationError as error:
        raise InvalidPack(_faults(path.name, error)) from error


def _faults(name: str, error: ValidationError) -> str:
    lines = (f"{name}: {_key(fault['loc'])}: {fault['msg']}" for fault in error.errors())
    return "\n".join(lines)


def _key(loc: tuple[int | str, ...]) -> str:
    """Write a place in the file as in ``rule[1].step[0].within``."""
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc)
    return key.removeprefix(".") or "the whole file"
