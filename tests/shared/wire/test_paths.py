"""Which service answers which path."""

from __future__ import annotations

import pytest

from shared.wire.paths import service_of


@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/v1/events", "events"),
        ("/v1/events/", "events"),
        ("/v1/streams/child-ada/events", "events"),
        ("/v1/reviews/1", "scheduler"),
        ("/v1/webhook-endpoints", "scheduler"),
        ("/v1/journeys/ada", "reporting"),
        ("/v1/reviewsandmore", "events"),
        ("/openapi/reporting.json", "reporting"),
        ("/nowhere", "events"),
    ],
)
def test_a_path_belongs_to_the_service_of_its_prefix(path: str, service: str) -> None:
    """A prefix counts in whole segments, and what belongs to none goes to the events service."""
    assert service_of(path) == service
