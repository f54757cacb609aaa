"""How these tests tell a child's story, event by event."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from services.reporting.model import Journey, MilestoneKey, Step
from services.reporting.projection import project
from shared.domain.envelope import RecordedEvent
from shared.domain.history import facts
from tests.support.events import SOURCE, Log

START = date(2026, 1, 5)


@dataclass
class Child:
    """One child whose days are counted from :data:`START`."""

    log: Log
    child_id: str = "ada"

    @property
    def stream(self) -> str:
        return f"child-{self.child_id}"

    def tell(self, kind: str, day: int, *, recorded_day: int | None = None, **data: Any) -> RecordedEvent:
        """Record that something occurred so many days after the start; by default it is recorded that noon."""
        on = START + timedelta(days=day)
        noon = datetime(on.year, on.month, on.day, 12, tzinfo=UTC)
        recorded_at = noon if recorded_day is None else noon + timedelta(days=recorded_day - day)
        event_id = f"{self.child_id}-{len(self.log.events) + 1}"
        return self.log.add(kind, self.stream, on, recorded_at=recorded_at, id=event_id, **data)

    def accommodated(self, day: int = 0, episode: str = "e1", **options: Any) -> RecordedEvent:
        return self.tell("child.accommodated", day, episode_id=episode, legal_reason="section_25", **options)

    def home(self, day: int = 0, *, emergency: bool = False) -> RecordedEvent:
        return self.tell("home.started", day, home_id=f"h{day}", home_kind="foster", emergency=emergency)

    def held(self, kind: str, day: int, **record: Any) -> RecordedEvent:
        return self.tell("meeting.held", day, meeting_id=f"{kind}-{day}", meeting_kind=kind, **record)

    def recommended(self, day: int, route: str = "return_home", **options: Any) -> RecordedEvent:
        return self.tell("permanence.recommended", day, route=route, **options)

    def ended(self, day: int, episode: str = "e1", destination: str = "parents") -> RecordedEvent:
        return self.tell("episode.ended", day, episode_id=episode, destination=destination)

    def corrected(self, wrong: RecordedEvent, day: int, **differs: Any) -> RecordedEvent:
        replacement = wrong.data.model_dump(mode="json", exclude_unset=True) | differs
        return self.tell(
            "record.corrected",
            day,
            corrects_source=SOURCE,
            corrects_id=wrong.event_id,
            corrects_type=wrong.type,
            replacement=replacement,
            reason="recording_error",
        )

    def retracted(self, wrong: RecordedEvent, day: int) -> RecordedEvent:
        return self.tell(
            "record.retracted", day, retracts_source=SOURCE, retracts_id=wrong.event_id, reason="wrong_child"
        )

    def journey(self, **times: Any) -> Journey:
        """Fold this child's events."""
        mine = [event for event in self.log.events if event.stream == self.stream]
        return project(self.child_id, facts(mine, **times))


def child(child_id: str = "ada", log: Log | None = None) -> Child:
    """Begin the story of a child."""
    return Child(log or Log(), child_id)


def day(number: int) -> date:
    """Return the civil day so many days after the start."""
    return START + timedelta(days=number)


def steps(journey: Journey, episode: int = 0) -> dict[MilestoneKey, Step]:
    """Return the milestones of one episode by key."""
    return {step.key: step for step in journey.episodes[episode].steps}
