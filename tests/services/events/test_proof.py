"""The operations under /v1/log, and the proof that an inspector checks."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.events.api import proof
from services.events.app import create_app
from services.events.store.connection import Pool
from shared.domain.hash_chain import first_link
from shared.identity.keys import ApiKey, Scope
from shared.runtime.settings import Settings
from tests.services.events.posting import feed, post, post_batch, post_lines, registered
from tests.services.events.tampering import (
    EVENTS,
    PUBLIC_KEY,
    SIGNED_AT,
    SIGNER,
    STRANGER,
    SignedLog,
    check_offline,
    export,
    kept_lines,
    sign,
    signed_log,
)
from tests.support.clients import asgi_client
from tests.support.clock import SettableClock
from tests.support.council import new_authority


@pytest.fixture
async def log(client: httpx.AsyncClient, pool: Pool, clock: SettableClock, key: ApiKey) -> SignedLog:
    """Return a log of ten events with signed heads at the fourth and the eighth."""
    return await signed_log(client, pool, clock, key)


async def read(client: httpx.AsyncClient, path: str) -> Any:
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_the_end_of_the_log_and_who_signed_it(client: httpx.AsyncClient, log: SignedLog) -> None:
    """GET /v1/log names the last event, the latest signed head, and the public keys."""
    told = await read(client, "/v1/log")
    last = (await feed(client))[-1]

    assert (told["authority"], told["position"]) == (log.authority_id, EVENTS)
    assert (told["link"], told["recorded_at"]) == (last["link"], last["recorded_at"])
    assert told["signed_head"]["position"] == SIGNED_AT[-1]
    assert told["signed_head"]["signature"]
    assert told["public_keys"] == [{"key_id": SIGNER.key_id, "public_key": PUBLIC_KEY}]


async def test_an_empty_log_has_a_first_link_and_nothing_signed(client: httpx.AsyncClient, key: ApiKey) -> None:
    """Before the first event the link is the one with which the chain begins, and all of nothing is intact."""
    told = await read(client, "/v1/log")
    verdict = await read(client, "/v1/log/verification")

    assert (told["position"], told["recorded_at"], told["signed_head"], told["public_keys"]) == (0, None, None, [])
    assert told["link"] == f"sha256:{first_link(key.authority_id).hex()}"
    assert (verdict["intact"], verdict["first"], verdict["last"], verdict["at_head"]) == (True, 1, 0, True)


async def test_signed_heads_are_read_in_pages(
    client: httpx.AsyncClient, pool: Pool, clock: SettableClock, log: SignedLog
) -> None:
    """The pages hold every signed head in order, and two of one position are never parted."""
    await sign(pool, log.authority_id, clock, SIGNER)
    await sign(pool, log.authority_id, clock, STRANGER)

    read_positions, after, at_end = [], 0, False
    while not at_end:
        page = await read(client, f"/v1/log/signed-heads?after={after}&limit=1")
        read_positions += [head["position"] for head in page["signed_heads"]]
        after, at_end = page["next_after"], page["at_end"]

    assert read_positions == [*SIGNED_AT, EVENTS, EVENTS]
    assert kept_lines(log.heads).splitlines()[0] == json.dumps(
        (await read(client, "/v1/log/signed-heads"))["signed_heads"][0], separators=(",", ":")
    )


async def test_walking_all_stretches_verifies_the_log(client: httpx.AsyncClient, log: SignedLog) -> None:
    """Each stretch begins where the one before it ended, and the last says that it reached the end."""
    stretches, after, at_head = [], 0, False
    while not at_head:
        stretch = await read(client, f"/v1/log/verification?after={after}&limit=3")
        assert stretch["intact"], stretch
        stretches.append((stretch["first"], stretch["last"], stretch["signed_to"]))
        after, at_head = stretch["next_after"], stretch["at_head"]

    assert stretches == [(1, 3, None), (4, 6, 4), (7, 9, 8), (10, 10, None)]


async def test_events_are_bound_however_they_come(client: httpx.AsyncClient, key: ApiKey, tmp_path: Path) -> None:
    """Single events, batches, lines, repetitions, refusals and requests for several streams all leave an intact log."""
    await post(client, registered("a", id="one"))
    await post_batch(client, [registered(child) for child in "abc"], "?atomic=true")
    await post_lines(client, [registered("abc"[number % 3]) for number in range(40)])
    await post_batch(client, [registered("a", id="one"), {"no": "event"}, registered("d")])
    together = (post(client, registered("e")) for _ in range(20))
    await asyncio.gather(*together)

    verdict = await read(client, "/v1/log/verification")

    assert (verdict["intact"], verdict["last"], verdict["at_head"]) == (True, 65, True), verdict


async def test_other_requests_go_on_while_a_log_is_verified(
    client: httpx.AsyncClient, log: SignedLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A verification gives way between slices: what is asked behind it is answered before it ends."""
    monkeypatch.setattr(proof, "_SLICE_EVENTS", 1)
    verification = asyncio.create_task(read(client, "/v1/log/verification"))
    await read(client, "/v1/log")

    assert not verification.done()
    assert (await verification)["intact"]


@pytest.mark.parametrize("path", ["verification", "proof"])
async def test_a_place_behind_the_end_is_no_place_to_begin(
    client: httpx.AsyncClient, log: SignedLog, path: str
) -> None:
    """It is refused with the position of the end: an empty verdict would look like an intact log."""
    answer = await client.get(f"/v1/log/{path}?after=11")

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["code"] == "beyond_end"
    assert "position 10" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["", "/signed-heads", "/verification", "/proof"])
async def test_the_operations_need_their_scope(
    database_url: str, settings: Settings, clock: SettableClock, path: str
) -> None:
    """A key without log:verify is refused; the proof holds events, so it needs events:read too."""
    app = create_app(settings, clock=clock)
    reader = await new_authority(database_url, scopes=[Scope.EVENTS_READ])
    checker = await new_authority(database_url, scopes=[Scope.LOG_VERIFY])
    async with asgi_client(app, reader) as client:
        assert (await client.get(f"/v1/log{path}")).status_code == 403
        client.headers["authorization"] = f"Bearer {checker}"
        assert (await client.get(f"/v1/log{path}")).status_code == (403 if path == "/proof" else 200)


async def lines(client: httpx.AsyncClient, query: str = "") -> list[dict[str, Any]]:
    answer = await client.get(f"/v1/log/proof{query}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.text.splitlines()]


async def test_a_proof_shows_every_event_with_its_posted_bytes(client: httpx.AsyncClient, log: SignedLog) -> None:
    """Header, events, the signed head behind its event, and an end."""
    header, *middle, end = await lines(client)
    events = [line for line in middle if "body" in line]

    assert (header["format"], header["after"]) == ("homeward-proof-1", 0)
    assert [event["position"] for event in events] == list(range(1, EVENTS + 1))
    assert [(e["link"], e["digest"]) for e in events] == [(e["link"], e["digest"]) for e in await feed(client)]
    assert json.loads(events[0]["body"])["source"] == "/council/straße-№1"
    assert end == {"last": EVENTS, "next_after": EVENTS, "at_head": True, "signed_to": SIGNED_AT[-1]}
    assert middle[SIGNED_AT[-1]]["signed_head"]["position"] == SIGNED_AT[-1]


async def test_a_proof_of_one_child_shows_only_hashes_of_the_others(client: httpx.AsyncClient, log: SignedLog) -> None:
    """Another stream's event is a position and a leaf, and nothing else."""
    _, *middle, _ = await lines(client, "?stream=child-a")
    others = [line for line in middle if "leaf" in line]

    assert {line["stream"] for line in middle if "body" in line} == {"child-a"}
    assert [set(line) for line in others] == [{"position", "leaf"}] * (EVENTS // 2)


async def test_naming_the_others_rules_out_that_one_hides_among_them(
    client: httpx.AsyncClient, log: SignedLog, tmp_path: Path
) -> None:
    """With others=named each foreign event shows its stream and not what was posted, and the verdict has no proviso."""
    query = "?stream=child-a&others=named"
    _, *middle, _ = await lines(client, query)
    proof = (await client.get(f"/v1/log/proof{query}")).content

    assert {line["stream"] for line in middle if "position" in line and "body" not in line} == {"child-b"}
    status, out = await check_offline(tmp_path, proof, keys=[PUBLIC_KEY])
    assert (status, "Later ones could be hidden" in out) == (0, False)


async def test_a_proof_ends_where_the_log_ended_at_an_instant(
    client: httpx.AsyncClient, clock: SettableClock, log: SignedLog, tmp_path: Path
) -> None:
    """With known_at only what was recorded by then is in it, and it can be checked as it stands."""
    fifth = (clock.now() - timedelta(seconds=5)).isoformat().replace("+00:00", "Z")
    answer = await client.get(f"/v1/log/proof?known_at={fifth}")

    end = {"last": 5, "next_after": 5, "at_head": True, "signed_to": 4}
    assert json.loads(answer.text.splitlines()[-1]) == end
    assert (await check_offline(tmp_path, answer.content, keys=[PUBLIC_KEY]))[0] == 0


async def test_a_stream_without_events_is_refused(
    client: httpx.AsyncClient, database_url: str, settings: Settings, clock: SettableClock, log: SignedLog
) -> None:
    """A proof that shows nothing would hold: a stream that this log does not know is not found, whoever else has it."""
    answer = await client.get("/v1/log/proof?stream=child-nobody")
    client.headers["authorization"] = f"Bearer {await new_authority(database_url)}"
    of_others = await client.get("/v1/log/proof?stream=child-a")

    for refused in (answer, of_others):
        assert refused.status_code == 404
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.json()["detail"] == "This authority has no such stream."


@pytest.mark.parametrize("stream", [None, "child-a"])
async def test_an_honest_proof_holds(pool: Pool, log: SignedLog, tmp_path: Path, stream: str | None) -> None:
    """The inspector's script accepts what the server exports, of the whole log and of one child."""
    proof = await export(pool, log.authority_id, stream=stream)

    status, out = await check_offline(tmp_path, proof, keys=[PUBLIC_KEY], kept=kept_lines(log.heads))

    assert status == 0, out
    assert f"The log of {log.authority_id} is proved from position 1 to 8." in out
    assert "Events 9 to 10 follow from them, and are not signed yet." in out
    assert ("Later ones could be hidden" in out) == (stream is not None)


async def test_parts_are_checked_as_one_proof(client: httpx.AsyncClient, log: SignedLog, tmp_path: Path) -> None:
    """A proof that was fetched in parts holds in their order, and in no other; a part by itself holds if signed."""
    parts = [(await client.get(f"/v1/log/proof?after={after}&limit=4&stream=child-a")).content for after in (0, 4, 8)]

    assert (await check_offline(tmp_path, *parts, keys=[PUBLIC_KEY]))[0] == 0
    assert (await check_offline(tmp_path, parts[1], keys=[PUBLIC_KEY]))[0] == 0
    status, out = await check_offline(tmp_path, parts[1], parts[0], keys=[PUBLIC_KEY])
    assert (status, "this part does not follow" in out) == (1, True)
    status, out = await check_offline(tmp_path, parts[2], keys=[PUBLIC_KEY])
    assert (status, "nobody vouches" in out) == (1, True)


async def test_a_proof_is_worth_what_the_given_keys_are(pool: Pool, log: SignedLog, tmp_path: Path) -> None:
    """The script takes no key from the proof: a signature of one that it was not given does not count."""
    proof = await export(pool, log.authority_id)

    status, out = await check_offline(tmp_path, proof, keys=[b64encode(bytes(32)).decode()])

    assert (status, "a key that you did not give" in out) == (1, True)


async def test_a_whole_log_over_http_is_what_the_command_writes(
    client: httpx.AsyncClient, pool: Pool, log: SignedLog
) -> None:
    """Both export the same lines."""
    over_http = (await client.get("/v1/log/proof")).content
    exported = [json.loads(line) for line in (await export(pool, log.authority_id)).splitlines()]

    assert [json.loads(line) for line in over_http.splitlines()] == [
        line for line in exported if line.get("signed_head", {}).get("position") != SIGNED_AT[0]
    ]
