"""Asking for children by name: an empty answer means that nothing is owed, and nothing else."""

from __future__ import annotations

import pytest

from tests.services.scheduler.scene import accommodate
from tests.services.scheduler.served import Served

#: The same question answered from the table and by projecting anew.
WHEN: tuple[dict[str, str], ...] = ({}, {"as_of": "2026-06-10"}, {"known_at": "2026-06-11T09:30:00Z", "format": "csv"})


async def test_a_stream_in_place_of_its_child_is_told_so(running: Served) -> None:
    """`child-n1` names the stream of the child n1: the answer says so, where, and how to ask instead."""
    accommodate(running.log, "2026-06-01", child="n1")
    await running.catch_up()
    for when in WHEN:
        answer = await running.client.get("/v1/reviews", params={"child": ["n1", "child-n1"], **when})
        assert answer.status_code == 422
        [fault] = answer.json()["errors"]
        assert (fault["pointer"], fault["code"]) == ("?child.1", "child_is_stream_name")
        assert "n1" not in answer.text
    assert (await running.get("/v1/reviews", child="n1"))["items"]


async def test_a_child_may_be_called_as_streams_are(running: Served) -> None:
    """A child whose own name is child-7 is found by it, whether or not there is a child 7 beside."""
    accommodate(running.log, "2026-06-01", child="child-7")
    await running.catch_up()
    alone = (await running.get("/v1/reviews", child="child-7"))["items"]
    assert {each["child_id"] for each in alone} == {"child-7"}
    accommodate(running.log, "2026-06-02", child="7")
    await running.catch_up()
    for child in ("7", "child-7"):
        items = (await running.get("/v1/reviews", child=child))["items"]
        assert {each["child_id"] for each in items} == {child}
    answer = await running.client.get("/v1/reviews", params={"child": "child-child-7"})
    assert [fault["code"] for fault in answer.json()["errors"]] == ["child_is_stream_name"]


@pytest.mark.parametrize("child", ["nobody", "child-nobody"])
async def test_an_unknown_child_is_not_found(running: Served, child: str) -> None:
    """Of a child who is not known here nothing can be said, alone or among others, and the name is not repeated."""
    accommodate(running.log, "2026-06-01", child="n1")
    await running.catch_up()
    for when in WHEN:
        for children in ([child], ["n1", child]):
            answer = await running.client.get("/v1/reviews", params={"child": children, **when})
            assert answer.status_code == 404
            assert answer.headers["content-type"] == "application/problem+json"
            [fault] = answer.json()["errors"]
            assert (fault["pointer"], fault["code"]) == (f"?child.{len(children) - 1}", "child_unknown")
            assert "nobody" not in answer.text


async def test_a_child_known_later_is_known(running: Served) -> None:
    """About a day before anything of the child was recorded the answer is empty: the child is known today."""
    accommodate(running.log, "2026-06-01", child="n1")
    await running.catch_up()
    assert (await running.get("/v1/reviews", child="n1", known_at="2020-01-01T00:00:00Z"))["items"] == []


async def test_another_councils_child_is_as_unknown_as_nobody(running: Served) -> None:
    """Whether a child is known to another council cannot be found out by asking for it, nor for its stream."""
    accommodate(running.log, "2026-06-01", child="n1")
    await running.catch_up()
    stranger, _ = await running.another_council()
    async with stranger:
        for child in ("n1", "child-n1"):
            answer = await stranger.get("/v1/reviews", params={"child": child})
            assert (answer.status_code, answer.json()["errors"][0]["code"]) == (404, "child_unknown")
