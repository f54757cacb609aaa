"""The garbage collector leaves what was made while starting alone, and still collects."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from shared.runtime.memory import spare_the_collector


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    """Leave the collector of the test run as it was found."""
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


class Ring:
    """An object that is part of a cycle, so that only the collector can free it."""

    def __init__(self) -> None:
        """Point at itself."""
        self.itself = self


def test_what_was_made_while_starting_is_not_looked_through_again() -> None:
    """Everything that lives at that moment is frozen, so that no generation holds it."""
    made_while_starting = Ring()

    spare_the_collector()

    assert gc.get_freeze_count() > 0
    assert not any(each is made_while_starting for each in gc.get_objects())


def test_what_starting_left_behind_is_freed_first() -> None:
    """Garbage is not frozen with the rest: it would then stay for ever."""
    left = weakref.ref(Ring())

    spare_the_collector()

    assert left() is None


def test_cycles_made_afterwards_are_still_freed() -> None:
    """The collector runs more rarely, but it runs: a service that makes cycles does not grow without end."""
    spare_the_collector()
    first = weakref.ref(Ring())
    rings = 0

    while first() is not None:
        Ring()
        rings += 1
        assert rings <= gc.get_threshold()[0]

    assert gc.isenabled()
    assert rings > 700


def test_only_the_youngest_are_looked_through_more_rarely() -> None:
    """A request with a thousand events does not set the collector off; the older generations keep Python's measure."""
    _, *older = gc.get_threshold()

    spare_the_collector()

    young, *still = gc.get_threshold()
    assert young == 50_000
    assert still == older
