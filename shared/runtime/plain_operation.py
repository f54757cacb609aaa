"""Operations that answer their plainest requests without FastAPI's machinery.

To route a request, and to find and solve its dependencies, costs FastAPI a good part of what
PostgreSQL needs to store an event.  A request without a query, or with one of a form that is
known to be right, has no parameters that could be unknown, repeated or wrong: such a one is
given to a function that reads the rest by itself.  Every other request, and the API document,
are FastAPI's as ever.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.identity import keys
from shared.runtime.auth import Principal, admit
from shared.runtime.problems import handler_of

#: Answers a caller who was admitted; has the query as it was matched.  What it raises becomes a problem.
Plainly = Callable[[Request, Principal, re.Match[bytes]], Awaitable[Response]]
_NO_QUERY = re.compile(rb"")


@dataclass(frozen=True, slots=True)
class PlainOperation:
    """One whose requests of ``method`` to ``path`` have ``plainly`` answer them if their whole ``query`` fits.

    Its callers are admitted with ``scope``, as those of the operation itself are.
    """

    method: str
    path: str
    scope: keys.Scope
    plainly: Plainly
    query: re.Pattern[bytes] = _NO_QUERY


def check_documented(operations: Sequence[PlainOperation], routers: Iterable[APIRouter]) -> None:
    """Raise ValueError if one of the operations is none of the routers': it would be in no document."""
    routes = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]
    documented = {(method, route.path) for route in routes for method in route.methods or ()}
    for each in operations:
        if (each.method, each.path) not in documented:
            raise ValueError(f"{each.method} {each.path} is a plain operation, and no operation")


class PlainOperations:
    """ASGI middleware that answers the requests of plain operations, and passes on all others."""

    def __init__(self, app: ASGIApp, operations: Iterable[PlainOperation]) -> None:
        """Answer the requests of ``operations`` in front of ``app``."""
        self._app = app
        self._operations = {(each.method, each.path): each for each in operations}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a plain request; raises what no handler of errors knows."""
        operation = self._operations.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        asked = operation.query.fullmatch(scope["query_string"]) if operation is not None else None
        if operation is None or asked is None:
            await self._app(scope, receive, send)
            return
        # Has the path of one, by which figures name the operation.
        scope["route"] = operation
        response = await _answered(operation, Request(scope, receive, send), asked)
        await response(scope, receive, send)


async def _answered(operation: PlainOperation, request: Request, asked: re.Match[bytes]) -> Response:
    try:
        principal = await admit(request, operation.scope)
        return await operation.plainly(request, principal, asked)
    except Exception as error:
        handler = handler_of(error)
        if handler is None:
            raise
        response = await handler(request, error)
        # One that came as the outcome of a promise holds the frame that holds the promise, and with that the body: only
        # the collector would free it, which is asked to look seldom.
        error.__traceback__ = None
        return response
