"""The two times of a read."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest

from tests.support.clock import SettableClock


async def ask(client: httpx.AsyncClient, **params: str) -> httpx.Response:
    return await client.get("/v1/events/times", params=params)


async def test_left_out_they_are_today_and_everything(client: httpx.AsyncClient, clock: SettableClock) -> None:
    """Today is the civil day in London, which may be ahead of UTC's."""
    clock.set(datetime(2026, 6, 30, 23, 30, tzinfo=UTC))

    assert (await ask(client)).json() == {"as_of": "2026-07-01", "known_at": None, "today": "2026-07-01"}


async def test_both_are_read_as_written(client: httpx.AsyncClient) -> None:
    """A civil date, and an instant with its zone."""
    answer = await ask(client, as_of="2025-02-28", known_at="2025-03-01T09:00:00+01:00")

    assert answer.json()["as_of"] == "2025-02-28"
    assert answer.json()["known_at"] == "2025-03-01T09:00:00+01:00"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("as_of", "2025-02-29"),
        ("as_of", "28/02/2025"),
        ("as_of", "1899-12-31"),
        ("as_of", "2200-01-01"),
        ("as_of", "20250228"),
        ("as_of", "1740700800"),
        ("as_of", "2025-02-28T00:00:00Z"),
        ("as_of", ""),
        ("as_of", "x" * 41),
        ("known_at", "2025-03-01T09:00:00"),
        ("known_at", "2025-03-01"),
        ("known_at", "1740700800"),
        ("known_at", "2025-03-01T09:00:00 01:00"),
        ("known_at", "1899-03-01T09:00:00Z"),
        ("known_at", ""),
    ],
)
async def test_anything_else_is_refused_with_its_place(client: httpx.AsyncClient, name: str, value: str) -> None:
    """A date or instant that could be read in two ways is 422, names the parameter and not the value."""
    answer = await ask(client, **{name: value})

    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [f"?{name}"]
    assert not value or value not in answer.text
