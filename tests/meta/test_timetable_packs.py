"""What has been promised of timetable packs is kept."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from copy import deepcopy
from datetime import date
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from shared.policies.pack_file import LANGUAGE, PackFile, beyond_language_1, pack_schema
from tests.meta import timetable_packs
from tests.meta.compatibility import broken_promises
from tests.meta.event_schemas import released as released_events
from tests.meta.timetable_packs import changed, findings_page, released, released_schema, shipped, text_of

REMEDY = "run `make schemas`"
_DAY = date(2026, 11, 23)
#: A pack that has every member that the first language has.
FIRST: dict[str, Any] = {
    "pack": "test",
    "edition": "2026-11",
    "title": "Test",
    "jurisdiction": "Nowhere",
    "source": "None",
    "calendar": "weekdays_only",
    "rule": [
        {
            "key": "check",
            "title": "Check",
            "anchor": "home_started",
            "basis": "guidance",
            "citation": "None",
            "calendar": "council",
            "satisfied_by": ["other"],
            "home_kinds": ["foster", "kinship"],
            "emergency_only": True,
            "short_break_series": False,
            "effective_from": _DAY,
            "effective_to": _DAY,
            "on_home_change": "continue",
            "owed_from": 2,
            "verified_by": "A person",
            "verified_on": _DAY,
            "step": [{"title": "First", "within": {"weeks": 6}, "from": "anchor", "repeats": False, "citation": "x"}],
            "note": [{"text": "A note", "when": "secure"}],
        }
    ],
}
_ANCHOR = {
    "event": "visit.made",
    "where": {"visited": ["child"]},
    "day": "x",
    "which": "first",
    "called": "x",
    "outlives_episode": True,
}
_TIED = {"event": "home.started", "where": {"emergency": [True, "false"]}, "same": ["home_id"]}
_STEP = {
    **FIRST["rule"][0]["step"][0],
    "counting": "beginning_with",
    "on_day": "x",
    "each_calendar_year": True,
    "maximum": {"months": 6},
    "phase": {"years": 1},
}
#: A pack that has every member.
PACK: dict[str, Any] = {
    "language": 2,
    **FIRST,
    "rule": [
        {
            **FIRST["rule"][0],
            "anchor": _ANCHOR,
            "what": "visit",
            "for": ["social_worker"],
            "weekend": "next_working_day",
            "satisfied_by_event": [_TIED],
            "ends": [{**_TIED, "because": "It ended"}],
            "step": [_STEP],
        }
    ],
}


def test_no_released_edition_has_changed() -> None:
    """Councils work to an edition, so its text is for ever; what is new is another edition."""
    assert changed(released(), shipped()) == []


def test_every_edition_is_released() -> None:
    """Each edition that lies in the repository has its digest."""
    assert shipped() == released(), REMEDY


def test_a_changed_edition_would_be_found() -> None:
    """An edition that reads otherwise, or is gone, is told, with what to do; one that is new is not."""
    old = {"one": {"2026-01": "a", "2026-02": "b"}}
    assert changed(old, {"one": {"2026-01": "a", "2026-02": "b", "2026-03": "c"}, "two": {"2026-01": "d"}}) == []
    [told] = changed(old, {"one": {"2026-01": "a", "2026-02": "c"}})
    assert told.startswith("edition 2026-02 of one is released and was changed; ")
    assert [each.partition(";")[0] for each in changed(old, {})] == [
        "edition 2026-01 of one is released and was taken away",
        "edition 2026-02 of one is released and was taken away",
    ]


def test_nothing_is_written_over_a_changed_edition(monkeypatch: pytest.MonkeyPatch) -> None:
    """`make schemas` does not make a change of a released edition right."""
    monkeypatch.setattr(timetable_packs, "shipped", lambda: {"scotland": {"2026-11": "another"}})
    with pytest.raises(SystemExit, match="another edition in a file of its own"):
        timetable_packs.main()


def test_the_files_are_those_of_the_code() -> None:
    """The schema, and the page of findings, read as `make schemas` would write them."""
    assert timetable_packs.SCHEMA.read_text(encoding="utf-8") == text_of(pack_schema()), REMEDY
    assert timetable_packs.FINDINGS_PAGE.read_text(encoding="utf-8") == findings_page(), REMEDY


def test_the_schema_admits_what_it_admitted() -> None:
    """A pack that an earlier release read is read, and a code or unit that there was is there."""
    assert broken_promises(released_schema(), pack_schema()) == []
    fewer = pack_schema()
    fewer["$defs"]["IntervalUnit"]["enum"].remove("hours")
    assert broken_promises(pack_schema(), fewer)


def test_the_schema_is_of_no_event_type() -> None:
    """The schemas of event types are found beside that of packs, and it is none of them."""
    assert "timetable-pack" not in {name for name, _ in released_events()}


def test_every_member_says_what_it_is() -> None:
    """Whoever writes a pack in an editor that knows the schema is told what each member means."""
    schema = pack_schema()
    tables = [schema, *(each for each in schema["$defs"].values() if "properties" in each)]
    members = [(name, member) for table in tables for name, member in table["properties"].items()]
    assert len(members) > 30
    assert [name for name, member in members if not member.get("description")] == []


@cache
def validator(language: int) -> Draft202012Validator:
    schema = pack_schema() if language == LANGUAGE else released_schema(language)
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def admitted(document: Any, language: int) -> tuple[bool, bool]:
    """Return whether the tables, and whether the schema, admit what a file says as one in this language."""
    by_schema = validator(language).is_valid(as_json(document))
    try:
        file = PackFile.model_validate(document)
    except ValidationError:
        return False, by_schema
    if language == LANGUAGE:
        return file.language == LANGUAGE, by_schema
    return file.language is None and not any(beyond_language_1(file)), by_schema


def as_json(value: Any) -> Any:
    """Return what a file says as JSON has it: its days are text."""
    if isinstance(value, dict):
        return {name: as_json(each) for name, each in value.items()}
    if isinstance(value, list):
        return [as_json(each) for each in value]
    return value.isoformat() if isinstance(value, date) else value


def places_in(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each container within a document with each of its keys."""
    for key, each in value.items() if isinstance(value, dict) else enumerate(value):
        yield value, key
        if isinstance(each, (dict, list)):
            yield from places_in(each)


#: What may stand at a place instead; a day is text to JSON, so days are exchanged for no text and stay days.
_OTHERS = st.one_of(
    st.sampled_from([1, 0, -1, 2, 3, 10_000, 10_001, 1.5, True, False]),
    st.sampled_from(["", " ", " x ", "X", "x", "foster", "other", "secure", "2026-00", "hours", "council"]),
    st.sampled_from(["previous_due", "home_started", "visit.made", "timetable.adopted", "child", "false"]),
    st.sampled_from(
        [{}, {"weeks": 6}, {"weeks": 0}, {"years": 1}, {"weeks": 1, "days": 1}, {"title": "x"}, {"text": "x"}]
    ),
    st.sampled_from([_ANCHOR, {"event": "visit.made"}, {"visited": ["child"]}, {"visited": []}, {"hours": 1}]),
    st.sampled_from(
        [[], ["other"], ["other", "other"], [1], [True], [[]], [{"text": "x", "when": "emergency"}], [{"title": "x"}]]
    ),
).map(deepcopy)
_ADDED = ["titel", "days", "citation", "note", "within", "what", "phase", "where", "same", "because"]


@pytest.mark.parametrize("language", [1, 2])
@given(data=st.data())
def test_schema_and_tables_admit_the_same(data: st.DataObject, language: int) -> None:
    """A pack that an editor finds right by the schema is one whose structure is read, and the other way round."""
    document = deepcopy(FIRST if language == 1 else PACK)
    for _ in range(data.draw(st.integers(0, 3))):
        container, key = data.draw(st.sampled_from(list(places_in(document))), label="place")
        match data.draw(st.sampled_from(["exchange", "leave out", "add"])):
            case "exchange":
                container[key] = data.draw(_OTHERS)
            case "leave out":
                del container[key]
            case _ if isinstance(container, dict):
                container[data.draw(st.sampled_from(_ADDED))] = data.draw(_OTHERS)
            case _:
                container.append(deepcopy(container[key]))
    by_tables, by_schema = admitted(document, language)
    assert by_tables == by_schema


def test_the_packs_with_every_member_are_admitted() -> None:
    """What the comparison begins with are packs, so that both say yes to something, and they have every member."""
    assert admitted(PACK, 2) == admitted(FIRST, 1) == (True, True)
    assert admitted(PACK, 1) == admitted(FIRST, 2) == (False, False)
    tables = {"RuleTable": PACK["rule"][0], "StepTable": {**_STEP, "note": []}, "AnchorTable": _ANCHOR}
    for name, table in {**tables, "TiedTable": _TIED, "EndTable": PACK["rule"][0]["ends"][0]}.items():
        assert table.keys() == pack_schema()["$defs"][name]["properties"].keys(), name
    assert PACK["rule"][0].keys() - FIRST["rule"][0].keys() == {"what", "for", "weekend", "satisfied_by_event", "ends"}
    assert FIRST["rule"][0].keys() == released_schema(1)["$defs"]["RuleTable"]["properties"].keys()


def test_the_first_language_is_part_of_the_second() -> None:
    """Whoever goes over to the second language adds one line: all that was said before means the same."""
    for file in timetable_packs.PACKS.glob("*.toml"):
        said = tomllib.loads(file.read_text(encoding="utf-8"))
        one, other = PackFile.model_validate(said), PackFile.model_validate({**said, "language": 2})
        assert one.to_pack() == other.to_pack()
