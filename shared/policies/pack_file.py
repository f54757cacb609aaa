"""What the TOML file of a timetable pack may say, and how that becomes a ``Pack``.

A file has the members of ``PackFile``; rules are ``[[rule]]``, their steps
``[[rule.step]]``; either has notes, ``[[rule.note]]`` and ``[[rule.step.note]]``.  An interval is written
``{ weeks = 6 }``.  Lists are counted from 0 in error messages.
"""

from __future__ import annotations

from datetime import date
from itertools import combinations
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PositiveInt, StringConstraints, model_validator

from shared.domain.catalogue.child import HomeKind
from shared.domain.catalogue.meeting import MeetingKind
from shared.domain.ids import Code
from shared.domain.timetable.intervals import Interval, Unit
from shared.domain.timetable.reviews import Basis
from shared.domain.timetable.rules import (
    AWAY_FROM_HOME,
    AnchorKind,
    Condition,
    CountedFrom,
    Note,
    OnHomeChange,
    Pack,
    Rule,
    Step,
)
from shared.policies.calendars import CALENDAR_NAMES


def _known_calendar(name: str) -> str:
    if name not in CALENDAR_NAMES:
        raise ValueError(f"a calendar is one of {', '.join(sorted(CALENDAR_NAMES))}")
    return name


def _one_unit(table: dict[Unit, int]) -> dict[Unit, int]:
    if len(table) != 1:
        raise ValueError("an interval has exactly one unit, for instance { weeks = 6 }")
    return table


Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
CalendarName = Annotated[str, AfterValidator(_known_calendar)]
IntervalTable = Annotated[dict[Unit, PositiveInt], AfterValidator(_one_unit)]
#: Year and month, so that the latest edition is the greatest.
Edition = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}$")]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NoteTable(_Table):
    """A ``[[rule.note]]`` or ``[[rule.step.note]]``."""

    text: Text
    when: HomeKind | Condition | None = None

    def to_note(self) -> Note:
        """Return the domain's value of this note."""
        return Note(text=self.text, when=self.when)


class StepTable(_Table):
    """A ``[[rule.step]]``; without ``within`` its frequency must be agreed."""

    title: Text
    within: IntervalTable | None = None
    counted_from: CountedFrom = Field(default=CountedFrom.ANCHOR, alias="from")
    repeats: bool = False
    citation: Text | None = None
    note: tuple[NoteTable, ...] = ()

    def to_step(self, citation: str) -> Step:
        """Return the domain's value of this step; ``citation`` is the rule's."""
        within = next((Interval(count, unit) for unit, count in (self.within or {}).items()), None)
        return Step(
            title=self.title,
            within=within,
            counted_from=self.counted_from,
            repeats=self.repeats,
            citation=self.citation or citation,
            notes=tuple(note.to_note() for note in self.note),
        )

    @model_validator(mode="after")
    def _repeats_from_previous(self) -> Self:
        if self.repeats and self.counted_from is not CountedFrom.PREVIOUS_HELD:
            raise ValueError("a step that repeats is counted from previous_held")
        return self


class RuleTable(_Table):
    """A ``[[rule]]``."""

    key: Code
    title: Text
    anchor: AnchorKind
    basis: Basis
    citation: Text
    calendar: CalendarName | None = None
    step: Annotated[tuple[StepTable, ...], Field(min_length=1)]
    note: tuple[NoteTable, ...] = ()
    satisfied_by: frozenset[MeetingKind] = frozenset()
    home_kinds: frozenset[HomeKind] | None = Field(default=None, min_length=1)
    emergency_only: bool = False
    short_break_series: bool | None = None
    effective_from: date | None = None
    effective_to: date | None = None
    on_home_change: OnHomeChange = OnHomeChange.RESTART
    owed_from: PositiveInt = 1
    verified_by: Text | None = None
    verified_on: date | None = None

    def to_rule(self, calendar: str) -> Rule:
        """Return the domain's value of this rule; ``calendar`` is the pack's."""
        return Rule(
            **self.model_dump(exclude={"step", "note", "calendar", "home_kinds"}),
            calendar=self.calendar or calendar,
            home_kinds=self.home_kinds or AWAY_FROM_HOME,
            steps=tuple(step.to_step(self.citation) for step in self.step),
            notes=tuple(note.to_note() for note in self.note),
        )

    @model_validator(mode="after")
    def _steps_make_a_sequence(self) -> Self:
        first, *later = self.step
        if first.counted_from is not CountedFrom.ANCHOR:
            raise ValueError("step[0] is counted from the anchor: there is no review before it")
        if any(step.repeats for step in self.step[:-1]):
            raise ValueError("only the last step may repeat")
        if later and any(step.within is None for step in self.step):
            raise ValueError("a step without an interval must be the only step")
        if self.owed_from > len(self.step) and not self.step[-1].repeats:
            raise ValueError("owed_from lies beyond the last step, so nothing would ever be owed")
        return self

    @model_validator(mode="after")
    def _says_nothing_idle(self) -> Self:
        about_homes = (self.home_kinds is not None, self.emergency_only, self.short_break_series is not None)
        if self.anchor is AnchorKind.ACCOMMODATED and any(about_homes):
            raise ValueError("a rule anchored on accommodated cannot depend on the home")
        if (self.verified_by is None) is not (self.verified_on is None):
            raise ValueError("verified_by and verified_on are given together or not at all")
        if self.effective_from and self.effective_to and self.effective_to < self.effective_from:
            raise ValueError("effective_to lies before effective_from")
        return self


class PackFile(_Table):
    """A whole pack file; ``calendar`` is that of every rule which names none itself."""

    pack: Code
    edition: Edition
    title: Text
    jurisdiction: Text
    source: Text
    calendar: CalendarName
    rule: Annotated[tuple[RuleTable, ...], Field(min_length=1)]

    def to_pack(self) -> Pack:
        """Return the domain's value of this pack."""
        return Pack(
            pack=self.pack,
            edition=self.edition,
            title=self.title,
            jurisdiction=self.jurisdiction,
            source=self.source,
            rules=tuple(rule.to_rule(self.calendar) for rule in self.rule),
        )

    @model_validator(mode="after")
    def _keys_are_unambiguous(self) -> Self:
        for (first, one), (second, other) in combinations(enumerate(self.rule), 2):
            if one.key == other.key and _may_meet(one, other):
                raise ValueError(f"rule[{first}] and rule[{second}] share a key and could judge the same clock")
        return self


def _may_meet(one: RuleTable, other: RuleTable) -> bool:
    """Tell whether two rules could apply to one clock; rules on different anchors may not share a key."""
    apart_in_time = _ends_before(one, other) or _ends_before(other, one)
    series = {one.short_break_series, other.short_break_series}
    apart_in_kind = not (one.home_kinds or AWAY_FROM_HOME) & (other.home_kinds or AWAY_FROM_HOME)
    same_anchor = one.anchor is other.anchor is AnchorKind.HOME_STARTED
    return not (apart_in_time or (same_anchor and (apart_in_kind or series == {True, False})))


def _ends_before(one: RuleTable, other: RuleTable) -> bool:
    return one.effective_to is not None and other.effective_from is not None and one.effective_to < other.effective_from
