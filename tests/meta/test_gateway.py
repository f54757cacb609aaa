"""The gateway's configuration in a real nginx, where one is installed (CI installs it)."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import httpx
import pytest

from shared.wire.paths import PREFIXES, ServiceName, service_of
from tests.meta.compose import gateway_configuration
from tests.support.ports import free_port

NGINX = shutil.which("nginx")
pytestmark = pytest.mark.skipif(NGINX is None, reason="no nginx is installed")

FRAME = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
events {{ }}
http {{
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  {gateway}
}}
"""

#: Set once the test has seen the beginning of an answer.
SEEN = Event()


class Echo(BaseHTTPRequestHandler):
    """Answers with the name of the service and what reached it."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/v1/events/live":
            self._go_on()
            return
        told = {
            "service": self.server.service,  # type: ignore[attr-defined]  # set by `backend`
            "target": self.path,
            "on_behalf": self.headers.get("homeward-authority"),
            "key": self.headers.get("authorization"),
        }
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _go_on(self) -> None:
        """Begin an answer as the live feed does, and hold the rest back until the test has seen it."""
        self.send_response(200)
        for name, value in (("content-type", "text/event-stream"), ("x-accel-buffering", "no")):
            self.send_header(name, value)
        self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(b"id: 1\n\n")
        self.wfile.flush()
        assert SEEN.wait(20)
        self.close_connection = True

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the base class
        """Say nothing."""


@contextmanager
def backend(service: str) -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        server.service = service  # type: ignore[attr-defined]  # read by `Echo`
        server.daemon_threads = True
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@contextmanager
def gateway(folder: Path, ports: Mapping[ServiceName, int]) -> Iterator[httpx.Client]:
    listen = free_port()
    text = gateway_configuration().replace("listen 8000", f"listen 127.0.0.1:{listen}")
    for service, port in ports.items():
        text = text.replace(f"server {service}:8000", f"server 127.0.0.1:{port}")
    configuration = folder / "nginx.conf"
    configuration.write_text(FRAME.format(folder=folder, gateway=text))
    assert NGINX is not None
    process = subprocess.Popen([NGINX, "-c", str(configuration), "-e", str(folder / "error.log")])
    transport = httpx.HTTPTransport(retries=20)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{listen}", transport=transport, timeout=10) as client:
            yield client
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with ExitStack() as stack:
        ports = {service: stack.enter_context(backend(service)) for service in PREFIXES}
        yield stack.enter_context(gateway(tmp_path_factory.mktemp("nginx"), ports))


@pytest.mark.parametrize("prefix", [prefix for prefixes in PREFIXES.values() for prefix in prefixes])
def test_each_prefix_reaches_its_service(client: httpx.Client, prefix: str) -> None:
    """A request reaches the service that owns its prefix, with its query."""
    for path in (prefix, f"{prefix}/one", f"{prefix}x"):
        told = client.get(path, params={"child": "ada"}).json()
        assert (told["service"], told["target"]) == (service_of(path), f"{path}?child=ada")


def test_the_target_goes_on_as_it_came(client: httpx.Client) -> None:
    """Percent-encoding is neither undone nor redone on the way."""
    told = client.get("/v1/journeys/a%2Fb%20c?known_at=2026-01-01T00:00:00%2B01:00").json()

    assert told["target"] == "/v1/journeys/a%2Fb%20c?known_at=2026-01-01T00:00:00%2B01:00"


def test_nobody_outside_reads_on_behalf_of_an_authority(client: httpx.Client) -> None:
    """The header by which services name an authority is taken away; the key goes on."""
    told = client.get("/v1/events", headers={"homeward-authority": "x", "authorization": "Bearer k"}).json()

    assert told["on_behalf"] is None
    assert told["key"] == "Bearer k"


def test_a_large_body_passes(client: httpx.Client) -> None:
    """The gateway leaves limits to the services."""
    assert client.post("/v1/events", content=b"x" * 5_000_000).json()["service"] == "events"


def test_the_live_feed_is_passed_on_as_it_comes(client: httpx.Client) -> None:
    """The gateway holds back nothing of an answer that goes on."""
    with client.stream("GET", "/v1/events/live") as answer:
        parts = answer.iter_bytes()
        try:
            assert next(parts) == b"id: 1\n\n"
        finally:
            SEEN.set()


def test_readiness_is_asked_of_each_service(client: httpx.Client) -> None:
    """`/readyz/<service>` asks that service, and the bare path says so."""
    for service in PREFIXES:
        told = client.get(f"/readyz/{service}").json()
        assert (told["service"], told["target"]) == (service, "/readyz")
    answer = client.get("/readyz")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert "/readyz/scheduler" in answer.json()["detail"]


def test_a_service_that_is_away_is_a_problem(tmp_path: Path) -> None:
    """When a service cannot be reached the answer is 503, a problem, and says when to come back."""
    away = dict.fromkeys(PREFIXES, free_port())
    with gateway(tmp_path, away) as client:
        answer = client.get("/v1/reviews")
        alive = client.get("/livez")

    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == "1"
    assert answer.json()["type"] == "/v1/problems/not-ready"
    assert alive.json() == {"status": "ok"}
