"""What reporting says of a child: milestones, recommendations, episodes, the journey."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from shared.domain.catalogue.child import Destination, LegalReason
from shared.domain.catalogue.permanence import Route


class MilestoneKey(StrEnum):
    """The milestones on the way to permanence, in the order of the chain."""

    ACCOMMODATED = "accommodated"
    FIRST_HOME = "first_home"
    EMERGENCY_REVIEW = "emergency_review"
    TWO_WEEK_PLANNING_MEETING = "two_week_planning_meeting"
    PERMANENCE_DISCUSSED = "permanence_discussed"
    CARE_PLAN_AGREED = "care_plan_agreed"
    PARENTING_CAPACITY_ASSESSMENT_STARTED = "parenting_capacity_assessment_started"
    FIRST_LOOKED_AFTER_CHILD_REVIEW = "first_looked_after_child_review"
    PARENTING_CAPACITY_ASSESSMENT_COMPLETED = "parenting_capacity_assessment_completed"
    SECOND_LOOKED_AFTER_CHILD_REVIEW = "second_looked_after_child_review"
    THIRD_LOOKED_AFTER_CHILD_REVIEW = "third_looked_after_child_review"
    PERMANENCE_RECOMMENDED = "permanence_recommended"
    PANEL_RECOMMENDATION = "panel_recommendation"
    AGENCY_DECISION = "agency_decision"
    APPLICATION_LODGED = "application_lodged"
    ORDER_GRANTED = "order_granted"
    EPISODE_ENDED = "episode_ended"

    @property
    def wording(self) -> str:
        """The milestone in words."""
        return _TITLES[self]


_TITLES = {
    MilestoneKey.ACCOMMODATED: "Accommodated",
    MilestoneKey.FIRST_HOME: "Moved into the first home",
    MilestoneKey.EMERGENCY_REVIEW: "Emergency review held",
    MilestoneKey.TWO_WEEK_PLANNING_MEETING: "Two-week planning meeting held",
    MilestoneKey.PERMANENCE_DISCUSSED: "Permanence discussed with the parents",
    MilestoneKey.CARE_PLAN_AGREED: "Care plan agreed",
    MilestoneKey.PARENTING_CAPACITY_ASSESSMENT_STARTED: "Parenting capacity assessment started",
    MilestoneKey.FIRST_LOOKED_AFTER_CHILD_REVIEW: "First Looked After Child Review held",
    MilestoneKey.PARENTING_CAPACITY_ASSESSMENT_COMPLETED: "Parenting capacity assessment completed",
    MilestoneKey.SECOND_LOOKED_AFTER_CHILD_REVIEW: "Second Looked After Child Review held",
    MilestoneKey.THIRD_LOOKED_AFTER_CHILD_REVIEW: "Third Looked After Child Review held",
    MilestoneKey.PERMANENCE_RECOMMENDED: "Permanence recommended",
    MilestoneKey.PANEL_RECOMMENDATION: "Recommendation of the adoption and permanence panel",
    MilestoneKey.AGENCY_DECISION: "Agency decision made",
    MilestoneKey.APPLICATION_LODGED: "Application lodged in court",
    MilestoneKey.ORDER_GRANTED: "Order granted",
    MilestoneKey.EPISODE_ENDED: "Episode of care ended",
}


class StepState(StrEnum):
    """How a milestone stands.

    ``later``: the step before it comes first.  ``passed_over``: a later step was taken
    without it.  ``not_expected``: this child's way does not go through it.  ``closed``:
    the episode ended without it.
    """

    REACHED = "reached"
    WAITING = "waiting"
    LATER = "later"
    PASSED_OVER = "passed_over"
    NOT_EXPECTED = "not_expected"
    CLOSED = "closed"


class State(StrEnum):
    """How an episode stands in the measure."""

    RECOMMENDED = "recommended"
    WAITING = "waiting"
    ENDED_WITHOUT_RECOMMENDATION = "ended_without_recommendation"
    EXCLUDED = "excluded"


class OutsideReason(StrEnum):
    """Why a fact belongs to no episode of care."""

    NO_EPISODE = "no_episode"
    BEFORE_FIRST_EPISODE = "before_first_episode"
    BETWEEN_EPISODES = "between_episodes"
    AFTER_LAST_EPISODE = "after_last_episode"
    EPISODE_ALREADY_BEGUN = "episode_already_begun"
    EPISODE_ALREADY_ENDED = "episode_already_ended"
    EPISODE_NOT_KNOWN = "episode_not_known"
    ENDED_BEFORE_IT_BEGAN = "ended_before_it_began"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One fact of a timeline and where it was recorded.

    ``amended_position`` is that of its latest correction, if any.
    """

    occurred_on: date
    type: str
    position: int
    source: str
    event_id: str
    recorded_at: datetime
    amended_position: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """A fact that lies outside every episode: shown with the reason, counted nowhere."""

    entry: Entry
    reason: OutsideReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One milestone of an episode.

    ``entry`` is the fact that reached it; ``detail`` a code that belongs to it, such as
    the route.  ``days_since_previous`` counts from the milestone reached before it.  A
    waiting step has been awaited since ``since_on``; ``reason`` says why a step is neither
    reached nor waiting.
    """

    key: MilestoneKey
    state: StepState
    entry: Entry | None = None
    detail: str | None = None
    days_since_accommodated: int | None = None
    days_since_previous: int | None = None
    since_on: date | None = None
    reason: str | None = None

    @property
    def reached_on(self) -> date | None:
        """The civil day on which the milestone was reached."""
        return None if self.entry is None else self.entry.occurred_on


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """One recommendation for permanence; later ones stand beside earlier ones.

    ``changed`` tells whether route or parallel route differ from the one before.
    """

    entry: Entry
    route: Route
    parallel_route: Route | None
    changed: bool
    days_since_accommodated: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeRecord:
    """One episode of care as measures count it: a row of the read model.

    ``episode_id`` is the recorded one, with a number from its second use on (``e1#2``).
    ``team`` worked with the child when the episode began, or was the first assigned
    during it.  ``recommended_on`` and the routes are those of the first recommendation.
    ``overtaken_on`` is the day on which a later episode of the child began while this one
    had no recorded end.  ``position`` is that of the latest fact that shaped the row.
    """

    child_id: str
    episode_id: str
    ordinal: int
    previous_episode_id: str | None
    previous_ended_on: date | None
    accommodated_on: date
    legal_reason: LegalReason
    born_on: date | None
    team: str | None
    recommended_on: date | None
    route: Route | None
    parallel_route: Route | None
    ended_on: date | None
    destination: Destination | None
    overtaken_on: date | None
    last_milestone: MilestoneKey
    last_reached_on: date
    next_milestone: MilestoneKey | None
    next_since_on: date | None
    position: int

    @property
    def closed_on(self) -> date | None:
        """The last day of the episode, as recorded or as a later episode implies it; None while it is open."""
        return self.ended_on or self.overtaken_on

    @property
    def waiting(self) -> bool:
        """Whether the child is still waiting for a recommendation."""
        return self.recommended_on is None and self.closed_on is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """One episode of care in full."""

    record: EpisodeRecord
    steps: tuple[Step, ...]
    recommendations: tuple[Recommendation, ...]
    timeline: tuple[Entry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildRecord:
    """One child as lists show it: the latest episode, if there is any."""

    child_id: str
    team: str | None
    recommendations_outside: int
    episode: EpisodeRecord | None

    @property
    def waiting(self) -> bool:
        """Whether the child is in an open episode without a recommendation."""
        return self.episode is not None and self.episode.waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class Journey:
    """Everything that is held true of one child's way, oldest episode first.

    ``team`` and ``born_on`` are the latest recorded.  ``latest_on`` is the last day on
    which anything occurred (None when no fact is held true): asked as of that day or any
    later one, the journey is the same.
    """

    child_id: str
    team: str | None
    born_on: date | None
    episodes: tuple[Episode, ...]
    about_child: tuple[Entry, ...]
    outside: tuple[Outside, ...]
    latest_on: date | None

    @property
    def recommendations_outside(self) -> int:
        """How many recommendations lie outside every episode."""
        return sum(each.entry.type == "permanence.recommended" for each in self.outside)

    @property
    def child(self) -> ChildRecord:
        """The child as lists show it."""
        return ChildRecord(
            child_id=self.child_id,
            team=self.team,
            recommendations_outside=self.recommendations_outside,
            episode=self.episodes[-1].record if self.episodes else None,
        )
