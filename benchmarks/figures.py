"""One figure of a benchmark, and how figures are printed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Figure:
    """A ratio, stated so that higher is better, with the ratio it should reach.

    ``ours`` and ``theirs`` are medians in ``unit``, for the reader; they depend on the
    machine.  Where both were measured side by side in each round, the ratio is the median
    of the ratios of the rounds, because the machine is not equally fast in all of them.
    """

    name: str
    ratio: float
    target: float
    against: str
    rounds: int
    ours: float
    theirs: float
    unit: str


def paired_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the median ratio of what was measured side by side in each round."""
    return median(one / other for one, other in zip(ours, theirs, strict=True))


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
