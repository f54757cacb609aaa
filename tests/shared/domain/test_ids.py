"""Identifiers and the streams they name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.ids import AUTHORITY_STREAM, check_stream, child_of_stream, child_stream, derived_id


@given(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", fullmatch=True).filter(lambda text: not text.isdigit()))
def test_a_childs_stream_names_the_child(child_id: str) -> None:
    """The stream of a child gives the child back."""
    assert child_of_stream(check_stream(child_stream(child_id))) == child_id


def test_the_authoritys_stream_is_about_no_child() -> None:
    """Facts about the council itself have a stream of their own."""
    assert child_of_stream(check_stream(AUTHORITY_STREAM)) is None


@pytest.mark.parametrize("stream", ["", "child-", "child-a b", "child-é", "home-1", "child-" + "a" * 65, "child-a\n"])
def test_other_streams_are_refused_without_repeating_them(stream: str) -> None:
    """What is no stream is refused, in words that do not hold the value."""
    with pytest.raises(ValueError, match=r"^a stream is 'authority' or 'child-' and an identifier$"):
        check_stream(stream)


def test_a_chi_number_is_no_identifier() -> None:
    """Ten digits are refused: such a number encodes a person's date of birth and sex."""
    with pytest.raises(ValueError, match="CHI number"):
        check_stream("child-0101901234")


@given(st.lists(st.text(alphabet="ab", max_size=3), min_size=2, max_size=3, unique=True))
def test_derived_ids_tell_their_parts_apart(parts: list[str]) -> None:
    """The same parts give the same id, and where one part ends matters."""
    assert derived_id(*parts) == derived_id(*parts)
    assert derived_id(*parts) != derived_id("".join(parts))
