"""Several processes of one service share the work, and stand in for one that dies or stands still."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from shared.domain.clock import civil_date
from tests.e2e.system import Program, System, eventually
from tests.e2e.telling import Council
from tests.support.databases import off_loop
from tests.support.ports import free_port

COUNCILS = ("angus", "fife", "moray", "stirling")
#: Twice a lease, and what a loaded machine takes besides.
TAKEOVER_SECONDS = 20.0


class Replica:
    """One of several processes of reporting."""

    def __init__(self, system: System, folder: Path, number: int) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        environment = {**system.environment, "HOMEWARD_PORT": self.url.rsplit(":", 1)[1], "HOMEWARD_LEASE_SECONDS": "2"}
        environment["HOMEWARD_EVENTS_URL"] = f"http://127.0.0.1:{system._ports['events']}"
        log = folder / f"reporting-{number}.log"
        self.program = Program(["-m", "services.reporting"], environment, log, f"{self.url}/readyz")

    def signal(self, which: signal.Signals) -> None:
        """Send it a signal."""
        assert self.program._process is not None
        self.program._process.send_signal(which)

    def consumers(self) -> dict[str, dict[str, Any]]:
        """Return what it says of each authority's log."""
        told: dict[str, dict[str, Any]] = httpx.get(f"{self.url}/readyz", timeout=5).json()["consumers"]["reporting"]
        return told

    def follows(self) -> set[str]:
        """Name the authorities whose log it follows."""
        return {name for name, of in self.consumers().items() if of["state"] == "running"}


@pytest.fixture
def events_alone(data_folder: Path, fresh_database_url: str) -> Iterator[System]:
    """A migrated database and the events service."""
    system = System("three_processes", data_folder, fresh_database_url)
    system.operate("migrate")
    system.programs["events"].start()
    try:
        yield system
    finally:
        system.stop()


@contextmanager
def two(system: System, folder: Path) -> Iterator[tuple[Replica, Replica]]:
    one, other = Replica(system, folder, 1), Replica(system, folder, 2)
    try:
        for each in (one, other):
            each.program.launch()
        for each in (one, other):
            eventually(each.program._ready, seconds=60, what="being ready")
        yield one, other
    finally:
        for each in (one, other):
            each.program.kill()


def tell_all(councils: dict[str, Council], child: str) -> None:
    """Record one child's accommodation with each council: three events."""
    for council in councils.values():
        council.accommodate(child, 5)


def read_by(replica: Replica, system: System, keys: dict[str, str], children: int) -> bool:
    """Whether this replica answers for each council with so many children."""
    for key in keys.values():
        headers = {"authorization": f"Bearer {key}"}
        answer = httpx.get(f"{replica.url}/v1/journeys", headers=headers, timeout=10)
        if len(answer.json()["items"]) != children:
            return False
    return True


def even(one: Replica, other: Replica) -> bool:
    shares = one.follows(), other.follows()
    return [len(share) for share in shares] == [2, 2] and not shares[0] & shares[1]


def test_replicas_share_and_stand_in(events_alone: System, data_folder: Path, fresh_database_url: str) -> None:
    """Work is shared; after kill -9 and after a standstill the other goes on; who wakes up again writes nothing old."""
    keys = {name: events_alone.new_key(name) for name in COUNCILS}
    today = civil_date(datetime.now(UTC))
    with two(events_alone, data_folder) as (one, other):
        councils = {name: Council(events_alone.client(key), today) for name, key in keys.items()}
        eventually(lambda: even(one, other), what="even shares")
        tell_all(councils, "ann")
        eventually(lambda: read_by(one, events_alone, keys, 1), what="the first child")

        began = time.monotonic()
        one.program.kill()
        tell_all(councils, "bea")
        eventually(lambda: other.follows() == set(COUNCILS), seconds=TAKEOVER_SECONDS, what="taking over from the dead")
        eventually(lambda: read_by(other, events_alone, keys, 2), what="the second child")
        assert time.monotonic() - began < TAKEOVER_SECONDS

        one.program.start()
        eventually(lambda: even(one, other), what="even shares again")
        one.signal(signal.SIGSTOP)
        tell_all(councils, "cal")
        eventually(
            lambda: other.follows() == set(COUNCILS), seconds=TAKEOVER_SECONDS, what="taking over from the still"
        )
        eventually(lambda: read_by(other, events_alone, keys, 3), what="the third child")
        one.signal(signal.SIGCONT)
        eventually(lambda: even(one, other), what="even shares once more")
        tell_all(councils, "dot")
        eventually(lambda: read_by(one, events_alone, keys, 4), what="the fourth child")
        for each in councils.values():
            each.client.close()
    off_loop(asyncio.run, assert_whole(fresh_database_url))


async def assert_whole(database_url: str) -> None:
    """Each council's copy holds every event once, and every checkpoint is at the end."""
    connection = await asyncpg.connect(database_url)
    try:
        copied = await connection.fetch("SELECT authority_id, position FROM reporting.event ORDER BY 1, 2")
        assert [tuple(row) for row in copied] == [(name, number) for name in COUNCILS for number in range(1, 13)]
        points = await connection.fetch("SELECT authority_id, position, state FROM reporting.checkpoint ORDER BY 1")
        assert [tuple(row) for row in points] == [(name, 12, "running") for name in COUNCILS]
    finally:
        await connection.close()
