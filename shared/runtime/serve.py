"""Serving one app in this process until it is told to stop: the program of a service that runs by itself."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from shared.runtime import logs, taking
from shared.runtime.connections import Connection
from shared.runtime.environment import UnusableSettings, database_of, read_settings, token_of
from shared.runtime.memory import spare_the_collector
from shared.runtime.room import Connections, room_for_connections
from shared.runtime.settings import Settings

#: Where the three separate processes listen unless HOMEWARD_PORT says otherwise.
DEFAULT_PORTS = {"events": 8001, "scheduler": 8002, "reporting": 8003}
#: Exit status when a setting cannot be used, as the operator's commands have it for wrong arguments.
UNUSABLE_SETTINGS = 2
#: Exit status when the app could not start, as uvicorn's own program has it.
STARTUP_FAILURE = 3
#: Answers that are still under way this long after a signal are cut off: a reader that takes nothing, a slow upload.
GRACE_SECONDS = 5
#: Operations that do not end within so many seconds of their connection are given up: that is an error, and logged.
_ENDING_SECONDS = 1
#: Beneath what :mod:`shared.runtime.connections` asks of whoever is answered, for what only the system sees:
#: a connection whose other end has taken nothing for so long, with something to take, is ended.  We look only where
#: more waits than the system takes from us: what it has taken, as a message to a reader of the live feed whose network
#: is gone, it would send again and again for a quarter of an hour; and of a connection that we have ended it still
#: keeps that.  Nothing is lost but a download: every reader can go on where it was.
UNTAKEN_SECONDS = taking.TAKE_SECONDS


def configured(app: ASGIApp, **more: Any) -> uvicorn.Config:
    """Return how every server of Homeward is set up; ``more`` is what else uvicorn is told."""
    return uvicorn.Config(
        app,
        http=Connection,
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        **more,
    )


class Server(uvicorn.Server):
    """A server that bounds its connections, and says when it begins to stop.

    uvicorn waits for open answers to end, and a live feed does not end by itself.
    """

    def __init__(
        self, config: uvicorn.Config, before_stop: Callable[[], None], *, grace_seconds: int = GRACE_SECONDS
    ) -> None:
        """Serve what is :func:`configured`; call ``before_stop`` before waiting so long for open answers."""
        super().__init__(config)
        config.timeout_graceful_shutdown = grace_seconds + _ENDING_SECONDS
        self._grace_seconds = grace_seconds
        self.server_state = self._connections = Connections(room_for_connections())
        self._before_stop = before_stop

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start as uvicorn does, and have connections ended whose other end takes nothing."""
        await super().startup(sockets)
        if self.started:
            for listener in [each for server in self.servers for each in server.sockets]:
                _bound_what_is_untaken(listener)

    async def on_tick(self, counter: int) -> bool:
        """Do what uvicorn does ten times a second, and end connections that owe a request for too long."""
        self._connections.end_late(asyncio.get_running_loop().time())
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Say so, then stop as uvicorn does, which takes connections that are open for too long for an error."""
        self._before_stop()
        self._connections.end_lingering()
        cutting_off = asyncio.get_running_loop().call_later(self._grace_seconds, self._connections.cut_off)
        try:
            await super().shutdown(sockets)
        finally:
            cutting_off.cancel()


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


def run(service: str, create_app: Callable[[Settings], FastAPI], *, follows: bool) -> None:
    """Be the program of a service: read its settings, make its app, and serve it as :func:`serve` does.

    A service that ``follows`` the log needs the token to read it with.  A setting that is
    missing or cannot be used ends the program with one sentence and ``UNUSABLE_SETTINGS``.
    """
    try:
        settings = read_settings()
        database_of(settings)
        if follows:
            token_of(settings, service)
        app = create_app(settings)
    except UnusableSettings as error:
        sys.stderr.write(f"homeward: {error}\n")
        sys.exit(UNUSABLE_SETTINGS)
    serve(app, service, settings)


def serve(app: FastAPI, service: str, settings: Settings) -> None:
    """Serve ``app`` and block; Ctrl-C and SIGTERM first give open requests GRACE_SECONDS to finish."""
    logs.configure(settings.log_level)
    port = settings.port if "port" in settings.model_fields_set else DEFAULT_PORTS[service]
    server = Server(configured(app, host=settings.host, port=port), lambda: before_stop(app))
    spare_the_collector()
    with suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        sys.exit(STARTUP_FAILURE)
