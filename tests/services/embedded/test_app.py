"""Three services behind one door."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from services.embedded.app import Homeward
from shared.identity.keys import ApiKey
from shared.runtime.settings import Settings
from shared.wire.paths import PREFIXES
from tests.support.clients import BASE_URL
from tests.support.council import headers, new_authority
from tests.support.events import cloud_event
from tests.support.waiting import eventually

BATCH = {"content-type": "application/cloudevents-batch+json"}


@asynccontextmanager
async def homeward(settings: Settings, key: ApiKey | None = None) -> AsyncIterator[httpx.AsyncClient]:
    app = Homeward(settings)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with app.running(), httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client:
        client.headers.update(headers(key) if key else {})
        yield client


async def test_an_event_that_is_posted_reaches_both_readers(settings: Settings, database_url: str) -> None:
    """The readers follow the log within this process, with a token made for this start."""
    key = await new_authority(database_url)
    events = [
        cloud_event("child.registered", "child-ada", {"occurred_on": "2026-01-15"}),
        cloud_event(
            "child.accommodated",
            "child-ada",
            {"occurred_on": "2026-01-15", "episode_id": "e1", "legal_reason": "section_25"},
        ),
        cloud_event("home.started", "child-ada", {"occurred_on": "2026-01-15", "home_id": "h1", "home_kind": "foster"}),
    ]
    async with homeward(settings, key) as client:
        assert (await client.post("/v1/events", json=events, headers=BATCH)).status_code == 200

        async def owed() -> bool:
            answer = await client.get("/v1/reviews", params={"child": "ada"})
            return answer.status_code == 200 and bool(answer.json()["items"])

        async def told() -> bool:
            return (await client.get("/v1/journeys/ada")).status_code == 200

        await eventually(owed, about="the reviews of the child")
        await eventually(told, about="the journey of the child")


async def test_readiness_names_every_check_of_every_service(settings: Settings) -> None:
    """`/readyz` answers for all services together, each check under its service."""
    async with homeward(settings) as client:
        answer = await client.get("/readyz")

    checks = answer.json()["checks"]
    assert {name.split(".")[0] for name in checks} == set(PREFIXES)
    assert answer.status_code == (200 if set(checks.values()) == {"ok"} else 503)
    assert set(answer.json()["consumers"]) == set(PREFIXES) - {"events"}
    assert {"hints", "signing_key_id"} <= answer.json().keys()


async def test_a_database_that_is_away_is_told(settings: Settings) -> None:
    """Without a database the process lives, is not ready, and says which service lacks what."""
    away = settings.model_copy(update={"database_url": "postgresql://nobody@127.0.0.1:1/nothing"})
    async with homeward(away) as client:
        assert (await client.get("/livez")).status_code == 200
        answer = await client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["checks"]["events.database"].startswith("cannot be reached")


@pytest.mark.parametrize("path", ["/livez", "/metrics", "/docs", "/docs/assets/swagger-ui.css"])
async def test_operational_paths_answer_once_for_all(settings: Settings, path: str) -> None:
    """Probes, figures and documents are those of the whole process."""
    async with homeward(settings) as client:
        assert (await client.get(path)).status_code == 200


@pytest.mark.parametrize("service", PREFIXES)
async def test_every_service_s_document_is_there(settings: Settings, service: str) -> None:
    """The page of documents finds one for each service, which names that service."""
    async with homeward(settings) as client:
        document = (await client.get(f"/openapi/{service}.json")).json()

    assert document["info"]["title"] == f"Homeward {service}"


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/nothing", "/livezz", "/openapi/embedded.json"])
async def test_what_belongs_to_nobody_is_a_problem(settings: Settings, path: str) -> None:
    """Every other path is a 404 of the usual shape."""
    async with homeward(settings) as client:
        answer = await client.get(path)

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


async def test_the_token_of_the_services_is_no_one_s_to_set(settings: Settings) -> None:
    """A service token that is set for three processes opens nothing in one process."""
    assert settings.service_token is not None
    token = settings.service_token.get_secret_value()
    async with homeward(settings) as client:
        answer = await client.get(
            "/v1/events", headers={"authorization": f"Bearer {token}", "homeward-authority": "northshire"}
        )

    assert answer.status_code == 401
