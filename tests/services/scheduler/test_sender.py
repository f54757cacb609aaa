"""One attempt over real sockets: whatever the receiver does, it costs a bounded attempt and nothing else."""

from __future__ import annotations

import asyncio
import socket
import tracemalloc
from collections.abc import AsyncIterator
from time import perf_counter
from unicodedata import category

import pytest
import pytest_asyncio
from aiohttp.abc import AbstractResolver, ResolveResult
from hypothesis import given
from hypothesis import strategies as st

from services.scheduler.model import AttemptError, Outcome
from services.scheduler.sender import MAX_EXCERPT_CHARACTERS, Sender, excerpt
from services.scheduler.targets import parse_allowances
from tests.services.scheduler.receiver import answering, drip, endless, hang, receiver

LOOPBACK = parse_allowances("127.0.0.1/32:*")
TIMEOUT_SECONDS = 0.6


class Names(AbstractResolver):
    """Resolves a name to the next of the given answers, each a list of addresses."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_INET,  # noqa: ARG002 - of the base class
    ) -> list[ResolveResult]:
        found = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        if not found:
            raise OSError("no such name")
        return [
            ResolveResult(
                hostname=host,
                host=each,
                port=port,
                family=socket.AF_INET6 if ":" in each else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for each in found
        ]

    async def close(self) -> None:
        """Hold nothing to close."""


@pytest_asyncio.fixture
async def sender() -> AsyncIterator[Sender]:
    """Yield a sender that may send to 127.0.0.1."""
    async with Sender(timeout_seconds=TIMEOUT_SECONDS, allowances=LOOPBACK) as opened:
        yield opened


async def test_body_and_headers_arrive_unchanged(sender: Sender) -> None:
    """The receiver gets the bytes as they are, once, and asks for nothing compressed."""
    async with receiver(answering(200, text="thank you")) as receiving:
        outcome = await sender.send(receiving.url, {"webhook-id": "msg_1", "accept-encoding": "identity"}, b'{"a":1}')
    assert outcome == Outcome(status=200, excerpt="thank you")
    (got,) = receiving.got
    assert got.body == b'{"a":1}'
    assert got.headers["webhook-id"] == "msg_1"
    assert got.headers["accept-encoding"] == "identity"
    assert "cookie" not in got.headers


async def test_a_redirect_is_a_failure_and_is_not_followed(sender: Sender) -> None:
    """A 302 is recorded as such, and nothing is requested at its target."""
    async with (
        receiver(answering(200)) as inner,
        receiver(answering(302, headers={"location": inner.url})) as receiving,
    ):
        outcome = await sender.send(receiving.url, {}, b"{}")
    assert outcome.status == 302
    assert not outcome.accepted
    assert inner.got == []


async def test_a_hanging_receiver_costs_no_more_than_the_deadline(sender: Sender) -> None:
    """No answer at all ends as a timeout."""
    async with receiver(hang) as receiving:
        began = perf_counter()
        outcome = await sender.send(receiving.url, {}, b"{}")
    assert outcome == Outcome(error=AttemptError.TIMEOUT)
    assert perf_counter() - began < TIMEOUT_SECONDS + 0.6


async def test_a_trickling_answer_is_cut_at_the_deadline(sender: Sender) -> None:
    """The status counts as soon as it has come; waiting for more of the answer ends with the deadline."""
    async with receiver(drip) as receiving:
        began = perf_counter()
        outcome = await sender.send(receiving.url, {}, b"{}")
    assert outcome.status == 200
    assert perf_counter() - began < TIMEOUT_SECONDS + 0.6


async def test_an_endless_answer_is_read_only_at_its_beginning(sender: Sender) -> None:
    """Of a body without end a little is read, and little memory used."""
    async with receiver(endless) as receiving:
        tracemalloc.start()
        outcome = await sender.send(receiving.url, {}, b"{}")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert outcome.status == 500
    assert outcome.excerpt == "x" * MAX_EXCERPT_CHARACTERS
    assert peak < 20_000_000


@pytest.mark.parametrize("reply", [b"", b"not http at all\r\n\r\n", b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000])
async def test_what_is_not_http_is_a_failed_attempt(sender: Sender, reply: bytes) -> None:
    """A receiver that closes at once, talks nonsense or sends a huge header gets no status."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(reply)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        outcome = await sender.send(f"http://127.0.0.1:{port}/", {}, b"{}")
    assert outcome.status is None
    assert outcome.error in {AttemptError.NOT_HTTP, AttemptError.CONNECTION_FAILED}


async def test_a_closed_port_and_a_missing_name_are_told_apart(sender: Sender) -> None:
    """Nobody listening is a failed connection; no such name is a name that does not resolve."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    assert (await sender.send(f"http://127.0.0.1:{port}/", {}, b"")).error is AttemptError.CONNECTION_FAILED
    async with Sender(timeout_seconds=1, resolver=Names([])) as nameless:
        outcome = await nameless.send("https://receiver.example/", {}, b"")
    assert outcome.error is AttemptError.NAME_NOT_RESOLVED


async def test_a_plain_answer_to_tls_is_a_tls_failure() -> None:
    """A receiver without TLS behind an https URL is told as such."""
    async with receiver(answering(200)) as receiving, Sender(timeout_seconds=1, allowances=LOOPBACK) as sender:
        outcome = await sender.send(receiving.url.replace("http://", "https://"), {}, b"")
    assert outcome.error is AttemptError.TLS_FAILED
    assert receiving.got == []


@pytest.mark.parametrize(
    "answers",
    [["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["169.254.169.254"], ["::1"], ["64:ff9b::a9fe:a9fe"], ["168.63.129.16"]],
)
async def test_a_name_that_leads_inside_is_not_connected_to(answers: list[str]) -> None:
    """If any answer for a name is forbidden, nothing is connected to."""
    async with receiver(answering(200)) as receiving:
        port = receiving.url.rpartition(":")[2].partition("/")[0]
        async with Sender(timeout_seconds=1, resolver=Names(answers)) as sender:
            outcome = await sender.send(f"https://receiver.example:{port}/", {}, b"")
    assert outcome == Outcome(error=AttemptError.TARGET_FORBIDDEN)
    assert receiving.got == []


async def test_a_name_that_changes_its_mind_is_judged_again() -> None:
    """A name that was permitted once and then leads inside is refused at that connect (rebinding)."""
    allowed = parse_allowances("127.0.0.1/32:*")
    names = Names(["127.0.0.1"], ["127.0.0.2"])
    async with receiver(answering(200, headers={"connection": "close"})) as receiving:
        url = receiving.url.replace("127.0.0.1", "receiver.example")
        async with Sender(timeout_seconds=1, allowances=allowed, resolver=names) as sender:
            assert (await sender.send(url, {}, b"")).status == 200
            assert (await sender.send(url, {}, b"")).error is AttemptError.TARGET_FORBIDDEN
    assert len(receiving.got) == 1
    assert names.asked == 2


async def test_a_literal_is_judged_at_each_attempt_too() -> None:
    """An address in the URL, which no resolver sees, is refused once the operator no longer allows it."""
    async with receiver(answering(200)) as receiving, Sender(timeout_seconds=1) as sender:
        outcome = await sender.send(receiving.url, {}, b"")
    assert outcome.error is AttemptError.TARGET_FORBIDDEN
    assert receiving.got == []


@given(st.binary(max_size=300))
def test_an_excerpt_is_plain_text_of_bounded_length(read: bytes) -> None:
    """Whatever bytes a receiver answers, the excerpt can be stored and shown: no control characters, no NUL."""
    text = excerpt(read)
    if text is not None:
        assert 0 < len(text) <= MAX_EXCERPT_CHARACTERS
        assert not any(category(each) in {"Cc", "Cs", "Zl", "Zp"} for each in text)
