"""What each measure means, as versioned text: the words that stand beside every figure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """The definition of one measure.

    Wording that changes what is counted raises ``version``; every answer names the version
    it was made with.  ``exclusions`` maps each reason's code to its wording.
    """

    key: str
    version: int
    title: str
    question: str
    unit: str
    clock_start: str
    event: str
    censoring: str
    exclusions: Mapping[str, str]
    target_days: int
    target_arithmetic: str
    estimator: str
    conventions: tuple[str, ...]
    #: Below this number of episodes, or of episodes still followed, an answer says that it rests on few.
    few: int


ACCOMMODATED_BEFORE_BIRTH = "accommodated_before_birth"
BEGUN_AGAIN_THE_SAME_DAY = "begun_again_the_same_day"

ACCOMMODATED_TO_RECOMMENDATION = Definition(
    key="accommodated-to-recommendation",
    version=1,
    title="Days from accommodation to the permanence recommendation",
    question="How long do children wait, once accommodated, until it is recommended where they will live permanently?",
    unit="Episodes of care, in whole days. A child accommodated again counts again, and is also counted apart.",
    clock_start="Day 0 is the civil day (Europe/London) on which the child was accommodated in this episode.",
    event="The first permanence recommendation of the episode, whichever the route; a later change of route "
    "changes nothing. A recommendation is neither a panel's advice nor a decision.",
    censoring="A child still waiting counts as waiting up to the day followed to. An episode that ended without a "
    "recommendation (whatever the destination) counts up to its end and is shown apart; one without a recorded end "
    "counts up to the day on which the child's next episode began.",
    exclusions=MappingProxyType(
        {
            ACCOMMODATED_BEFORE_BIRTH: "The recorded date of birth lies after the day of accommodation.",
            BEGUN_AGAIN_THE_SAME_DAY: "Another episode of the same child began on the same day, and this one has no "
            "recorded end: it is probably the same accommodation recorded twice.",
        }
    ),
    target_days=228,
    target_arithmetic=(
        "7.5 months x 30.4375 days = 228.28, taken as 228 whole days. The source report reckons 7.5 months as 6 weeks "
        "and twice 3 months, which by the calendar is 223 to 226 days."
    ),
    estimator="Kaplan-Meier (product limit); variance by Greenwood; 95% limits on the log-log scale; median and "
    "quartiles with limits by inverting the curve and its limits, as R's survival package does.",
    conventions=(
        "On one day recommendations come before ends and before the day followed to. Day 0 counts.",
        "Where the curve lies exactly on a quartile's level, the quartile is the midpoint of that flat step.",
        "'Not reached' is null with an explanation, never a blank and never a guess.",
        "A mature cohort is every episode that began at least 228 days before the day followed to.",
        "In a mature cohort an episode that ended sooner without a recommendation stays in the denominator.",
        "An end without a recommendation is treated as no longer followed. Many such ends make the curve overstate.",
        "Limits treat episodes as independent; brothers and sisters are not quite.",
        "An episode's team is that of the day it began, or else the first assigned during it.",
        "Short episodes are not left out.",
        "Recommendations recorded outside any episode are not counted; their number is shown.",
    ),
    few=10,
)

DEFINITIONS: Mapping[str, Definition] = MappingProxyType({each.key: each for each in (ACCOMMODATED_TO_RECOMMENDATION,)})
