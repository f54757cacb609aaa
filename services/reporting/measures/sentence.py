"""The finding in plain words, computed from the same numbers that stand beside it."""

from __future__ import annotations

from datetime import date

from services.reporting.measures.cohort import Cohort, Quartile, Share
from services.reporting.measures.definition import Definition


def sentence(cohort: Cohort, definition: Definition) -> str:
    """Say what the cohort shows, and how sure that is; says so when there are too few to say."""
    if not cohort.episodes:
        return "Nothing can be said: no child was accommodated in the time and team asked about."
    told = [_counts(cohort)]
    if cohort.episodes < definition.few:
        told.append(f"These are fewer than {definition.few}, too few to say how long it takes.")
    else:
        median = next(each for each in cohort.quartiles if each.fraction == 0.5)  # noqa: PLR2004 - the median
        told += [_median(median), _share(cohort.within_target)]
    return " ".join(told)


def _counts(cohort: Cohort) -> str:
    one = cohort.episodes == 1
    who = f"{cohort.episodes} {'child' if one else 'children'}"
    if cohort.children != cohort.episodes:
        who = (
            f"{cohort.episodes} episodes of care of {cohort.children} {'child' if cohort.children == 1 else 'children'}"
        )
    began = "accommodated" if cohort.children == cohort.episodes else "beginning"
    waiting = f"{cohort.waiting} {'is' if cohort.waiting == 1 else 'are'} still waiting"
    if cohort.longest_wait_days is not None:
        waiting += f" (the longest for {_days(cohort.longest_wait_days)})"
    return (
        f"Of {who} {began} {_span(cohort)}, {cohort.recommended} {'has' if cohort.recommended == 1 else 'have'} "
        f"a recommendation, {waiting} and {cohort.ended_without_recommendation} ended without one."
    )


def _span(cohort: Cohort) -> str:
    first, last = cohort.first_accommodated_on, cohort.last_accommodated_on
    assert first is not None, "a cohort with episodes has a first day"
    assert last is not None, "a cohort with episodes has a last day"
    return f"on {_day(first)}" if first == last else f"between {_day(first)} and {_day(last)}"


def _median(median: Quartile) -> str:
    if median.days is None:
        return "The day by which half have a recommendation is not reached yet."
    few = "" if median.explanation is None else f" {median.explanation}"
    return f"An estimated half had a recommendation within {_days(median.days)} ({_limits(median)}).{few}"


def _limits(median: Quartile) -> str:
    if median.lower is None and median.upper is None:
        return "95% limits not known yet"
    lower = "not known yet" if median.lower is None else f"{median.lower:g}"
    upper = "not known yet" if median.upper is None else f"{median.upper:g}"
    return f"95% limits {lower} to {upper}"


def _share(share: Share) -> str:
    if share.share is None:
        return f"The share within {share.within_days} days is not known yet: nobody has been followed so long."
    if share.lower is None or share.upper is None:
        return f"Within {share.within_days} days it was {share.share:.0%}; how sure that is cannot be computed."
    few = "" if share.explanation is None else f" {share.explanation}"
    limits = f"95% limits {share.lower:.0%} to {share.upper:.0%}"
    return f"Within {share.within_days} days it was an estimated {share.share:.0%} ({limits}).{few}"


def _days(days: float) -> str:
    return f"{days:g} day" if days == 1 else f"{days:g} days"


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
