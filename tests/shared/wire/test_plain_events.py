"""The glance that spares common events the close look at their attributes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.domain.catalogue import CATALOGUE, FIRST_VERSION
from shared.wire import limits
from shared.wire.cloudevents import KNOWN, _envelope_faults, _plain
from tests.support.events import cloud_event

REGISTERED = cloud_event("child.registered", "child-a1", {"occurred_on": "2026-01-15"}, id="e1")


def two(*numbers: int) -> st.SearchStrategy[str]:
    return st.sampled_from(numbers).map("{:02}".format)


#: Instants at and beyond every edge there is.
INSTANTS = st.builds(
    "{}-{}-{}{}{}:{}:{}{}{}".format,
    st.sampled_from(
        ["0001", "1899", "1900", "1999", "2000", "2024", "2025", "2199", "2200", "9999", "02026", "\uff12026"]
    ),
    two(0, 1, 2, 4, 12, 13),
    two(0, 1, 28, 29, 30, 31, 32),
    st.sampled_from(["T", "T", "T", "t", " ", "", "_"]),
    two(0, 12, 23, 24, 25),
    two(0, 59, 60),
    two(0, 59, 60, 61),
    st.sampled_from(["", "", ".", ".0", ".123456", ".1234567", ",5", ".\uff11"]),
    st.sampled_from(["Z", "z", "", "+00:00", "-00:00", "+14:00", "-23:59", "+24:00", "+00:60", "+0100", "+01", "Z\n"]),
)
STREAMS = st.sampled_from(
    [
        *("authority", "child-", "child-a1", "Child-a1", "a1", "child--a", "child-a\u0661", "child-a1\n"),
        *("child-0101991234", "child-0101991234\n", "child-01019912345", "child-0101991234a"),
        *(f"child-{'a' * 64}", f"child-{'a' * 65}"),
    ]
)
TEXTS = st.text(max_size=5) | st.sampled_from(["", " ", "é", "\u200e", "\x00", "x" * limits.IDENTITY_CHARACTERS])
ODD: st.SearchStrategy[Any] = st.none() | st.booleans() | st.integers(-2, 2) | st.just([]) | st.just({}) | TEXTS
VALUES = {
    "specversion": st.sampled_from(["1.0", "1.1", 1.0, 1]),
    "id": TEXTS | st.just("x" * (limits.IDENTITY_CHARACTERS + 1)),
    "source": TEXTS,
    "subject": STREAMS,
    "time": INSTANTS,
    "recordedtime": INSTANTS,
    "datacontenttype": st.sampled_from(["application/json", "application/JSON; charset=utf-8", "text/json"]),
    "dataschema": st.just("/v1/event-types/child.registered/1"),
    "data": st.just({}),
    "ext": TEXTS,
    "EXT": TEXTS,
    "data_base64": TEXTS,
}
CHANGES = st.sampled_from(sorted(VALUES)).flatmap(lambda name: st.tuples(st.just(name), VALUES[name] | ODD))


@given(
    st.sampled_from(["child.registered", "timetable.adopted"]),
    st.lists(CHANGES, max_size=3),
    st.sets(st.sampled_from(sorted(KNOWN - {"type"})), max_size=1),
)
@settings(max_examples=1_000)
@example("child.registered", [("time", "2026-02-29T10:00:00Z")], set())
@example("child.registered", [("time", "2026-01-15T24:00:00Z")], set())
@example("child.registered", [("subject", "authority")], set())
def test_what_passes_at_a_glance_passes_the_close_look(
    type_name: str, changes: list[tuple[str, Any]], left_out: set[str]
) -> None:
    """Whatever the attributes are, the glance passes none in which the close look finds a fault."""
    posted = {**REGISTERED, **dict(changes)}
    posted = {name: value for name, value in posted.items() if name not in left_out}
    of_type = CATALOGUE[type_name]

    if _plain(of_type, posted):
        assert _envelope_faults(of_type, FIRST_VERSION, posted) == []


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"time": "2026-01-31T16:30:00Z"},
        {"time": "2024-02-29T16:30:00.123456+01:00", "recordedtime": "1900-01-01T00:00:00-11:30"},
        {"datacontenttype": "application/json", "dataschema": "/v1/event-types/child.registered/1"},
        {"id": "é-1", "subject": "child-01019912345"},
    ],
)
def test_common_events_pass_at_a_glance(more: dict[str, str]) -> None:
    """What nearly every sender sends takes the short way."""
    assert _plain(CATALOGUE["child.registered"], {**REGISTERED, **more})
