"""The clocks that run for a child: one for each episode of care, one for each home.

They run side by side and diverge on every move.  Where a child is in care and no home is
recorded, a provisional clock runs instead, because a review must never be missing silently.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

from shared.domain.catalogue.base import EventData
from shared.domain.catalogue.child import Destination, EpisodeEnded, HomeEnded, HomeKind, HomeStarted
from shared.domain.clock import civil_date
from shared.domain.history import Fact
from shared.domain.timetable.intervals import Moment
from shared.domain.timetable.record import ChildRecord, Episode, moment
from shared.domain.timetable.reviews import EPISODE_NOT_RECORDED
from shared.domain.timetable.rules import AnchorKind, RuleAnchor
from shared.domain.timetable.stays import Stay, stays
from shared.domain.timetable.wording import date_words

_WITH_WHOM = {
    HomeKind.PARENTS: "with parents",
    HomeKind.KINSHIP: "with a kinship carer",
    HomeKind.FOSTER: "with a foster carer",
    HomeKind.RESIDENTIAL: "in a residential home",
    HomeKind.SECURE: "in secure accommodation",
    HomeKind.PROSPECTIVE_ADOPTERS: "with prospective adopters",
    HomeKind.OTHER: "in this home",
}
_ACCOMMODATED = "the day the child came to be cared for away from home"
_NO_EPISODE = "No episode of care is recorded for this home; reviews are owed from the home all the same."
_BEFORE_EPISODE = "The child lived in this home before the recorded beginning of the episode of care."
_ONE_SERIES = "Several short breaks are recorded; they are one series, counted from the first of them."
_SERIES_GOES_ON = (
    "The last short break has ended. The series is taken to go on until the episode of care ends "
    "or another home begins."
)
_RETOLD = "This home is recorded more than once with different details: the strictest reading of them is taken."
_CONTRADICTED_DEATH = (
    "An earlier record says that the child died on {day}. Something that began afterwards is recorded too, so "
    "reviews stay owed until the record that is wrong is corrected."
)
_NO_HOME = (
    "No home is recorded for the child from {day} on, so these reviews are counted from that day for now. "
    "If that home began in an emergency, an emergency review is owed as well and is not shown."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What rules ask of a home; ``kind`` is None where no home is recorded."""

    kind: HomeKind | None
    emergency: bool = False
    short_break_series: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """When and why a clock stopped, and the fact that says so.

    ``decided_position`` is that from which anything is told that stops the clock, then or later;
    ``recorded_on`` the civil day on which the fact was first recorded.
    """

    at: Moment
    because: str
    event_type: str
    position: int
    decided_position: int
    recorded_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewClock:
    """What a rule's sequence is counted from, until it is closed.

    ``identity`` names it in derived identifiers; ``traits`` is None unless it is a home's;
    ``data`` are those of the fact that started it; ``provisional`` means that the home it should be
    counted from is not recorded.
    ``decided_position`` is that from which it is told to begin then and be of its kind,
    ``recorded_on`` the civil day on which that was first recorded;
    ``retold_position`` that of a later fact that told other details of the home, else 0.
    """

    kind: RuleAnchor
    identity: str
    episode_id: str
    started: Moment
    event_type: str
    position: int
    decided_position: int
    recorded_on: date
    description: str
    data: EventData | None = None
    traits: Traits | None = None
    closing: Closing | None = None
    provisional: bool = False
    retold_position: int = 0
    notes: tuple[str, ...] = ()

    @property
    def shaped_by(self) -> int:
        """The position of the latest fact that says what this clock is."""
        return max(self.position, self.retold_position)

    def admits(self, when: Moment) -> bool:
        """Tell whether a meeting at ``when`` lies within this clock's run."""
        return not when.precedes(self.started) and not (self.closing and self.closing.at.precedes(when))


def clocks(record: ChildRecord) -> tuple[ReviewClock, ...]:
    """Return all clocks of one child in order of their start; provisional ones after others of the day."""
    homes = tuple(_home_clock(stay, record) for stay in stays(record))
    running = (*_episode_clocks(record), *homes, *_provisional_clocks(record, homes))
    noted = (_noting(record.contradicted_death, clock) for clock in running)
    return tuple(sorted(noted, key=lambda clock: (clock.started.on, clock.provisional, clock.position)))


def _noting(death: Fact | None, clock: ReviewClock) -> ReviewClock:
    """Say of a clock that runs on after a recorded death that it does so all the same."""
    if death is None or (clock.closing is not None and clock.closing.at.on <= death.occurred_on):
        return clock
    return replace(clock, notes=(*clock.notes, _CONTRADICTED_DEATH.format(day=date_words(death.occurred_on))))


def _episode_clocks(record: ChildRecord) -> Iterator[ReviewClock]:
    for episode in record.episodes:
        yield ReviewClock(
            kind=AnchorKind.ACCOMMODATED,
            identity=episode.identity,
            episode_id=recorded_id(episode),
            started=moment(episode.began),
            event_type=episode.began.type,
            position=episode.began.latest_position,
            decided_position=episode.began.decided_position,
            recorded_on=civil_date(episode.began.recorded_at),
            description=_ACCOMMODATED,
            data=episode.data,
            closing=episode_closing(episode, record),
        )


def _home_clock(stay: Stay, record: ChildRecord) -> ReviewClock:
    data = stay.first.data
    emergency = ", placed in an emergency" if data.emergency else ""
    retold = [span.retold for span in stay.spans if span.retold]
    return ReviewClock(
        kind=AnchorKind.HOME_STARTED,
        identity=stay.first.identity,
        episode_id=recorded_id(stay.episode),
        started=moment(stay.first.began),
        event_type=stay.first.began.type,
        position=stay.first.began.latest_position,
        recorded_on=civil_date(stay.first.began.recorded_at),
        description=f"the day the child began to live {_WITH_WHOM[data.home_kind]}{emergency}",
        data=data,
        traits=Traits(kind=data.home_kind, emergency=data.emergency, short_break_series=data.short_break_series),
        closing=_home_closing(stay, record),
        decided_position=max(stay.first.began.decided_position, *(fact.decided_position for fact in retold), 0),
        retold_position=max((fact.latest_position for fact in retold), default=0),
        notes=_home_notes(stay),
    )


def _home_notes(stay: Stay) -> tuple[str, ...]:
    said = (
        (stay.episode is None, _NO_EPISODE),
        (stay.episode is not None and stay.began_on < stay.episode.began.occurred_on, _BEFORE_EPISODE),
        (len(stay.spans) > 1, _ONE_SERIES),
        (any(span.retold for span in stay.spans), _RETOLD),
        (stay.is_series and stay.episode is not None and stay.last.ended is not None, _SERIES_GOES_ON),
    )
    return tuple(note for applies, note in said if applies)


def _home_closing(stay: Stay, record: ChildRecord) -> Closing | None:
    """Return the earliest of what can end a stay; what ends care altogether is named first."""
    ends = [_ended(record.death)]
    if stay.episode is not None:
        ends.append(_ended(stay.episode.ended))
    else:
        ends.append(_ended(next((end for end in record.stray_ends if end.occurred_on >= stay.began_on), None)))
    if stay.ended is not None:
        ends.append(_ended(stay.ended))
    elif stay.followed_by is not None:
        ends.append(_ended(stay.followed_by))
    if stay.accommodated_from_here is not None:
        ends.append(_ended(stay.accommodated_from_here))
    closing = earliest(ends)
    if closing is None or stay.followed_by is None:
        return closing
    # Before its end was told, the next home closed it.
    return replace(closing, decided_position=min(closing.decided_position, stay.followed_by.decided_position))


def episode_closing(episode: Episode | None, record: ChildRecord) -> Closing | None:
    """Return what ends the clocks of an episode of care, or of none that is recorded; None if nothing has."""
    return earliest([_ended(record.death), _ended(None if episode is None else episode.ended)])


def earliest(ends: Iterable[Closing | None]) -> Closing | None:
    """Return the first of several endings, decided since the first of them was told; None if there is none."""
    known = [end for end in ends if end is not None]
    if not known:
        return None
    decided_position = min(end.decided_position for end in known)
    return replace(min(known, key=lambda end: end.at.on), decided_position=decided_position)


def _ended(by: Fact | None) -> Closing | None:
    return None if by is None else closing_by(by, _what_happened(by))


def closing_by(by: Fact, what_happened: str) -> Closing:
    """Return the end of a clock by a fact, of which ``what_happened`` is a sentence without its day."""
    return Closing(
        at=moment(by),
        because=f"{what_happened} on {date_words(by.occurred_on)}.",
        event_type=by.type,
        position=by.latest_position,
        decided_position=by.decided_position,
        recorded_on=civil_date(by.recorded_at),
    )


def _what_happened(fact: Fact) -> str:
    data = fact.data
    if isinstance(data, EpisodeEnded):
        return "The child died" if data.destination is Destination.DIED else "The episode of care ended"
    if isinstance(data, HomeEnded):
        return "The child left this home"
    if isinstance(data, HomeStarted):
        parents = data.home_kind is HomeKind.PARENTS
        return "The child went to live with parents" if parents else "The child began to live in another home"
    return "The child came to be cared for away from home"


def _provisional_clocks(record: ChildRecord, homes: Sequence[ReviewClock]) -> Iterator[ReviewClock]:
    for episode in record.episodes:
        yield from _without_home(episode, episode_closing(episode, record), homes)


def _without_home(episode: Episode, end: Closing | None, homes: Sequence[ReviewClock]) -> Iterator[ReviewClock]:
    """Yield a clock for each time within ``episode`` in which no home is recorded."""
    since = Closing(
        at=moment(episode.began),
        because="",
        event_type=episode.began.type,
        position=episode.began.latest_position,
        decided_position=episode.began.decided_position,
        recorded_on=civil_date(episode.began.recorded_at),
    )
    identity, description = f"{episode.identity}:no-home", _ACCOMMODATED
    for home in sorted(homes, key=lambda clock: (clock.started.on, clock.position)):
        if home.started.on > since.at.on:
            yield from _gap(identity, description, episode, since, earliest([end, _found(home)]))
        if home.closing is None or (end is not None and end.at.on <= home.started.on):
            return
        if home.closing.at.on > since.at.on:
            since, identity = home.closing, f"{episode.identity}:{home.identity}:left"
            description = "the day the child left the last home that is recorded"
    yield from _gap(identity, description, episode, since, end)


def _found(home: ReviewClock) -> Closing:
    return Closing(
        at=home.started,
        because=f"A home is recorded from {date_words(home.started.on)}.",
        event_type=home.event_type,
        position=home.position,
        decided_position=home.decided_position,
        recorded_on=home.recorded_on,
    )


def _gap(
    identity: str, description: str, episode: Episode, since: Closing, closing: Closing | None
) -> Iterator[ReviewClock]:
    if closing is not None and closing.at.on <= since.at.on:
        return
    yield ReviewClock(
        kind=AnchorKind.HOME_STARTED,
        identity=identity,
        episode_id=recorded_id(episode),
        started=since.at,
        event_type=since.event_type,
        position=since.position,
        decided_position=since.decided_position,
        recorded_on=since.recorded_on,
        description=description,
        traits=Traits(kind=None),
        closing=closing,
        provisional=True,
        notes=(_NO_HOME.format(day=date_words(since.at.on)),),
    )


def recorded_id(episode: Episode | None) -> str:
    """Return the identifier of an episode of care as it is recorded, or the word for none."""
    return EPISODE_NOT_RECORDED if episode is None else episode.identity.partition("#")[0]
