"""The timetable packs that are shipped, by name."""

from __future__ import annotations

from shared.domain.timetable.rules import Pack
from shared.policies.loader import known_packs


def load_pack(pack: str, edition: str | None = None) -> Pack:
    """Return a shipped pack, in its latest edition unless another is named."""
    return [each for each in known_packs() if each.pack == pack and edition in (None, each.edition)][-1]
