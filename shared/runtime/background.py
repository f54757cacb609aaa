"""The loops that a service runs beside its requests: started, shown in readiness, stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from shared.runtime.readiness import OK


class Loop(Protocol):
    """Anything that works until it is cancelled and tells of its trouble."""

    @property
    def error(self) -> str | None:
        """What stops it just now, in words for an operator; None if nothing does."""
        ...

    async def run(self) -> None:
        """Work until cancelled."""
        ...


@runtime_checkable
class ByAuthority(Protocol):
    """A loop that works for each authority by itself, so that trouble with one does not stop it for the others."""

    @property
    def troubles(self) -> Mapping[str, str]:
        """What stops it just now for single authorities, in words for an operator."""
        ...


class Background:
    """The loops of one running service, by name."""

    def __init__(self, service: str, loops: Mapping[str, Loop]) -> None:
        """Keep the loops; :meth:`start` sets them going."""
        self._service = service
        self._loops = loops
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(self) -> None:
        """Set every loop going."""
        for name, loop in self._loops.items():
            self._tasks[name] = asyncio.create_task(loop.run(), name=f"{self._service} {name}")

    async def stop(self) -> None:
        """Stop every loop and wait for it."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def checks(self) -> dict[str, str]:
        """Return for each loop "ok", or what stops it for every authority in words for an operator."""
        return {name: self._stopped(name) or loop.error or OK for name, loop in self._loops.items()}

    def degraded(self) -> dict[str, Mapping[str, str]]:
        """Return the loops that are stopped for single authorities, each with what stops it for which."""
        each = {name: loop.troubles for name, loop in self._loops.items() if isinstance(loop, ByAuthority)}
        return {name: troubles for name, troubles in each.items() if troubles}

    def _stopped(self, name: str) -> str | None:
        task = self._tasks.get(name)
        return "has stopped" if task is None or task.done() else None
