"""What ``/readyz`` answers: whether this process can serve, and for which authority it cannot do all.

A gateway reads the status code alone, and cuts off a process that answers 503 from everybody.
So only what concerns every authority makes a process *not ready*.  What concerns one (a poison
event, a log that was changed) makes it *degraded*: it answers 200, names the authority, and
goes on for the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

OK = "ok"
#: Trouble in words for an operator: by the part of the service that has it, then by authority.
Degraded = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Readiness:
    """How a service does.

    ``checks`` names its parts: "ok", or what is wrong for everybody.  ``degraded`` is what is
    wrong for single authorities.  ``warnings`` are dangers that an operator should know of, and
    ``figures`` is shown beside; neither says anything of whether it is ready.
    """

    checks: Mapping[str, str]
    degraded: Degraded = field(default_factory=dict)
    warnings: Sequence[str] = ()
    figures: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ready(self) -> bool:
        """Whether requests should come here."""
        return all(state == OK for state in self.checks.values())

    @property
    def status(self) -> str:
        """One of "ok", "degraded" and "not ready"."""
        if not self.ready:
            return "not ready"
        return "degraded" if self.degraded else OK

    def shown(self) -> dict[str, Any]:
        """Return the answer."""
        return {
            "status": self.status,
            "checks": dict(self.checks),
            "degraded": {part: dict(troubles) for part, troubles in self.degraded.items()},
            "warnings": list(self.warnings),
            **self.figures,
        }
