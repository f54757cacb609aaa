"""Operations that answer their plainest requests without FastAPI's machinery.

To route a request, and to find and solve its dependencies, takes FastAPI longer than PostgreSQL
takes to store an event.  A request without a query, or with one of a form that is known to be
right, has no parameters that could be unknown, repeated or wrong: such a one is given to a
function that reads the rest by itself.  Every other request, and the API document, are
FastAPI's as ever.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from fastapi import Request, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.runtime.problems import answer_to

_NO_QUERY = re.compile(rb"")


@dataclass(frozen=True, slots=True)
class PlainOperation:
    """One whose requests of ``method`` to ``path`` have ``plainly`` answer them if their whole ``query`` fits.

    ``plainly`` admits the caller (:func:`shared.runtime.auth.admit`) and answers; what it
    raises becomes a problem.
    """

    method: str
    path: str
    plainly: Callable[[Request], Awaitable[Response]]
    query: re.Pattern[bytes] = _NO_QUERY


class PlainOperations:
    """ASGI middleware that answers the requests of plain operations, and passes on all others."""

    def __init__(self, app: ASGIApp, operations: Iterable[PlainOperation]) -> None:
        """Answer the requests of ``operations`` in front of ``app``."""
        self._app = app
        self._operations = {(each.method, each.path): each for each in operations}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a plain request; a fault of ours goes to whoever called."""
        operation = self._operations.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if operation is None or not operation.query.fullmatch(scope["query_string"]):
            await self._app(scope, receive, send)
            return
        # As routing would leave it: the figures are named by the operation.
        scope["route"] = operation
        request = Request(scope, receive, send)
        try:
            response = await operation.plainly(request)
        except Exception as error:
            response = await answer_to(request, error)
        await response(scope, receive, send)
