"""A cohort of episodes and what it says: counts, curve, median, and the share within a limit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from services.reporting.measures.definition import (
    ACCOMMODATED_BEFORE_BIRTH,
    BEGUN_AGAIN_THE_SAME_DAY,
    Definition,
)
from services.reporting.model import EpisodeRecord, State
from services.reporting.survival import Curve, Observation, Point, Quantile, kaplan_meier

QUARTILES = (0.25, 0.5, 0.75)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One episode in the measure: ``days`` to the recommendation, or as long as it was followed.

    An excluded row has no days but a reason.
    """

    episode: EpisodeRecord
    state: State
    days: int | None
    excluded_because: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """How many episodes are left out for one reason, and what it means."""

    reason: str
    wording: str
    episodes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Quartile:
    """The day by which a share has a recommendation; None with an explanation where it is not reached.

    ``at_risk`` counts the episodes still followed just before that day.
    """

    fraction: float
    days: float | None
    lower: float | None
    upper: float | None
    at_risk: int | None
    explanation: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """The estimated share with a recommendation within so many days, from the curve."""

    within_days: int
    share: float | None
    lower: float | None
    upper: float | None
    at_risk: int
    explanation: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mature:
    """The share among episodes that began early enough for their answer to be known.

    ``ended_sooner`` of the denominator ended within the limit without a recommendation.
    """

    accommodated_by: date
    numerator: int
    denominator: int
    ended_sooner: int
    share: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """One step of the curve: the share with a recommendation by that day, and its limits."""

    days: int
    at_risk: int
    recommended: int
    censored: int
    share: float
    lower: float | None
    upper: float | None
    few_at_risk: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    """What a set of episodes says; excluded episodes are in no count but their own."""

    episodes: int
    children: int
    recommended: int
    waiting: int
    ended_without_recommendation: int
    excluded: tuple[Exclusion, ...]
    first_accommodated_on: date | None
    last_accommodated_on: date | None
    longest_wait_days: int | None
    quartiles: tuple[Quartile, ...]
    within_target: Share
    mature: Mature
    curve: tuple[CurvePoint, ...]


def row(episode: EpisodeRecord, followed_to: date) -> Row:
    """Return how one episode stands on the day followed to, which lies on or after its beginning."""
    because = _excluded_because(episode)
    if because is not None:
        return Row(episode=episode, state=State.EXCLUDED, days=None, excluded_because=because)
    state, until = State.WAITING, followed_to
    if episode.recommended_on is not None:
        state, until = State.RECOMMENDED, episode.recommended_on
    elif episode.closed_on is not None:
        state, until = State.ENDED_WITHOUT_RECOMMENDATION, episode.closed_on
    return Row(episode=episode, state=state, days=(until - episode.accommodated_on).days, excluded_because=None)


def _excluded_because(episode: EpisodeRecord) -> str | None:
    if episode.born_on is not None and episode.accommodated_on < episode.born_on:
        return ACCOMMODATED_BEFORE_BIRTH
    if episode.overtaken_on == episode.accommodated_on:
        return BEGUN_AGAIN_THE_SAME_DAY
    return None


def cohort(rows: Iterable[Row], definition: Definition, followed_to: date) -> Cohort:
    """Count and estimate over these rows."""
    everyone = list(rows)
    counted = [each for each in everyone if each.state is not State.EXCLUDED]
    states = Counter(each.state for each in counted)
    began = [each.episode.accommodated_on for each in counted]
    curve = kaplan_meier(Observation(_days(each), each.state is State.RECOMMENDED) for each in counted)
    return Cohort(
        episodes=len(counted),
        children=len({each.episode.child_id for each in counted}),
        recommended=states[State.RECOMMENDED],
        waiting=states[State.WAITING],
        ended_without_recommendation=states[State.ENDED_WITHOUT_RECOMMENDATION],
        excluded=_exclusions(everyone, definition),
        first_accommodated_on=min(began, default=None),
        last_accommodated_on=max(began, default=None),
        longest_wait_days=max((_days(each) for each in counted if each.state is State.WAITING), default=None),
        quartiles=tuple(_quartile(curve.quantile(fraction), curve, definition) for fraction in QUARTILES),
        within_target=_share(curve, definition),
        mature=_mature(counted, definition, followed_to),
        curve=tuple(_curve_point(point, definition) for point in curve.points),
    )


def _days(counted: Row) -> int:
    assert counted.days is not None, "only excluded rows have no days"
    return counted.days


def _exclusions(rows: Iterable[Row], definition: Definition) -> tuple[Exclusion, ...]:
    reasons = Counter(each.excluded_because for each in rows)
    return tuple(
        Exclusion(reason=reason, wording=wording, episodes=reasons[reason])
        for reason, wording in definition.exclusions.items()
        if reasons[reason]
    )


def _quartile(quantile: Quantile, curve: Curve, definition: Definition) -> Quartile:
    point = None if quantile.days is None else curve.at(quantile.days)
    return Quartile(
        fraction=quantile.fraction,
        days=quantile.days,
        lower=quantile.lower,
        upper=quantile.upper,
        at_risk=None if point is None else point.at_risk,
        explanation=_not_reached(quantile, curve) if point is None else _few(point, definition),
    )


def _not_reached(quantile: Quantile, curve: Curve) -> str:
    if not curve.points:
        return "There is no episode to estimate it from."
    reached = 1 - curve.points[-1].survival
    return (
        f"Not reached: by the last day on which anyone was followed, an estimated {reached:.0%} had one, "
        f"and {quantile.fraction:.0%} are asked for."
    )


def _few(point: Point, definition: Definition) -> str | None:
    if point.at_risk >= definition.few:
        return None
    return f"It rests on few: {point.at_risk} still followed on day {point.days:g}."


def _share(curve: Curve, definition: Definition) -> Share:
    within = definition.target_days
    point = curve.at(within)
    if point is None:
        explanation = f"Nobody has been followed for {within} days yet." if curve.points else "There is no episode."
        return Share(within_days=within, share=None, lower=None, upper=None, at_risk=0, explanation=explanation)
    lower, upper = _limits(point)
    return Share(
        within_days=within,
        share=1 - point.survival,
        lower=lower,
        upper=upper,
        at_risk=point.at_risk,
        explanation=_weakness(point, definition),
    )


def _weakness(point: Point, definition: Definition) -> str | None:
    if point.survival in {0, 1}:
        return "Limits cannot be computed where all or none have one."
    return _few(point, definition)


def _limits(point: Point) -> tuple[float | None, float | None]:
    """Return the limits of the share reached; none where all or nobody have reached it."""
    if point.lower is None or point.upper is None or point.survival == 1:
        return None, None
    return 1 - point.upper, 1 - point.lower


def _mature(counted: Sequence[Row], definition: Definition, followed_to: date) -> Mature:
    by = followed_to - timedelta(days=definition.target_days)
    known = [each for each in counted if each.episode.accommodated_on <= by]
    within = Counter(each.state for each in known if _days(each) <= definition.target_days)
    return Mature(
        accommodated_by=by,
        numerator=within[State.RECOMMENDED],
        denominator=len(known),
        ended_sooner=within[State.ENDED_WITHOUT_RECOMMENDATION],
        share=within[State.RECOMMENDED] / len(known) if known else None,
    )


def _curve_point(point: Point, definition: Definition) -> CurvePoint:
    lower, upper = _limits(point)
    return CurvePoint(
        days=int(point.days),
        at_risk=point.at_risk,
        recommended=point.happened,
        censored=point.censored,
        share=1 - point.survival,
        lower=lower,
        upper=upper,
        few_at_risk=point.at_risk < definition.few,
    )
