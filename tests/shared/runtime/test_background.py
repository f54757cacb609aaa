"""The loops beside the requests: shown as they are, and stopped with the service."""

from __future__ import annotations

import asyncio

from shared.runtime.background import Background
from tests.support.waiting import eventually


class Idle:
    """A loop that waits until it is cancelled, or until it is told to end."""

    def __init__(self) -> None:
        self.error: str | None = None
        self.cancelled = False
        self.ending = asyncio.Event()

    async def run(self) -> None:
        try:
            await self.ending.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise


async def test_a_loop_says_how_it_does() -> None:
    """Not started and ended loops have stopped, trouble is shown in words, and all else is well."""
    loops = {"first": Idle(), "second": Idle()}
    background = Background("sample", loops)
    assert background.checks() == {"first": "has stopped", "second": "has stopped"}
    background.start()
    loops["second"].error = "cannot go on"
    assert background.checks() == {"first": "ok", "second": "cannot go on"}
    loops["first"].ending.set()

    async def ended() -> bool:
        return background.checks()["first"] == "has stopped"

    await eventually(ended)
    await background.stop()


class Troubled(Idle):
    """A loop that works by authority."""

    def __init__(self) -> None:
        super().__init__()
        self.troubles: dict[str, str] = {}


async def test_trouble_of_single_authorities_is_told_by_authority() -> None:
    """A loop is well for everybody as long as only some have trouble, and those are named; others are not shown."""
    loops = {"first": Idle(), "second": Troubled(), "third": Troubled()}
    background = Background("sample", loops)
    background.start()
    assert background.degraded() == {}
    loops["second"].troubles = {"northshire": "stopped at position 7"}  # type: ignore[attr-defined]  # it has them
    assert background.degraded() == {"second": {"northshire": "stopped at position 7"}}
    assert set(background.checks().values()) == {"ok"}
    await background.stop()


async def test_stopping_ends_every_loop() -> None:
    """When stopping returns, each loop was cancelled and has ended."""
    loops = {"first": Idle(), "second": Idle()}
    background = Background("sample", loops)
    background.start()
    await asyncio.sleep(0)
    await background.stop()
    assert all(each.cancelled for each in loops.values())
    assert set(background.checks().values()) == {"has stopped"}
