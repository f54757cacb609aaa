"""Load events into Homeward through its public API, as any case system would.

Appending the same event again does nothing, so every request may be repeated: a batch
whose answer was lost is simply sent once more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import httpx

from services.demonstration.ndjson import CONTENT_TYPE, lines

BATCH_SIZE = 500
ATTEMPTS_MAX = 8

_OPERATION = "/v1/events"
_FIRST_PAUSE_SECONDS = 0.25
_PAUSE_SECONDS_MAX = 8.0
_ANSWERED = {HTTPStatus.OK, HTTPStatus.MULTI_STATUS, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY}
_TRANSIENT = {
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}
_STORED = {"stored", "duplicate"}

Progress = Callable[[int, int], None]
Pause = Callable[[float], Awaitable[None]]


class LoadFailed(Exception):
    """The events could not be loaded; what was stored before stays stored."""


class EventRejected(LoadFailed):
    """Homeward refused one event; ``index`` is its place in the sequence that was to be loaded."""

    def __init__(self, index: int, event_id: str, status: str) -> None:
        """Name the event by index and id, and what became of it: ``conflict`` or ``invalid``."""
        super().__init__(f"event {index} with id {event_id} was not stored: {status}")
        self.index = index
        self.event_id = event_id
        self.status = status


@dataclass(frozen=True, slots=True)
class LoadResult:
    """How many events were stored now, and how many had been stored before."""

    accepted: int
    duplicates: int


async def load(
    client: httpx.AsyncClient,
    events: Sequence[Mapping[str, Any]],
    *,
    on_progress: Progress,
    pause: Pause = asyncio.sleep,
) -> LoadResult:
    """Post ``events`` in order, in batches of 500, and return how many were new.

    ``client`` has the base URL of the events service and presents a key that may append.
    ``on_progress(done, total)`` is called at the start and after each batch.  Lost
    connections and answers that ask to try later are retried after ``pause(seconds)``.
    Raises EventRejected for the first event that is refused, LoadFailed when Homeward
    cannot be reached or answers otherwise.
    """
    total, done, result = len(events), 0, LoadResult(0, 0)
    on_progress(done, total)
    while done < total:
        batch = events[done : done + BATCH_SIZE]
        answer = await _post(client, b"".join(lines(batch)), pause)
        _refuse_rejected(answer, first=done)
        _refuse_unaccounted(answer, len(batch))
        result = LoadResult(result.accepted + answer["accepted"], result.duplicates + answer["duplicates"])
        done += len(batch)
        on_progress(done, total)
    return result


async def _post(client: httpx.AsyncClient, body: bytes, pause: Pause) -> dict[str, Any]:
    """Return the answer to one batch, trying again while the trouble is transient."""
    trouble = "no attempt was made"
    for attempt in range(ATTEMPTS_MAX):
        if attempt:
            await pause(min(_FIRST_PAUSE_SECONDS * 2 ** (attempt - 1), _PAUSE_SECONDS_MAX))
        try:
            response = await client.post(_OPERATION, content=body, headers={"Content-Type": CONTENT_TYPE})
        except httpx.TransportError as error:
            trouble = type(error).__name__
            continue
        if response.status_code not in _TRANSIENT:
            return _answer(response)
        trouble = f"status {response.status_code}"
    raise LoadFailed(f"Homeward did not take the events in {ATTEMPTS_MAX} attempts: {trouble}")


def _answer(response: httpx.Response) -> dict[str, Any]:
    """Return the body of an answer that tells of each event; raise LoadFailed for any other."""
    if response.status_code in _ANSWERED:
        try:
            answer = response.json()
        except ValueError:
            answer = None
        if isinstance(answer, dict) and {"accepted", "duplicates", "items"} <= answer.keys():
            return answer
    raise LoadFailed(f"Homeward answered with status {response.status_code}, which does not tell what was stored")


def _refuse_rejected(answer: Mapping[str, Any], *, first: int) -> None:
    for item in answer["items"]:
        if item["status"] not in _STORED:
            raise EventRejected(first + int(item["index"]), str(item["id"]), str(item["status"]))


def _refuse_unaccounted(answer: Mapping[str, Any], posted: int) -> None:
    told = int(answer["accepted"]) + int(answer["duplicates"])
    if told != posted:
        raise LoadFailed(f"{posted} events were posted, and Homeward accounts for {told}")
