"""One figure of a benchmark, and how figures are printed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Figure:
    """A ratio, stated so that higher is better, with the ratio it should reach.

    ``ours`` and ``theirs`` are the medians it was made of, in ``unit``, for the reader;
    they depend on the machine.
    """

    name: str
    ratio: float
    target: float
    against: str
    rounds: int
    ours: float
    theirs: float
    unit: str


def print_json(figures: Sequence[Figure]) -> None:
    """Print one JSON line for each figure."""
    for figure in figures:
        kept = {name: asdict(figure)[name] for name in ("name", "ratio", "target", "against", "rounds")}
        print(json.dumps({**kept, "ratio": round(figure.ratio, 3)}))


def print_table(figures: Sequence[Figure]) -> None:
    """Print a small table."""
    table = Table(title="Ratios (higher is better); medians over rounds")
    for column in ("figure", "ratio", "target", "ours", "theirs", "unit", "against"):
        table.add_column(column, justify="left" if column in {"figure", "unit", "against"} else "right")
    for each in figures:
        numbers = (f"{each.ratio:.2f}", f"{each.target:.2f}", f"{each.ours:,.2f}", f"{each.theirs:,.2f}")
        table.add_row(each.name, *numbers, each.unit, each.against)
    Console(width=140).print(table)
