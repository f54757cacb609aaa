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
        raise ValueError("a name has at least one letter: write the council's name in full")
    return _checked(name, NAME_CHARACTERS, "a name")


def check_note(note: str) -> str:
    """Return what a key is for, which may be left empty; raises ValueError as :func:`check_name` does."""
    return _checked(note, NOTE_CHARACTERS, "a note")


def _checked(text: str, most: int, kind: str) -> str:
    if len(text) > most:
        raise ValueError(f"{kind} has at most {most} characters, and this one {len(text):,}: write a shorter one")
    unseen = next((place for place, character in enumerate(text) if not character.isprintable()), None)
    if unseen is not None:
        raise ValueError(
            f"{kind} is one line of characters that can be seen: leave out the one at place {unseen + 1} "
            f"(U+{ord(text[unseen]):04X})"
        )
    return text
