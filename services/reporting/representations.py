"""From this service's types to what it says: JSON views and CSV."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from pydantic import BaseModel

from services.reporting.measures import Population, Report, Row
from services.reporting.model import ChildRecord, Entry, Episode, EpisodeRecord, Journey, MilestoneKey, Step
from services.reporting.schemas import (
    ChildView,
    CohortView,
    CurvePointView,
    EpisodeSummary,
    EpisodeView,
    EventView,
    JourneyAnswer,
    JourneyPage,
    MeasureAnswer,
    MilestoneView,
    NextView,
    OutsideView,
    PopulationView,
    Provenance,
    RecommendationView,
    RowView,
)
from shared.wire.cursor import Cursors
from shared.wire.tables_as_csv import cell, table_as_csv

#: Version of the milestone chain by which journeys are told; raised when a milestone's meaning changes.
CHAIN_VERSION = 1

_GROUPS = ("result", "first_episodes", "re_accommodations")


@dataclass(frozen=True, slots=True)
class Source:
    """What an answer is made from: the two times, and the log position of the last event counted."""

    as_of: date
    known_at: datetime | None
    position: int

    def members(self, definition_version: int) -> dict[str, Any]:
        """Return the members of every answer's provenance."""
        return {
            "as_of": self.as_of,
            "known_at": self.known_at,
            "projection_position": self.position,
            "definition_version": definition_version,
        }


def journey_answer(journey: Journey, source: Source) -> JourneyAnswer:
    """Return the answer about one child."""
    return JourneyAnswer(
        **source.members(CHAIN_VERSION),
        child_id=journey.child_id,
        team=journey.team,
        episodes=[_episode_view(each, source.as_of) for each in journey.episodes],
        about_child=[_event_view(each) for each in journey.about_child],
        outside_episodes=[OutsideView(reason=each.reason, event=_event_view(each.entry)) for each in journey.outside],
    )


def journey_page(children: Sequence[ChildRecord], limit: int, source: Source, cursors: Cursors) -> JourneyPage:
    """Return a page of up to ``limit`` children; one more in ``children`` tells that there is a next page."""
    shown = children[:limit]
    return JourneyPage(
        **source.members(CHAIN_VERSION),
        items=[_child_view(each, source.as_of) for each in shown],
        next_cursor=cursors.encode(shown[-1].child_id) if len(children) > limit else None,
    )


def _child_view(child: ChildRecord, as_of: date) -> ChildView:
    summary = None if child.episode is None else EpisodeSummary(**_summary(child.episode, as_of))
    return ChildView(child_id=child.child_id, team=child.team, episode=summary)


def _summary(record: EpisodeRecord, as_of: date) -> dict[str, Any]:
    days = ((record.closed_on or as_of) - record.accommodated_on).days
    pause = None if record.previous_ended_on is None else (record.accommodated_on - record.previous_ended_on).days
    return {
        **{name: getattr(record, name) for name in _SUMMARY},
        "days_since_previous_episode": pause,
        "open": record.closed_on is None,
        "days_accommodated": days,
        "waiting": record.waiting,
        "days_waiting": days if record.waiting else None,
        "next": _next_view(record.next_milestone, record.next_since_on, as_of),
    }


_SUMMARY = (
    "episode_id",
    "ordinal",
    "previous_episode_id",
    "accommodated_on",
    "legal_reason",
    "team",
    "ended_on",
    "destination",
    "overtaken_on",
    "recommended_on",
    "route",
    "parallel_route",
    "last_milestone",
    "last_reached_on",
)


def _next_view(key: MilestoneKey | None, since_on: date | None, as_of: date) -> NextView | None:
    if key is None or since_on is None:
        return None
    return NextView(key=key, wording=key.wording, waiting_since_on=since_on, days_waited=(as_of - since_on).days)


def _episode_view(episode: Episode, as_of: date) -> EpisodeView:
    recommendations = [
        RecommendationView(
            recommended_on=each.entry.occurred_on,
            route=each.route,
            parallel_route=each.parallel_route,
            changed=each.changed,
            days_since_accommodated=each.days_since_accommodated,
            event=_event_view(each.entry),
        )
        for each in episode.recommendations
    ]
    return EpisodeView(
        **_summary(episode.record, as_of),
        milestones=[_milestone_view(each, as_of) for each in episode.steps],
        recommendations=recommendations,
        events=[_event_view(each) for each in episode.timeline],
    )


def _milestone_view(step: Step, as_of: date) -> MilestoneView:
    return MilestoneView(
        key=step.key,
        wording=step.key.wording,
        state=step.state,
        reached_on=step.reached_on,
        detail=step.detail,
        days_since_accommodated=step.days_since_accommodated,
        days_since_previous=step.days_since_previous,
        waiting_since_on=step.since_on,
        days_waited=None if step.since_on is None else (as_of - step.since_on).days,
        reason=step.reason,
        event=None if step.entry is None else _event_view(step.entry),
    )


def _event_view(entry: Entry) -> EventView:
    return EventView.model_validate(entry)


def measure_answer(
    report: Report, population: Population, recommendations_outside: int, source: Source
) -> MeasureAnswer:
    """Return the answer of a measure."""
    groups = {name: CohortView.model_validate(getattr(report, name)) for name in _GROUPS}
    return MeasureAnswer(
        **source.members(report.definition.version),
        **groups,
        measure=report.definition.key,
        audience="internal",
        followed_to=report.followed_to,
        population=PopulationView.model_validate(population),
        sentence=report.sentence,
        recommendations_outside_episodes=recommendations_outside,
        episodes=[_row_view(each) for each in report.rows],
    )


def _row_view(row: Row) -> RowView:
    members = {name: getattr(row.episode, name) for name in _ROW}
    return RowView(**members, state=row.state, days=row.days, excluded_because=row.excluded_because)


_ROW = tuple(name for name in RowView.model_fields if name not in {"state", "days", "excluded_because"})


def journey_csv(answer: JourneyAnswer) -> str:
    """Return one line for each milestone of each episode."""
    of_event = ("position", "amended_position", "source", "event_id", "recorded_at")
    columns = [name for name in MilestoneView.model_fields if name != "event"]
    rows = []
    for episode in answer.episodes:
        head = {"child_id": answer.child_id, "episode_id": episode.episode_id, "ordinal": episode.ordinal}
        for milestone in episode.milestones:
            plain = milestone.model_dump(mode="json")
            event = plain.pop("event") or {}
            rows.append(head | plain | {name: event.get(name) for name in of_event})
    return _table(["child_id", "episode_id", "ordinal", *columns, *of_event], rows, answer)


def journeys_csv(page: JourneyPage) -> str:
    """Return one line for each child; what belongs to the next milestone is prefixed ``next_``."""
    columns = [name for name in EpisodeSummary.model_fields if name not in {"team", "next"}]
    of_next = ("key", "waiting_since_on", "days_waited")
    rows = []
    for item in page.items:
        episode = item.episode.model_dump(mode="json") if item.episode else dict.fromkeys(columns)
        coming = episode.pop("next", None) or {}
        row = episode | {"child_id": item.child_id, "team": item.team, "episode_team": episode.get("team")}
        rows.append(row | {f"next_{name}": coming.get(name) for name in of_next})
    names = ["child_id", "team", *columns, "episode_team", *(f"next_{name}" for name in of_next)]
    return _table(names, rows, page)


def episodes_csv(answer: MeasureAnswer) -> str:
    """Return one line for each episode in the measure."""
    return _table(list(RowView.model_fields), [each.model_dump(mode="json") for each in answer.episodes], answer)


def curve_csv(answer: MeasureAnswer) -> str:
    """Return one line for each step of the three curves: ``result``, ``first_episodes``, ``re_accommodations``."""
    rows = [
        {"group": name} | point.model_dump(mode="json") for name in _GROUPS for point in getattr(answer, name).curve
    ]
    return _table(["group", *CurvePointView.model_fields], rows, answer)


def _table(columns: Sequence[str], rows: Iterable[Mapping[str, Any]], answer: Provenance) -> str:
    """Write CSV whose last columns say in every line what the answer was made from."""
    provenance = _provenance(answer)
    return table_as_csv([*columns, *provenance], ({**row, **provenance} for row in rows))


def _provenance(answer: Provenance) -> dict[str, Any]:
    return BaseModel.model_dump(answer, mode="json", include=set(Provenance.model_fields))


def provenance_headers(answer: Provenance) -> dict[str, str]:
    """Return what the answer was made from as headers, since an empty CSV has no line to say it."""
    return {f"homeward-{name.replace('_', '-')}": cell(value) for name, value in _provenance(answer).items()}
