"""Serving one app in this process until it is told to stop."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from contextlib import suppress

import uvicorn
from fastapi import FastAPI

from shared.runtime import logs
from shared.runtime.memory import spare_the_collector
from shared.runtime.settings import Settings

#: Where the three separate processes listen unless HOMEWARD_PORT says otherwise.
DEFAULT_PORTS = {"events": 8001, "scheduler": 8002, "reporting": 8003}
#: Exit status when the app could not start, as uvicorn's own program has it.
STARTUP_FAILURE = 3
#: Answers that are still under way this long after a signal are cut off: a reader that takes nothing, a slow upload.
GRACE_SECONDS = 5
#: A connection whose other end has taken nothing for so long, with something to take, is ended.  Without this an answer
#: that is given up would leave its connection, and what is still to be sent over it, for as long as the other end
#: keeps saying that it is there.  Nothing is lost but a download: every reader can go on where it was.
UNTAKEN_SECONDS = 60


class Server(uvicorn.Server):
    """A server that says when it begins to stop.

    uvicorn waits for open answers to end, and a live feed does not end by itself.
    """

    def __init__(self, config: uvicorn.Config, before_stop: Callable[[], None]) -> None:
        """Call ``before_stop`` before waiting for open answers."""
        super().__init__(config)
        self._before_stop = before_stop

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start as uvicorn does, and have connections ended whose other end takes nothing."""
        await super().startup(sockets)
        if self.started:
            for listener in [each for server in self.servers for each in server.sockets]:
                _bound_what_is_untaken(listener)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Say so, then stop as uvicorn does."""
        self._before_stop()
        await super().shutdown(sockets)


def _bound_what_is_untaken(listener: socket.socket) -> None:
    """Have the system end connections that take nothing (RFC 5482); those that are accepted inherit it."""
    option = getattr(socket, "TCP_USER_TIMEOUT", None)  # Linux has it.
    if option is not None:
        listener.setsockopt(socket.IPPROTO_TCP, option, int(UNTAKEN_SECONDS * 1000))


def before_stop(app: FastAPI) -> None:
    """Tell an app that its server is about to stop: calls what its lifespan put on ``app.state.before_stop``."""
    tell: Callable[[], None] | None = getattr(app.state, "before_stop", None)
    if tell is not None:
        tell()


def serve(app: FastAPI, service: str, settings: Settings) -> None:
    """Serve ``app`` and block; Ctrl-C and SIGTERM first give open requests GRACE_SECONDS to finish."""
    logs.configure(settings.log_level)
    port = settings.port if "port" in settings.model_fields_set else DEFAULT_PORTS[service]
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=port,
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    server = Server(config, lambda: before_stop(app))
    spare_the_collector()
    with suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        sys.exit(STARTUP_FAILURE)
