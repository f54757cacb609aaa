"""Which requests are answered without FastAPI's machinery, and that nobody can tell from the answers."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response

from shared.domain.errors import Fault, HomewardError, InvalidInput, NotAuthenticated, NotReady
from shared.runtime.app import build_app
from shared.runtime.plain_operation import PlainOperation
from shared.runtime.readiness import Readiness
from shared.wire.problem import MEDIA_TYPE, Problem
from tests.support.clients import client_of

PATH = "/v1/events/told"
SECRET = "a child's own words"

#: What goes wrong, by the body that is sent.
ERRORS: dict[bytes, Exception] = {
    b"invalid": InvalidInput(faults=[Fault("/data", "missing", "Say what happened.")]),
    b"nobody": NotAuthenticated("Send an API key."),
    b"busy": NotReady("Too much waits."),
    b"own": HomewardError("Told to the caller."),
    b"network": OSError(SECRET),
    b"surprise": RuntimeError(SECRET),
}


async def _answer(request: Request, way: str) -> Response:
    """Say which way the request went, or fail as its body wants."""
    body = await request.body()
    if body in ERRORS:
        raise ERRORS[body]
    return Response(body, headers={"way": way})


async def _plainly(request: Request) -> Response:
    return await _answer(request, "plain")


def _dependency() -> str:
    return "FastAPI"


router = APIRouter()


@router.post(PATH)
async def tell(
    request: Request, way: Annotated[str, Depends(_dependency)], *, dry_run: Annotated[bool, Query()] = False
) -> Response:
    """Answer as FastAPI finds it."""
    return await _answer(request, f"{way} {dry_run}")


@router.get(PATH)
async def look(way: Annotated[str, Depends(_dependency)]) -> Response:
    """Answer another method on the same path."""
    return Response(headers={"way": way})


PAGED = "/v1/events/paged"
PLAIN = (
    PlainOperation("POST", PATH, _plainly),
    PlainOperation("GET", PAGED, _plainly, re.compile(rb"after=[0-9]{1,4}")),
)


@router.get(PAGED)
async def look_behind(way: Annotated[str, Depends(_dependency)], *, after: Annotated[int, Query()] = 0) -> Response:
    """Answer with what FastAPI made of the query."""
    return Response(headers={"way": f"{way} {after}"})


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield

    async def ready() -> Readiness:
        return Readiness({})

    app = build_app(
        service="events", summary="Plain", routers=[router], lifespan=lifespan, readiness=ready, plain=PLAIN
    )
    async with client_of(app) as opened:
        yield opened


@pytest.mark.parametrize("target", [PATH, f"{PATH}?"])
async def test_a_request_without_a_query_goes_the_short_way(client: httpx.AsyncClient, target: str) -> None:
    """The function reads the body by itself; a lone question mark is no query."""
    answer = await client.post(target, content=b"hello")

    assert (answer.status_code, answer.headers["way"], answer.content) == (200, "plain", b"hello")


@pytest.mark.parametrize(("query", "way"), [("dry_run=true", "FastAPI True"), ("dry_run=false", "FastAPI False")])
async def test_a_request_with_parameters_goes_through_fastapi(client: httpx.AsyncClient, query: str, way: str) -> None:
    """Parameters are read and dependencies solved as ever."""
    answer = await client.post(f"{PATH}?{query}", content=b"hello")

    assert (answer.status_code, answer.headers["way"], answer.content) == (200, way, b"hello")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("dryrun=true", "unknown_parameter"),
        ("dry_run=true&dry_run=false", "repeated_parameter"),
        ("dry_run=perhaps", "bool_parsing"),
        ("dry_run", "bool_parsing"),
    ],
)
async def test_a_query_that_is_wrong_is_refused(client: httpx.AsyncClient, query: str, code: str) -> None:
    """No query is short enough to be overlooked: what is misspelt is never taken for what is left out."""
    answer = await client.post(f"{PATH}?{query}", content=b"hello")

    assert answer.status_code == 422
    assert [fault["code"] for fault in answer.json()["errors"]] == [code]
    assert "way" not in answer.headers


@pytest.mark.parametrize(
    ("query", "way"),
    [
        ("after=7", "plain"),
        ("after=0007", "plain"),
        ("after=+7", "FastAPI 7"),
        ("after=7&", "FastAPI 7"),
        ("", "FastAPI 0"),
    ],
)
async def test_a_query_goes_the_short_way_if_the_whole_of_it_fits(
    client: httpx.AsyncClient, query: str, way: str
) -> None:
    """What goes beyond the form in one character is FastAPI's."""
    answer = await client.get(f"{PAGED}?{query}")

    assert (answer.status_code, answer.headers["way"]) == (200, way)


@pytest.mark.parametrize("query", ["after=", "after=7&after=8", "after=7&limit=1", "after=\u0667", "after=seven"])
async def test_nothing_wrong_fits_a_form(client: httpx.AsyncClient, query: str) -> None:
    """A query that begins like the form, or looks like it, is refused as ever."""
    answer = await client.get(f"{PAGED}?{query}")

    assert answer.status_code == 422


async def test_other_methods_on_the_path_are_fastapi_s(client: httpx.AsyncClient) -> None:
    """The short way is one method's; a method that is not taken is told which are."""
    read, refused = await client.get(PATH), await client.delete(PATH)

    assert (read.status_code, read.headers["way"]) == (200, "FastAPI")
    assert refused.status_code == 405
    assert refused.headers["allow"] == "GET, POST"


def _seen(answer: httpx.Response) -> dict[str, Any]:
    """Return everything of an answer but the name of its request."""
    headers = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
    return {"status": answer.status_code, "headers": headers, "body": answer.content}


@pytest.mark.parametrize(
    ("content", "status"),
    [(b"invalid", 422), (b"nobody", 401), (b"busy", 503), (b"own", 500), (b"network", 503), (b"surprise", 500)],
)
async def test_an_error_is_the_same_problem_either_way(client: httpx.AsyncClient, content: bytes, status: int) -> None:
    """Whatever is raised becomes the answer that FastAPI's way gives, header by header and word for word."""
    plain = await client.post(PATH, content=content)
    usual = await client.post(f"{PATH}?dry_run=false", content=content)

    assert plain.status_code == status
    assert plain.headers["content-type"] == MEDIA_TYPE
    assert Problem.model_validate(plain.json()).status == status
    assert SECRET not in plain.text
    assert _seen(plain) == _seen(usual)


async def test_the_figures_name_the_operation(client: httpx.AsyncClient) -> None:
    """What goes the short way is counted under the operation's path, like everything else."""
    counted = f'homeward_http_request_seconds_count{{method="POST",operation="{PATH}",service="events",status="200"}}'

    async def so_far() -> float:
        lines = (await client.get("/metrics")).text.splitlines()
        return next((float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(counted)), 0.0)

    before = await so_far()
    await client.post(PATH, content=b"hello")
    await client.post(f"{PATH}?dry_run=true", content=b"hello")

    assert await so_far() == before + 2


async def test_the_document_is_fastapi_s(client: httpx.AsyncClient) -> None:
    """The operation is described with its parameters, as if it had no short way."""
    operation = (await client.get("/openapi/events.json")).json()["paths"][PATH]["post"]

    assert [each["name"] for each in operation["parameters"]] == ["dry_run"]
