"""The scheduler as a whole: readiness, and the document of its API."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from services.scheduler.app import create_app
from services.scheduler.model import NoticeKind
from shared.runtime.settings import Settings
from shared.wire.paths import PREFIXES
from tests.services.scheduler.scene import accommodate
from tests.services.scheduler.served import Served
from tests.support.clock import SettableClock
from tests.support.waiting import eventually


async def checks(running: Served) -> dict[str, str]:
    answer = await running.client.get("/readyz")
    found: dict[str, str] = answer.json()["checks"]
    assert (answer.status_code == 200) == all(state == "ok" for state in found.values())
    return found


async def test_every_part_is_shown_ready(running: Served) -> None:
    """Database, subscription, refresh, tick and delivery each say how they do."""
    assert await checks(running) == dict.fromkeys(("database", "subscription", "refresh", "tick", "delivery"), "ok")


async def test_a_reader_that_cannot_go_on_is_shown(running: Served) -> None:
    """When the log is away for everybody the service is not ready, and says so; when it is back, all is well."""
    running.feed.away = True

    async def shown() -> bool:
        return running.key.authority_id in (await checks(running))["subscription"]

    await eventually(shown)
    running.feed.away = False

    async def well() -> bool:
        return (await checks(running))["subscription"] == "ok"

    await eventually(well)


async def test_an_event_of_an_unknown_type_stops_its_council_alone(running: Served) -> None:
    """An event that cannot be read is never stepped over; it is told whose it is, and other councils go on."""
    accommodate(running.log, "2026-01-15")
    running.log.events[1].attributes["type"] = "unheard.of"
    other, log = await running.another_council()
    accommodate(log, "2026-01-15")

    async def degraded() -> Any:
        return (await running.client.get("/readyz")).json()["degraded"].get("subscription")

    told = await eventually(degraded)
    assert set(told) == {running.key.authority_id}
    assert "stopped at position 2 (unheard.of)" in told[running.key.authority_id]
    async with other:

        async def projected() -> bool:
            return bool((await other.get("/v1/reviews")).json()["items"])

        await eventually(projected)
    answer = await running.client.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert answer.json()["checks"]["subscription"] == "ok"


async def test_a_loop_that_ended_is_shown(running: Served) -> None:
    """A background task that is no longer running makes the service not ready."""
    running.app.state.background._tasks["tick"].cancel()

    async def shown() -> bool:
        return (await checks(running))["tick"] == "has stopped"

    await eventually(shown)


def document(settings: Settings, clock: SettableClock) -> dict[str, Any]:
    return create_app(settings, clock=clock).openapi()


def test_operations_lie_under_the_prefixes_of_the_service(settings: Settings, clock: SettableClock) -> None:
    """Every path of the document belongs to the scheduler in the one URL space."""
    paths = document(settings, clock)["paths"]
    assert {"/v1/reviews", "/v1/timetables", "/v1/webhook-endpoints"} <= set(paths)
    assert all(path.startswith(PREFIXES["scheduler"]) for path in paths)


def test_webhooks_are_described_with_examples_that_fit_their_schema(settings: Settings, clock: SettableClock) -> None:
    """OpenAPI 3.1 `webhooks` names every kind of notice, and each example is valid."""
    described = document(settings, clock)
    assert set(described["webhooks"]) == {kind.value for kind in NoticeKind}
    for name, operation in described["webhooks"].items():
        content = operation["post"]["requestBody"]["content"]["application/json"]
        schema = {**content["schema"], "components": described["components"]}
        for example in content["examples"].values():
            jsonschema.validate(example["value"], schema)
            assert example["value"]["type"] == name


def test_a_mistyped_allowance_stops_the_start(settings: Settings, clock: SettableClock) -> None:
    """A setting that cannot be read is an error at start, not an allowance that is silently missing."""
    with pytest.raises(ValueError, match="HOMEWARD_WEBHOOK_ALLOW"):
        create_app(settings.model_copy(update={"webhook_allow": "10.0.0.0/8"}), clock=clock)
