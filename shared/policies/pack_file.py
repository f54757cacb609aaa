"""What the TOML file of a timetable pack may say, and how that becomes a ``Pack``.

A file has the members of ``PackFile``; rules are ``[[rule]]``, their steps
``[[rule.step]]``; either has notes, ``[[rule.note]]`` and ``[[rule.step.note]]``.  An interval is written
``{ weeks = 6 }``.  Lists are counted from 0 in error messages.

The language has two editions.  A file that says ``language = 2`` may say all of this; one that does not is
of the first, without which there were only meetings: :func:`beyond_language_1` finds what that has not.

These tables hold the structure, which their JSON Schema (``pack_schema``) tells as well; what
members say together is asked by :mod:`shared.policies.pack_checks`.  Files are read by
:func:`shared.policies.linter.check`, which asks both.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Discriminator, Field, StrictBool, Tag

from shared.domain.catalogue.child import HomeKind
from shared.domain.catalogue.meeting import MeetingKind
from shared.domain.catalogue.roles import Role
from shared.domain.ids import Code
from shared.domain.timetable.intervals import Counting
from shared.domain.timetable.reviews import Basis, What
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
    Weekend,
)
from shared.policies.pack_patterns import AnchorTable, EndTable, TiedTable
from shared.policies.pack_values import (
    INTERVAL_MAX,
    CalendarName,
    Day,
    EachOnce,
    Edition,
    IntervalTable,
    IntervalUnit,
    PhaseTable,
    Table,
    Text,
    each_once,
    interval_of,
)
from shared.policies.places import Path

#: The latest edition of the language of packs, which these tables are.
LANGUAGE: Final = 2
#: How the alternatives of a member that is a word or a table are called in what pydantic tells; no key is called so.
WORD, TABLE = "[word]", "[table]"


def _word_or_table(value: Any) -> str:
    return TABLE if isinstance(value, (dict, AnchorTable)) else WORD


RuleAnchor = Annotated[
    Annotated[AnchorKind, Tag(WORD)] | Annotated[AnchorTable, Tag(TABLE)], Discriminator(_word_or_table)
]


#: More rules than any pack has, and more steps than any rule: each pair of rules is compared.
RULES_MAX: Final = 200
STEPS_MAX: Final = 50


class NoteTable(Table):
    """A ``[[rule.note]]`` or ``[[rule.step.note]]``."""

    text: Text = Field(description="A caution that is shown with every review it concerns.")
    when: HomeKind | Condition | None = Field(
        default=None, description="The kind of home, or the circumstance, in which alone it is shown."
    )

    def to_note(self) -> Note:
        """Return the domain's value of this note."""
        return Note(text=self.text, when=self.when)


class StepTable(Table):
    """A ``[[rule.step]]``; one that says nothing of when it is due must have its frequency agreed."""

    title: Text = Field(description="What people call the review that this step owes.")
    within: IntervalTable | None = Field(
        default=None,
        description="How long after its beginning the review is due, in one unit, for instance { weeks = 6 }; left "
        "out where the law asks for an agreed frequency and gives none.",
    )
    counted_from: CountedFrom = Field(
        default=CountedFrom.ANCHOR,
        alias="from",
        description="Whether it is counted from what starts the rule's clock, or from the day the one before it "
        "was held, or was due.",
    )
    counting: Counting = Field(
        default=Counting.FROM,
        description="Whether the day from which it is counted is left out (from), or belongs to it (beginning_with).",
    )
    on_day: Text | None = Field(
        default=None,
        description="In place of an interval: the member of the fact that started the clock that has the day on which "
        "it is due.",
    )
    each_calendar_year: StrictBool = Field(
        default=False,
        description="In place of an interval: whether it is due once in each calendar year, at the latest on its last "
        "day.",
    )
    maximum: IntervalTable | None = Field(
        default=None,
        description="The longest interval that may be agreed, where the frequency is left to agreement; it holds, too, "
        "while none is agreed.",
    )
    repeats: StrictBool = Field(
        default=False,
        description="Whether it recurs: as long as the clock runs, or, for a step with a phase, as long as that lasts.",
    )
    phase: PhaseTable | None = Field(
        default=None,
        description="How long after the start of the clock a step goes on to recur, for instance { months = 12 }; then "
        "the next one takes over.",
    )
    citation: Text | None = Field(default=None, description="The provision, where it is narrower than the rule's.")
    note: tuple[NoteTable, ...] = Field(default=(), description="Cautions shown with this review only.")

    def to_step(self, citation: str) -> Step:
        """Return the domain's value of this step; ``citation`` is the rule's."""
        return Step(
            title=self.title,
            within=interval_of(self.within),
            counted_from=self.counted_from,
            counting=self.counting,
            on_day=self.on_day,
            each_calendar_year=self.each_calendar_year,
            maximum=interval_of(self.maximum),
            repeats=self.repeats,
            phase=interval_of(self.phase),
            citation=self.citation or citation,
            notes=tuple(note.to_note() for note in self.note),
        )


#: Members of a rule that the domain has in another form.
_TRANSLATED = {
    "anchor",
    "roles",
    "calendar",
    "home_kinds",
    "satisfied_by",
    "satisfied_by_event",
    "ends",
    "step",
    "note",
}


class RuleTable(Table):
    """A ``[[rule]]``."""

    key: Code = Field(description="The kind of its reviews; permanent, in small letters, digits, _ and -.")
    title: Text = Field(description="What people call its reviews.")
    anchor: RuleAnchor = Field(description="What starts its clock.")
    what: What = Field(default=What.REVIEW, description="What is owed by the day, or runs out on it.")
    roles: Annotated[tuple[Role, ...], AfterValidator(each_once), EachOnce] = Field(
        default=(), alias="for", description="Whose work it is, by role."
    )
    basis: Basis = Field(description="What obliges the council.")
    citation: Text = Field(description="Where that is written, for instance SSI 2009/210 reg 45(2).")
    calendar: CalendarName | None = Field(
        default=None, description="The calendar on which working days are counted, where it is not the pack's."
    )
    step: tuple[StepTable, ...] = Field(
        min_length=1, max_length=STEPS_MAX, description="The reviews it owes, in their order."
    )
    note: tuple[NoteTable, ...] = Field(default=(), description="Cautions shown with each of its reviews.")
    satisfied_by: Annotated[tuple[MeetingKind, ...], AfterValidator(each_once), EachOnce] = Field(
        default=(), description="The kinds of meeting by which a review of it is held."
    )
    satisfied_by_event: tuple[TiedTable, ...] = Field(
        default=(), description="Facts, besides meetings, by which what it owes is done."
    )
    ends: tuple[EndTable, ...] = Field(default=(), description="Facts that stop its clock.")
    weekend: Weekend = Field(
        default=Weekend.STANDS,
        description="What a due day that is no working day becomes: it stands, or the next working day is the last.",
    )
    home_kinds: Annotated[tuple[HomeKind, ...], Field(min_length=1), AfterValidator(each_once), EachOnce] | None = (
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
            **self.model_dump(exclude=_TRANSLATED),
            anchor=self.anchor.to_anchor() if isinstance(self.anchor, AnchorTable) else self.anchor,
            calendar=self.calendar or calendar,
            roles=frozenset(self.roles),
            satisfied_by=frozenset(self.satisfied_by),
            satisfied_by_events=tuple(facts.pattern() for facts in self.satisfied_by_event),
            ends=tuple(end.to_end() for end in self.ends),
            home_kinds=self.applies_to,
            steps=tuple(step.to_step(self.citation) for step in self.step),
            notes=tuple(note.to_note() for note in self.note),
        )


class PackFile(Table):
    """A whole pack file; ``calendar`` is that of every rule which names none itself."""

    language: Literal[2] | None = Field(
        default=None, description="The edition of the language in which it is written, which is 2."
    )
    pack: Code = Field(description="Its name; permanent, in small letters, digits, _ and -.")
    edition: Edition = Field(description="Year and month, for instance 2026-11; the greatest is the latest.")
    title: Text = Field(description="What people call it.")
    jurisdiction: Text = Field(description="Where its rules hold.")
    source: Text = Field(description="Where its rules are written.")
    calendar: CalendarName = Field(description="The calendar on which its rules count working days.")
    rule: tuple[RuleTable, ...] = Field(min_length=1, max_length=RULES_MAX, description="Its rules.")

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


#: The members that the first edition of the language has not.
_RULE_2 = {
    "what": "what",
    "roles": "for",
    "weekend": "weekend",
    "satisfied_by_event": "satisfied_by_event",
    "ends": "ends",
}
_STEP_2 = ("counting", "on_day", "each_calendar_year", "maximum", "phase")


def beyond_language_1(file: PackFile) -> Iterator[Path]:
    """Yield the path of everything in a file that only the second edition of the language has."""
    for number, rule in enumerate(file.rule):
        at: Path = ("rule", number)
        if isinstance(rule.anchor, AnchorTable):
            yield (*at, "anchor")
        yield from ((*at, written) for name, written in _RULE_2.items() if name in rule.model_fields_set)
        for index, step in enumerate(rule.step):
            yield from ((*at, "step", index, *path) for path in _beyond_in_step(step))


def _beyond_in_step(step: StepTable) -> Iterator[Path]:
    yield from ((name,) for name in _STEP_2 if name in step.model_fields_set)
    if step.counted_from is CountedFrom.PREVIOUS_DUE:
        yield ("from",)
    if IntervalUnit.YEARS in (step.within or {}):
        yield ("within", IntervalUnit.YEARS.value)


def pack_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a pack file in the latest language, read as JSON with its days as text.

    A member of TOML is given or left out, and never null.
    """
    schema = PackFile.model_json_schema()
    told = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": f"Timetable pack, {LANGUAGE}",
        "required": ["language", *schema["required"]],
    }
    return {name: _without_null(member) for name, member in told.items()}


def _without_null(node: Any) -> Any:
    if isinstance(node, list):
        return [_without_null(each) for each in node if each != {"type": "null"}]
    if not isinstance(node, dict):
        return node
    kept = {name: _without_null(each) for name, each in node.items() if (name, each) != ("default", None)}
    if "oneOf" in kept:  # A word or a table: no value is both.
        kept["anyOf"] = kept.pop("oneOf")
    match kept.get("anyOf"):
        case [only]:
            return {**only, **{name: each for name, each in kept.items() if name != "anyOf"}}
    return kept
