"""A whole Homeward, started as an operator starts it: real processes, real PostgreSQL."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import httpx

from shared.identity.keys import Scope
from shared.wire.paths import PREFIXES, service_of
from tests.support.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
SERVICE_TOKEN = "a-token-that-only-the-three-test-processes-share"
START_SECONDS = 60.0
T = TypeVar("T")


def eventually(question: Callable[[], T | None], *, seconds: float = 30.0, what: str = "the condition") -> T:
    """Return the first truthy answer; fail with the last answer or error when time runs out."""
    deadline = time.monotonic() + seconds
    last: object = None
    while time.monotonic() < deadline:
        try:
            answer = question()
        except httpx.TransportError as error:
            last = error
        else:
            if answer:
                return answer
            last = answer
        time.sleep(0.1)
    raise AssertionError(f"{what} did not come true within {seconds} s; last: {last!r}")


class Program:
    """One process of the system, which can be killed without warning and started again."""

    def __init__(self, arguments: list[str], environment: Mapping[str, str], log: Path, ready_url: str) -> None:
        self._arguments = arguments
        self._environment = dict(environment)
        self._log = log
        self._ready_url = ready_url
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start and wait until it says that it is ready."""
        self.launch()
        eventually(self._ready, seconds=START_SECONDS, what=f"{self._arguments[-1]} being ready, see {self._log}")

    def launch(self) -> None:
        """Start without waiting."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, *self._arguments], cwd=ROOT, env=self._environment, stdout=log, stderr=log
            )

    def _ready(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(f"{self._arguments} ended: {self._log.read_text()[-2000:]}")
        return httpx.get(self._ready_url, timeout=5).status_code == httpx.codes.OK

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """End it as Ctrl-C does; return its exit code."""
        return self._end(signal.SIGINT)

    def _end(self, how: signal.Signals) -> int:
        if self._process is None or self._process.poll() is not None:
            return 0
        self._process.send_signal(how)
        return self._process.wait(timeout=30)


class Route(httpx.BaseTransport):
    """What the gateway does: one URL space over three ports, by the table of prefixes."""

    def __init__(self, ports: Mapping[str, int]) -> None:
        self._ports = ports
        self._inner = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Pass the request on to the service that owns its path."""
        request.url = request.url.copy_with(port=self._ports[service_of(request.url.path)])
        return self._inner.handle_request(request)

    def close(self) -> None:
        """Close the connections."""
        self._inner.close()


class System:
    """A running Homeward in one of its two modes."""

    def __init__(self, mode: str, folder: Path, database_url: str | None) -> None:
        self.mode = mode
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("HOMEWARD_")},
            "HOMEWARD_DATA_DIR": str(folder / "data"),
            "HOMEWARD_DEMO": "0",
            "HOMEWARD_WEBHOOK_ALLOW": "127.0.0.1/32:*",
            "HOMEWARD_SERVICE_TOKEN": SERVICE_TOKEN,
        }
        if database_url is not None:
            self.environment["HOMEWARD_DATABASE_URL"] = database_url
        names = ("embedded",) if mode == "embedded" else tuple(PREFIXES)
        self._ports = {name: free_port() for name in names}
        self.programs = {name: self._program(name, folder) for name in names}

    def _program(self, name: str, folder: Path) -> Program:
        port = self._ports[name]
        environment = {**self.environment, "HOMEWARD_PORT": str(port)}
        if self.mode != "embedded":
            environment["HOMEWARD_EVENTS_URL"] = f"http://127.0.0.1:{self._ports['events']}"
        ready_url = f"http://127.0.0.1:{port}/readyz"
        return Program(["-m", f"services.{name}"], environment, folder / f"{name}.log", ready_url)

    def start(self) -> None:
        """Start everything; the three processes need a migrated database first."""
        if self.mode != "embedded":
            self.operate("migrate")
        for program in self.programs.values():
            program.launch()
        for program in self.programs.values():
            eventually(program._ready, seconds=START_SECONDS, what="being ready")

    def stop(self) -> None:
        """Stop everything that still runs."""
        for program in self.programs.values():
            program.stop()

    def postmaster(self) -> int:
        """Return the process number of the embedded PostgreSQL."""
        data = Path(self.environment["HOMEWARD_DATA_DIR"]) / "postgres"
        return int((data / "postmaster.pid").read_text().split()[0])

    def operate(self, *arguments: str) -> str:
        """Run the operator's program and return what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "services.cli", *arguments],
            cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def new_key(self, authority: str, *scopes: str) -> str:
        """Make an authority, if need be, and a key of it."""
        self.operate("authority", "add", authority, "--name", authority.title())
        wanted = [argument for scope in scopes or Scope for argument in ("--scope", scope)]
        printed = self.operate("keys", "add", authority, *wanted).split()
        return next(word for word in printed if word.startswith("hw1."))

    def client(self, key: str) -> httpx.Client:
        """Return a client of the one URL space, with this key."""
        headers = {"authorization": f"Bearer {key}"}
        if self.mode == "embedded":
            return httpx.Client(base_url=f"http://127.0.0.1:{self._ports['embedded']}", headers=headers, timeout=30)
        return httpx.Client(base_url="http://127.0.0.1", headers=headers, timeout=30, transport=Route(self._ports))


class Receiver:
    """The example receiver, in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._secret_file = folder / "secret"
        self._secret_file.write_text("whsec_unset")
        self._output = folder / "notices"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}/homeward"

    def start(self) -> None:
        """Start it and wait until it listens."""
        arguments = ["examples/receiver.py", "--port", str(self.port), "--secret-file", str(self._secret_file)]
        with self._output.open("wb") as output:
            self._process = subprocess.Popen([sys.executable, *arguments], cwd=ROOT, stdout=output)
        eventually(self._output.read_bytes, what="the receiver listening")

    def trust(self, secret: str) -> None:
        """Let it verify with this secret."""
        self._secret_file.write_text(secret)

    def notices(self) -> list[dict[str, Any]]:
        """Return every notice that it verified, in order of arrival, repeats included."""
        return [json.loads(line) for line in self._output.read_text().splitlines()[1:]]

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
