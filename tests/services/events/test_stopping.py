"""The events service as a program: a signal ends it, whoever waits or follows."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from time import monotonic

import httpx
import pytest

from shared.identity.keys import ApiKey
from tests.services.events.sse import event_source
from tests.support.council import headers
from tests.support.ports import free_port
from tests.support.waiting import eventually


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_answers_whoever_waits_and_ends_the_program(
    database_url: str, key: ApiKey, number: signal.Signals
) -> None:
    """Long polls and live feeds are ended in good order, and the program is gone soon after."""
    port = free_port()
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.events",
        env={**os.environ, "HOMEWARD_DATABASE_URL": database_url, "HOMEWARD_PORT": str(port)},
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers(key), timeout=40) as client:
            await eventually(lambda: answers(client), within=30, about="the start of the service")
            async with event_source(client) as source:
                messages = source.messages()
                assert (await anext(messages)).event == "head"
                polling = asyncio.create_task(client.get("/v1/events?wait=30"))
                await eventually(lambda: waiting(client, 2))
                began = monotonic()
                program.send_signal(number)
                assert [message async for message in messages] == []
                assert (await polling).json()["at_head"]
            _, errors = await asyncio.wait_for(program.communicate(), 20)
            lasted = monotonic() - began
    finally:
        if program.returncode is None:
            program.kill()
            await program.wait()

    assert lasted < 10
    assert b"Traceback" not in errors
    assert b"without completing" not in errors


async def answers(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/readyz")).status_code == 200
    except httpx.TransportError:
        return False


async def waiting(client: httpx.AsyncClient, count: int) -> bool:
    return f"homeward_feed_waiting {count}.0" in (await client.get("/metrics")).text
