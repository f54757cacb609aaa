"""Every kind of problem is described where its type leads."""

from __future__ import annotations

from importlib import import_module
from pkgutil import walk_packages

import services
from shared.domain.errors import HomewardError
from shared.wire.problem import problem_of
from shared.wire.problem_catalogue import PROBLEMS


def kinds(base: type[HomewardError]) -> set[type[HomewardError]]:
    return {base, *(kind for each in base.__subclasses__() for kind in kinds(each))}


def test_every_error_of_every_service_is_described() -> None:
    """Wherever an error type is defined, its slug has an entry with its title and status."""
    for module in walk_packages(services.__path__, "services."):
        if not module.name.endswith("__main__"):
            import_module(module.name)

    for kind in kinds(HomewardError):
        problem, described = problem_of(kind()), PROBLEMS[kind.slug]
        assert (described.type, described.title, described.status) == (problem.type, problem.title, problem.status)


def test_every_entry_says_what_it_means_and_what_to_do() -> None:
    """No entry is empty, and none is said twice."""
    assert all(kind.meaning and kind.next_step for kind in PROBLEMS.values())
    assert len({kind.meaning for kind in PROBLEMS.values()}) == len(PROBLEMS)
    assert {"method-not-allowed", "refused", "not-found"} <= PROBLEMS.keys()
