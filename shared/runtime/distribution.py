"""A histogram for figures that are taken at every request.

prometheus_client's own takes ten microseconds for each observation, which is as long as
some of what is measured with it; this one takes one.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate

from prometheus_client import REGISTRY
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Distribution(Collector):
    """How observed values are distributed, for each combination of labels, since the process began.

    ``bounds`` are the upper ends of its buckets, ascending.  It is told from one thread.
    """

    def __init__(self, name: str, documentation: str, labels: Sequence[str], bounds: Sequence[float]) -> None:
        """Appear at ``/metrics`` under ``name``."""
        self._name = name
        self._documentation = documentation
        self._labels = list(labels)
        self._bounds = list(bounds)
        self._counts: dict[tuple[str, ...], list[int]] = {}
        self._sums: dict[tuple[str, ...], float] = {}
        REGISTRY.register(self)

    def observe(self, value: float, *labels: str) -> None:
        """Count ``value`` for these values of the labels."""
        counts = self._counts.get(labels)
        if counts is None:
            counts = self._counts[labels] = [0] * (len(self._bounds) + 1)
            self._sums[labels] = 0.0
        counts[bisect_left(self._bounds, value)] += 1
        self._sums[labels] += value

    def collect(self) -> Iterable[HistogramMetricFamily]:
        """Give all there is, as prometheus_client asks for it."""
        family = HistogramMetricFamily(self._name, self._documentation, labels=self._labels)
        bounds = [*map(floatToGoString, self._bounds), "+Inf"]
        for labels, counts in self._counts.items():
            buckets = list(zip(bounds, accumulate(counts), strict=True))
            family.add_metric(list(labels), buckets, self._sums[labels])
        yield family
