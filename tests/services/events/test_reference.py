"""Event types, schemas, limits and problems, for anybody who asks."""

from __future__ import annotations

import httpx
import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from services.events.app import create_app
from shared.domain.catalogue import CATALOGUE
from shared.runtime.settings import Settings
from shared.wire.content_modes import MEDIA_TYPES
from tests.services.events.posting import post, registered


@pytest.fixture(autouse=True)
def _without_a_key(client: httpx.AsyncClient) -> None:
    del client.headers["authorization"]


async def test_every_event_type_leads_to_its_schema(client: httpx.AsyncClient) -> None:
    """The list names every type, and at its address lies a schema of the 2020-12 draft."""
    listed = (await client.get("/v1/event-types")).json()["event_types"]

    assert [each["type"] for each in listed] == list(CATALOGUE)
    for each in listed:
        answer = await client.get(each["dataschema"])
        assert answer.headers["content-type"] == "application/schema+json"
        Draft202012Validator.check_schema(answer.json())
        assert answer.json()["$id"] == each["dataschema"]


async def test_every_version_of_a_type_is_served(client: httpx.AsyncClient) -> None:
    """Each version is listed from 1 on, the latest last, and each has a schema of its own at its address."""
    for each in (await client.get("/v1/event-types")).json()["event_types"]:
        assert [one["version"] for one in each["versions"]] == list(range(1, each["schema_version"] + 1))
        assert each["versions"][-1]["dataschema"] == each["dataschema"]
        served = [(await client.get(one["dataschema"])).json() for one in each["versions"]]
        assert [one["$id"] for one in served] == [one["dataschema"] for one in each["versions"]]

    assert "agreed_with_parents" in (await client.get("/v1/event-types/care_plan.agreed/1")).json()["properties"]
    assert "agreed_with" in (await client.get("/v1/event-types/care_plan.agreed/2")).json()["properties"]


async def test_a_schema_says_what_an_append_says(client: httpx.AsyncClient) -> None:
    """Data that is taken is valid by the published schema; data that is refused is not."""
    schema = Draft202012Validator((await client.get("/v1/event-types/child.registered/1")).json())

    schema.validate(registered(team="north")["data"])
    with pytest.raises(ValidationError):
        schema.validate(registered(team=5, more=1)["data"])


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/event-types/no.such/1", 404),
        ("/v1/event-types/child.registered/2", 404),
        ("/v1/event-types/child.registered/x", 422),
        ("/v1/event-types/child.registered/0", 422),
        ("/v1/problems/no-such", 404),
        ("/v1/nowhere", 404),
    ],
)
async def test_what_is_not_there_is_a_problem(client: httpx.AsyncClient, path: str, status: int) -> None:
    """An unknown type, version, problem or path is told as such."""
    answer = await client.get(path)

    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


async def test_the_type_of_a_problem_leads_to_its_meaning(client: httpx.AsyncClient) -> None:
    """Following `type` tells what happened and what to do, for the problems of the wire too."""
    unkeyed = (await post(client, registered())).json()
    wrong_method = (await client.delete("/v1/events")).json()

    for problem in (unkeyed, wrong_method):
        described = (await client.get(problem["type"])).json()
        assert (described["type"], described["title"], described["status"]) == (
            problem["type"],
            problem["title"],
            problem["status"],
        )
        assert described["next_step"]
    listed = (await client.get("/v1/problems")).json()["problems"]
    assert {each["type"] for each in listed} >= {unkeyed["type"], wrong_method["type"]}


async def test_the_limits_are_those_that_are_kept(client: httpx.AsyncClient) -> None:
    """Every published limit is a number above zero; the schema describes each."""
    limits = (await client.get("/v1/limits")).json()

    assert limits["body_bytes"] == 10_000_000
    assert limits["event_bytes"] == 256_000
    assert all(isinstance(value, int) and value > 0 for value in limits.values())


def test_the_document_describes_the_append(settings: Settings) -> None:
    """All ways to send events stand in it with an example, and all answers."""
    append = create_app(settings).openapi()["paths"]["/v1/events"]["post"]

    assert set(append["requestBody"]["content"]) == set(MEDIA_TYPES)
    assert all("example" in each for each in append["requestBody"]["content"].values())
    assert {"200", "207", "400", "401", "403", "409", "412", "413", "415", "422", "503"} <= set(append["responses"])
    assert {"if-match", "if-none-match", "ce-id", "atomic", "dry_run"} <= {
        each["name"] for each in append["parameters"]
    }
