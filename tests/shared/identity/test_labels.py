"""Names of authorities and notes of keys are lines that can be shown."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.identity.labels import NAME_CHARACTERS, NOTE_CHARACTERS, check_name, check_note

#: Control characters, formats (among them those that turn the direction of text), surrogates, line ends.
UNSEEN = st.characters(categories=("Cc", "Cf", "Cs", "Zl", "Zp"))


@pytest.mark.parametrize("name", ["Northshire Council", "Comhairle nan Eilean Sìar — “Western Isles”", "議会", "x"])
def test_a_name_in_any_script_is_taken_as_it_is(name: str) -> None:
    """Accents, dashes and quotation marks are seen, and stay."""
    assert (check_name(name), check_note(name)) == (name, name)


@given(st.text(max_size=20), UNSEEN, st.text(max_size=20))
def test_what_cannot_be_seen_is_refused_by_its_place(before: str, unseen: str, behind: str) -> None:
    """Wherever it stands, and without repeating any of it."""
    with pytest.raises(ValueError, match=r"leave out character \d+ \(U\+[0-9A-F]{4,6}\)") as refused:
        check_note(before + unseen + behind)
    assert str(refused.value).isascii()


def test_the_place_of_what_cannot_be_seen_is_counted_as_people_count() -> None:
    """The first character is character 1."""
    with pytest.raises(ValueError, match=r"^the name holds .*: leave out character 1 \(U\+200E\)$"):
        check_name("\u200eNorthshire")
    with pytest.raises(ValueError, match=r"^the note holds .*: leave out character 3 \(U\+000A\)$"):
        check_note("ab\n")


@given(st.text(max_size=NAME_CHARACTERS))
def test_what_is_taken_is_one_line_without_controls(name: str) -> None:
    """No category of character that a terminal obeys passes."""
    try:
        taken = check_name(name)
    except ValueError:
        return
    assert len(taken.splitlines()) == 1
    assert not {unicodedata.category(each) for each in taken} & {"Cc", "Cf", "Cs", "Zl", "Zp"}


def test_lengths_are_bounded() -> None:
    """The longest is taken, and one character more is refused with the bound; only a note may be empty."""
    assert check_name("n" * NAME_CHARACTERS)
    assert check_note("n" * NOTE_CHARACTERS)
    assert check_note("") == ""
    for check, most in ((check_name, NAME_CHARACTERS), (check_note, NOTE_CHARACTERS)):
        with pytest.raises(ValueError, match=f"{most + 1} characters, and at most {most} fit"):
            check("n" * (most + 1))
    with pytest.raises(ValueError, match="the name is empty: write the council's name in full"):
        check_name("  ")
