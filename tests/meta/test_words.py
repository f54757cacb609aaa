"""One word for each idea, and words that respect children.

Events and migrations outlive every opinion, so a wrong word is stopped before it is
recorded.  What the right words mean stands in ``docs/reference/glossary.md``.
"""

from __future__ import annotations

import io
import re
import tokenize
from pathlib import PurePath

from tests.meta.repository import ROOT, SOURCES, python_files, texts

#: These two say which words are meant.
MAY_NAME_THEM = {"docs/reference/glossary.md", "tests/meta/test_words.py"}

#: Word, in any case, to what is written instead.
BANNED = {
    "lac": "'child', or 'Looked After Child Review' in full",
    "laac": "'child', or 'Looked After Child Review' in full",
    "sibling": "'brother' or 'sister'",
    "siblings": "'brothers and sisters'",
    "service user": "'child' or 'parent'",
    "service users": "'children' or 'parents'",
    "birth parent": "'parent'",
    "birth parents": "'parents'",
    "respite": "'short break'",
    "tenant": "'authority'",
    "tenants": "'authorities'",
    "overdue children": "'children whose review is overdue'",
    "kpi": "'measure'",
    "kpis": "'measures'",
    "sla": "'timetable'",
    "blacklist": "'refused'",
    "whitelist": "'allowed'",
}
#: Acronym, as it is written, to what is written instead.
BANNED_ACRONYMS = {"IRO": "'independent reviewing officer'", "CYP": "'child'"}

#: Part of a name in code to what the thing is called here.
BANNED_IN_NAMES = {
    "placement": "home",
    "placements": "homes",
    "sibling": "brother or sister",
    "tenant": "authority",
    "lac": "child",
    "laac": "child",
    "offset": "position",
    "dto": "a fact, a message or a row",
}
BANNED_MODULES = {"utils", "util", "helpers", "helper", "common", "misc", "tools"}


def occurrences(word: str, text: str, *, flags: int = re.IGNORECASE) -> int:
    """Count ``word`` where no letter stands before or behind it; a line may break between its words."""
    pattern = re.escape(word).replace(r"\ ", r"\s+")
    return len(re.findall(rf"(?<![A-Za-z]){pattern}(?![A-Za-z])", text, flags))


def test_no_banned_word_is_written_anywhere() -> None:
    """No file that is ours has a banned word, in prose, code or data."""
    found = [
        f"{path}: '{word}'; write {instead}"
        for path, text in texts()
        if path not in MAY_NAME_THEM
        for words, flags in ((BANNED, re.IGNORECASE), (BANNED_ACRONYMS, 0))
        for word, instead in words.items()
        if occurrences(word, f"{path}\n{text}", flags=flags)
    ]

    assert found == []


def test_no_name_in_code_uses_another_word_for_a_thing() -> None:
    """Names of our code use the words of the glossary."""
    found = [
        f"{path}:{line} {name}; write {BANNED_IN_NAMES[part]}"
        for path in python_files(*SOURCES, "tests")
        for line, name in names(path)
        for part in parts(name)
        if part in BANNED_IN_NAMES
    ]

    assert found == []


def test_no_module_is_a_drawer() -> None:
    """No module or package is named for holding whatever has no place."""
    found = [
        path
        for path in python_files(*SOURCES, "tests")
        if BANNED_MODULES & {PurePath(part).stem for part in PurePath(path).parts}
    ]

    assert found == []


def test_a_banned_word_would_be_found() -> None:
    """The search sees a word beside an underscore, and not inside another word."""
    assert occurrences("tenant", "the tenant_id of a Tenant") == 2
    assert occurrences("lac", "place, lack, Lac") == 1
    assert occurrences("service user", "a service\n    user") == 1


def names(path: str) -> list[tuple[int, str]]:
    with io.BytesIO((ROOT / path).read_bytes()) as source:
        return [
            (token.start[0], token.string)
            for token in tokenize.tokenize(source.readline)
            if token.type == tokenize.NAME
        ]


def parts(name: str) -> list[str]:
    return [part.lower() for part in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)]
