"""What reporting answers, as JSON.  Answers have no defaults: every member is always there."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from services.reporting.model import MilestoneKey, OutsideReason, State, StepState
from shared.domain.catalogue.child import Destination, LegalReason
from shared.domain.catalogue.permanence import Route


class View(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class Provenance(View):
    """What an answer was made from."""

    as_of: date = Field(description="The civil day the answer is about.")
    known_at: datetime | None = Field(description="Only what was recorded by then is counted; null: everything.")
    projection_position: int = Field(description="Log position of the last event counted.")
    definition_version: int = Field(description="Version of the definition by which it was made.")


class EventView(View):
    """The event by which something came about, so that it can be traced to the record."""

    occurred_on: date
    type: str
    position: int = Field(description="Log position of the event that first recorded it.")
    amended_position: int | None = Field(description="Log position of its latest correction.")
    source: str
    event_id: str = Field(description="The CloudEvents `id`.")
    recorded_at: datetime


class MilestoneView(View):
    """One milestone of the chain."""

    key: MilestoneKey
    wording: str
    state: StepState = Field(
        description="`later`: another step comes first; `passed_over`: a later step was taken without it; "
        "`not_expected`: this child's way does not go through it; `closed`: the episode ended without it."
    )
    reached_on: date | None
    detail: str | None = Field(description="A code that belongs to it: route, advice, outcome, order, destination.")
    days_since_accommodated: int | None
    days_since_previous: int | None = Field(description="Days since the milestone reached before it.")
    waiting_since_on: date | None
    days_waited: int | None = Field(description="Days from `waiting_since_on` to `as_of`; null unless waiting.")
    reason: str | None = Field(description="Why it is neither reached nor waiting.")
    event: EventView | None


class NextView(View):
    """The milestone that comes next."""

    key: MilestoneKey
    wording: str
    waiting_since_on: date
    days_waited: int


class RecommendationView(View):
    """One recommendation; a later one stands beside it and replaces nothing."""

    recommended_on: date
    route: Route
    parallel_route: Route | None
    changed: bool = Field(description="Whether a route differs from the recommendation before.")
    days_since_accommodated: int
    event: EventView


class EpisodeSummary(View):
    """One episode of care and where it stands."""

    episode_id: str = Field(description="As recorded; used again after its end, with a number: `e1#2`.")
    ordinal: int = Field(description="1 for the child's first episode.")
    previous_episode_id: str | None
    days_since_previous_episode: int | None = Field(description="Days between the end of the previous one and this.")
    accommodated_on: date
    legal_reason: LegalReason
    team: str | None = Field(description="Team on the day of accommodation, or the first assigned afterwards.")
    ended_on: date | None
    destination: Destination | None
    overtaken_on: date | None = Field(description="Day on which a later episode began while no end was recorded.")
    open: bool
    days_accommodated: int = Field(description="Days so far, or until the episode closed.")
    waiting: bool = Field(description="Open, and without a recommendation for permanence.")
    days_waiting: int | None
    recommended_on: date | None = Field(description="Day of the first recommendation.")
    route: Route | None
    parallel_route: Route | None
    last_milestone: MilestoneKey
    last_reached_on: date
    next: NextView | None


class EpisodeView(EpisodeSummary):
    """One episode of care in full."""

    milestones: list[MilestoneView]
    recommendations: list[RecommendationView]
    events: list[EventView] = Field(description="Everything that occurred in the episode, in order.")


class OutsideView(View):
    """A fact that lies in no episode of care, and why."""

    reason: OutsideReason
    event: EventView


class JourneyAnswer(Provenance):
    """One child's way from accommodation to a permanent home."""

    child_id: str
    team: str | None = Field(description="Team that works with the child now.")
    episodes: list[EpisodeView]
    about_child: list[EventView] = Field(description="Facts about the child and its teams.")
    outside_episodes: list[OutsideView] = Field(description="Facts in no episode; none is lost.")


class ChildView(View):
    """One child and its latest episode."""

    child_id: str
    team: str | None
    episode: EpisodeSummary | None = Field(description="Null for a child that was never accommodated.")


class JourneyPage(Provenance):
    """A page of children, in order of their identifiers."""

    items: list[ChildView]
    next_cursor: str | None = Field(description="Send as `cursor` for the next page; null on the last one.")


class DefinitionView(View):
    """What a measure means, word for word."""

    key: str
    version: int
    title: str
    question: str
    unit: str
    clock_start: str
    event: str
    censoring: str
    exclusions: dict[str, str]
    target_days: int
    target_arithmetic: str
    estimator: str
    conventions: list[str]
    few: int = Field(description="Below this number an answer says that it rests on few.")


class DefinitionsAnswer(View):
    """The measures there are."""

    items: list[DefinitionView]


class ExclusionView(View):
    """How many episodes are left out for one reason."""

    reason: str
    wording: str
    episodes: int


class QuartileView(View):
    """The day by which a share has a recommendation (Kaplan-Meier)."""

    fraction: float
    days: float | None = Field(description="Null: not reached.")
    lower: float | None = Field(description="Lower 95% limit in days; null: not reached.")
    upper: float | None = Field(description="Upper 95% limit in days; null: not reached.")
    at_risk: int | None = Field(description="Episodes still followed without a recommendation just before that day.")
    explanation: str | None


class ShareView(View):
    """The estimated share with a recommendation within so many days (Kaplan-Meier)."""

    within_days: int
    share: float | None
    lower: float | None
    upper: float | None
    at_risk: int = Field(description="Episodes still followed without a recommendation just before that day.")
    explanation: str | None


class MatureView(View):
    """The share among episodes that began early enough for their answer to be known."""

    accommodated_by: date
    numerator: int
    denominator: int
    ended_sooner: int = Field(description="Of the denominator: ended within the limit without a recommendation.")
    share: float | None = Field(description="Null where no episode is mature.")


class CurvePointView(View):
    """One step of the curve."""

    days: int
    at_risk: int
    recommended: int
    censored: int = Field(description="Episodes that were followed no longer than this day.")
    share: float = Field(description="Estimated share with a recommendation by this day.")
    lower: float | None
    upper: float | None
    few_at_risk: bool


class CohortView(View):
    """What a set of episodes says.  Excluded episodes are in no count but their own."""

    episodes: int
    children: int
    recommended: int
    waiting: int
    ended_without_recommendation: int
    excluded: list[ExclusionView]
    first_accommodated_on: date | None
    last_accommodated_on: date | None
    longest_wait_days: int | None
    quartiles: list[QuartileView]
    within_target: ShareView
    mature: MatureView
    curve: list[CurvePointView]


class PopulationView(View):
    """Which episodes were asked about."""

    accommodated_from: date | None
    accommodated_to: date | None
    team: str | None
    first_episodes_only: bool


class RowView(View):
    """One episode in the measure."""

    child_id: str
    episode_id: str
    ordinal: int
    team: str | None
    accommodated_on: date
    state: State
    days: int | None = Field(description="Days to the recommendation, or as long as followed; null if excluded.")
    recommended_on: date | None
    route: Route | None
    parallel_route: Route | None
    ended_on: date | None
    destination: Destination | None
    overtaken_on: date | None
    excluded_because: str | None


class MeasureAnswer(Provenance):
    """The answer of a measure.  Internal: small numbers are not protected against disclosure."""

    measure: str
    audience: Literal["internal"]
    followed_to: date = Field(
        description="Waiting children are followed up to here: the earliest of `as_of`, the day of `known_at`, today."
    )
    population: PopulationView
    sentence: str = Field(description="The finding in plain words, from the same numbers.")
    result: CohortView
    first_episodes: CohortView
    re_accommodations: CohortView
    recommendations_outside_episodes: int = Field(
        description="Recommendations of the whole authority that lie in no episode and are not counted."
    )
    episodes: list[RowView]
