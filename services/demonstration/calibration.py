"""The figures the demonstration council is drawn from, each with where it comes from.

A figure is *published* (read in the named source), *inferred* (worked out from published
figures, or taken from a neighbouring setting) or a *modelling choice* (nobody publishes
it; the value is plausible and stated, no more).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import log
from typing import Any, Generic, TypeVar

from shared.domain.catalogue.child import HomeKind, LegalReason
from shared.domain.catalogue.permanence import Route

T = TypeVar("T")


class Grounds(StrEnum):
    """What a figure rests on."""

    PUBLISHED = "published"
    INFERRED = "inferred"
    MODELLING_CHOICE = "modelling_choice"


@dataclass(frozen=True)
class Figure(Generic[T]):
    """One figure: its value, what it rests on, and the source or the reason."""

    value: T
    grounds: Grounds
    source: str


@dataclass(frozen=True, slots=True)
class Range:
    """Whole days from ``low`` to ``high``, both included."""

    low: int
    high: int


class AgeBand(StrEnum):
    """The age of a child when accommodated."""

    UNDER_1 = "under_1"
    FROM_1_TO_2 = "from_1_to_2"
    FROM_3_TO_5 = "from_3_to_5"
    FROM_6_TO_11 = "from_6_to_11"
    FROM_12_TO_16 = "from_12_to_16"


_CLAS = "Scottish Government, Children's Social Work Statistics 2023-24 (looked after children)"
_YORK = "Universities of Stirling, Lancaster and York, Permanently Progressing? phase 1 (2018)"
_CHOICE = Grounds.MODELLING_CHOICE

# --- How many children, and who -------------------------------------------------------

STARTS_A_YEAR = Figure(
    97.0, Grounds.INFERRED, f"{_CLAS}: 3,105 starts over 32 authorities; an authority somewhat above the mean is shown"
)
AWAY_FROM_HOME = Figure(0.80, Grounds.PUBLISHED, f"{_CLAS}: 20 % of children looked after live at home")
ACCOMMODATIONS_A_YEAR = Figure(
    100.0,
    _CHOICE,
    "The demonstration shows about 100 accommodations a year; 97 starts of which 80 % away from home is 78, "
    "so this council is a little larger than the average one",
)
ACCOMMODATED_TOGETHER = Figure[Mapping[int, float]](
    {1: 0.62, 2: 0.22, 3: 0.11, 4: 0.05},
    _CHOICE,
    "Brothers and sisters accommodated in one event, 1 to 4 children; no published distribution was found",
)
AGES = Figure[Mapping[AgeBand, float]](
    {
        AgeBand.UNDER_1: 0.24,
        AgeBand.FROM_1_TO_2: 0.12,
        AgeBand.FROM_3_TO_5: 0.12,
        AgeBand.FROM_6_TO_11: 0.20,
        AgeBand.FROM_12_TO_16: 0.32,
    },
    Grounds.INFERRED,
    f"{_CLAS}: entries peak under 1 and at 12 to 16; the shares are rounded. Ages of further brothers and "
    "sisters follow the first child's, so the whole intake lies a little nearer the middle",
)
AGES_IN_BAND = Figure[Mapping[AgeBand, Range]](
    {
        AgeBand.UNDER_1: Range(1, 364),
        AgeBand.FROM_1_TO_2: Range(366, 1094),
        AgeBand.FROM_3_TO_5: Range(1097, 2190),
        AgeBand.FROM_6_TO_11: Range(2193, 4381),
        AgeBand.FROM_12_TO_16: Range(4384, 6050),
    },
    _CHOICE,
    "Ages in days within a band, all equally likely",
)
LEGAL_REASONS = Figure[Mapping[LegalReason, float]](
    {
        LegalReason.SECTION_25: 0.49,
        LegalReason.CHILD_PROTECTION_ORDER: 0.17,
        LegalReason.INTERIM_COMPULSORY_SUPERVISION_ORDER: 0.17,
        LegalReason.COMPULSORY_SUPERVISION_ORDER: 0.15,
        LegalReason.CHILD_ASSESSMENT_ORDER: 0.01,
        LegalReason.CRIMINAL_COURT_ORDER: 0.01,
    },
    Grounds.INFERRED,
    f"{_YORK}: almost half of those away from home started under section 25; the rest is a modelling choice",
)
EMERGENCIES = Figure[Mapping[LegalReason, float]](
    {
        LegalReason.SECTION_25: 0.35,
        LegalReason.CHILD_PROTECTION_ORDER: 0.80,
        LegalReason.INTERIM_COMPULSORY_SUPERVISION_ORDER: 0.10,
    },
    _CHOICE,
    "Share of first homes that are emergency placements, by legal reason; a child protection order mostly is",
)

# --- Homes ----------------------------------------------------------------------------

HOME_KINDS = Figure[Mapping[HomeKind, float]](
    {HomeKind.KINSHIP: 0.43, HomeKind.FOSTER: 0.44, HomeKind.RESIDENTIAL: 0.13},
    Grounds.INFERRED,
    f"{_CLAS}: kinship 35 %, foster 32 %, residential 11 % of all, scaled to those away from home; "
    "residential homes only from age 8",
)
HOMES_PER_CHILD = Figure(
    2.5, _CHOICE, "Mean homes of one child in the record, the moves that permanence brings included"
)
SHORT_STAY = Figure(0.38, _CHOICE, "Share of homes of up to three months, set so that HOMES_PER_CHILD comes out")
SHORT_STAY_DAYS = Figure(Range(4, 90), _CHOICE, "Length of a short stay, all equally likely")
LONG_STAY_MEAN_DAYS = Figure(520.0, _CHOICE, "Mean length of the other stays, set so that HOMES_PER_CHILD comes out")

# --- Meetings and the way they are recorded --------------------------------------------

REVIEWS_ON_TIME = Figure(
    0.90, Grounds.INFERRED, "The nearest published analogue: child protection reviews in England, 88 to 93 % on time"
)
REVIEWS_LATE_DAYS = Figure(Range(1, 21), _CHOICE, "How late a late review is")
REVIEWS_NEVER_HELD = Figure(
    0.02, _CHOICE, "Reviews left out altogether; the next meeting follows weeks later, or the home ends first"
)
NEXT_AFTER_NEVER_HELD_DAYS = Figure(
    Range(45, 100), _CHOICE, "Days from the due date of a review left out to the next meeting"
)
MEETINGS_MOVED = Figure(0.07, _CHOICE, "Share of punctual meetings that were first booked for another day")
MEETINGS_BOOKED = Figure(0.92, _CHOICE, "Share of reviews that were booked in the case system before they were held")
RECORDING_DAYS = Figure[Mapping[int, float]](
    {0: 0.48, 1: 0.30, 2: 0.12, 3: 0.10}, _CHOICE, "Days from a fact to its entry in the case system"
)
RECORDED_WEEKS_LATE = Figure(0.02, _CHOICE, "Share of meetings entered 8 to 30 days after they were held")
RECORDED_OVER_A_MONTH_LATE = Figure(0.01, _CHOICE, "Share of meetings entered 31 to 75 days after they were held")
DATES_CORRECTED = Figure(0.012, _CHOICE, "Share of meetings first entered with a wrong date and corrected later")
WRONG_CHILD = Figure(0.005, _CHOICE, "Meetings entered for the wrong child and retracted later, per meeting")
SENT_TWICE = Figure(0.004, _CHOICE, "Share of events that the case system posts twice, identical")

# --- Permanence ------------------------------------------------------------------------

RECOMMENDATION_SHAPE = Figure(
    1.6, _CHOICE, "Weibull shape of the days to a recommendation, within 1.4 to 1.8: ever more likely as reviews go by"
)
RECOMMENDED_WITHIN_DAYS = Figure(
    228, Grounds.INFERRED, "Seven and a half months (source report, lines 493-495): 6 weeks, 3 months and 3 months"
)
RECOMMENDED_BEFORE_CHANGE = Figure(
    0.50, _CHOICE, "Share recommended within 228 days before the change; areas' own baselines were not found published"
)
EFFECT_OF_CHANGE = Figure(
    0.15, _CHOICE, "Points gained at 228 days once the change has bedded in; with the ramp 10 to 15 points on average"
)
RAMP_DAYS = Figure(182, _CHOICE, "The gain grows evenly over this many days: new practice spreads, it does not switch")
FIRST_RECOMMENDATION_DAYS = Figure(Range(28, 42), _CHOICE, "None comes before; drawn earlier, it falls in here")
LEAVES_FIRST = Figure(0.06, _CHOICE, "Share who leave care within weeks, before any recommendation")
TRANSFERRED = Figure(0.015, _CHOICE, "Share whose care passes to another authority before any recommendation")
ROUTES = Figure[Mapping[AgeBand, Mapping[Route, float]]](
    {
        AgeBand.UNDER_1: {
            Route.RETURN_HOME: 0.27,
            Route.KINSHIP_CARE_ORDER: 0.21,
            Route.PERMANENCE_ORDER: 0.05,
            Route.ADOPTION: 0.47,
        },
        AgeBand.FROM_1_TO_2: {
            Route.RETURN_HOME: 0.33,
            Route.KINSHIP_CARE_ORDER: 0.23,
            Route.PERMANENCE_ORDER: 0.08,
            Route.ADOPTION: 0.36,
        },
        AgeBand.FROM_3_TO_5: {
            Route.RETURN_HOME: 0.42,
            Route.KINSHIP_CARE_ORDER: 0.27,
            Route.PERMANENCE_ORDER: 0.23,
            Route.ADOPTION: 0.08,
        },
        AgeBand.FROM_6_TO_11: {
            Route.RETURN_HOME: 0.46,
            Route.KINSHIP_CARE_ORDER: 0.25,
            Route.PERMANENCE_ORDER: 0.28,
            Route.ADOPTION: 0.01,
        },
        AgeBand.FROM_12_TO_16: {
            Route.RETURN_HOME: 0.50,
            Route.KINSHIP_CARE_ORDER: 0.18,
            Route.PERMANENCE_ORDER: 0.32,
        },
    },
    _CHOICE,
    f"Overall home 35-45 %, kinship 20-25 %, permanence order 15-25 %, adoption 10-20 % and mostly under 3; "
    f"bracketed by {_YORK} (31 % home, 11 % wider family, 22 % adopted or nearly so after four years) and by "
    "Born into care in Scotland (69 % adoption among infants with a plan away from home)",
)
PARALLEL_ROUTE = Figure(0.18, _CHOICE, "Share of recommendations away from home that name a second route")
DECISION_DAYS = Figure(
    Range(9, 14), Grounds.PUBLISHED, "SSI 2009/154 reg 13: the agency decides within 14 days of the panel's advice"
)
PANEL_DEFERRED = Figure(0.08, _CHOICE, "Share of panels that defer and advise at a second meeting")
HOME_UNDER_SUPERVISION = Figure(
    0.45, _CHOICE, "Share of returns home, of children on a compulsory order, that begin while the episode is open"
)
RE_ACCOMMODATED = Figure(
    0.08, _CHOICE, "Share of those who went home and are accommodated again within a year; bracketed by 6 to 10 %"
)
PARENTS_ASSESSED = Figure(0.80, _CHOICE, "Share of episodes in which the parents' capacity is assessed")

#: Every figure of this module by name, so that documentation and tests can list them.
FIGURES: Mapping[str, Figure[Any]] = {
    name: value for name, value in dict(globals()).items() if isinstance(value, Figure)
}


def recommendation_scale(within_share: float) -> float:
    """Return the Weibull scale in days at which ``within_share`` are recommended within 228 days."""
    return float(RECOMMENDED_WITHIN_DAYS.value / (-log(1.0 - within_share)) ** (1.0 / RECOMMENDATION_SHAPE.value))
