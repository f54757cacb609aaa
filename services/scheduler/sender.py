"""One attempt over HTTP: everything about the receiver is bounded.

One deadline for all of it, no redirects, no cookies, no proxies from the environment, no
decompression, and at most ``MAX_READ_BYTES`` of the answer are read.  A name is resolved
at each connect, every answer must be permitted, and one of those is connected to.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Mapping
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from services.scheduler.model import AttemptError, Outcome
from services.scheduler.targets import Allowance, ForbiddenTarget, Target, check_address, check_resolved, parse_target

MAX_READ_BYTES = 20_000
MAX_EXCERPT_CHARACTERS = 1_000
#: An attempt ends at the latest this long after its deadline.
GRACE_SECONDS = 1.0

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


class GuardedResolver(AbstractResolver):
    """Passes on what another resolver answers, if every answer may be connected to."""

    def __init__(self, inner: AbstractResolver, allowances: tuple[Allowance, ...], *, encrypted: bool) -> None:
        """Guard ``inner`` for connections with or without encryption."""
        self._inner = inner
        self._allowances = allowances
        self._encrypted = encrypted

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return every address of ``host``; raises ForbiddenTarget if any is forbidden."""
        answers = await self._inner.resolve(host, port, family)
        for answer in answers:
            check_resolved(answer["host"], port, self._allowances, encrypted=self._encrypted)
        return answers

    async def close(self) -> None:
        """Close the inner resolver."""
        await self._inner.close()


class Sender:
    """Sends notices; an async context manager that holds the connections."""

    def __init__(
        self,
        *,
        timeout_seconds: float,
        allowances: tuple[Allowance, ...] = (),
        resolver: AbstractResolver | None = None,
    ) -> None:
        """Allow ``timeout_seconds`` for a whole attempt; resolve names with ``resolver``, by default the system's."""
        self._timeout_seconds = timeout_seconds
        self._allowances = allowances
        self._resolver = resolver
        self._sessions: dict[str, aiohttp.ClientSession] = {}

    async def __aenter__(self) -> Self:
        """Open a session for each scheme: without encryption another rule holds."""
        inner = self._resolver or aiohttp.ThreadedResolver()
        for scheme in ("http", "https"):
            self._sessions[scheme] = self._session(
                GuardedResolver(inner, self._allowances, encrypted=scheme == "https")
            )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all connections."""
        for session in self._sessions.values():
            await session.close()

    def _session(self, resolver: AbstractResolver) -> aiohttp.ClientSession:
        # Answers are not cached, so that each connect is judged on what the name means then.
        connector = aiohttp.TCPConnector(resolver=resolver, use_dns_cache=False, limit=0)
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            timeout=aiohttp.ClientTimeout(total=self._timeout_seconds),
        )

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        """Make one attempt.  Never raises for anything a receiver does."""
        try:
            target = parse_target(url)
            self._check_literal(target)
            # aiohttp keeps the deadline; this one holds even if it did not, so that no attempt outlives its lease.
            async with asyncio.timeout(self._timeout_seconds + GRACE_SECONDS):
                return await self._exchange(target, url, headers, body)
        except Exception as error:  # Whatever an answer makes the client raise is the receiver's failure.
            return Outcome(error=_error_kind(error))

    def _check_literal(self, target: Target) -> None:
        # aiohttp asks no resolver about a host that is an address.
        if target.address is not None:
            check_address(target.address, target.port, self._allowances, encrypted=target.scheme == "https")

    async def _exchange(self, target: Target, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        session = self._sessions[target.scheme]
        async with session.post(url, data=body, headers=headers, allow_redirects=False) as answer:
            read = await _read(answer)
            return Outcome(status=answer.status, excerpt=excerpt(read), retry_after=answer.headers.get("retry-after"))


#: The first type that fits tells why there was no answer.
_KINDS: tuple[tuple[type[Exception], AttemptError], ...] = (
    (ForbiddenTarget, AttemptError.TARGET_FORBIDDEN),
    (TimeoutError, AttemptError.TIMEOUT),
    (aiohttp.ClientConnectorDNSError, AttemptError.NAME_NOT_RESOLVED),
    (aiohttp.ClientSSLError, AttemptError.TLS_FAILED),
    (aiohttp.ClientConnectionError, AttemptError.CONNECTION_FAILED),
    (OSError, AttemptError.CONNECTION_FAILED),
)


def _error_kind(error: Exception) -> AttemptError:
    return next((kind for of, kind in _KINDS if isinstance(error, of)), AttemptError.NOT_HTTP)


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    """Read the beginning of the answer's body.

    The status has come: what goes wrong from here on does not change it.
    """
    read = bytearray()
    try:
        async for chunk in answer.content.iter_any():
            read += chunk
            if len(read) >= MAX_READ_BYTES:
                break
    except (aiohttp.ClientError, TimeoutError, OSError):
        pass
    if not answer.content.at_eof():
        answer.close()
    return bytes(read[:MAX_READ_BYTES])


def excerpt(read: bytes) -> str | None:
    """Return the beginning of an answer as text without control characters, or None if there is none."""
    text = _UNPRINTABLE.sub(" ", read.decode("utf-8", "replace")).strip()
    return text[:MAX_EXCERPT_CHARACTERS] or None
