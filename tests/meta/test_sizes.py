"""Functions and modules stay small enough to be read in one go."""

from __future__ import annotations

from statistics import median

from tests.meta.repository import ROOT, SOURCES, functions, python_files

FUNCTION_LINES_MAX = 60
FUNCTION_LINES_MEDIAN_MAX = 10
MODULE_LINES_MAX = 400
TEST_MODULE_LINES_MAX = 600


def lines(path: str) -> int:
    return len((ROOT / path).read_text(encoding="utf-8").splitlines())


def test_no_function_is_longer_than_a_screen() -> None:
    """Every function, of tests too, fits on a screen."""
    long = [each.place for each in functions(*SOURCES, "tests") if each.lines > FUNCTION_LINES_MAX]

    assert long == []


def test_half_of_all_functions_are_very_short() -> None:
    """The median function has at most ten lines."""
    assert median(each.lines for each in functions("services", "shared")) <= FUNCTION_LINES_MEDIAN_MAX


def test_no_module_outgrows_its_job() -> None:
    """A module has at most 400 lines, a test module 600."""
    long = [path for path in python_files(*SOURCES) if lines(path) > MODULE_LINES_MAX]
    long += [path for path in python_files("tests") if lines(path) > TEST_MODULE_LINES_MAX]

    assert long == []
