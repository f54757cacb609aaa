"""Clocks and civil dates."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from shared.domain.clock import SettableClock, SystemClock, civil_date


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        (datetime(2026, 7, 1, 23, 30, tzinfo=UTC), date(2026, 7, 2)),
        (datetime(2026, 1, 1, 23, 30, tzinfo=UTC), date(2026, 1, 1)),
        (datetime(2026, 3, 29, 0, 59, tzinfo=UTC), date(2026, 3, 29)),
        (datetime(2026, 10, 24, 23, 30, tzinfo=UTC), date(2026, 10, 25)),
    ],
)
def test_the_civil_date_is_that_of_london(instant: datetime, day: date) -> None:
    """In summer the civil day begins an hour before the UTC day does."""
    assert civil_date(instant) == day


def test_naive_instants_are_refused() -> None:
    """Neither a civil date nor a clock is made from an instant without a zone."""
    naive = datetime(2026, 1, 1)  # noqa: DTZ001 - what is refused here

    with pytest.raises(ValueError, match="aware"):
        civil_date(naive)
    with pytest.raises(ValueError, match="aware"):
        SettableClock(naive)


def test_a_settable_clock_stands_still() -> None:
    """It tells the instant it was set to, and the system's clock tells an aware one."""
    clock = SettableClock(datetime(2026, 1, 1, tzinfo=UTC))

    assert clock.now() == clock.now() == datetime(2026, 1, 1, tzinfo=UTC)
    assert SystemClock().now().tzinfo is UTC
