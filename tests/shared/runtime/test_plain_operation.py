"""Which requests are answered without FastAPI's machinery, and that nobody can tell from the answers."""

from __future__ import annotations

import asyncio
import gc
import re
import weakref
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response
from sqlalchemy.ext.asyncio import create_async_engine

from shared.domain.clock import SystemClock
from shared.domain.errors import Fault, HomewardError, InvalidInput, NotAuthenticated, NotReady
from shared.identity.keys import Scope
from shared.runtime.app import build_app
from shared.runtime.auth import Authenticator, Principal, require
from shared.runtime.plain_operation import PlainOperation
from shared.runtime.readiness import Readiness
from shared.wire.feed import AUTHORITY_HEADER
from shared.wire.problem import MEDIA_TYPE, Problem
from tests.support.clients import client_of

PATH = "/v1/events/told"
SECRET = "a child's own words"
TOKEN = "a token that only this test knows"
AUTHORITY = "northshire"
ASKING = {"authorization": f"Bearer {TOKEN}", AUTHORITY_HEADER: AUTHORITY}
NOBODY: tuple[dict[str, str], ...] = (
    {"authorization": ""},
    {"authorization": "Bearer hw1.a.b.c"},
    {AUTHORITY_HEADER: ""},
)

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


async def _plainly(request: Request, principal: Principal, _: re.Match[bytes]) -> Response:
    assert principal.authority_id == AUTHORITY
    return await _answer(request, "plain")


def _dependency() -> str:
    return "FastAPI"


router = APIRouter(dependencies=[Depends(require(Scope.EVENTS_READ))])


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
    PlainOperation("POST", PATH, Scope.EVENTS_READ, _plainly),
    PlainOperation("GET", PAGED, Scope.EVENTS_READ, _plainly, re.compile(rb"after=[0-9]{1,4}")),
)


@router.get(PAGED)
async def look_behind(way: Annotated[str, Depends(_dependency)], *, after: Annotated[int, Query()] = 0) -> Response:
    """Answer with what FastAPI made of the query."""
    return Response(headers={"way": f"{way} {after}"})


@asynccontextmanager
async def _lifespan(_: FastAPI) -> AsyncIterator[None]:
    yield


async def _ready() -> Readiness:
    return Readiness({})


def _app(plain: Sequence[PlainOperation] = PLAIN) -> FastAPI:
    app = build_app(
        service="events", summary="Plain", routers=[router], lifespan=_lifespan, readiness=_ready, plain=plain
    )
    # A sister service is admitted without a look at the database, and may only read.
    app.state.authenticator = Authenticator(create_async_engine("postgresql+asyncpg://nowhere"), SystemClock(), TOKEN)
    return app


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(_app()) as opened:
        opened.headers.update(ASKING)
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


@pytest.mark.parametrize(
    "headers", [{"authorization": ""}, {"authorization": "Bearer hw1.a.b.c"}, {AUTHORITY_HEADER: ""}]
)
async def test_nobody_goes_the_short_way_unknown(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    """Who asks is asked before anything else, and refused in the same words."""
    plain = await client.post(PATH, content=b"hello", headers=headers)
    usual = await client.post(f"{PATH}?dry_run=false", content=b"hello", headers=headers)

    assert plain.status_code == 401
    assert _seen(plain) == _seen(usual)


async def test_a_key_needs_the_scope() -> None:
    """Whoever may read may not append the short way either."""
    app = _app([PlainOperation("POST", PATH, Scope.EVENTS_APPEND, _plainly)])
    async with client_of(app) as other:
        answer = await other.post(PATH, headers=ASKING)

    assert answer.status_code == 403


def test_a_short_way_is_that_of_an_operation() -> None:
    """An app with a short way to what is in no document is not built."""
    with pytest.raises(ValueError, match="no operation"):
        _app([PlainOperation("PUT", PATH, Scope.EVENTS_READ, _plainly)])


class _Body(bytearray):
    """What was posted, which may be a child's data: it can be seen to be freed."""


@pytest.mark.parametrize("raised", [NotReady("Too much waits."), RuntimeError(SECRET)], ids=["foreseen", "unforeseen"])
async def test_an_error_keeps_nothing_that_was_posted(raised: Exception) -> None:
    """What was posted is freed with the request, although the collector looks seldom, also where a promise failed."""
    bodies: list[weakref.ref[_Body]] = []

    async def fail(_: Request, __: Principal, ___: re.Match[bytes]) -> Response:
        body = _Body(b"a child's data")
        bodies.append(weakref.ref(body))
        promise = asyncio.get_running_loop().create_future()
        promise.set_exception(raised.__class__(*raised.args))
        await promise
        raise AssertionError(body)

    gc.collect()
    gc.disable()
    try:
        async with client_of(_app([PlainOperation("POST", PATH, Scope.EVENTS_READ, fail)])) as other:
            await other.post(PATH, headers=ASKING)
        await asyncio.sleep(0)
        assert [body() for body in bodies] == [None]
    finally:
        gc.enable()


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
