"""The cheap histogram shows what prometheus_client's own would."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from shared.runtime import distribution
from shared.runtime.distribution import SECONDS, Distribution

Observation = tuple[float, tuple[str, ...]]

_LABELS = ("service", "status")


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> CollectorRegistry:
    """Return a registry of the test's own, in which distributions appear instead of in everybody's."""
    own = CollectorRegistry(auto_describe=True)
    monkeypatch.setattr(distribution, "REGISTRY", own)
    return own


@pytest.fixture(scope="module")
def own_registries() -> Iterator[Callable[[], CollectorRegistry]]:
    """Yield a function that gives each example of a property a registry, in which distributions appear from then on."""
    with pytest.MonkeyPatch.context() as patch:

        def another() -> CollectorRegistry:
            own = CollectorRegistry(auto_describe=True)
            patch.setattr(distribution, "REGISTRY", own)
            return own

        yield another


def shown(registry: CollectorRegistry) -> str:
    """Return what ``/metrics`` shows of it, but for the moment at which each series began, which we do not tell."""
    lines = generate_latest(registry).decode().splitlines()
    return "\n".join(line for line in lines if "_created" not in line)


def by_the_oracle(bounds: Sequence[float], observations: Sequence[Observation]) -> str:
    """Return what prometheus_client shows of the same observations."""
    registry = CollectorRegistry()
    histogram = Histogram("seconds", "Time to answer", _LABELS, buckets=bounds, registry=registry)
    for value, labels in observations:
        histogram.labels(*labels).observe(value)
    return shown(registry)


BOUNDS = st.one_of(
    st.just(SECONDS),
    st.just((1, 2, 4, 8, 16, 32, 64, 128)),
    st.lists(st.floats(0, 1e9) | st.integers(0, 10**9), min_size=1, max_size=8, unique=True).map(sorted),
)


@st.composite
def observed(draw: st.DrawFn) -> tuple[Sequence[float], list[Observation]]:
    """Draw the bounds of buckets, and values of which many lie on a bound, for several combinations of labels."""
    bounds = draw(BOUNDS)
    values = st.sampled_from(bounds) | st.floats(0, 1e9) | st.integers(0, 200)
    labels = st.tuples(st.sampled_from(["events", "reporting"]), st.sampled_from(["200", "503", 'odd "\\\n']))
    return bounds, draw(st.lists(st.tuples(values, labels), max_size=30))


@given(told=observed())
def test_it_shows_what_the_original_shows(
    own_registries: Callable[[], CollectorRegistry], told: tuple[Sequence[float], list[Observation]]
) -> None:
    """For any bounds, labels and values the text at /metrics is, to the letter, that of prometheus_client."""
    bounds, observations = told
    registry = own_registries()
    ours = Distribution("seconds", "Time to answer", _LABELS, bounds)

    for value, labels in observations:
        ours.observe(value, *labels)

    assert shown(registry) == by_the_oracle(bounds, observations)


def test_buckets_are_cumulative_and_hold_their_upper_end(registry: CollectorRegistry) -> None:
    """A bucket counts everything up to and including its bound; the last counts everything."""
    ours = Distribution("group_requests", "Requests in one transaction", (), (1, 2, 4))

    for value in (1, 2, 2, 3, 4, 5):
        ours.observe(value)

    counts = {
        le: registry.get_sample_value("group_requests_bucket", {"le": le}) for le in ("1.0", "2.0", "4.0", "+Inf")
    }
    assert counts == {"1.0": 1, "2.0": 3, "4.0": 5, "+Inf": 6}
    assert registry.get_sample_value("group_requests_count") == 6
    assert registry.get_sample_value("group_requests_sum") == 17


def test_each_combination_of_labels_is_counted_by_itself(registry: CollectorRegistry) -> None:
    """What is observed for one service is not seen at another, nor under a combination that never was."""
    ours = Distribution("answered", "Time to answer", _LABELS, (0.1,))

    ours.observe(0.05, "events", "200")
    ours.observe(0.05, "events", "503")
    ours.observe(5.0, "events", "503")

    def counted(service: str, status: str) -> float | None:
        return registry.get_sample_value("answered_count", {"service": service, "status": status})

    assert (counted("events", "200"), counted("events", "503"), counted("reporting", "200")) == (1, 2, None)


def test_a_reader_of_the_format_understands_it(registry: CollectorRegistry) -> None:
    """Parsed again, it is one family of the kind histogram, with its documentation."""
    Distribution("answered", "Time to answer", (), SECONDS).observe(0.3)

    (family,) = text_string_to_metric_families(generate_latest(registry).decode())

    assert (family.name, family.type, family.documentation) == ("answered", "histogram", "Time to answer")
    assert len([sample for sample in family.samples if sample.name == "answered_bucket"]) == len(SECONDS) + 1


def test_a_name_is_taken_once(registry: CollectorRegistry) -> None:
    """Two distributions of one name would be one to whoever reads them, so the second is refused."""
    Distribution("answered", "Time to answer", (), SECONDS)

    with pytest.raises(ValueError, match="answered"):
        Distribution("answered", "Another thing", (), SECONDS)
