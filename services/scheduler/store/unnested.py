"""Many rows as one parameter for each column: a statement stays the same however many rows there are."""

from __future__ import annotations

from typing import Any

from sqlalchemy import TableValuedAlias, column, func, literal
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import TypeEngine


def unnested(name: str, **columns: tuple[list[Any], TypeEngine[Any]]) -> TableValuedAlias:
    """Return a table ``name`` of these columns, each with its values and their type; all are equally long."""
    arrays = [literal(values, ARRAY(kind)) for values, kind in columns.values()]
    named = [column(each, kind) for each, (_, kind) in columns.items()]
    return func.unnest(*arrays).table_valued(*named, name=name).render_derived()
