"""A civil date is written as YYYY-MM-DD, whichever way pydantic is given it."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from shared.domain.catalogue.base import CivilDate

_civil_date: TypeAdapter[date] = TypeAdapter(CivilDate)
DAYS = st.dates().map(str)
NEARLY = st.from_regex(r"[-+ 0-9]{0,3}\d{4}-\d{1,2}-\d{1,2}([T ]\d{0,4}|\n|Z)?")


def judged(read: Any, value: object) -> object:
    """Return the date, or how it is refused."""
    try:
        return read(value)
    except ValidationError as refused:
        return [(each["type"], each["msg"], each["loc"]) for each in refused.errors()]


@given(DAYS | NEARLY | st.text() | st.integers() | st.none() | st.booleans() | st.lists(DAYS, max_size=1))
@example("86400")
@example("2026-01-15\n")
@example("2026-02-29")
@example("1899-12-31")
@example("\uff12\uff10\uff12\uff16-01-15")
def test_json_text_is_judged_as_its_value_is(value: object) -> None:
    """The expression that JSON text meets and the function that values meet say the same, in the same words."""
    of_value = judged(_civil_date.validate_python, value)

    assert judged(_civil_date.validate_json, json.dumps(value)) == of_value


@given(st.dates(date(1900, 1, 1), date(2199, 12, 31)))
def test_every_day_of_three_centuries_is_read(day: date) -> None:
    """Whatever is written as it should be, of the years 1900 to 2199, is that day."""
    assert _civil_date.validate_json(json.dumps(str(day))) == day
