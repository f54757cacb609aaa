"""What the steps of a rule must say together: when each is due, from what it is counted, and how often it recurs."""

from __future__ import annotations

from collections.abc import Iterator

from shared.domain.timetable.intervals import Counting, Unit
from shared.domain.timetable.rules import AnchorKind, CountedFrom
from shared.policies.faults import Fault, FaultCode
from shared.policies.pack_file import RuleTable, StepTable
from shared.policies.pack_values import IntervalUnit, interval_of
from shared.policies.places import Path

_HOURS_A_DAY = 24
#: Beyond it a date would leave the calendar.
_YEARS_MAX = 200
#: Days in each unit of a phase, months as they are on the average.
_LENGTHS = {Unit.DAYS: 1.0, Unit.WEEKS: 7.0, Unit.MONTHS: 365.2425 / 12}


def first_step(rule: RuleTable) -> Iterator[Fault]:
    """Yield a fault if the first step is counted from one before it."""
    if rule.step[0].counted_from is not CountedFrom.ANCHOR:
        yield Fault(
            FaultCode.FIRST_STEP_NOT_FROM_ANCHOR,
            ("step", 0, "from"),
            'there is no review before the first; leave it out, or write "anchor"',
        )


def repeating_steps(rule: RuleTable) -> Iterator[Fault]:
    """Yield what keeps a step that repeats from being a sequence."""
    last = len(rule.step) - 1
    for number, step in enumerate(rule.step):
        if step.repeats:
            place: Path = ("step", number, "repeats")
            yield from (Fault(code, place, message) for code, message in _misrepeated(step, is_last=number == last))


def _misrepeated(step: StepTable, *, is_last: bool) -> Iterator[tuple[FaultCode, str]]:
    if not is_last and step.phase is None:
        yield FaultCode.REPEATS_TOO_EARLY, "only the last step may repeat, or one with a phase that ends"
    if step.counted_from is CountedFrom.ANCHOR and step.on_day is None:
        yield (
            FaultCode.REPEATS_FROM_ANCHOR,
            'a step that repeats is counted from the review before it; write from = "previous_held"',
        )
    if _stays(step):
        yield FaultCode.REPEATS_IN_PLACE, "each might be due on the day of the one before it, without end"


def _stays(step: StepTable) -> bool:
    """Tell whether a step may be due on the very day from which it is counted."""
    within = step.within or {}
    if within.get(IntervalUnit.HOURS, _HOURS_A_DAY) < _HOURS_A_DAY:
        return True
    one_day = 1 in (within.get(IntervalUnit.DAYS), within.get(IntervalUnit.WORKING_DAYS))
    return one_day and step.counting is Counting.BEGINNING_WITH


def due_days(rule: RuleTable) -> Iterator[Fault]:
    """Yield where a step says nothing of when it is due among others, or says it twice."""
    for number, step in enumerate(rule.step):
        said = [name for name, is_said in _ways(step).items() if is_said]
        if not said and len(rule.step) > 1:
            yield Fault(
                FaultCode.INTERVAL_MISSING,
                ("step", number),
                "write within = { weeks = 6 }, for instance; only a step that is alone may be left to agreement",
            )
        if said and step.maximum is not None:
            message = f"{said[0]} says when it is due, so there is nothing to agree; leave one of both out"
            yield Fault(FaultCode.DUE_SAID_TWICE, ("step", number, "maximum"), message)
        for name in said[1:]:
            message = f"{said[0]} says already when it is due; leave one of both out"
            yield Fault(FaultCode.DUE_SAID_TWICE, ("step", number, name), message)
        years = (step.within or {}).get(IntervalUnit.YEARS, 0)
        if years > _YEARS_MAX:
            place: Path = ("step", number, "within", IntervalUnit.YEARS.value)
            yield Fault(FaultCode.NUMBER_TOO_GREAT, place, f"the greatest is {_YEARS_MAX}")


def _ways(step: StepTable) -> dict[str, bool]:
    return {
        "within": step.within is not None,
        "on_day": step.on_day is not None,
        "each_calendar_year": step.each_calendar_year,
    }


def told_days(rule: RuleTable) -> Iterator[Fault]:
    """Yield what is wrong with steps that are due on a day that a fact tells."""
    for number, step in enumerate(rule.step):
        if step.on_day is None:
            continue
        if isinstance(rule.anchor, AnchorKind):
            message = "no fact starts this clock that could tell the day; write [rule.anchor] with its event"
            yield Fault(FaultCode.ON_DAY_WITHOUT_EVENT, ("step", number, "on_day"), message)
        for name, is_said in (("repeats", step.repeats), ("from", step.counted_from is not CountedFrom.ANCHOR)):
            if is_said:
                message = "the day is told and not counted; leave it out"
                yield Fault(FaultCode.ON_DAY_COUNTED, ("step", number, name), message)


def counting(rule: RuleTable) -> Iterator[Fault]:
    """Yield where it is said how days are counted, and none are."""
    for number, step in enumerate(rule.step):
        if step.counting is Counting.BEGINNING_WITH and (not step.within or IntervalUnit.HOURS in step.within):
            message = "no days are counted here that could begin with one; leave it out"
            yield Fault(FaultCode.COUNTING_NOTHING, ("step", number, "counting"), message)


def phases(rule: RuleTable) -> Iterator[Fault]:
    """Yield phases that are none, or come in no order."""
    ended = 0.0
    for number, step in enumerate(rule.step):
        if step.phase is None:
            continue
        if not step.repeats:
            message = "a phase says how long a step recurs; write repeats = true"
            yield Fault(FaultCode.PHASE_WITHOUT_REPEATS, ("step", number, "phase"), message)
        length = _days_in(step)
        if length <= ended:
            message = "it ends no later than the phase before it, so this step never comes; both count from the anchor"
            yield Fault(FaultCode.PHASE_OUT_OF_ORDER, ("step", number, "phase"), message)
        ended = max(ended, length)


def _days_in(step: StepTable) -> float:
    phase = interval_of(step.phase)
    return _LENGTHS[phase.unit] * phase.count if phase else 0.0
