"""A timetable pack in plain words, as ``homeward timetable show`` tells it to whoever works by it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap

from shared.domain.catalogue.child import HomeKind
from shared.domain.timetable.intervals import Counting, Unit
from shared.domain.timetable.reviews import What
from shared.domain.timetable.rules import (
    AWAY_FROM_HOME,
    AnchorKind,
    Condition,
    CountedFrom,
    EventAnchor,
    Note,
    OnHomeChange,
    Pack,
    Pattern,
    Rule,
    Step,
    Weekend,
    Which,
)
from shared.domain.timetable.wording import date_words, listed
from shared.policies.calendars import COUNCIL, calendars

_WIDTH = 100
_INDENT = "    "

_HOMES = {
    HomeKind.PARENTS: "at home with parents",
    HomeKind.KINSHIP: "with kinship carers",
    HomeKind.FOSTER: "with foster carers",
    HomeKind.RESIDENTIAL: "in residential care",
    HomeKind.SECURE: "in secure care",
    HomeKind.PROSPECTIVE_ADOPTERS: "with prospective adopters",
    HomeKind.OTHER: "in a home of another kind",
}
_AWAY = "away from home, with whomever it is"
_CONDITIONS = {
    Condition.EMERGENCY: "where the home began in an emergency",
    Condition.SHORT_BREAK_SERIES: "in a series of short breaks",
}
_STARTS = {
    AnchorKind.ACCOMMODATED: "the day the child came into care away from home",
    AnchorKind.HOME_STARTED: "the day the home began",
}
_MOVES = {
    OnHomeChange.RESTART: "A move to another home starts the count anew.",
    OnHomeChange.CONTINUE: "A move to another home leaves the count as it is.",
}
_WHICH = {
    Which.EACH: "Each such fact starts a count of its own.",
    Which.FIRST: "Only the first such fact of an episode of care starts a count.",
    Which.LATEST: "A later such fact takes the place of the one before it.",
}
_PREVIOUS = {
    CountedFrom.PREVIOUS_HELD: "the day the {} before it was held",
    CountedFrom.PREVIOUS_DUE: "the day the {} before it was due",
}
_OUTLIVES = "The count goes on when care away from home ends."
_WEEKEND = "If that is no working day, the next working day is the last one."
_UNVERIFIED = "NOT VERIFIED: nobody has yet checked this rule against the law or policy as it now stands."


def listing(pack: Pack) -> Iterator[str]:
    """Yield the lines that tell a pack: what it is, then rule by rule."""
    yield from _paragraph(f"{pack.title} ({pack.pack}, edition {pack.edition})", "")
    yield from _paragraph(f"Holds in: {pack.jurisdiction}. Written in: {pack.source}.", "")
    for number, rule in enumerate(pack.rules, 1):
        yield ""
        yield from _paragraph(f"{number}. {rule.title} ({rule.key})", "")
        for sentence in _sentences(rule):
            yield from _paragraph(sentence, _INDENT)


def _sentences(rule: Rule) -> Iterator[str]:
    yield f"For: {_whom(rule)}."
    yield from _owed(rule)
    yield from (_step(number, step, rule) for number, step in enumerate(rule.steps, 1))
    if rule.weekend is Weekend.NEXT_WORKING_DAY:
        yield _WEEKEND
    if rule.anchor is AnchorKind.HOME_STARTED:
        yield _MOVES[rule.on_home_change]
    if isinstance(rule.anchor, EventAnchor):
        yield _WHICH[rule.anchor.which]
        if rule.anchor.outlives_episode:
            yield _OUTLIVES
    yield from _satisfied(rule)
    yield from (f"No more is owed after what is recorded as: {_facts(end.pattern)}." for end in rule.ends)
    yield from _in_force(rule)
    yield f"Source: {rule.citation} ({_spoken(rule.basis)})."
    yield _verified(rule)
    yield from _notes(rule.notes)
    for step in rule.steps:
        yield from _notes(step.notes, of=f" on {step.title}")


def _owed(rule: Rule) -> Iterator[str]:
    """Tell what is owed and whose work it is, where a rule says so."""
    if rule.what is not What.REVIEW:
        yield f"What: {_spoken(rule.what)}."
    if rule.roles:
        yield f"Whose work: {_any_of([_spoken(role) for role in sorted(rule.roles)])}."


def _whom(rule: Rule) -> str:
    if isinstance(rule.anchor, EventAnchor):
        return f"a child about whom this is recorded: {_facts(rule.anchor.pattern)}"
    if rule.anchor is AnchorKind.ACCOMMODATED:
        return "every child in care away from home"
    kinds = [text for kind, text in _HOMES.items() if kind in rule.home_kinds]
    whom = f"a child who lives {_AWAY if rule.home_kinds == AWAY_FROM_HOME else _any_of(kinds)}"
    if rule.emergency_only:
        whom += f", only {_CONDITIONS[Condition.EMERGENCY]}"
    if rule.short_break_series is not None:
        whom += f", {'only' if rule.short_break_series else 'but not'} {_CONDITIONS[Condition.SHORT_BREAK_SERIES]}"
    return whom


def _facts(pattern: Pattern) -> str:
    """Tell a pattern, for instance "panel recommended (advice: not supported or supported)"."""
    asked = [f"{_spoken(name)}: {_any_of(sorted(map(_spoken, codes)))}" for name, codes in pattern.where]
    asked += [f"of the same {listed([_spoken(name) for name in pattern.same])}"] if pattern.same else []
    return f"{pattern.event}{f' ({listed(asked)})' if asked else ''}"


def _any_of(words: Sequence[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def _step(number: int, step: Step, rule: Rule) -> str:
    owed = "" if number >= rule.owed_from else " Another rule owes it; here it only carries the count."
    citation = f" ({step.citation})" if step.citation != rule.citation else ""
    return f"- {step.title}: {_when(step, rule)}{citation}.{owed}"


def _when(step: Step, rule: Rule) -> str:
    if step.on_day is not None:
        return f"on the day that the record itself tells ({_spoken(step.on_day)})"
    if step.each_calendar_year:
        return f"once in each calendar year, counted from {_from_what(step, rule)}{_again(step)}"
    if step.within is None:
        return "as often as is agreed; no date follows from this rule"
    from_what = _from_what(step, rule)
    if step.within.unit is Unit.HOURS:
        from_what = from_what.replace("the day", "the hour", 1)
    counted = "beginning with" if step.counting is Counting.BEGINNING_WITH else "of"
    left_out = _left_out(step.within.unit, rule.calendar)
    return f"within {step.within.words} {counted} {from_what}{_again(step)}{left_out}"


def _from_what(step: Step, rule: Rule) -> str:
    if step.counted_from is CountedFrom.ANCHOR:
        return rule.anchor.called if isinstance(rule.anchor, EventAnchor) else _STARTS[rule.anchor]
    return _PREVIOUS[step.counted_from].format("review" if rule.what is What.REVIEW else "one")


def _again(step: Step) -> str:
    if not step.repeats:
        return ""
    until = f", until {step.phase.words} have passed since the count began" if step.phase else ""
    return f", again and again{until}"


def _left_out(unit: Unit, calendar: str) -> str:
    if unit is not Unit.WORKING_DAYS:
        return ""
    if calendar == COUNCIL:
        return ", counted on the council's own calendar"
    return f", leaving out {calendars()[calendar].title}"


def _satisfied(rule: Rule) -> Iterator[str]:
    if rule.satisfied_by:
        kinds = listed([_spoken(kind) for kind in sorted(rule.satisfied_by)])
        yield f"Held by a meeting recorded as: {kinds}."
    if rule.satisfied_by_events:
        yield f"Done by what is recorded as: {_any_of([_facts(each) for each in rule.satisfied_by_events])}."


def _in_force(rule: Rule) -> Iterator[str]:
    days = [f"from {date_words(rule.effective_from)}"] if rule.effective_from else []
    days += [f"up to {date_words(rule.effective_to)}"] if rule.effective_to else []
    if days:
        yield f"In force where the count begins {' '.join(days)}."


def _verified(rule: Rule) -> str:
    if rule.verified_by is None or rule.verified_on is None:
        return _UNVERIFIED
    return f"Verified on {date_words(rule.verified_on)} by {rule.verified_by}."


def _notes(notes: Sequence[Note], of: str = "") -> Iterator[str]:
    for note in notes:
        yield f"Note{of}{_only(note)}: {note.text}"


def _only(note: Note) -> str:
    if note.when is None:
        return ""
    told = _CONDITIONS.get(note.when) if isinstance(note.when, Condition) else f"for a child {_HOMES[note.when]}"
    return f", {told}"


def _spoken(code: str) -> str:
    return code.replace("_", " ")


def _paragraph(text: str, indent: str) -> list[str]:
    deeper = indent + ("  " if text.startswith("- ") else "")
    return wrap(text, _WIDTH, initial_indent=indent, subsequent_indent=deeper)
