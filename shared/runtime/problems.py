"""Every error becomes a problem (RFC 9457); no answer repeats a value that was sent."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match

from shared.domain.errors import Fault, HomewardError, InvalidInput, MalformedBody, NotReady
from shared.wire.faults import faults_of, known_part, message_of, pointer
from shared.wire.problem import MEDIA_TYPE, TYPE_PREFIX, Problem, problem_of

__all__ = ["RESPONSES", "add_problem_handlers", "answer", "faults_of", "handler_of", "refused", "unforeseen"]

log = logging.getLogger(__name__)

Handler = Callable[[Request, Exception], Awaitable[JSONResponse]]

#: Described once for every operation; FastAPI merges it into each.
RESPONSES: dict[int | str, dict[str, Any]] = {
    "default": {"model": Problem, "description": "A problem (RFC 9457).", "content": {MEDIA_TYPE: {}}}
}

_METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")
_PLACES = {"query": "?", "path": ":", "header": ":", "cookie": ":"}


def answer(error: HomewardError, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Return the HTTP answer for an error."""
    problem = problem_of(error)
    extra = {"www-authenticate": "Bearer"} if error.status == 401 else {}  # noqa: PLR2004 - RFC 9110 asks for it
    if error.status in (429, 503):  # a client should know when to come back
        extra["retry-after"] = "1"
    return JSONResponse(problem.model_dump(), error.status, {**extra, **(headers or {})}, MEDIA_TYPE)


def refused(status: int, detail: str) -> JSONResponse:
    """Return the HTTP answer for a request that reaches no operation."""
    problem = Problem(
        type=TYPE_PREFIX + "refused", title="The request was refused", status=status, detail=detail, errors=[]
    )
    return JSONResponse(problem.model_dump(), status, None, MEDIA_TYPE)


def add_problem_handlers(app: FastAPI) -> None:
    """Make the app answer every error with a problem."""
    for kind, handler in _HANDLERS.items():
        app.add_exception_handler(kind, handler)


def handler_of(error: Exception) -> Handler | None:
    """Return what makes the answer to an error in every app; None if nothing foresaw it."""
    return next((_HANDLERS[kind] for kind in type(error).__mro__ if kind in _HANDLERS), None)


async def _homeward_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HomewardError)
    return answer(error)


async def _invalid_request(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    faults = [_request_fault(each) for each in error.errors()]
    return answer(InvalidInput(faults=faults))


def _request_fault(error: Mapping[str, Any]) -> Fault:
    place, *rest = known_part(error)
    where = pointer(rest) if place == "body" else _PLACES[str(place)] + ".".join(str(part) for part in rest)
    return Fault(where, error["type"], message_of(error))


async def _http_exception(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    slug = {404: "not-found", 405: "method-not-allowed"}.get(error.status_code, "refused")
    title = {404: "There is nothing at this path", 405: "This path does not take that method"}.get(
        error.status_code, "The request was refused"
    )
    problem = Problem(type=TYPE_PREFIX + slug, title=title, status=error.status_code, detail=title, errors=[])
    headers = _allow(request) if error.status_code == 405 else error.headers  # noqa: PLR2004 - RFC 9110 asks for it
    return JSONResponse(problem.model_dump(), error.status_code, headers, MEDIA_TYPE)


def _allow(request: Request) -> dict[str, str]:
    """Name every method of the path: each operation is a route of its own, and Starlette names the first one's."""

    def taken(method: str) -> bool:
        scope = {**request.scope, "method": method}
        return any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)

    return {"allow": ", ".join(method for method in _METHODS if taken(method))}


async def _database_away(_: Request, error: Exception) -> JSONResponse:
    if isinstance(error, DBAPIError) and not _connection_lost(error):
        return unforeseen(error)
    log.warning("the database is away: %s", type(error).__name__)
    return answer(NotReady("The database cannot be reached just now; nothing was lost, send the request again."))


def _connection_lost(error: DBAPIError) -> bool:
    # Class 08 is a lost connection, 57P a server that stops or starts, 55P03 a lock waited for too long.
    state = str(getattr(error.orig, "sqlstate", None) or "")
    return error.connection_invalidated or state.startswith(("08", "57P", "53")) or state == "55P03"


async def _nobody_there(_: Request, __: Exception) -> JSONResponse:
    return answer(MalformedBody("The body ended before it was whole."))


#: By the class of an error; that of the nearest base class holds.
_HANDLERS: dict[type, Handler] = {
    HomewardError: _homeward_error,
    RequestValidationError: _invalid_request,
    HTTPException: _http_exception,
    DBAPIError: _database_away,
    PoolTimeout: _database_away,
    OSError: _database_away,
    ClientDisconnect: _nobody_there,
}


def unforeseen(error: Exception) -> JSONResponse:
    """Log an error that nothing foresaw, by type and place, and return the answer to it."""
    # The text of an unforeseen error may hold a child's data, so only its type and place are logged.
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    place = f"{frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}" if frame else "?"
    log.error("unforeseen %s at %s", type(error).__name__, place)
    return answer(HomewardError("This is a fault of Homeward's. Nothing of this request was stored; it was logged."))
