"""The calculator: from a few dates that somebody has in hand to every review that would follow.

Nothing is recorded and nothing is read: what is asked becomes facts, which the same engine
judges that projects the reviews of children on record.  The operator's command and the HTTP
operation both ask through here, so they cannot differ.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from shared.domain.catalogue.base import FIRST_CIVIL_DATE, LAST_CIVIL_DATE, CivilDate, EventData, Instant, Part
from shared.domain.catalogue.child import (
    ChildAccommodated,
    Destination,
    EpisodeEnded,
    HomeKind,
    HomeStarted,
    LegalReason,
)
from shared.domain.catalogue.meeting import MeetingHeld, MeetingKind
from shared.domain.clock import civil_date
from shared.domain.errors import Fault, InvalidInput
from shared.domain.history import Fact
from shared.domain.timetable.engine import AdoptedPack, Timetable, project_reviews
from shared.domain.timetable.intervals import Moment
from shared.domain.timetable.reviews import Review
from shared.domain.timetable.rules import EventAnchor, Pack
from shared.policies.calendars import closed_on
from shared.policies.loader import known_packs

MAX_PACKS = 20
#: More than the reviews of a childhood at three-monthly intervals, and than one year's closures.
MAX_DAYS = 100

_WITHOUT_SECONDS = re.compile(r"(.{10}T\d{2}:\d{2})([Zz]|[+-]\d{2}:\d{2})")
#: Facts have identifiers and an instant of recording; those of the calculator have nothing to tell by them.
_NAME = "asked"
#: The events that what is asked may become.
_ASKED_ABOUT = frozenset({"child.accommodated", "home.started", "meeting.held", "episode.ended"})
_NEVER_RECORDED = datetime(1900, 1, 1, tzinfo=UTC)


def _with_seconds(value: Any) -> Any:
    written = _WITHOUT_SECONDS.fullmatch(value) if isinstance(value, str) else None
    return f"{written[1]}:00{written[2]}" if written else value


def _in_known_years(instant: datetime) -> datetime:
    # The years at the edges of the calendar cannot be turned into another zone, so they are looked at first.
    known = range(FIRST_CIVIL_DATE.year, LAST_CIVIL_DATE.year + 1)
    if instant.year not in known or not FIRST_CIVIL_DATE <= civil_date(instant) <= LAST_CIVIL_DATE:
        raise ValueError("the years 1900 to 2199 are known here")
    return instant


#: An instant with its zone, seconds or not, whose civil day lies in the years 1900 to 2199.
AskedInstant = Annotated[Instant, BeforeValidator(_with_seconds), AfterValidator(_in_known_years)]


class AskedMeeting(Part):
    """A meeting that was held, or is supposed to be."""

    held_on: CivilDate = Field(description="The civil day.", examples=["2025-10-12"])
    meeting_kind: MeetingKind = Field(
        default=MeetingKind.LOOKED_AFTER_CHILD_REVIEW,
        description="What it was convened as. Meetings of one kind satisfy, in order, the reviews that this kind can.",
    )


class Asked(Part):
    """What somebody has in hand: when a child came into care, and perhaps what happened since."""

    packs: tuple[Annotated[str, StringConstraints(max_length=64)], ...] = Field(
        min_length=1,
        max_length=MAX_PACKS,
        description="Timetable packs by name, each in its latest edition.",
        examples=[["scotland", "two-week-planning-meeting"]],
    )
    accommodated_on: CivilDate | None = Field(
        default=None,
        description="The civil day (Europe/London) on which the child came to be cared for away from home. Either it "
        "or `accommodated_at` is given.",
    )
    accommodated_at: AskedInstant | None = Field(
        default=None,
        description="The same as an instant with its zone, by which rules that count hours count; seconds may be "
        "left out.",
        examples=["2025-08-31T10:00:00+01:00"],
    )
    placed_on: CivilDate | None = Field(
        default=None,
        description="The civil day on which the home began. Without it or `placed_at` it began with the "
        "accommodation, and at its hour.",
    )
    placed_at: AskedInstant | None = Field(default=None, description="The same as an instant with its zone.")
    home_kind: HomeKind = Field(default=HomeKind.FOSTER, description="With whom, or where, the child then lives.")
    emergency: bool = Field(default=False, description="Whether the home began in an emergency.")
    short_breaks: bool = Field(default=False, description="Whether it is a series of short breaks, treated as one.")
    held: tuple[AskedMeeting, ...] = Field(
        default=(),
        max_length=MAX_DAYS,
        description="The meetings held, in any order. Days to come are taken as given, too.",
    )
    ended_on: CivilDate | None = Field(default=None, description="The civil day on which care away from home ended.")
    closed: tuple[CivilDate, ...] = Field(
        default=(),
        max_length=MAX_DAYS,
        description="Days, besides weekends and the holidays of a rule's calendar, on which the council does not work.",
    )
    on: CivilDate | None = Field(
        default=None, description="The civil day from which statuses are seen; today when left out."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class NotAsked:
    """A rule that owes nothing here, because the event that starts its clock is none that is asked about."""

    pack: str
    kind: str
    title: str
    event: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dates:
    """What follows: the editions that judged, every review by due date, the meetings that count as none of them.

    ``not_asked`` are the rules of the packs of which nothing can follow from what is asked.
    """

    packs: tuple[Pack, ...]
    reviews: tuple[Review, ...]
    not_counted: tuple[AskedMeeting, ...]
    not_asked: tuple[NotAsked, ...] = ()


def dates(asked: Asked, *, installed: Sequence[Pack] | None = None) -> Dates:
    """Return every review that would follow, as :func:`project_reviews` does.

    ``installed`` are the packs at hand, None for those shipped.  Positions in the reviews
    and their explanations mean nothing, as nothing is recorded; only None says, as ever,
    that an anchor is projected.  Raises InvalidInput with pointers into ``Asked`` for what
    contradicts itself, and for a pack that is not at hand.
    """
    at_hand = known_packs() if installed is None else installed
    latest = {pack.pack: pack for pack in sorted(at_hand, key=lambda each: each.edition)}
    faults = [*_unknown_packs(asked, latest), *_contradictions(asked)]
    if faults:
        raise InvalidInput(faults=faults)
    packs = tuple(latest[name] for name in dict.fromkeys(asked.packs))
    meetings = {f"{_NAME}-{number}": each for number, each in enumerate(asked.held)}
    reviews = project_reviews(_NAME, _facts(asked, meetings), _timetable(packs, frozenset(asked.closed)))
    counted = {review.held_meeting_id for review in reviews}
    not_counted = tuple(each for name, each in meetings.items() if name not in counted)
    return Dates(packs=packs, reviews=reviews, not_counted=not_counted, not_asked=tuple(_not_asked(packs)))


def _not_asked(packs: Sequence[Pack]) -> Iterator[NotAsked]:
    for pack in packs:
        for rule in pack.rules:
            if isinstance(rule.anchor, EventAnchor) and rule.anchor.pattern.event not in _ASKED_ABOUT:
                yield NotAsked(pack=pack.pack, kind=rule.key, title=rule.title, event=rule.anchor.pattern.event)


def _timetable(packs: Sequence[Pack], closed: frozenset[date]) -> Timetable:
    return Timetable(
        adopted=tuple(AdoptedPack(pack=pack, effective_on=date.min) for pack in packs),
        calendars=closed_on(closed),
    )


def _facts(asked: Asked, meetings: Mapping[str, AskedMeeting]) -> tuple[Fact, ...]:
    return tuple(
        Fact(position=position, source=_NAME, event_id=_NAME, type=kind, recorded_at=_NEVER_RECORDED, data=data)
        for position, (kind, data) in enumerate(_told(asked, meetings), start=1)
    )


def _told(asked: Asked, meetings: Mapping[str, AskedMeeting]) -> Iterator[tuple[str, EventData]]:
    """Yield type and data of what is asked, as a council's system would record it."""
    began = _accommodated(asked)
    assert began is not None
    placed = _placed(asked) or began
    yield (
        "child.accommodated",
        ChildAccommodated(occurred_on=began.on, occurred_at=began.at, episode_id=_NAME, legal_reason=LegalReason.OTHER),
    )
    yield (
        "home.started",
        HomeStarted(
            occurred_on=placed.on,
            occurred_at=placed.at,
            home_id=_NAME,
            home_kind=asked.home_kind,
            emergency=asked.emergency,
            short_break_series=asked.short_breaks,
        ),
    )
    for name, each in meetings.items():
        data = MeetingHeld(occurred_on=each.held_on, meeting_id=name, meeting_kind=each.meeting_kind)
        yield "meeting.held", data
    if asked.ended_on is not None:
        ended = EpisodeEnded(occurred_on=asked.ended_on, episode_id=_NAME, destination=Destination.NOT_KNOWN)
        yield "episode.ended", ended


def _accommodated(asked: Asked) -> Moment | None:
    return _moment(asked.accommodated_on, asked.accommodated_at)


def _placed(asked: Asked) -> Moment | None:
    return _moment(asked.placed_on, asked.placed_at)


def _moment(on: date | None, at: datetime | None) -> Moment | None:
    if at is not None:
        return Moment(civil_date(at), at)
    return None if on is None else Moment(on)


def _unknown_packs(asked: Asked, latest: Mapping[str, Pack]) -> Iterator[Fault]:
    at_hand = f"There is no such pack here; there are {', '.join(sorted(latest))}."
    for index, name in enumerate(asked.packs):
        if name not in latest:
            yield Fault(f"/packs/{index}", "pack_unknown", at_hand)


def _contradictions(asked: Asked) -> Iterator[Fault]:
    """Yield what cannot all be so; without a beginning there is nothing to compare the rest with."""
    for name in ("accommodated", "placed"):
        if getattr(asked, f"{name}_on") is not None and getattr(asked, f"{name}_at") is not None:
            yield Fault(f"/{name}_on", "told_twice", f"Give {name}_at or {name}_on, not both.")
    began = _accommodated(asked)
    if began is None:
        message = "Say when the child was accommodated: give accommodated_at or accommodated_on."
        yield Fault("/accommodated_at", "accommodated_missing", message)
        return
    placed = _placed(asked) or began
    if placed.precedes(began):
        pointer = "/placed_on" if asked.placed_at is None else "/placed_at"
        yield Fault(pointer, "before_accommodated", "The home begins before the child was accommodated.")
    if asked.ended_on is not None and asked.ended_on < max(began.on, placed.on):
        yield Fault("/ended_on", "ended_before_begun", "Care ends before it, or the home, begins.")
    yield from _misheld(asked, began.on)


def _misheld(asked: Asked, began_on: date) -> Iterator[Fault]:
    """Yield what is wrong with single meetings."""
    seen: set[AskedMeeting] = set()
    for index, each in enumerate(asked.held):
        pointer = f"/held/{index}/held_on"
        if each in seen:
            yield Fault(pointer, "held_twice", "Another meeting of this kind is given for the same day.")
        if each.held_on < began_on:
            yield Fault(pointer, "before_accommodated", "The meeting lies before the child was accommodated.")
        if asked.ended_on is not None and asked.ended_on < each.held_on:
            yield Fault(pointer, "after_ended", "The meeting lies after care ended.")
        seen.add(each)
