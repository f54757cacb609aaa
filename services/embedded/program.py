"""The program behind ``make run``, from the first check to the goodbye."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.demonstration.load import LoadFailed
from services.embedded import demonstration, demonstration_key
from services.embedded.app import Homeward
from services.embedded.database import open_database
from services.embedded.demonstration_key import UnusableKey
from services.embedded.postgres import PostgresTrouble
from services.embedded.screen import Screen, Welcome, write_any_text
from services.embedded.signing_key import UnusableSigningKey, signing_key
from shared.domain.clock import SystemClock, civil_date
from shared.identity.keys import ApiKey
from shared.runtime import logs, migrations
from shared.runtime.database_trouble import DATABASE_TROUBLE, in_words
from shared.runtime.environment import UnusableSettings, read_settings
from shared.runtime.memory import spare_the_collector
from shared.runtime.serve import UNUSABLE_SETTINGS, Server, configured
from shared.runtime.settings import Settings

_BACKLOG = 2048


class CannotStart(Exception):
    """Homeward cannot start; the message says why and what to do."""


def main() -> int:
    """Run Homeward in this process until it is told to stop; return the exit status.

    0 after Ctrl-C, SIGTERM or SIGHUP, 1 when it could not start or load, 2 (``UNUSABLE_SETTINGS``)
    when a setting cannot be used.
    """
    write_any_text()
    screen = Screen()
    try:
        with _signals_as_interrupts():
            _run(read_settings(), screen)
    except KeyboardInterrupt:
        pass
    except UnusableSettings as error:
        screen.trouble(str(error))
        return UNUSABLE_SETTINGS
    except (CannotStart, PostgresTrouble, UnusableKey, UnusableSigningKey, LoadFailed) as error:
        screen.trouble(str(error))
        return 1
    screen.goodbye()
    return 0


def _run(settings: Settings, screen: Screen) -> None:
    key = demonstration_key.demonstration_key(settings.data_dir, settings.demo_key) if settings.demo else None
    signs_with = signing_key(settings.data_dir, settings.signing_key)
    with _listening(settings.host, settings.port) as listener:
        screen.tell("Starting PostgreSQL." if settings.database_url is None else "Using the database that is set.")
        with open_database(settings, screen.tell) as database_url:
            log = _log_to(settings)
            _migrate(database_url)
            ours = settings.model_copy(update={"database_url": database_url, "signing_key": signs_with})
            program = _Program(ours, listener, screen, key, _data(settings, log))
            spare_the_collector()
            with asyncio.Runner(loop_factory=program.config.get_loop_factory()) as runner:
                runner.run(program.run())


class _Program:
    """The services on one socket, and what is done once they answer."""

    def __init__(
        self, settings: Settings, listener: socket.socket, screen: Screen, key: ApiKey | None, data: str
    ) -> None:
        self._settings = settings
        self._listener = listener
        self._screen = screen
        self._key = key
        self._data = data
        self._clock = SystemClock()
        self._homeward = Homeward(settings, clock=self._clock)
        self.config = configured(self._homeward, lifespan="off", log_level="warning")
        self._server = _Server(self.config, self._homeward.before_stop)
        self._failure: BaseException | None = None

    async def run(self) -> None:
        """Serve until a signal ends it; raises LoadFailed when the demonstration cannot be loaded."""
        for number in _ending_signals():
            asyncio.get_running_loop().add_signal_handler(number, self._end)
        async with self._homeward.running():
            introducing = asyncio.create_task(self._introduce())
            introducing.add_done_callback(self._end_if_failed)
            try:
                await self._server.serve(sockets=[self._listener])
            finally:
                introducing.cancel()
                await asyncio.gather(introducing, return_exceptions=True)
            if self._failure is not None:
                raise self._failure

    def _end(self) -> None:
        """Finish open requests and stop; at the second call stop at once."""
        self._server.force_exit = self._server.should_exit
        self._server.should_exit = True

    def _end_if_failed(self, introducing: asyncio.Task[None]) -> None:
        # What fails while everything is being ended fails because of that.
        if not introducing.cancelled() and introducing.exception() is not None and not self._server.should_exit:
            self._failure = introducing.exception()
            self._end()

    async def _introduce(self) -> None:
        base_url = _base_url(self._listener)
        if self._key is None:
            operate = f"{_shortened(Path(sys.executable))} -m services.cli"
            self._screen.welcome_without_demonstration(base_url, self._data, operate)
            return
        assert self._settings.database_url is not None
        await demonstration_key.admit(self._settings.database_url, self._key, self._clock)
        today = civil_date(self._clock.now())
        async with demonstration.client_for(base_url, self._key) as client:
            child_id = await demonstration.show(client, today, self._screen)
        self._screen.welcome(Welcome(base_url, str(self._key), self._data, today, child_id))


class _Server(Server):
    """A server that leaves signals to us: it would raise them again after ending."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    """Yield a socket bound before anything is started, so that a taken port costs nothing."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        raise CannotStart(
            f"Cannot listen on {host} port {port} ({error.strerror}). If another Homeward is running there, use or "
            "stop that one; otherwise choose another port: HOMEWARD_PORT=8010 make run"
        ) from None
    with listener:
        yield listener


def _base_url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    named = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104 - compared, not bound
    return f"http://{named}:{port}"


def _migrate(database_url: str) -> None:
    try:
        migrations.upgrade(database_url)
    except DATABASE_TROUBLE as error:
        raise CannotStart(f"The database cannot be brought up to date: {in_words(error)}.") from None


def _log_to(settings: Settings) -> Path | None:
    """Log to a file when somebody is watching the screen, and to standard error otherwise."""
    if not sys.stderr.isatty():
        logs.configure(settings.log_level)
        return None
    path = settings.data_dir / "homeward.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    logs.configure(settings.log_level, path)
    return path


def _data(settings: Settings, log: Path | None) -> str:
    kept = f"{settings.data_dir} (PostgreSQL of its own)" if settings.database_url is None else "HOMEWARD_DATABASE_URL"
    return kept if log is None else f"{kept}, log in {log}"


def _shortened(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def _ending_signals() -> tuple[signal.Signals, ...]:
    """Return the signals that end us; not SIGHUP where somebody asked us to ignore it, as `nohup` does."""
    ending = (signal.SIGINT, signal.SIGTERM)
    return ending if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else (*ending, signal.SIGHUP)


@contextmanager
def _signals_as_interrupts() -> Iterator[None]:
    """Treat SIGTERM and SIGHUP like Ctrl-C, so that every way of ending unwinds and stops PostgreSQL."""
    before = {number: signal.signal(number, signal.default_int_handler) for number in _ending_signals()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
