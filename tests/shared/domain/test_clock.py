"""Clocks and civil dates."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.clock import SystemClock, civil_date, next_civil_day


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


@given(st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - UTC is added
def test_the_next_civil_day_begins_where_the_date_changes(instant: datetime) -> None:
    """At that instant the date is the next one, and just before it was still the same, also when clocks change."""
    begins = next_civil_day(instant)

    assert begins > instant
    assert civil_date(begins) == civil_date(instant) + timedelta(days=1)
    assert civil_date(begins - timedelta(microseconds=1)) == civil_date(instant)


def test_naive_instants_are_refused() -> None:
    """No civil date is taken of an instant without a zone."""
    with pytest.raises(ValueError, match="aware"):
        civil_date(datetime(2026, 1, 1))  # noqa: DTZ001 - what is refused here


def test_the_system_s_clock_is_aware() -> None:
    """It tells an instant in UTC."""
    assert SystemClock().now().tzinfo is UTC
