"""The events app under test, with an operation beside it that only reads and parses the body.

Started by the benchmarks: ``python -m benchmarks.server <descriptor of a bound socket>``.
"""

from __future__ import annotations

import socket
import sys
from functools import partial

import orjson
from fastapi import Request, Response

from services.events.app import create_app
from shared.runtime.memory import spare_the_collector
from shared.runtime.serve import Server, before_stop, configured
from shared.runtime.settings import Settings

#: Where the operation lies that does no more than read and parse.
ONLY_PARSES = "/only-parses"


def main() -> None:
    """Serve until told to stop."""
    app = create_app(Settings())

    @app.post(ONLY_PARSES)
    async def only_parses(request: Request) -> Response:
        body = await request.body()
        count = sum(1 for line in body.split(b"\n") if line and orjson.loads(line))
        return Response(orjson.dumps({"read": count}), media_type="application/json")

    spare_the_collector()
    server = Server(configured(app), partial(before_stop, app))
    server.run(sockets=[socket.socket(fileno=int(sys.argv[1]))])


if __name__ == "__main__":
    main()
