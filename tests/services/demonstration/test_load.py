"""Loading: in batches, in order, again where it did not get through, and never silently short."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import orjson
import pytest

from services.demonstration.load import ATTEMPTS_MAX, EventRejected, LoadFailed, LoadResult, load

Handler = Callable[[httpx.Request], httpx.Response]


def some_events(count: int) -> list[dict[str, Any]]:
    return [{"id": f"event-{number}"} for number in range(count)]


class Log:
    """A stand-in for the far side of the network: it stores ids and answers as the contract says."""

    def __init__(self) -> None:
        self.stored: list[str] = []
        self.batches: list[int] = []
        self.refuse: dict[str, str] = {}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        assert (request.method, request.url.path) == ("POST", "/v1/events")
        assert request.headers["Content-Type"] == "application/x-ndjson"
        ids = [orjson.loads(line)["id"] for line in request.content.splitlines()]
        self.batches.append(len(ids))
        items = [{"index": index, "id": each, "status": self._store(each)} for index, each in enumerate(ids)]
        statuses = [item["status"] for item in items]
        rejected = len(ids) - statuses.count("stored") - statuses.count("duplicate")
        body = {
            "accepted": statuses.count("stored"),
            "duplicates": statuses.count("duplicate"),
            "rejected": rejected,
            "items": items,
        }
        return httpx.Response(207 if rejected else 200, json=body)

    def _store(self, event_id: str) -> str:
        if event_id in self.refuse:
            return self.refuse[event_id]
        if event_id in self.stored:
            return "duplicate"
        self.stored.append(event_id)
        return "stored"


async def loaded(handler: Handler, count: int, pauses: list[float], progress: list[tuple[int, int]]) -> LoadResult:
    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    transport = httpx.MockTransport(handler)
    async with httpx.AsyncClient(transport=transport, base_url="http://homeward.test") as client:
        return await load(
            client, some_events(count), on_progress=lambda done, total: progress.append((done, total)), pause=pause
        )


async def test_events_are_posted_in_order_in_batches_of_five_hundred() -> None:
    """1,201 events go as 500, 500 and 201, in their order, and progress is told from nought to all."""
    log, progress = Log(), list[tuple[int, int]]()
    assert await loaded(log, 1_201, [], progress) == LoadResult(accepted=1_201, duplicates=0)
    assert log.batches == [500, 500, 201]
    assert log.stored == [event["id"] for event in some_events(1_201)]
    assert progress == [(0, 1_201), (500, 1_201), (1_000, 1_201), (1_201, 1_201)]


async def test_nothing_to_load_is_no_request() -> None:
    """An empty sequence is loaded at once."""
    log, progress = Log(), list[tuple[int, int]]()
    assert await loaded(log, 0, [], progress) == LoadResult(0, 0)
    assert log.batches == []
    assert progress == [(0, 0)]


async def test_loading_again_stores_nothing_twice() -> None:
    """A second load of the same events finds them all stored before."""
    log = Log()
    await loaded(log, 700, [], [])
    assert await loaded(log, 700, [], []) == LoadResult(accepted=0, duplicates=700)


async def test_a_batch_whose_answer_was_lost_is_sent_again() -> None:
    """After an answer that never came the same batch is posted again and counts as stored before."""
    log, answers = Log(), [0]

    def loses_the_first(request: httpx.Request) -> httpx.Response:
        answer = log(request)
        answers[0] += 1
        if answers[0] == 1:
            raise httpx.ReadError("the connection broke", request=request)
        return answer

    pauses: list[float] = []
    assert await loaded(loses_the_first, 600, pauses, []) == LoadResult(accepted=100, duplicates=500)
    assert len(log.stored) == 600
    assert len(pauses) == 1


async def test_an_answer_to_try_later_is_tried_later_and_ever_later() -> None:
    """Three answers of 503 lead to three growing pauses, then the batch is stored."""
    log, refusals = Log(), [3]

    def busy(request: httpx.Request) -> httpx.Response:
        if refusals[0]:
            refusals[0] -= 1
            return httpx.Response(503)
        return log(request)

    pauses: list[float] = []
    assert await loaded(busy, 10, pauses, []) == LoadResult(accepted=10, duplicates=0)
    assert pauses == sorted(set(pauses))
    assert len(pauses) == 3


async def test_loading_gives_up_after_the_last_attempt() -> None:
    """When Homeward never becomes ready, loading fails after its attempts and says why."""
    pauses: list[float] = []
    with pytest.raises(LoadFailed, match="status 503"):
        await loaded(lambda _: httpx.Response(503), 10, pauses, [])
    assert len(pauses) == ATTEMPTS_MAX - 1


@pytest.mark.parametrize("status", ["conflict", "invalid"])
async def test_a_refused_event_is_named_by_its_place_and_id(status: str) -> None:
    """The 703rd event of the whole sequence is refused in the second batch, and named as such."""
    log = Log()
    log.refuse["event-702"] = status
    with pytest.raises(EventRejected) as refused:
        await loaded(log, 900, [], [])
    assert (refused.value.index, refused.value.event_id, refused.value.status) == (702, "event-702", status)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(401, json={"title": "A valid API key is needed."}),
        httpx.Response(422, json={"title": "The request breaks a rule of this API."}),
        httpx.Response(200, text="not JSON"),
        httpx.Response(200, json={"accepted": 3, "duplicates": 0, "rejected": 0, "items": []}),
    ],
)
async def test_an_answer_that_does_not_account_for_every_event_is_a_failure(answer: httpx.Response) -> None:
    """Whatever else comes back, loading never reports events as stored that nobody said were."""
    with pytest.raises(LoadFailed):
        await loaded(lambda _: answer, 10, [], [])
