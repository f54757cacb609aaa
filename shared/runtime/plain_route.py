"""An operation that answers its plainest requests without FastAPI's machinery.

To find and solve the dependencies of a request takes FastAPI longer than PostgreSQL takes
to store an event.  A request without a query, or with one of a form that is known to be
right, has no parameters that could be unknown, repeated or wrong: such a one is given to a
function that reads the rest by itself.  Every other request, and the API document, are
FastAPI's as ever.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.types import Receive, Scope, Send

#: Admits the caller (:func:`shared.runtime.auth.admit`) and answers; what it raises becomes a problem.
Plainly = Callable[[Request], Awaitable[Response]]
_NO_QUERY = re.compile(rb"")


def plain_route(method: str, plainly: Plainly, query: re.Pattern[bytes] = _NO_QUERY) -> type[APIRoute]:
    """Return the class of a route that lets ``plainly`` answer requests of ``method`` whose whole query fits."""

    class PlainRoute(APIRoute):
        async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
            if scope["method"] != method or not query.fullmatch(scope["query_string"]):
                await super().handle(scope, receive, send)
                return
            response = await plainly(Request(scope, receive, send))
            await response(scope, receive, send)

    return PlainRoute
