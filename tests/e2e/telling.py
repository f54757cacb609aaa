"""How the stories are told: the words of a case-recording system, as events."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256
from typing import Any

import httpx

SOURCE = "/tests/case-system"


@dataclass(frozen=True)
class Council:
    """A council's case system, speaking to Homeward as of a given day."""

    client: httpx.Client
    today: date

    def day(self, ago: int) -> str:
        """Write the civil date so many days ago."""
        return (self.today - timedelta(days=ago)).isoformat()

    def event(self, kind: str, stream: str, ago: int, **data: Any) -> dict[str, Any]:
        """Word one event; what it says gives its id, so that telling it twice repeats it."""
        fields = {"occurred_on": self.day(ago), **data}
        key = "-".join(str(part) for part in (stream, kind, ago, *sorted(map(str, data.values()))))
        return {
            "specversion": "1.0",
            "id": sha256(key.encode()).hexdigest()[:32],
            "source": SOURCE,
            "type": kind,
            "subject": stream,
            "data": fields,
        }

    def tell(self, *events: dict[str, Any]) -> dict[str, Any]:
        """Post the events as one batch; every one of them must be taken."""
        answer = self.client.post(
            "/v1/events", json=list(events), headers={"content-type": "application/cloudevents-batch+json"}
        )
        assert answer.status_code == httpx.codes.OK, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def accommodate(self, child: str, ago: int, *, emergency: bool = False, team: str = "north") -> None:
        """Tell that a child came to be cared for away from home, with foster carers."""
        stream = f"child-{child}"
        self.tell(
            self.event("child.registered", stream, ago, team=team),
            self.event("child.accommodated", stream, ago, episode_id=f"{child}-1", legal_reason="section_25"),
            self.event("home.started", stream, ago, home_id=f"{child}-h1", home_kind="foster", emergency=emergency),
        )

    def hold(self, child: str, kind: str, ago: int, **record: Any) -> dict[str, Any]:
        """Tell that a meeting was held; return its event."""
        meeting = f"{child}-{kind}-{ago}"
        event = self.event("meeting.held", f"child-{child}", ago, meeting_id=meeting, meeting_kind=kind, **record)
        self.tell(event)
        return event

    def reviews(self, **filters: Any) -> list[dict[str, Any]]:
        """Ask what is owed; nothing is while the child asked for has not been read from the log."""
        answer = self.client.get("/v1/reviews", params={"limit": 1000, **filters})
        if answer.status_code == httpx.codes.NOT_FOUND:
            return []
        assert answer.status_code == httpx.codes.OK, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items
