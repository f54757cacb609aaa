"""The reference says what the code does."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator

import pytest

from shared.domain.catalogue import CATALOGUE
from shared.domain.errors import HomewardError
from shared.wire.problem_catalogue import PROBLEMS
from tests.meta.documents import document, document_file
from tests.meta.pages import SETTINGS_PAGE, settings_page
from tests.meta.repository import ROOT, files
from tests.meta.services import SERVICES

DECISION_PARTS = ("Context", "Decision", "Consequences", "Alternatives", "What enforces it")


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def errors(of: type[HomewardError] = HomewardError) -> Iterator[type[HomewardError]]:
    yield of
    for each in of.__subclasses__():
        yield from errors(each)


def test_every_setting_is_documented() -> None:
    """The page of settings reads as `make docs` would write it."""
    assert SETTINGS_PAGE.read_text(encoding="utf-8") == settings_page()


@pytest.mark.parametrize("service", SERVICES)
def test_the_openapi_document_is_that_of_the_code(service: str) -> None:
    """The file reads as `make openapi` would write it."""
    assert document_file(service).read_text(encoding="utf-8") == document(service)


def test_every_problem_is_described() -> None:
    """Each error has its heading, title and status on the page of problems."""
    page = read("docs/reference/problems.md")
    missing = [
        each.__name__
        for each in errors()
        if not re.search(rf"^## {each.slug}\n\n{each.status}: {re.escape(each('').title)}", page, re.MULTILINE)
    ]

    assert missing == []


def test_the_page_says_what_to_do_about_each_status() -> None:
    """The table of statuses has a row for every status with which a problem is answered, and for no other."""
    table = re.findall(r"^\| ([0-9, ]+) \|", read("docs/reference/problems.md"), re.MULTILINE)
    told = [int(status) for cell in table for status in cell.split(",")]
    code = [read(path) for path in files() if re.fullmatch(r"(services|shared)/.*\.py", path)]
    before_any_operation = {int(status) for text in code for status in re.findall(r"\brefused\(([0-9]{3})", text)}

    assert sorted(told) == sorted({kind.status for kind in PROBLEMS.values()} | before_any_operation)


def test_every_error_s_docstring_is_a_title() -> None:
    """The first line of an error's docstring is one sentence that a caller can read."""
    for each in errors():
        title = each("").title
        assert title.endswith(".")
        assert title[0].isupper()


def test_every_event_type_is_in_the_glossary() -> None:
    """An event type needs a definition before it is recorded for ever."""
    page = read("docs/reference/glossary.md")

    assert [name for name in CATALOGUE if f"`{name}`" not in page] == []


def test_every_runtime_dependency_has_its_reason() -> None:
    """Decision 0002 has a line for each dependency, and none for another."""
    wanted = {
        re.split(r"[\[>=;~ ]", each, maxsplit=1)[0]
        for each in tomllib.loads(read("pyproject.toml"))["project"]["dependencies"]
    }
    explained = re.findall(r"^\| `([a-z0-9-]+)` \|", read("docs/decisions/0002-runtime-dependencies.md"), re.MULTILINE)

    assert sorted(explained) == sorted(wanted)


def decisions() -> list[str]:
    return [path for path in files() if re.fullmatch(r"docs/decisions/\d{4}-.*\.md", path)]


def test_decisions_are_numbered_without_gaps() -> None:
    """Decisions form one sequence from 0001 (0000 is the template)."""
    assert [int(path.split("/")[-1][:4]) for path in decisions()] == list(range(len(decisions())))


@pytest.mark.parametrize("path", decisions())
def test_every_decision_has_every_part(path: str) -> None:
    """Each page says status, area, context, decision, consequences, alternatives, and what enforces it."""
    page = read(path)

    assert re.search(r"^Status: \S+", page, re.MULTILINE)
    assert re.search(r"^Area: \S+", page, re.MULTILINE)
    assert re.findall(r"^## (.+)$", page, re.MULTILINE) == list(DECISION_PARTS)


def test_no_link_of_ours_is_dead() -> None:
    """Every relative link in our Markdown leads to a file."""
    dead = [
        f"{path}: {target}"
        for path in files()
        if path.endswith(".md")
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", read(path))
        if not (ROOT / path).parent.joinpath(target).exists()
    ]

    assert dead == []
