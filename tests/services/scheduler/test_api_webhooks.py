"""Webhook endpoints and their deliveries, over HTTP, with a real receiver."""

from __future__ import annotations

from base64 import b64decode
from typing import Any
from uuid import uuid4

import pytest
from standardwebhooks import Webhook

from shared.domain.clock import SystemClock
from shared.identity.keys import Scope
from tests.services.scheduler.receiver import answering, receiver
from tests.services.scheduler.scene import accommodate, hold_review
from tests.services.scheduler.served import Served
from tests.support.clients import client_of
from tests.support.council import new_authority
from tests.support.waiting import eventually

PATH = "/v1/webhook-endpoints"
URL = "https://receiver.example.org/hook"


async def create(running: Served, **body: Any) -> dict[str, Any]:
    answer = await running.client.post(PATH, json={"url": URL, **body})
    assert answer.status_code == 201, answer.text
    created: dict[str, Any] = answer.json()
    return created


async def delivered(running: Served, endpoint_id: str) -> list[dict[str, Any]]:
    page = await running.get(f"{PATH}/{endpoint_id}/deliveries", state="delivered")
    found: list[dict[str, Any]] = page["items"]
    return found


async def test_a_receiver_gets_verified_notices_from_its_creation_on(running: Served) -> None:
    """From the POST to the signed request: an event makes a notice, which PyPI standardwebhooks accepts."""
    running.clock.set(SystemClock().now())
    async with receiver(answering(200)) as receiving:
        created = await create(running, url=receiving.url, kinds=["review.held"])
        accommodate(running.log, "2026-01-15")
        hold_review(running.log, "2026-02-10")
        await eventually(lambda: receiving.got, about="the webhook")
        await eventually(lambda: delivered(running, created["endpoint_id"]), about="the record of it")
    (got,) = receiving.got
    payload = Webhook(created["secret"]).verify(got.body, got.headers)
    assert payload["type"] == "review.held"
    review = await running.get(payload["data"]["href"])
    assert review["review"]["held_on"] == payload["data"]["held_on"] == "2026-02-10"
    (delivery,) = await delivered(running, created["endpoint_id"])
    assert delivery["webhook_id"] == got.headers["webhook-id"]
    detail = await running.get(f"{PATH}/{created['endpoint_id']}/deliveries/{delivery['notice_id']}")
    assert detail["payload"] == payload
    assert [(each["number"], each["status"]) for each in detail["attempts"]] == [(1, 200)]


async def test_a_replay_reaches_the_receiver_again(running: Served) -> None:
    """A replay is accepted with 202 and sends the same id and bytes once more."""
    async with receiver(answering(200)) as receiving:
        created = await create(running, url=receiving.url, kinds=["review.held"])
        accommodate(running.log, "2026-01-15")
        hold_review(running.log, "2026-02-10")
        await eventually(lambda: delivered(running, created["endpoint_id"]))
        (delivery,) = await delivered(running, created["endpoint_id"])
        path = f"{PATH}/{created['endpoint_id']}/deliveries/{delivery['notice_id']}"
        answer = await running.client.post(f"{path}/replay")
        assert (answer.status_code, answer.json()["state"]) == (202, "pending")
        await eventually(lambda: len(receiving.got) == 2)
    assert len({(got.headers["webhook-id"], got.body) for got in receiving.got}) == 1


async def test_the_secret_is_shown_once(running: Served) -> None:
    """Creation shows a secret of 32 bytes; no later answer holds it."""
    created = await create(running, description="our receiver", kinds=["review.missed", "review.missed"])
    assert len(b64decode(created["secret"].removeprefix("whsec_"), validate=True)) == 32
    assert created["kinds"] == ["review.missed"]
    for path in (PATH, f"{PATH}/{created['endpoint_id']}"):
        answer = await running.client.get(path)
        assert created["secret"] not in answer.text
    listed = (await running.get(PATH))["items"]
    assert listed == [{name: value for name, value in created.items() if name != "secret"}]


async def test_deleting_disables_and_keeps_the_record(running: Served) -> None:
    """A disabled endpoint is still listed, says since when and why, and takes no replay."""
    created = await create(running)
    path = f"{PATH}/{created['endpoint_id']}"
    first = (await running.client.delete(path)).json()
    assert (first["enabled"], first["disabled_at"] is not None) == (False, True)
    assert (await running.client.delete(path)).json() == first
    assert (await running.get(PATH))["items"] == [first]


async def test_lists_come_in_pages(running: Served) -> None:
    """Following the cursor gives every endpoint, and every delivery, once."""
    endpoints = [await create(running) for _ in range(3)]
    deliveries = f"{PATH}/{endpoints[0]['endpoint_id']}/deliveries"
    accommodate(running.log, "2026-01-15")
    hold_review(running.log, "2026-02-10")
    await running.catch_up()

    async def all_told() -> bool:
        # The tick tells last, of the four weeks for which the second review is overdue; until then the list grows.
        kinds = [each["kind"] for each in (await running.get(deliveries))["items"]]
        return kinds.count("review.overdue") == 4

    await eventually(all_told, about="everything being told")
    for path, key in ((PATH, "endpoint_id"), (deliveries, "notice_id")):
        whole = [each[key] for each in (await running.get(path))["items"]]
        found: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            page = await running.get(path, limit=2, **cursor)
            found += [each[key] for each in page["items"]]
            if page["next_cursor"] is None:
                break
            cursor = {"cursor": page["next_cursor"]}
        assert found == whole
        assert len(whole) >= 3


async def test_a_council_has_a_bounded_number_of_endpoints(running: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limit a new endpoint is refused until another is disabled."""
    monkeypatch.setattr("services.scheduler.api.endpoints.MAX_ENABLED", 2)
    first, _ = await create(running), await create(running)
    answer = await running.client.post(PATH, json={"url": URL})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "too_many_endpoints")
    await running.client.delete(f"{PATH}/{first['endpoint_id']}")
    await create(running)


BAD_BODIES: list[tuple[bytes, int, str | None]] = [
    (b"", 400, ""),
    (b"{", 400, ""),
    (b"\xff\xfe", 400, ""),
    (b'{"url": NaN}', 400, ""),
    (b'{"url": "\\ud800"}', 400, ""),
    (b'{"url": "https://a.example/\\u0000"}', 400, ""),
    (b'{"url": "https://a.example/", "url": "https://b.example/"}', 400, ""),
    (b"[" * 100 + b"]" * 100, 400, ""),
    (b"[]", 422, ""),
    (b"null", 422, ""),
    (b"{}", 422, "/url"),
    (b'{"url": 1}', 422, "/url"),
    (b'{"url": "https://a.example/", "region": "x"}', 422, ""),
    (b'{"url": "https://a.example/", "kinds": []}', 422, "/kinds"),
    (b'{"url": "https://a.example/", "kinds": ["review.lost"]}', 422, "/kinds/0"),
    (b'{"url": "https://a.example/", "description": ""}', 422, "/description"),
    (b'{"url": "https://a.example/", "description": "a\\nb"}', 422, "/description"),
    (b'{"url": "http://a.example:x/"}', 422, "/url"),
    (b'{"url": "https://169.254.169.254/latest"}', 422, "/url"),
    (b'{"url": "https://2130706433/"}', 422, "/url"),
    (b'{"url": "' + b"h" * 17_000 + b'"}', 413, None),
]


async def test_bad_bodies_are_refused(running: Served, subtests: pytest.Subtests) -> None:
    """Whatever is posted, the answer is a problem that names the place, never a 500, and nothing is stored."""
    for body, status, pointer in BAD_BODIES:
        with subtests.test(body[:60].decode("latin-1")):
            answer = await running.client.post(PATH, content=body, headers={"content-type": "application/json"})
            assert answer.status_code == status
            assert answer.headers["content-type"] == "application/problem+json"
            assert pointer is None or answer.json()["errors"][0]["pointer"] == pointer
            assert "169.254" not in answer.text
    assert (await running.get(PATH))["items"] == []


async def test_another_media_type_is_refused(running: Served) -> None:
    """Only application/json is read."""
    answer = await running.client.post(PATH, content=b'{"url": "https://a.example/"}')
    assert answer.status_code == 415


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"content-type": "application/json; charset=utf-16"}, "charset_unsupported"),
        ({"content-type": "application/json", "content-encoding": "gzip"}, "content_encoding_unsupported"),
    ],
)
async def test_a_body_in_another_coding_is_refused(running: Served, headers: dict[str, str], code: str) -> None:
    """What is not UTF-8 as it stands is named as unsupported, not taken for malformed."""
    answer = await running.client.post(PATH, content=b'{"url": "https://a.example/"}', headers=headers)
    assert answer.status_code == 415
    assert answer.json()["errors"][0]["code"] == code


async def test_saying_utf_8_is_welcome(running: Served) -> None:
    """A client that names the charset of its JSON, or the identity coding, is understood."""
    headers = {"content-type": 'application/json; charset="UTF-8"', "content-encoding": "identity"}
    answer = await running.client.post(PATH, content=b'{"url": "https://a.example/"}', headers=headers)
    assert answer.status_code == 201


OPERATIONS = (
    ("GET", ""),
    ("DELETE", ""),
    ("GET", "/deliveries"),
    ("GET", "/deliveries/{notice}"),
    ("POST", "/deliveries/{notice}/replay"),
)


async def test_another_council_finds_nothing(running: Served, subtests: pytest.Subtests) -> None:
    """No operation on an endpoint or delivery answers a key of another council but with 404."""
    created = await create(running, kinds=["review.held"])
    accommodate(running.log, "2026-01-15")
    hold_review(running.log, "2026-02-10")
    await running.catch_up()
    (delivery,) = (await running.get(f"{PATH}/{created['endpoint_id']}/deliveries"))["items"]
    stranger, _ = await running.another_council()
    async with stranger:
        assert (await stranger.get(PATH)).json()["items"] == []
        for method, path in OPERATIONS:
            with subtests.test(f"{method} {path}"):
                whole = f"{PATH}/{created['endpoint_id']}{path.format(notice=delivery['notice_id'])}"
                assert (await stranger.request(method, whole)).status_code == 404
                unknown = whole.replace(created["endpoint_id"], str(uuid4()))
                assert (await running.client.request(method, unknown)).status_code == 404
                malformed = whole.replace(created["endpoint_id"], "%F0%9F%98%80")
                assert (await running.client.request(method, malformed)).status_code == 422
    assert (await running.get(f"{PATH}/{created['endpoint_id']}"))["enabled"]


async def test_bad_pages_of_deliveries_are_refused(running: Served, subtests: pytest.Subtests) -> None:
    """Cursors, states and limits out of form are a 422."""
    created = await create(running)
    for query in ("cursor=x", "cursor=WyJ4Il0", "cursor=WzFlNDBd", "cursor=WzEsMl0", "state=lost", "limit=0"):
        for path in (PATH, f"{PATH}/{created['endpoint_id']}/deliveries"):
            with subtests.test(f"{path}?{query}"):
                assert (await running.client.get(f"{path}?{query}")).status_code == 422


async def test_reading_reviews_does_not_permit_managing_webhooks(running: Served) -> None:
    """Each operation needs its own scope."""
    key = await new_authority(running.database_url, running.key.authority_id, [Scope.REVIEWS_READ])
    async with client_of(running.app, key) as reader:
        assert (await reader.get("/v1/reviews")).status_code == 200
        assert (await reader.get(PATH)).status_code == 403
        assert (await reader.post(PATH, json={"url": URL})).status_code == 403
