"""Chance that can be repeated: every draw follows from named parts such as seed and child.

All draws are made from ``Random.random`` alone: Python promises its sequence for a seed
across releases, and does not promise that of ``choice`` or ``randint``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log
from random import Random
from typing import TypeVar

from services.demonstration.calibration import Range

T = TypeVar("T")


class Chance:
    """A source of draws that always gives the same ones for the same parts."""

    def __init__(self, *parts: str | int) -> None:
        """Start from ``parts``, in this order."""
        self._random = Random("\x1f".join(str(part) for part in parts))

    def fraction(self) -> float:
        """Draw from 0 (included) to 1 (excluded)."""
        return self._random.random()

    def happens(self, probability: float) -> bool:
        """Tell whether something of this probability happens this time."""
        return self.fraction() < probability

    def within(self, low: int, high: int) -> int:
        """Draw a whole number from ``low`` to ``high``, both included."""
        return low + int(self.fraction() * (high - low + 1))

    def days(self, span: Range) -> int:
        """Draw a number of days from a range."""
        return self.within(span.low, span.high)

    def leaning(self, low: int, high: int) -> int:
        """Draw a whole number from ``low`` to ``high`` of which small ones are likelier."""
        return low + int(self.fraction() * self.fraction() * (high - low + 1))

    def pick(self, weights: Mapping[T, float]) -> T:
        """Draw one key by its weight; weights need not add up to 1."""
        point = self.fraction() * sum(weights.values())
        for key, weight in weights.items():
            point -= weight
            if point < 0:
                return key
        return next(reversed(list(weights)))

    def one_of(self, choices: Sequence[T]) -> T:
        """Draw one of several, all equally likely."""
        return choices[self.within(0, len(choices) - 1)]

    def waiting_days(self, mean: float) -> float:
        """Draw an exponential waiting time of this mean."""
        return -mean * log(1.0 - self.fraction())

    def weibull_days(self, scale: float, shape: float) -> float:
        """Draw a Weibull waiting time."""
        return float(scale * (-log(1.0 - self.fraction())) ** (1.0 / shape))

    def identifier(self, prefix: str) -> str:
        """Draw an opaque identifier: a prefix and twelve hexadecimal digits."""
        return f"{prefix}{int(self.fraction() * 16**12):012x}"
