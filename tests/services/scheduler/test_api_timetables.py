"""The schema of pack files over HTTP."""

from __future__ import annotations

import tomllib
from datetime import date
from typing import Any

import orjson
from jsonschema import Draft202012Validator

from tests.meta.repository import ROOT
from tests.services.scheduler.served import Served


async def test_the_schema_of_packs_is_open_to_anybody(running: Served) -> None:
    """An editor without a key is given a schema that every pack in the latest language keeps, and no other file."""
    del running.client.headers["authorization"]
    answer = await running.client.get("/v1/timetables/schema")

    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/schema+json")
    Draft202012Validator.check_schema(answer.json())
    validator = Draft202012Validator(answer.json(), format_checker=Draft202012Validator.FORMAT_CHECKER)
    packs = [as_json(path.read_text(encoding="utf-8")) for path in (ROOT / "shared/policies").glob("*.toml")]
    latest = [pack for pack in packs if "language" in pack]
    assert latest
    assert [pack for pack in packs if validator.is_valid(pack)] == latest
    assert not validator.is_valid({**latest[0], "edition": "second"})


def as_json(text: str) -> Any:
    """Return what a pack says as JSON has it."""
    return orjson.loads(orjson.dumps(tomllib.loads(text), default=date.isoformat))
