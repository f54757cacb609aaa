"""CSV that a spreadsheet shows and never computes."""

from __future__ import annotations

import csv
import io

import pytest

from shared.wire.tables_as_csv import cell, table_as_csv


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "\nx"])
def test_no_cell_is_a_formula(text: str) -> None:
    """Text that a spreadsheet would compute is quoted; plain text and numbers stay as they are."""
    assert cell(text) == "'" + text
    assert cell("plain") == "plain"
    assert cell(-1) == "-1"


def test_a_table_is_read_back_as_it_was_written() -> None:
    """Commas, quotes and line breaks stay within their cell; None is empty, truth is a word, lines end as RFC 4180."""
    written = table_as_csv(["a", "b"], [{"b": 'x,"y"\nz', "a": None}, {"a": True, "b": 2, "other": 3}])

    assert list(csv.reader(io.StringIO(written, newline=""))) == [["a", "b"], ["", 'x,"y"\nz'], ["true", "2"]]
    assert written.startswith("a,b\r\n")


def test_a_row_without_a_column_is_a_mistake() -> None:
    """A missing value never becomes an empty cell silently."""
    with pytest.raises(KeyError):
        table_as_csv(["a", "b"], [{"a": 1}])
