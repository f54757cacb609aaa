"""Connections before and between requests, on real sockets: what they may hold, and for how long."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
from fastapi import FastAPI, Request, Response
from prometheus_client import REGISTRY

from shared.runtime import connections, hearing_out, room, serve, taking
from tests.meta.repository import ROOT, texts
from tests.support.serving import serving
from tests.support.waiting import eventually

ASK = b"GET /head HTTP/1.1\r\nhost: x\r\n\r\n"
#: More than the system keeps of an answer that is not taken.
LARGE = 20_000_000
#: What clients that prefer HTTP/2 send over plain HTTP, Java's for instance.
H2C = b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n"
WEBSOCKET = b"connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AA==\r\n"


class Open:
    """One connection to the server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self) -> tuple[int, bytes]:
        """Return the next answer: status and body."""
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 8)
        fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
        return int(head.split()[1]), await self.reader.readexactly(int(fields[b"content-length"]))

    async def ended(self) -> bytes:
        """Return all that comes until the server ends the connection, which it must."""
        received = bytearray()
        with suppress(ConnectionError):
            async with asyncio.timeout(8):
                while piece := await self.reader.read(65_536):
                    received += piece
        return bytes(received)


class Served:
    """The app of these tests behind a server, and what has been asked of it."""

    def __init__(self) -> None:
        self.app = FastAPI()
        self.heads: list[list[tuple[bytes, bytes]]] = []
        self.release = asyncio.Event()
        self.base_url = ""
        self._open: list[Open] = []
        for operation in (self.head, self.body, self.waits, self.large, self.stays):
            self.app.add_api_route(f"/{operation.__name__}", operation, methods=["GET", "POST"], response_model=None)

    async def head(self, request: Request) -> Response:
        self.heads.append(list(request.scope["headers"]))
        return Response(b"head")

    async def body(self, request: Request) -> Response:
        body = await request.body()
        self.heads.append(list(request.scope["headers"]))
        return Response(body)

    async def waits(self) -> Response:
        self.heads.append([])
        await self.release.wait()
        return Response(b"waited")

    async def stays(self, request: Request) -> Response:
        self.heads.append([(b"stays", b"")])
        await request.receive()
        while (await request.receive())["type"] != "http.disconnect":
            pass
        self.heads.append([(b"gone", b"")])
        return Response(b"nobody takes this")

    async def large(self) -> Response:
        return Response(b"a" * LARGE)

    async def connect(self) -> Open:
        there = urlsplit(self.base_url)
        opened = Open(*await asyncio.open_connection(there.hostname, there.port))
        self._open.append(opened)
        return opened

    @property
    def open(self) -> int:
        """How many connections the server still has."""
        port = urlsplit(self.base_url).port
        ours = psutil.Process(os.getpid()).net_connections("tcp")
        return sum(each.laddr.port == port and each.status not in {psutil.CONN_LISTEN, "TIME_WAIT"} for each in ours)

    async def hang_up(self) -> None:
        for each in self._open:
            each.writer.close()
            with suppress(ConnectionError):
                await each.writer.wait_closed()


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    made = Served()
    async with serving(made.app) as made.base_url:
        yield made
        made.release.set()
        await made.hang_up()


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heads have next to no time, and what comes behind an answer has little."""
    monkeypatch.setattr(room, "HEAD_SECONDS", 0.4)
    monkeypatch.setattr(hearing_out, "LINGER_SECONDS", 1.0)


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three connections may be open."""
    monkeypatch.setattr(serve, "room_for_connections", lambda: 3)


def ended(reason: str) -> float:
    """Return how many connections were ended for this reason, as an operator sees it."""
    return REGISTRY.get_sample_value("homeward_connections_ended_total", {"reason": reason}) or 0.0


def problem_in(received: bytes, status: int) -> dict[str, Any]:
    """Return the problem that an answer of this status holds, of which there is one."""
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status), received
    assert b"\r\ncontent-type: application/problem+json" in head
    assert b"\r\nconnection: close" in head
    problem: dict[str, Any] = json.loads(body)
    assert problem["status"] == status
    return problem


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("sent", [b"", b"\r\n"], ids=["nothing", "an empty line"])
async def test_whoever_asks_nothing_is_let_go(served: Served, sent: bytes) -> None:
    """A connection that brings no request is ended without a word."""
    silent = await served.connect()
    await silent.send(sent)

    assert await silent.ended() == b""


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("before", [b"", ASK], ids=["first", "later"])
async def test_a_head_that_drips_is_cut_off(served: Served, before: bytes) -> None:
    """Each byte gains no time, on a new connection as behind an answer, and the sender is told."""
    slow = await served.connect()
    if before:
        await slow.send(before)
        assert await slow.answer() == (200, b"head")

    async def drip() -> None:
        await slow.send(b"GET /head HTTP/1.1\r\nx-slow: ")
        while True:
            await slow.send(b"a")
            await asyncio.sleep(0.02)

    dripping = asyncio.create_task(drip())
    received = await slow.ended()
    dripping.cancel()
    await asyncio.gather(dripping, return_exceptions=True)

    assert problem_in(received, 408)["type"] == "/v1/problems/refused"
    assert len(served.heads) == bool(before)


@pytest.mark.usefixtures("hurried")
async def test_a_request_under_way_has_the_time_that_it_takes(served: Served) -> None:
    """Only the head is hurried: not a body that takes longer, not an answer, not what waits behind one."""
    posting, waiting = await served.connect(), await served.connect()
    await posting.send(b"POST /body HTTP/1.1\r\nhost: x\r\ncontent-length: 8\r\n\r\n")
    await waiting.send(b"GET /waits HTTP/1.1\r\nhost: x\r\n\r\n" + ASK[:-2])
    for _ in range(8):
        await posting.send(b"a")
        await asyncio.sleep(0.1)
    assert await posting.answer() == (200, b"a" * 8)

    served.release.set()
    assert await waiting.answer() == (200, b"waited")
    await waiting.send(b"\r\n")
    assert await waiting.answer() == (200, b"head")


@pytest.mark.usefixtures("hurried")
async def test_a_body_that_nobody_reads_keeps_no_connection(served: Served) -> None:
    """Whoever has the answer and goes on sending is let go, however much it sends."""
    sender = await served.connect()
    await sender.send(b"POST /head HTTP/1.1\r\nhost: x\r\ncontent-length: 100000000\r\n\r\n")
    assert await sender.answer() == (200, b"head")

    async def send() -> None:
        while True:
            await sender.send(b"a")
            await asyncio.sleep(0.02)

    sending = asyncio.create_task(send())
    assert await sender.ended() == b""
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)


#: An upload that is answered before it was read, by a server that ends the connection, and by one that keeps it.
UPLOADS = pytest.mark.parametrize(
    "head",
    [
        b"POST /head HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: %d\r\n\r\n",
        b"POST /head HTTP/1.0\r\ncontent-length: %d\r\n\r\n",
        b"POST /head HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n",
    ],
    ids=["close", "HTTP/1.0", "kept"],
)


@UPLOADS
async def test_an_upload_that_is_answered_early_has_its_answer(
    served: Served, monkeypatch: pytest.MonkeyPatch, head: bytes
) -> None:
    """Whoever reads only when everything is sent finds the answer, though sending took longer than a head may take."""
    monkeypatch.setattr(room, "HEAD_SECONDS", 0.2)
    sender, part, parts = await served.connect(), b"a" * 1_000_000, 8
    await sender.send(head % (len(part) * parts))
    for _ in range(parts):
        await sender.send(part)
        await asyncio.sleep(0.1)

    assert await sender.answer() == (200, b"head")
    kept = b"1.1" in head and b"close" not in head
    if kept:
        await sender.send(ASK)
        assert await sender.answer() == (200, b"head")
    else:
        assert await sender.ended() == b""
    assert len(served.heads) == 1 + kept


@UPLOADS
async def test_an_upload_that_is_answered_has_so_many_bytes(
    served: Served, monkeypatch: pytest.MonkeyPatch, head: bytes
) -> None:
    """Whoever sends on and on is let go, however fast it sends."""
    monkeypatch.setattr(hearing_out, "LINGER_BYTES", 3_000_000)
    before = ended("overlong")
    sender = await served.connect()
    await sender.send(head % 100_000_000)
    sent = 0
    with suppress(ConnectionError):
        async with asyncio.timeout(8):
            while True:
                await sender.send(b"a" * 100_000)
                sent += 100_000
    assert hearing_out.LINGER_BYTES <= sent < 50_000_000
    assert ended("overlong") == before + 1


@pytest.mark.usefixtures("hurried")
@UPLOADS
async def test_an_upload_that_is_answered_has_so_much_time(served: Served, head: bytes) -> None:
    """Whoever sends nothing, and does not hang up either, is let go."""
    sender, before = await served.connect(), ended("overlong")
    await sender.send(head % 100_000_000)

    assert await sender.answer() == (200, b"head")
    assert await sender.ended() == b""
    await eventually(lambda: served.open == 0)
    assert ended("overlong") == before + 1


@pytest.mark.usefixtures("hurried")
async def test_a_connection_is_counted_once(served: Served) -> None:
    """Whoever was refused and does not hang up is ended for what was refused, and for nothing else."""
    before = {reason: ended(reason) for reason in ("unreadable", "overlong")}
    caller = await served.connect()
    await caller.send(b"no request\r\n\r\n")

    problem_in(await caller.ended(), 400)
    await eventually(lambda: served.open == 0)
    assert {reason: ended(reason) - count for reason, count in before.items()} == {"unreadable": 1, "overlong": 0}


async def test_whoever_is_cut_off_because_the_process_stops_is_counted() -> None:
    """An answer that nobody takes and an upload that was answered are waited for no longer than the grace."""
    made, before = Served(), ended("stopping")
    async with serving(made.app, grace_seconds=0) as made.base_url:
        reader, sender = await made.connect(), await made.connect()
        await reader.send(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n")
        assert await reader.reader.readexactly(8) == b"HTTP/1.1"
        await sender.send(b"POST /head HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 9\r\n\r\n")
        assert await sender.answer() == (200, b"head")
    assert ended("stopping") == before + 2
    assert len(await reader.ended()) < LARGE
    await made.hang_up()


@pytest.mark.parametrize("stuck", [True, False], ids=["nothing", "slowly"])
async def test_an_answer_is_taken_or_given_up(served: Served, monkeypatch: pytest.MonkeyPatch, *, stuck: bool) -> None:
    """Whoever takes nothing is let go, and whoever takes slowly gets everything."""
    monkeypatch.setattr(taking, "TAKE_SECONDS", 0.3)
    reader = await served.connect()
    await reader.send(b"GET /large HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    if stuck:
        before = ended("untaken")
        await eventually(lambda: ended("untaken") == before + 1)
        assert len(await reader.ended()) < LARGE
        return
    received = bytearray()
    while piece := await reader.reader.read(500_000):
        received += piece
        await asyncio.sleep(0.02)
    assert received.endswith(b"a" * LARGE)


def head_of(size: int) -> bytes:
    """Return a head of so many bytes, as they are counted: without the version and the line ends of the first line."""
    begin, end = b"GET /head HTTP/1.1\r\nhost: x\r\nx-filling: ", b"\r\n\r\n"
    uncounted = len(b"GET  HTTP/1.1\r\n\r\n")
    return begin + b"a" * (size - len(begin + end) + uncounted) + end


@pytest.mark.parametrize("piece", [100_000, 700])
async def test_a_head_has_one_size_however_it_arrives(served: Served, piece: int) -> None:
    """The largest one is served, and one byte more is refused, whole or in pieces."""
    for size, status in ((connections.HEAD_BYTES, 200), (connections.HEAD_BYTES + 1, 431)):
        caller = await served.connect()
        head = head_of(size)
        for begin in range(0, len(head), piece):
            await caller.send(head[begin : begin + piece])
            await asyncio.sleep(0)
        assert (await caller.answer())[0] == status
    assert len(served.heads) == 1


@pytest.mark.parametrize(
    "begin",
    [
        b"GET /head HTTP/1.1\r\nhost: x\r\n" + b"x-many: a\r\n" * 500_000 + b"\r\n",
        b"GET /head HTTP/1.1\r\nx-one: " + b"a" * 5_000_000,
        b"GET /" + b"a" * 5_000_000,
        b"\r\n" * 2_500_000,
    ],
    ids=["many headers", "one header", "a path", "empty lines"],
)
async def test_five_megabytes_of_head_are_refused(served: Served, begin: bytes) -> None:
    """The answer reaches a sender that reads it only when everything is sent, and others are served."""
    caller, other = await served.connect(), await served.connect()
    with suppress(ConnectionError):
        await caller.send(begin)
    problem_in(await caller.ended(), 431)
    await other.send(ASK)
    assert await other.answer() == (200, b"head")
    assert len(served.heads) == 1


@pytest.mark.parametrize(
    "begin",
    [
        b"x: " + 63_000 * b"a",
        (connections.MOST_HEADERS + 1) * b"a:b\r\n" + b"c",
    ],
    ids=["never whole", "many headers"],
)
async def test_a_head_is_bounded_before_it_is_whole(served: Served, begin: bytes) -> None:
    """In bytes, though they come at once, and in headers, of which each takes more room than its bytes."""
    caller = await served.connect()
    await caller.send(b"GET /head HTTP/1.1\r\n" + begin)
    problem_in(await caller.ended(), 431)
    assert not served.heads


async def test_who_goes_away_is_missed_by_what_answers(served: Served) -> None:
    """Also where another request was sent behind the one that is being answered, which is then not begun."""
    caller = await served.connect()
    await caller.send(b"GET /stays HTTP/1.1\r\nhost: x\r\n\r\n" + ASK)
    await eventually(lambda: served.heads == [[(b"stays", b"")]])
    caller.writer.close()
    await eventually(lambda: served.heads == [[(b"stays", b"")], [(b"gone", b"")]])


async def test_what_breaks_off_behind_an_answer_gets_no_other(served: Served) -> None:
    """Whoever was answered before the body was whole is not told that the rest cannot be read."""
    caller = await served.connect()
    await caller.send(b"POST /head HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n")
    assert await caller.answer() == (200, b"head")
    await caller.send(b"no chunk\r\n")
    assert await caller.ended() == b""


async def test_headers_behind_a_body_are_no_headers(served: Served) -> None:
    """The operation does not see them, and their number is bounded."""
    caller, endless = await served.connect(), await served.connect()
    post = b"POST /body HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n"
    await caller.send(post)
    await caller.send(b"authorization: late\r\n\r\n")
    assert await caller.answer() == (200, b"abc")
    assert b"authorization" not in dict(served.heads[0])

    await endless.send(post)
    with suppress(ConnectionError):
        for _ in range(100):
            await endless.send(b"x-more: a\r\n" * 1_000)
    problem_in(await endless.ended(), 431)


@pytest.mark.usefixtures("narrow")
async def test_where_no_room_is_left_the_longest_silent_one_makes_some(served: Served) -> None:
    """However many connect and ask nothing, whoever asks is served."""
    silent = [await served.connect() for _ in range(20)]
    caller = await served.connect()
    await caller.send(ASK)
    assert await caller.answer() == (200, b"head")

    assert [await each.ended() for each in silent[:18]] == [b""] * 18
    await silent[19].send(ASK)
    assert await silent[19].answer() == (200, b"head")


@pytest.mark.usefixtures("narrow")
async def test_where_all_are_served_the_next_is_told_to_come_back(served: Served) -> None:
    """No request under way is ended for another; as soon as one is over there is room."""
    callers = [await served.connect() for _ in range(3)]
    for each in callers:
        await each.send(b"GET /waits HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    await eventually(lambda: len(served.heads) == 3)

    for _ in range(room.MOST_LINGERING + 5):
        received = await (await served.connect()).ended()
        assert problem_in(received, 503)["type"] == "/v1/problems/not-ready"
        assert b"\r\nretry-after: 1\r\n" in received
    served.release.set()
    assert [(await each.ended())[-6:] for each in callers] == [b"waited"] * 3
    late = await served.connect()
    await late.send(ASK)
    assert await late.answer() == (200, b"head")


@pytest.mark.parametrize("upgrade", [H2C, WEBSOCKET], ids=["HTTP/2", "WebSocket"])
@pytest.mark.parametrize("apart", [False, True], ids=["together", "apart"])
async def test_an_offer_of_another_protocol_is_passed_over(served: Served, upgrade: bytes, *, apart: bool) -> None:
    """The body is the body, be it like a request, and the connection serves what follows."""
    caller = await served.connect()
    parts = [
        b"POST /body HTTP/1.1\r\nhost: x\r\n" + upgrade + b"content-length: %d\r\n\r\n" % len(ASK),
        ASK,
        b"POST /body HTTP/1.1\r\n" + upgrade + b"transfer-encoding: chunked\r\n\r\n",
        b"3\r\nabc\r\n0\r\n\r\n",
        b"GET /head HTTP/1.1\r\n" + upgrade + b"\r\n",
        ASK,
    ]
    if not apart:
        await caller.send(b"".join(parts))
    answers = []
    for head, body in zip(parts[::2], parts[1::2], strict=True):
        if apart:
            await caller.send(head)
            await asyncio.sleep(0.05)
            await caller.send(body)
        answers.append(await caller.answer())
    answers.append(await caller.answer())
    assert answers == [(200, ASK), (200, b"abc"), (200, b"head"), (200, b"head")]


@pytest.mark.parametrize(
    "sent",
    [
        b"CONNECT /head HTTP/1.1\r\nhost: x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
    ],
    ids=["CONNECT", "HTTP/2", "TLS"],
)
async def test_what_is_no_request_is_a_problem(served: Served, sent: bytes) -> None:
    """It is answered in the one shape of every refusal, and the connection ends."""
    caller = await served.connect()
    await caller.send(sent)
    caller.writer.write_eof()

    problem_in(await caller.ended(), 400)
    assert served.heads == []


async def test_nothing_is_answered_in_the_place_of_a_request_under_way(served: Served) -> None:
    """What cannot be read behind a request ends the connection; its refusal would be taken for that one's answer."""
    caller = await served.connect()
    await caller.send(b"POST /waits HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}")
    await eventually(lambda: len(served.heads) == 1)
    await caller.send(b"no request\r\n\r\n")

    assert await caller.ended() == b""


async def test_a_body_that_cannot_be_read_is_refused(served: Served) -> None:
    """The request that it belongs to is answered, once."""
    caller = await served.connect()
    await caller.send(b"POST /body HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nno number\r\n")

    problem_in(await caller.ended(), 400)
    assert served.heads == []


@pytest.mark.parametrize(
    ("soft", "hard", "room"), [(100, 200, 100), (100, 20_000, room.MOST_CONNECTIONS), (300, 300, 150)]
)
def test_there_is_room_for_what_the_system_lets_us_open(soft: int, hard: int, room: int) -> None:
    """A low bound on files is raised where that is allowed, and half of them are left to the database and the rest."""
    program = (
        "import resource; from shared.runtime.room import room_for_connections;"
        f"resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard})); print(room_for_connections())"
    )
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True, text=True)
    assert run.stdout == f"{room}\n"


def test_every_server_is_made_in_one_place() -> None:
    """No program of Homeward's sets up a server without these bounds."""
    making = [
        path
        for path, text in texts()
        if path.startswith(("services/", "shared/")) and path.endswith(".py") and "uvicorn.Config(" in text
    ]
    assert making == ["shared/runtime/serve.py"]
