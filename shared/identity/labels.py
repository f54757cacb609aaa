"""What people write beside identifiers: the name of an authority, and what a key is for.

Both are shown on terminals and in lists, a line each.  So every character can be seen, and
none of them moves a cursor, turns the direction of the text, or begins a new line.
"""

from __future__ import annotations

NAME_CHARACTERS = 200
NOTE_CHARACTERS = 500


def check_name(name: str) -> str:
    """Return the name of an authority; raises ValueError, in words that never repeat it, for one that cannot be."""
    if not name.strip():
        raise ValueError("the name is empty: write the council's name in full, such as Northshire Council")
    return _checked(name, NAME_CHARACTERS, "name")


def check_note(note: str) -> str:
    """Return what a key is for, which may be left empty; raises ValueError as :func:`check_name` does."""
    return _checked(note, NOTE_CHARACTERS, "note")


def _checked(text: str, most: int, kind: str) -> str:
    if len(text) > most:
        raise ValueError(f"the {kind} has {len(text):,} characters, and at most {most} fit: write a shorter one")
    unseen = next((place for place, character in enumerate(text, 1) if not character.isprintable()), None)
    if unseen is not None:
        raise ValueError(
            f"the {kind} holds a character that cannot be seen: leave out character {unseen} "
            f"(U+{ord(text[unseen - 1]):04X})"
        )
    return text
