"""What may be wrong with a timetable pack: codes that never change, and the fault that carries one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from shared.policies.places import Path


class Severity(StrEnum):
    """An error keeps a pack from being read; a warning asks its author to look again."""

    ERROR = "error"
    WARNING = "warning"


class FaultCode(StrEnum):
    """What is wrong, for programs; ``MEANINGS`` says it for people.  A code is never given another meaning."""

    TEXT_TOO_LONG = "text_too_long"
    BYTE_ORDER_MARK = "byte_order_mark"
    NESTED_TOO_DEEP = "nested_too_deep"
    NOT_TOML = "not_toml"
    KEY_MISSING = "key_missing"
    KEY_UNKNOWN = "key_unknown"
    KIND_WRONG = "kind_wrong"
    TEXT_EMPTY = "text_empty"
    TEXT_MALFORMED = "text_malformed"
    LIST_EMPTY = "list_empty"
    SAID_TWICE = "said_twice"
    CODE_UNKNOWN = "code_unknown"
    CALENDAR_UNKNOWN = "calendar_unknown"
    UNIT_UNKNOWN = "unit_unknown"
    INTERVAL_NOT_ONE_UNIT = "interval_not_one_unit"
    INTERVAL_NOT_WHOLE = "interval_not_whole"
    NUMBER_TOO_SMALL = "number_too_small"
    NUMBER_TOO_GREAT = "number_too_great"
    CITATION_MISSING = "citation_missing"
    CITATION_NAMES_NOTHING = "citation_names_nothing"
    FIRST_STEP_NOT_FROM_ANCHOR = "first_step_not_from_anchor"
    REPEATS_TOO_EARLY = "repeats_too_early"
    REPEATS_FROM_ANCHOR = "repeats_from_anchor"
    INTERVAL_MISSING = "interval_missing"
    NOTHING_OWED = "nothing_owed"
    HOME_NOT_KNOWN = "home_not_known"
    EFFECTIVE_REVERSED = "effective_reversed"
    VERIFIED_INCOMPLETE = "verified_incomplete"
    KEY_AMBIGUOUS = "key_ambiguous"
    LANGUAGE_UNKNOWN = "language_unknown"
    LANGUAGE_MISSING = "language_missing"
    EVENT_UNKNOWN = "event_unknown"
    EVENT_NOT_OF_A_CHILD = "event_not_of_a_child"
    MEMBER_UNKNOWN = "member_unknown"
    MEMBER_NO_DAY = "member_no_day"
    MEMBER_WITHOUT_CODES = "member_without_codes"
    SAME_NOT_SHARED = "same_not_shared"
    DUE_SAID_TWICE = "due_said_twice"
    ON_DAY_WITHOUT_EVENT = "on_day_without_event"
    ON_DAY_COUNTED = "on_day_counted"
    COUNTING_NOTHING = "counting_nothing"
    REPEATS_IN_PLACE = "repeats_in_place"
    PHASE_WITHOUT_REPEATS = "phase_without_repeats"
    PHASE_OUT_OF_ORDER = "phase_out_of_order"
    NOT_VERIFIED = "not_verified"
    NEVER_SATISFIED = "never_satisfied"
    HOUR_MAY_BE_UNKNOWN = "hour_may_be_unknown"
    NOTE_NEVER_SHOWN = "note_never_shown"
    EFFECTIVE_GAP = "effective_gap"
    HELD_BY_MEETINGS_ONLY = "held_by_meetings_only"

    @property
    def severity(self) -> Severity:
        """How much it matters."""
        return Severity.WARNING if self in _WARNINGS else Severity.ERROR


_WARNINGS = frozenset(
    {
        FaultCode.NOT_VERIFIED,
        FaultCode.NEVER_SATISFIED,
        FaultCode.HOUR_MAY_BE_UNKNOWN,
        FaultCode.NOTE_NEVER_SHOWN,
        FaultCode.EFFECTIVE_GAP,
        FaultCode.HELD_BY_MEETINGS_ONLY,
    }
)

MEANINGS: Mapping[FaultCode, str] = MappingProxyType(
    {
        FaultCode.TEXT_TOO_LONG: "The file is longer than any pack may be.",
        FaultCode.BYTE_ORDER_MARK: "The file begins with a byte order mark, which TOML does not have.",
        FaultCode.NESTED_TOO_DEEP: "A key has too many parts, or values are nested too deep.",
        FaultCode.NOT_TOML: "The file is not TOML.",
        FaultCode.KEY_MISSING: "A member that must be there is not.",
        FaultCode.KEY_UNKNOWN: "There is no member of this name here.",
        FaultCode.KIND_WRONG: "A value of another kind belongs here: a text, a number, a day, a list, a table.",
        FaultCode.TEXT_EMPTY: "A text says nothing.",
        FaultCode.TEXT_MALFORMED: "A text is not written as texts are here, an edition not as 2026-11 for instance.",
        FaultCode.LIST_EMPTY: "A list that must hold something is empty.",
        FaultCode.SAID_TWICE: "A list says something twice.",
        FaultCode.CODE_UNKNOWN: "The word is none of those that may stand here.",
        FaultCode.CALENDAR_UNKNOWN: "There is no calendar of this name.",
        FaultCode.UNIT_UNKNOWN: "An interval has a unit that there is not.",
        FaultCode.INTERVAL_NOT_ONE_UNIT: "An interval has no unit, or more than one.",
        FaultCode.INTERVAL_NOT_WHOLE: "An interval is not a whole number: half a month is no length of time.",
        FaultCode.NUMBER_TOO_SMALL: "A number is below 1.",
        FaultCode.NUMBER_TOO_GREAT: "A number is so great that no date can be counted with it.",
        FaultCode.CITATION_MISSING: "A rule does not say where it is written.",
        FaultCode.CITATION_NAMES_NOTHING: "A statute or rule of court is cited without a provision to look up.",
        FaultCode.FIRST_STEP_NOT_FROM_ANCHOR: "The first step is counted from a review before it, and there is none.",
        FaultCode.REPEATS_TOO_EARLY: "A step repeats although another follows it, and no phase ends it.",
        FaultCode.REPEATS_FROM_ANCHOR: "A step repeats although it is not counted from the one before it.",
        FaultCode.INTERVAL_MISSING: "A step among several has no interval.",
        FaultCode.NOTHING_OWED: "`owed_from` lies beyond the last step.",
        FaultCode.HOME_NOT_KNOWN: "A rule depends on the home although its clock does not start with one.",
        FaultCode.EFFECTIVE_REVERSED: "A rule goes out of force before it comes into force.",
        FaultCode.VERIFIED_INCOMPLETE: "Only one of who verified a rule and on which day is told.",
        FaultCode.KEY_AMBIGUOUS: "Two rules share a key and could judge the same clock.",
        FaultCode.LANGUAGE_UNKNOWN: "There is no such edition of the language of packs.",
        FaultCode.LANGUAGE_MISSING: "What only language 2 has is said in a file that is not in it.",
        FaultCode.EVENT_UNKNOWN: "There is no event type of this name.",
        FaultCode.EVENT_NOT_OF_A_CHILD: "The event type tells no fact about a child, so nothing can rest on it.",
        FaultCode.MEMBER_UNKNOWN: "The data of the event type have no such member.",
        FaultCode.MEMBER_NO_DAY: "The member has no day.",
        FaultCode.MEMBER_WITHOUT_CODES: "The member has no codes to ask for.",
        FaultCode.SAME_NOT_SHARED: "A member has to be the same in two facts, and one of them has no such member.",
        FaultCode.DUE_SAID_TWICE: "A step says in more than one way when it is due.",
        FaultCode.ON_DAY_WITHOUT_EVENT: "A step is due on a day that a fact tells, and no fact starts the clock.",
        FaultCode.ON_DAY_COUNTED: "A step that is due on a day told is counted from one before it, or repeats.",
        FaultCode.COUNTING_NOTHING: "It is said how days are counted where none are.",
        FaultCode.REPEATS_IN_PLACE: "A step that repeats might never come to a later day.",
        FaultCode.PHASE_WITHOUT_REPEATS: "A step has a phase through which it does not repeat.",
        FaultCode.PHASE_OUT_OF_ORDER: "A phase ends no later than one before it.",
        FaultCode.NOT_VERIFIED: "Nobody has verified the rule.",
        FaultCode.NEVER_SATISFIED: "No meeting and no other fact satisfies the rule, so all would be overdue.",
        FaultCode.HOUR_MAY_BE_UNKNOWN: "Hours are counted, from an hour that may not be recorded.",
        FaultCode.NOTE_NEVER_SHOWN: "A note is about what its rule is not about.",
        FaultCode.EFFECTIVE_GAP: "Rules of one key leave days between them that none judges.",
        FaultCode.HELD_BY_MEETINGS_ONLY: "A rule is not about reviews, and nothing but meetings satisfies it.",
    }
)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something to tell of a pack: where it stands, and what to write instead."""

    code: FaultCode
    path: Path
    message: str
