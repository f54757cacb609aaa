"""Turns at reading the log: few at once, and authorities in turn."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.events.api.turns import AT_ONCE, Turns, turns_over
from shared.domain.errors import NotReady


class Readers:
    """Readers that take a turn and keep it until they are told to end it."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._authority: dict[int, str] = {}
        self._ends: dict[int, asyncio.Event] = {}
        self.waiting: list[int] = []
        #: Those that have a turn, in the order in which they got it.
        self.reading: list[int] = []
        #: The authorities that were let in, in order.
        self.let_in: list[str] = []

    async def come(self, *authorities: str) -> None:
        """Have a reader of each of these authorities want a turn."""
        for authority_id in authorities:
            number = len(self._tasks)
            self._authority[number], self._ends[number] = authority_id, asyncio.Event()
            self.waiting.append(number)
            self._tasks[number] = asyncio.create_task(self._read(number))
        await settled()

    async def _read(self, number: int) -> None:
        try:
            async with self._turns.turn(self._authority[number]):
                self.waiting.remove(number)
                self.reading.append(number)
                self.let_in.append(self._authority[number])
                try:
                    await self._ends[number].wait()
                finally:
                    self.reading.remove(number)
        except asyncio.CancelledError:
            if number in self.waiting:
                self.waiting.remove(number)
            raise

    async def end(self, number: int) -> None:
        """Have a reader end its turn."""
        self._ends[number].set()
        await settled()

    async def leave(self, *numbers: int) -> None:
        """Have readers leave, whether they wait or read."""
        for number in numbers:
            self._tasks[number].cancel()
        await settled()

    def of(self, numbers: Sequence[int]) -> Counter[str]:
        """Count readers by authority."""
        return Counter(self._authority[number] for number in numbers)


async def settled() -> None:
    """Let every task go as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_where_nobody_competes_nobody_waits() -> None:
    """A turn that is free is there at once: the event loop need not even go round."""
    turns = Turns(2)
    for authority_id in ("a", "a"):
        with pytest.raises(StopIteration):
            turns.turn(authority_id).__aenter__().send(None)


async def test_who_comes_alone_need_not_wait_for_those_before_it() -> None:
    """However many of one authority wait, a reader of another is the next to read."""
    readers = Readers(Turns(2))
    await readers.come(*["crowd"] * 190, "alone")
    assert readers.let_in == ["crowd"] * 2

    await readers.end(0)

    assert readers.let_in == ["crowd", "crowd", "alone"]


async def test_an_authority_has_one_turn_at_a_time_while_others_wait() -> None:
    """Two crowds share the turns evenly, whoever came first."""
    readers = Readers(Turns(2))
    await readers.come(*["early"] * 50, *["late"] * 50)
    for _ in range(40):
        await readers.end(readers.reading[0])
        assert readers.of(readers.reading) == {"early": 1, "late": 1}


async def test_authorities_come_round() -> None:
    """Each that waits has its turn before any has two, and within one it goes by who came first."""
    readers = Readers(Turns(1))
    await readers.come("a", "a", "a", "b", "b", "c")
    while readers.reading:
        await readers.end(readers.reading[0])

    assert readers.let_in == ["a", "a", "b", "c", "a", "b"]


async def test_a_turn_that_comes_to_somebody_who_is_leaving_is_passed_on() -> None:
    """It is lost to nobody, whether the reader left just before or just after it came."""
    readers = Readers(Turns(1))
    await readers.come("a", "b", "c", "d")
    readers._ends[0].set()
    await asyncio.sleep(0)
    assert not readers.reading  # The turn has been given to the next, which does not know it yet.
    await readers.leave(1)
    assert readers.let_in == ["a", "c"]

    readers._tasks[3].cancel()
    readers._ends[2].set()
    await settled()
    await readers.come("e")
    assert readers.let_in == ["a", "c", "e"]


async def test_nobody_waits_for_ever() -> None:
    """Where reading hangs, whoever waits is told to try again; the turns that there are go on."""
    turns = Turns(1, wait_seconds=0.01)
    async with turns.turn("a"):
        for authority_id in ("a", "b"):
            with pytest.raises(NotReady):
                async with turns.turn(authority_id):
                    pass
    readers = Readers(turns)
    await readers.come("b", "a")
    assert readers.let_in == ["b"]


_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("come"), st.sampled_from("abc")),
        st.tuples(st.just("end"), st.integers(0, 5)),
        st.tuples(st.just("leave"), st.integers(0, 30)),
    ),
    max_size=60,
)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 3), _STEPS)
def test_no_turn_is_lost_or_given_twice(at_once: int, steps: list[tuple[str, str | int]]) -> None:
    """Whoever comes, ends and leaves: as many read as may, and nobody waits for a turn that is free."""

    async def story() -> None:
        readers = Readers(Turns(at_once))
        for step, argument in steps:
            if isinstance(argument, str):
                await readers.come(argument)
            elif step == "end" and readers.reading:
                await readers.end(readers.reading[argument % len(readers.reading)])
            elif step == "leave" and readers._tasks:
                await readers.leave(argument % len(readers._tasks))
            assert len(readers.reading) == min(at_once, len(readers.reading) + len(readers.waiting))
        while readers.reading:
            await readers.end(readers.reading[0])
        assert not readers.waiting
        await readers.come(*"abc"[:at_once])
        assert len(readers.reading) == at_once

    asyncio.run(story())


@pytest.mark.parametrize(("connections", "at_once"), [(1, 1), (2, 1), (3, 1), (4, 2), (5, 2), (100, AT_ONCE)])
async def test_most_connections_are_left_to_others(connections: int, at_once: int) -> None:
    """Followers have at most half of the connections, unless there is but one."""
    readers = Readers(turns_over(connections))
    await readers.come(*"abcdefg")
    assert len(readers.reading) == at_once
