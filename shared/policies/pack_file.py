"""What the TOML file of a timetable pack may say, and how that becomes a ``Pack``.

A file has the members of ``PackFile``; rules are ``[[rule]]``, their steps
``[[rule.step]]``; either has notes, ``[[rule.note]]`` and ``[[rule.step.note]]``.  An interval is written
``{ weeks = 6 }``.  Lists are counted from 0 in error messages.

These tables hold the structure, which their JSON Schema (``pack_schema``) tells as well; what
members say together is asked by :mod:`shared.policies.pack_checks`.  Files are read by
:func:`shared.policies.linter.check`, which asks both.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

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

#: The edition of the language of packs that these tables are.
LANGUAGE: Final = 1
#: What a calendar's name is refused with; its message is written where the file is known.
CALENDAR_UNKNOWN: Final = "calendar_unknown"
#: What a list that says something twice is refused with.
SAID_TWICE: Final = "said_twice"
#: No interval of any law comes near it, and no date counted with it leaves the calendar.
INTERVAL_MAX: Final = 10_000


def _known_calendar(name: str) -> str:
    if name not in CALENDAR_NAMES:
        raise PydanticCustomError(CALENDAR_UNKNOWN, "there is no such calendar")
    return name


def _each_once(listed: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(set(listed)) != len(listed):
        raise PydanticCustomError(SAID_TWICE, "the list says something twice")
    return listed


Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True, pattern=r"\S")]
CalendarName = Annotated[
    str, AfterValidator(_known_calendar), WithJsonSchema({"type": "string", "enum": sorted(CALENDAR_NAMES)})
]
Count = Annotated[int, Field(strict=True, ge=1, le=INTERVAL_MAX)]
IntervalTable = Annotated[dict[Unit, Count], Field(min_length=1, max_length=1)]
Day = Annotated[date, Field(strict=True)]
#: For lists of codes, whose order means nothing.
EachOnce = Field(json_schema_extra={"uniqueItems": True})
#: Year and month, so that the latest edition is the greatest.
Edition = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$")]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NoteTable(_Table):
    """A ``[[rule.note]]`` or ``[[rule.step.note]]``."""

    text: Text = Field(description="A caution that is shown with every review it concerns.")
    when: HomeKind | Condition | None = Field(
        default=None, description="The kind of home, or the circumstance, in which alone it is shown."
    )

    def to_note(self) -> Note:
        """Return the domain's value of this note."""
        return Note(text=self.text, when=self.when)


class StepTable(_Table):
    """A ``[[rule.step]]``; without ``within`` its frequency must be agreed."""

    title: Text = Field(description="What people call the review that this step owes.")
    within: IntervalTable | None = Field(
        default=None,
        description="How long after its beginning the review is due, in one unit, for instance { weeks = 6 }; left "
        "out where the law asks for an agreed frequency and gives none.",
    )
    counted_from: CountedFrom = Field(
        default=CountedFrom.ANCHOR,
        alias="from",
        description="Whether it is counted from what starts the rule's clock, or from the day the review before it "
        "was held.",
    )
    repeats: StrictBool = Field(default=False, description="Whether it recurs as long as the clock runs.")
    citation: Text | None = Field(default=None, description="The provision, where it is narrower than the rule's.")
    note: tuple[NoteTable, ...] = Field(default=(), description="Cautions shown with this review only.")

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


class RuleTable(_Table):
    """A ``[[rule]]``."""

    key: Code = Field(description="The kind of its reviews; permanent, in small letters, digits, _ and -.")
    title: Text = Field(description="What people call its reviews.")
    anchor: AnchorKind = Field(description="What starts its clock.")
    basis: Basis = Field(description="What obliges the council.")
    citation: Text = Field(description="Where that is written, for instance SSI 2009/210 reg 45(2).")
    calendar: CalendarName | None = Field(
        default=None, description="The calendar on which working days are counted, where it is not the pack's."
    )
    step: tuple[StepTable, ...] = Field(min_length=1, description="The reviews it owes, in their order.")
    note: tuple[NoteTable, ...] = Field(default=(), description="Cautions shown with each of its reviews.")
    satisfied_by: Annotated[tuple[MeetingKind, ...], AfterValidator(_each_once), EachOnce] = Field(
        default=(), description="The kinds of meeting by which a review of it is held."
    )
    home_kinds: Annotated[tuple[HomeKind, ...], Field(min_length=1), AfterValidator(_each_once), EachOnce] | None = (
        Field(default=None, description="The kinds of home it is about; left out, all but the parents' own.")
    )
    emergency_only: StrictBool = Field(
        default=False, description="Whether it is only about homes that began in an emergency."
    )
    short_break_series: StrictBool | None = Field(
        default=None, description="Whether it is only about series of short breaks (true), or never about them (false)."
    )
    effective_from: Day | None = Field(
        default=None, description="The first day on which a clock may start that it judges."
    )
    effective_to: Day | None = Field(
        default=None, description="The last day on which a clock may start that it judges."
    )
    on_home_change: OnHomeChange = Field(
        default=OnHomeChange.RESTART, description="What a move to another home does to its clock."
    )
    owed_from: int = Field(
        default=1,
        strict=True,
        ge=1,
        le=INTERVAL_MAX,
        description="The number of the first review that it owes; those before it are owed by another rule, and only "
        "carry the count.",
    )
    verified_by: Text | None = Field(
        default=None, description="Who read the provision as it now stands and found the rule right."
    )
    verified_on: Day | None = Field(default=None, description="The day on which that was done.")

    @property
    def applies_to(self) -> frozenset[HomeKind]:
        """The kinds of home it is about."""
        return frozenset(self.home_kinds) if self.home_kinds else AWAY_FROM_HOME

    def to_rule(self, calendar: str) -> Rule:
        """Return the domain's value of this rule; ``calendar`` is the pack's."""
        return Rule(
            **self.model_dump(exclude={"step", "note", "calendar", "home_kinds", "satisfied_by"}),
            calendar=self.calendar or calendar,
            satisfied_by=frozenset(self.satisfied_by),
            home_kinds=self.applies_to,
            steps=tuple(step.to_step(self.citation) for step in self.step),
            notes=tuple(note.to_note() for note in self.note),
        )


class PackFile(_Table):
    """A whole pack file; ``calendar`` is that of every rule which names none itself."""

    pack: Code = Field(description="Its name; permanent, in small letters, digits, _ and -.")
    edition: Edition = Field(description="Year and month, for instance 2026-11; the greatest is the latest.")
    title: Text = Field(description="What people call it.")
    jurisdiction: Text = Field(description="Where its rules hold.")
    source: Text = Field(description="Where its rules are written.")
    calendar: CalendarName = Field(description="The calendar on which its rules count working days.")
    rule: tuple[RuleTable, ...] = Field(min_length=1, description="Its rules.")

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


def pack_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a pack file, read as JSON with its days as text.

    A member of TOML is given or left out, and never null.
    """
    schema = PackFile.model_json_schema()
    told = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": f"Timetable pack, {LANGUAGE}"}
    return {name: _without_null(member) for name, member in told.items()}


def _without_null(node: Any) -> Any:
    if isinstance(node, list):
        return [_without_null(each) for each in node if each != {"type": "null"}]
    if not isinstance(node, dict):
        return node
    kept = {name: _without_null(each) for name, each in node.items() if (name, each) != ("default", None)}
    match kept.get("anyOf"):
        case [only]:
            return {**only, **{name: each for name, each in kept.items() if name != "anyOf"}}
    return kept
