"""Refusing query parameters that an operation does not know.

A misspelt filter that is silently ignored answers another question than the one asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from shared.domain.errors import Fault, InvalidInput


async def refuse_unknown_parameters(request: Request) -> None:
    """Raise InvalidInput for a query parameter that the operation does not declare, or that is given twice."""
    route = request.scope.get("route")
    if not isinstance(route, APIRoute):
        return
    repeatable = _declared(route.dependant)
    counts = Counter(name for name, _ in request.query_params.multi_items())
    unknown = sorted(name for name in counts if name not in repeatable)
    twice = sorted(name for name, count in counts.items() if count > 1 and repeatable.get(name) is False)
    if unknown or twice:
        known = ", ".join(sorted(repeatable)) or "none"
        raise InvalidInput(
            f"This operation takes these query parameters, each once: {known}.",
            faults=[Fault("?", "unknown_parameter", "A query parameter is not known here.") for _ in unknown]
            + [Fault(f"?{name}", "repeated_parameter", "Give this query parameter once.") for name in twice],
        )


def _declared(dependant: Dependant) -> dict[str, bool]:
    """Name every declared query parameter, and whether it may be given more than once."""
    return dict(_walk(dependant))


def _walk(dependant: Dependant) -> Iterator[tuple[str, bool]]:
    for field in dependant.query_params:
        annotation = str(field.field_info.annotation)
        yield field.alias, annotation.startswith(("list[", "typing.List[", "tuple[", "set["))
    for part in dependant.dependencies:
        yield from _walk(part)
