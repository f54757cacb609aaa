"""Columns of a list, as wide as what stands in them."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len

from services.cli.command import plain


def laid_out(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a line of headings and one for each row, without line ends; what stands in a cell is made plain."""
    cells = [[plain(cell) for cell in row] for row in (headings, *rows)]
    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    return ["  ".join(map(_padded, row, widths)).rstrip() for row in cells]


def _padded(cell: str, width: int) -> str:
    return cell + " " * (width - cell_len(cell))
