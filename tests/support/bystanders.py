"""Events on which, by their own description, neither review dates nor milestones rest."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from shared.domain.catalogue import CATALOGUE, EventType, json_schema
from tests.support.schema_values import data_of

SAYS_SO = "Neither review dates nor milestones rest on it today."


def description(of: EventType) -> str:
    """Return what the published schema says of the type, on one line."""
    return " ".join(json_schema(of)["description"].split())


BYSTANDERS = tuple(each for each in CATALOGUE.values() if description(each).endswith(SAYS_SO))


def bystanders() -> st.SearchStrategy[list[tuple[str, dict[str, Any]]]]:
    """Return any number of such events, as type and data of version 1; the story says when each occurred."""
    kinds = [st.tuples(st.just(each.name), data_of(json_schema(each, 1)).map(_untimed)) for each in BYSTANDERS]
    return st.lists(st.one_of(kinds), max_size=6)


def _untimed(data: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name not in ("occurred_on", "occurred_at")}
