"""Time to an event when some are still waiting: the Kaplan-Meier (product limit) estimate.

Standard library only.  Equal to ``survfit(conf.type = "log-log")`` and its
``quantile()`` of R's *survival* package:

- events come before censorings of the same day, and day 0 is a day like any other;
- variance by Greenwood, limits on the scale of ``log(-log(S))``; where S is 1 both limits
  are 1, and where S is 0 there is neither standard error nor limit;
- a quantile is the first day on which the curve is at or below its level; where the curve
  lies *exactly* on the level it is the midpoint of that flat step, which the last
  observed day closes when no further step follows;
- limits of a quantile come from the limit curves, read in the same way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import exp, log, sqrt
from statistics import NormalDist

#: Two levels this close are the same one: R's ``sqrt(.Machine$double.eps)``.
TOLERANCE = 2.0**-26


@dataclass(frozen=True, slots=True)
class Observation:
    """One child's time in days, and whether it ended with the event (or is censored there)."""

    days: float
    happened: bool


@dataclass(frozen=True, slots=True)
class Point:
    """The estimate from one day on: share not yet reached, with its standard error and limits.

    ``at_risk`` counts those still followed just before this day, ``happened`` and
    ``censored`` those whose time ended on it.
    """

    days: float
    at_risk: int
    happened: int
    censored: int
    survival: float
    std_error: float | None
    lower: float | None
    upper: float | None


@dataclass(frozen=True, slots=True)
class Quantile:
    """The day by which ``fraction`` have reached the event, with limits; None is "not reached"."""

    fraction: float
    days: float | None
    lower: float | None
    upper: float | None


@dataclass(frozen=True, slots=True)
class Curve:
    """An estimated curve: one point for each day on which somebody's time ended."""

    points: tuple[Point, ...]
    size: int

    def at(self, days: float) -> Point | None:
        """Return the estimate on that day; None where nobody was followed so long.

        Once the event has happened to the last one at risk, it has happened to all.
        """
        before = [point for point in self.points if point.days <= days]
        at_risk = self.size - sum(point.happened + point.censored for point in self.points if point.days < days)
        if at_risk == 0 and not (before and before[-1].survival == 0):
            return None
        if not before:
            return Point(days, at_risk, 0, 0, 1.0, 0.0, 1.0, 1.0)
        last = before[-1]
        return Point(days, at_risk, 0, 0, last.survival, last.std_error, last.lower, last.upper)

    def quantile(self, fraction: float) -> Quantile:
        """Return the day by which ``fraction`` (above 0, below 1) have reached the event."""
        return Quantile(
            fraction,
            self._crossing([point.survival for point in self.points], fraction),
            self._crossing([point.lower for point in self.points], fraction),
            self._crossing([point.upper for point in self.points], fraction),
        )

    def _crossing(self, values: Sequence[float | None], fraction: float) -> float | None:
        """Return where a curve of these values, one for each point, has come down by ``fraction``.

        Steps are taken in order of height, as R does: an upper limit may rise again in
        the tail, and the later day is then the careful one.
        """
        steps: dict[float, float] = {}
        for point, value in zip(self.points, values, strict=True):
            if value is not None:
                steps.setdefault(1.0 - value, point.days)
        reached = next((steps[y] for y in sorted(steps) if y + TOLERANCE >= fraction), None)
        passed = next((steps[y] for y in sorted(steps) if y - TOLERANCE >= fraction), None)
        if reached is None:
            return None
        if values[-1] is not None and abs(fraction - (1.0 - values[-1])) < TOLERANCE:
            passed = self.points[-1].days
        return None if passed is None else (reached + passed) / 2


def kaplan_meier(observations: Iterable[Observation], *, level: float = 0.95) -> Curve:
    """Estimate the share not yet reached over time, with pointwise limits at ``level``.

    Raises ValueError for negative days.  Without observations the curve has no point.
    """
    happened, censored = Counter[float](), Counter[float]()
    for each in observations:
        if each.days < 0:
            raise ValueError("a time to an event is not negative")
        (happened if each.happened else censored)[each.days] += 1
    size = at_risk = happened.total() + censored.total()
    z = NormalDist().inv_cdf((1 + level) / 2)
    survival, hazard_variance = 1.0, 0.0
    points = []
    for days in sorted(happened.keys() | censored.keys()):
        events = happened[days]
        survival *= (at_risk - events) / at_risk
        if events < at_risk:
            hazard_variance += events / (at_risk * (at_risk - events))
        limits = _limits(survival, hazard_variance, z)
        points.append(Point(days, at_risk, events, censored[days], survival, *limits))
        at_risk -= events + censored[days]
    return Curve(tuple(points), size)


def _limits(survival: float, hazard_variance: float, z: float) -> tuple[float | None, float | None, float | None]:
    """Return standard error of S, and its lower and upper limit."""
    if survival == 0:
        return None, None, None
    if survival == 1:
        return 0.0, 1.0, 1.0
    spread = z * sqrt(hazard_variance) / log(survival)
    middle = log(-log(survival))
    return survival * sqrt(hazard_variance), exp(-exp(middle - spread)), exp(-exp(middle + spread))
