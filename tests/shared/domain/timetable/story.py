"""One child's story, told fact by fact, and what the timetable makes of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

from shared.domain.catalogue.meeting import MeetingKind
from shared.domain.history import Fact, facts
from shared.domain.timetable.engine import Timetable, project_reviews
from shared.domain.timetable.reviews import Outcome, Review
from shared.policies.timetables import council_timetable
from tests.support.events import Log
from tests.support.packs import load_pack

CHILD = "child-7f3a"
STREAM = f"child-{CHILD}"
STATUTORY = "looked_after_child_review"
EMERGENCY = "emergency_review"
PLANNING = "two_week_planning_meeting"
THREE_MONTHLY = "three_monthly_review"
SEVENTY_TWO_HOURS = "seventy_two_hour_meeting"
AGREED = "agreed_frequency_review"
LOCAL_PACKS = ("two-week-planning-meeting", "three-monthly-cadence", "seventy-two-hour-meeting")


def adopting(*packs: str, since: str = "2000-01-01", closures: Iterable[str] = ()) -> Timetable:
    """Return the timetable of a council that adopted ``packs`` and then declared ``closures``."""
    log = Log()
    for pack in packs:
        edition = load_pack(pack).edition
        log.add("timetable.adopted", "authority", since, pack=pack, edition=edition, effective_on=since)
    for day in closures:
        log.add("holiday.declared", "authority", since, calendar="scot_bank_holidays", holiday_on=day)
    return council_timetable(log.events)


STATUTE_ONLY = adopting()
ALL_PACKS = adopting(*LOCAL_PACKS)


class Story:
    """Facts of one child, recorded in the order in which they are told."""

    def __init__(self) -> None:
        self.log = Log()

    def tell(self, kind: str, on: str, **data: Any) -> Self:
        self.log.add(kind, STREAM, on, **data)
        return self

    def accommodated(self, on: str, episode: str = "E1", **data: Any) -> Self:
        return self.tell("child.accommodated", on, episode_id=episode, legal_reason="section_25", **data)

    def home(self, on: str, home: str = "H1", kind: str = "foster", **data: Any) -> Self:
        return self.tell("home.started", on, home_id=home, home_kind=kind, **data)

    def left(self, on: str, home: str = "H1", reason: str = "planned_move", **data: Any) -> Self:
        return self.tell("home.ended", on, home_id=home, reason=reason, **data)

    def care_ended(self, on: str, episode: str = "E1", destination: str = "parents") -> Self:
        return self.tell("episode.ended", on, episode_id=episode, destination=destination)

    def held(self, on: str, meeting: str | None = None, kind: str = STATUTORY, **data: Any) -> Self:
        return self.tell("meeting.held", on, meeting_id=meeting or f"M-{kind}-{on}", meeting_kind=kind, **data)

    def booked(self, on: str, meeting: str, day: str, kind: str = STATUTORY) -> Self:
        return self.tell("meeting.scheduled", on, meeting_id=meeting, meeting_kind=kind, scheduled_for=day)

    def cancelled(self, on: str, meeting: str) -> Self:
        return self.tell("meeting.cancelled", on, meeting_id=meeting, reason="illness")

    def corrected(self, wrong: int, on: str, **data: Any) -> Self:
        """Correct the event at position ``wrong``: its data with ``data`` in their place."""
        event = self.log.events[wrong - 1]
        replacement = {**event.data.model_dump(mode="json", exclude_unset=True), **data}
        return self.tell(
            "record.corrected",
            on,
            corrects_source=event.source,
            corrects_id=event.event_id,
            corrects_type=event.type,
            replacement=replacement,
            reason="recording_error",
        )

    @property
    def position(self) -> int:
        """The position of the fact told last."""
        return self.log.events[-1].position

    @property
    def facts(self) -> tuple[Fact, ...]:
        return facts(self.log.events)

    def reviews(self, kind: str | None = None, timetable: Timetable = STATUTE_ONLY) -> list[Review]:
        """Return the reviews owed, of one kind or of all, in order of due date."""
        projected = project_reviews(CHILD, self.facts, timetable)
        return [review for review in projected if kind in (None, review.kind)]

    def still_open(self, kind: str | None = None, timetable: Timetable = STATUTE_ONLY) -> list[Review]:
        return [review for review in self.reviews(kind, timetable) if review.outcome is Outcome.OPEN]


def placed(on: str = "2026-01-15", **data: Any) -> Story:
    """Begin a story: accommodated and placed on the same day."""
    return Story().accommodated(on).home(on, **data)


def due(reviews: Iterable[Review]) -> list[str]:
    """Return the due dates as text."""
    return [review.due_on.isoformat() if review.due_on else "none" for review in reviews]


MEETING_KINDS = [kind.value for kind in MeetingKind]
