"""The demonstration council: its children, its timetables, and its case system's log.

::

    simulate(seed: int, until: date, years: int = 3) -> Council    events and the truth behind them
    generate(seed: int, until: date, years: int = 3) -> list[dict[str, Any]]    the events alone
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from services.demonstration import calibration
from services.demonstration.blemishes import Blemishes
from services.demonstration.chance import Chance
from services.demonstration.days import Span, instant, working_day_until
from services.demonstration.episode import Episode, draw_episode
from services.demonstration.intake import Arrival, arrivals, returning
from services.demonstration.recording import Entry, record
from services.demonstration.truth import Truth
from shared.domain.catalogue import dataschema, type_of, version_of
from shared.domain.catalogue.governance import TimetableAdopted
from shared.domain.ids import AUTHORITY_STREAM, child_stream, derived_id

SOURCE = "/demonstration/case-system"
#: The packs that the change of practice brings, and the edition of them that is adopted.
ADOPTED_PACKS = ("seventy-two-hour-meeting", "two-week-planning-meeting", "three-monthly-cadence")
ADOPTED_EDITION = "2026-11"

#: The decision to adopt is taken this long before the new timetables take effect.
_ADOPTED_BEFORE = timedelta(days=21)


@dataclass(frozen=True, slots=True)
class Council:
    """One made-up council.

    ``events`` are CloudEvents in structured JSON form, in the order in which the case
    system recorded them; all of them occurred and were recorded before the day of loading.
    """

    events: tuple[dict[str, Any], ...]
    truth: Truth


def generate(seed: int, until: date, years: int = 3) -> list[dict[str, Any]]:
    """Return the events of ``simulate`` alone."""
    return list(simulate(seed, until, years).events)


def simulate(seed: int, until: date, years: int = 3) -> Council:
    """Draw a council as its case system stood on the morning of ``until``.

    Children are accommodated over the ``years`` before.  The same arguments always give
    the same council; other arguments give another one, with other children and event ids.
    Raises ValueError if ``years`` is less than one.
    """
    span = Span.ending(until, years)
    parts = (seed, until.isoformat(), years)
    lives = [_life(arrival, span, parts) for arrival in arrivals(span, Chance("intake", *parts))]
    loaded_at = instant(until, 0)
    entries = [entry for life in lives for entry in _entries(life, parts) if entry.recorded_at < loaded_at]
    blemishes = Blemishes(
        entries,
        source=SOURCE,
        ids=_ids("amendments", parts),
        loaded_at=loaded_at,
        chance=Chance("blemishes", *parts),
    )
    log = [*blemishes.mixed_in(), *_adoptions(span, parts)]
    log.sort(key=lambda entry: (entry.recorded_at, entry.stream, entry.event_id))
    episodes = [episode for life in lives for episode in life.episodes]
    truth = Truth(
        changed_on=span.changed_on,
        loaded_on=until,
        episodes=tuple(episode.truth for episode in episodes),
        reviews=tuple(review for episode in episodes for review in episode.reviews),
    )
    return Council(tuple(_posted(log, Chance("posting", *parts))), truth)


@dataclass(frozen=True, slots=True)
class _Life:
    """One child's episodes, one after the other."""

    child_id: str
    episodes: list[Episode]


def _life(arrival: Arrival, span: Span, parts: tuple[str | int, ...]) -> _Life:
    chance = Chance("life", *parts, arrival.child_id)
    life = _Life(arrival.child_id, [])
    again: Arrival | None = arrival
    while again is not None:
        episode = draw_episode(again, span, chance)
        life.episodes.append(episode)
        went_home_on = episode.went_home_on
        again = None if went_home_on is None else returning(again, went_home_on, span, chance)
    return life


def _entries(life: _Life, parts: tuple[str | int, ...]) -> Iterator[Entry]:
    stream = child_stream(life.child_id)
    facts = [fact for episode in life.episodes for fact in episode.facts]
    return record(stream, facts, _ids(stream, parts), Chance("recording", *parts, life.child_id))


def _adoptions(span: Span, parts: tuple[str | int, ...]) -> Iterator[Entry]:
    """Yield the council's adoption of the new timetables, three weeks before they take effect.

    In a story of one year this precedes the first child: the council has worked to them all along.
    """
    adopted_on = working_day_until(span.changed_on - _ADOPTED_BEFORE)
    at, ids = instant(adopted_on, 10), _ids(AUTHORITY_STREAM, parts)
    for number, pack in enumerate(ADOPTED_PACKS):
        adoption = TimetableAdopted(
            occurred_on=adopted_on, pack=pack, edition=ADOPTED_EDITION, effective_on=span.changed_on
        )
        yield Entry(at + timedelta(minutes=2 * number), AUTHORITY_STREAM, next(ids), adoption)


def _ids(of: str, parts: tuple[str | int, ...]) -> Iterator[str]:
    number = 0
    while True:
        number += 1
        yield str(derived_id("demonstration", *parts, of, number))


def _posted(log: list[Entry], chance: Chance) -> Iterator[dict[str, Any]]:
    """Yield the log as CloudEvents; the case system posts some of them twice, identical."""
    for entry in log:
        event = _cloud_event(entry)
        yield event
        if chance.happens(calibration.SENT_TWICE.value):
            yield event


def _cloud_event(entry: Entry) -> dict[str, Any]:
    of = type_of(entry.data)
    recorded_at = _rfc3339(entry.recorded_at)
    return {
        "specversion": "1.0",
        "id": entry.event_id,
        "source": SOURCE,
        "type": of.name,
        "subject": entry.stream,
        "time": recorded_at,
        "recordedtime": recorded_at,
        "datacontenttype": "application/json",
        "dataschema": dataschema(of, version_of(entry.data)),
        "data": entry.data.model_dump(mode="json", exclude_none=True),
    }


def _rfc3339(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
