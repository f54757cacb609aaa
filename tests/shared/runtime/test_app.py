"""What every service's HTTP face has in common."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.types import Message

from shared.runtime.guard import MAX_QUERY_BYTES
from shared.runtime.readiness import Readiness
from shared.runtime.settings import Settings
from shared.wire.paths import PREFIXES
from tests.shared.runtime.sample import create_app
from tests.support.clients import asgi_client
from tests.support.clock import SettableClock

#: What `/readyz` answers when there is nothing to tell.
WELL = {"status": "ok", "checks": {"database": "ok"}, "degraded": {}, "warnings": []}


async def test_readiness_is_that_of_the_database(client: httpx.AsyncClient) -> None:
    """On a migrated database the service is ready."""
    assert (await client.get("/readyz")).json() == WELL


async def test_a_database_that_is_not_migrated_is_told(
    settings: Settings, clock: SettableClock, empty_database_url: str
) -> None:
    """Nothing works there, and readiness says so with 503."""
    unmigrated = settings.model_copy(update={"database_url": empty_database_url})
    async with asgi_client(create_app(unmigrated, clock)) as client:
        answer = await client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["checks"]["database"] != "ok"


async def test_any_check_that_is_not_ok_makes_it_unready(settings: Settings, clock: SettableClock) -> None:
    """One part that does not work is enough, and the others are told too."""
    found = Readiness({"database": "ok", "delivery": "stopped"}, degraded={"signing": {"northshire": "changed"}})
    answer = await readiness(settings, clock, found)

    assert answer.status_code == 503
    assert answer.json() == {
        **WELL,
        "status": "not ready",
        "checks": {"database": "ok", "delivery": "stopped"},
        "degraded": {"signing": {"northshire": "changed"}},
    }


async def test_one_authoritys_trouble_cuts_off_nobody(settings: Settings, clock: SettableClock) -> None:
    """A gateway that reads the status code alone goes on; whoever reads the answer learns for whom not all is well."""
    degraded = {"subscription": {"northshire": "stopped at position 7"}}
    answer = await readiness(settings, clock, Readiness({"database": "ok"}, degraded=degraded))

    assert answer.status_code == 200
    assert answer.json() == {**WELL, "status": "degraded", "degraded": degraded}


async def test_warnings_and_figures_are_shown_and_judge_nothing(settings: Settings, clock: SettableClock) -> None:
    """They stand beside the checks, and the service is as ready as without them."""
    found = Readiness({"database": "ok"}, warnings=["fsync = off"], figures={"hints": "heard"})
    answer = await readiness(settings, clock, found)

    assert answer.status_code == 200
    assert answer.json() == {**WELL, "warnings": ["fsync = off"], "hints": "heard"}


async def readiness(settings: Settings, clock: SettableClock, found: Readiness) -> httpx.Response:
    async with asgi_client(create_app(settings, clock, found)) as client:
        return await client.get("/readyz")


async def test_without_a_database_a_service_does_not_start(clock: SettableClock) -> None:
    """The error names the setting that is missing."""
    with pytest.raises(ValueError, match="HOMEWARD_DATABASE_URL"):
        async with asgi_client(create_app(Settings(), clock)):
            pass


async def test_the_documents_need_no_internet(client: httpx.AsyncClient) -> None:
    """Everything that the page of documents loads or links to comes from this service."""
    page = (await client.get("/docs", params={"service": "scheduler"})).text
    named = re.findall(r'(?:src|href)="([^"]+)"', page)

    assert "/openapi/scheduler.json" in page
    assert len(named) > len(PREFIXES)
    for path in named:
        assert path.startswith("/docs")
        assert (await client.get(path)).status_code == 200


async def test_the_page_of_documents_reads_their_version(client: httpx.AsyncClient) -> None:
    """The Swagger UI that is installed knows OpenAPI 3.1, in which the documents are written."""
    script = (await client.get("/docs/assets/swagger-ui-bundle.js")).text

    assert "isOAS31" in script


async def test_answers_are_not_kept_and_have_a_name(client: httpx.AsyncClient) -> None:
    """No proxy stores an answer, and each has an id to ask about."""
    first, second = [await client.get("/livez") for _ in range(2)]

    assert first.headers["cache-control"] == "private, no-store"
    assert first.headers["x-content-type-options"] == "nosniff"
    assert first.headers["x-request-id"] != second.headers["x-request-id"]


@pytest.mark.parametrize(
    "target", ["/v1/events/times?as_of=%00", "/v1/events/times?as_of=%ff", "/v1/events/fail/%ff", "/v1/%00"]
)
async def test_a_url_that_cannot_be_read_is_refused(client: httpx.AsyncClient, target: str) -> None:
    """U+0000 and bytes that are no UTF-8 never reach an operation."""
    answer = await client.get(target)

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "url_unreadable"
    assert answer.json()["type"] == "/v1/problems/unreadable-url"


async def test_an_endless_query_is_refused(client: httpx.AsyncClient) -> None:
    """A query longer than the limit is 400."""
    answer = await client.get("/v1/events/times", params={"as_of": "x" * MAX_QUERY_BYTES})

    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("query", "code"),
    [("childd=ada", "unknown_parameter"), ("as_of=2026-01-01&as_of=2026-01-02", "repeated_parameter")],
)
async def test_a_misspelt_or_doubled_parameter_is_refused(client: httpx.AsyncClient, query: str, code: str) -> None:
    """A filter that would be ignored is an error, since it asks another question."""
    answer = await client.get(f"/v1/events/times?{query}")

    assert answer.status_code == 422
    assert {fault["code"] for fault in answer.json()["errors"]} == {code}
    assert "childd" not in answer.text


async def test_a_list_may_be_given_many_times(client: httpx.AsyncClient) -> None:
    """Only parameters that are lists may be repeated."""
    assert (await client.get("/v1/events/many?team=a&team=b&one=c")).json() == ["a", "b", "c"]


async def test_requests_are_counted_by_operation_and_not_by_child(client: httpx.AsyncClient) -> None:
    """Figures name the operation's path, never what stood in it."""
    await client.get("/v1/events/fail/ada-the-child")

    figures = (await client.get("/metrics")).text

    assert 'operation="/v1/events/fail/{how}"' in figures
    assert "ada-the-child" not in figures


async def test_a_trailing_slash_is_another_path(client: httpx.AsyncClient) -> None:
    """It is answered 404 with a problem, never with a redirect made from the caller's Host header."""
    answer = await client.get("/v1/events/me/", headers={"host": "evil.example"})

    assert answer.status_code == 404
    assert answer.json()["type"] == "/v1/problems/not-found"


async def test_a_body_that_stops_arriving_is_given_up(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, clock: SettableClock
) -> None:
    """A sender that goes silent is answered 408, so that silent senders do not pile up."""
    monkeypatch.setattr("shared.runtime.guard.BODY_PAUSE_SECONDS", 0.05)

    async def body() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    app = create_app(settings, clock)
    sent: list[Message] = []
    parts = body()

    async def receive() -> Message:
        return {"type": "http.request", "body": await anext(parts), "more_body": True}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/v1/events/raw", "raw_path": b"/v1/events/raw",
        "query_string": b"", "headers": [(b"content-type", b"application/json")],
    }  # fmt: skip
    async with app.router.lifespan_context(app):
        await app(scope, receive, send)

    assert sent[0]["status"] == 408
