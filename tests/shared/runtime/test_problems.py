"""Every error is a problem, and none repeats what was sent."""

from __future__ import annotations

import logging

import httpx
import pytest

from shared.domain.errors import HomewardError
from shared.wire.faults import pointer
from shared.wire.problem import MEDIA_TYPE, Problem
from tests.shared.runtime.sample import SECRET


@pytest.mark.parametrize(
    ("how", "status", "slug"),
    [
        ("not-found", 404, "not-found"),
        ("own", 500, "internal-error"),
        ("surprise", 500, "internal-error"),
        ("network", 503, "not-ready"),
        ("database-08006", 503, "not-ready"),
        ("database-57P01", 503, "not-ready"),
        ("database-53300", 503, "not-ready"),
        ("database-55P03", 503, "not-ready"),
        ("database-23505", 500, "internal-error"),
    ],
)
async def test_every_failure_is_a_problem(client: httpx.AsyncClient, how: str, status: int, slug: str) -> None:
    """Status and type tell the caller whether to try again; 503 says when."""
    answer = await client.get(f"/v1/events/fail/{how}")

    assert answer.status_code == status
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert Problem.model_validate(answer.json()).type == f"/v1/problems/{slug}"
    assert ("retry-after" in answer.headers) == (status == 503)
    assert SECRET not in answer.text


async def test_an_unforeseen_error_is_logged_without_its_text(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    """The log names the error's type and place, since its text may be a child's data."""
    with caplog.at_level(logging.ERROR, logger="shared.runtime.problems"):
        await client.get("/v1/events/fail/surprise")

    messages = [record.getMessage() for record in caplog.records if record.name == "shared.runtime.problems"]
    assert len(messages) == 1
    assert "RuntimeError" in messages[0]
    assert "sample.py" in messages[0]
    assert SECRET not in messages[0]


@pytest.mark.parametrize(
    ("content", "where"),
    [
        (b'{"number": "four-hundred-secrets"}', "/number"),
        (b'{"number": 1, "a-secret-name": 2}', ""),
        (b"{}", "/number"),
    ],
)
async def test_a_wrong_body_is_told_by_place(client: httpx.AsyncClient, content: bytes, where: str) -> None:
    """The place is a JSON Pointer; neither values nor names that the sender made up are repeated."""
    answer = await client.post("/v1/events/body", content=content, headers={"content-type": "application/json"})

    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [where]
    assert "secret" not in answer.text


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/v1/none", 404), ("PUT", "/v1/events/me", 405)])
async def test_the_framework_s_own_refusals_are_problems(
    client: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    """A path that is none and a method that is not taken have the usual shape."""
    answer = await client.request(method, path)

    assert answer.status_code == status
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert Problem.model_validate(answer.json()).status == status


def test_pointers_are_escaped() -> None:
    """A slash or tilde in a name is written as RFC 6901 says."""
    assert pointer(["data", "a/b~c", 0]) == "/data/a~1b~0c/0"


def test_an_error_without_words_tells_its_title() -> None:
    """The first line of the docstring stands in for a detail."""
    assert HomewardError().detail == HomewardError().title


async def test_a_wrong_method_is_told_every_right_one(client: httpx.AsyncClient) -> None:
    """The Allow header names the methods of all operations on the path."""
    answer = await client.delete("/v1/events/both")

    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, POST"
