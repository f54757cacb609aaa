"""The ways in which CloudEvents arrive over HTTP.

The conformance cases are those of cloudevents/conformance, features/http-protocol-binding.feature
(binary and structured, each with and without charset), with negative cases of the specification's
text added.
"""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Sequence
from hashlib import sha256
from typing import Any
from urllib.parse import quote

import pytest
from cloudevents.core.bindings.http import to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.catalogue import EventData
from shared.domain.envelope import NewEvent
from shared.domain.errors import BodyTooLarge, Fault, HomewardError, InvalidInput, MalformedBody, UnsupportedMedia
from shared.wire import limits
from shared.wire.cloudevents import same_content
from shared.wire.content_modes import BATCH, BINARY, NDJSON, STRUCTURED, Candidate, Reading, media_type_of, read
from tests.support.events import cloud_event

SECRET = "Xq7-secret-Xq7"
POSTED = cloud_event("child.registered", "child-a1", {"occurred_on": "2026-01-15", "team": "north"}, id="e1")
BODY = json.dumps(POSTED).encode()
DATA = json.dumps(POSTED["data"]).encode()


def nothing_more(_: EventData) -> Sequence[Fault]:
    return ()


def reading(media_type: str, body: bytes, headers: Sequence[tuple[bytes, bytes]] = ()) -> Reading:
    return read(media_type, headers, body, nothing_more)


def headers_of(posted: dict[str, Any]) -> list[tuple[bytes, bytes]]:
    return [
        (f"ce-{name}".encode(), quote(str(value), safe="/:").encode())
        for name, value in posted.items()
        if name != "data"
    ]


def only(read_: Reading) -> Candidate:
    (candidate,) = read_.candidates
    return candidate


def event_of(read_: Reading) -> NewEvent:
    event = only(read_).event
    assert event is not None, only(read_).refusal and only(read_).refusal.faults  # type: ignore[union-attr]  # as guarded
    return event


def refusal_of(candidate: Candidate) -> HomewardError:
    assert candidate.refusal is not None
    return candidate.refusal


@pytest.mark.parametrize("charset", ["", "; charset=utf-8", '; charset="UTF-8"', ";charset=utf-8; x=y"])
@pytest.mark.parametrize("media_type", [STRUCTURED, BATCH, *NDJSON, BINARY])
def test_a_media_type_is_taken_with_and_without_charset(media_type: str, charset: str) -> None:
    """Each media type is taken bare, and with the charset UTF-8 in any spelling."""
    assert media_type_of(media_type.title() + charset) == media_type


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "application/cloudevents+avro",
        "application/xml",
        f"{STRUCTURED}; charset=latin-1",
        "x;y",
    ],
)
def test_other_media_types_and_charsets_are_refused(content_type: str | None) -> None:
    """What is not listed is unsupported, and so is a charset other than UTF-8."""
    with pytest.raises(UnsupportedMedia):
        media_type_of(content_type)


def test_every_mode_gives_the_same_event() -> None:
    """Structured, binary, batch and NDJSON carry one event to one content."""
    bodies = [
        event_of(reading(STRUCTURED, BODY)).body,
        event_of(reading(BINARY, DATA, headers_of(POSTED))).body,
        event_of(reading(BATCH, b"[" + BODY + b"]")).body,
        event_of(reading(NDJSON[0], BODY)).body,
        event_of(reading(NDJSON[1], b"\n \t\r\n" + BODY + b"\r\n\n")).body,
    ]

    assert all(same_content(body, BODY) for body in bodies)


ODD = json.dumps(POSTED, indent=1).replace("e1", "\\u0065\\u0031").replace("/", "\\/").encode() + b"\t\r\n"
LINE = BODY.replace(b", ", b" ,\t").replace(b"child-a1", rb"child\u002da1")


@pytest.mark.parametrize(
    ("media_type", "sent", "kept"),
    [
        (STRUCTURED, BODY, BODY),
        (STRUCTURED, b"\r\n " + ODD, ODD.strip()),
        (BATCH, b" [ " + ODD + b",\n" + LINE + b"]", ODD.strip()),
        (NDJSON[0], LINE, LINE),
        (NDJSON[1], b"\t" + LINE + b" \r\n" + LINE, LINE),
    ],
)
def test_an_event_is_kept_exactly_as_it_was_posted(media_type: str, sent: bytes, kept: bytes) -> None:
    """Order, escapes and white space inside the event stay; what stands around it goes."""
    event = reading(media_type, sent).candidates[0].event

    assert event is not None
    assert event.body == kept
    assert event.digest == sha256(kept).digest()
    assert same_content(kept, BODY)


def test_binary_data_is_kept_exactly_as_it_was_posted() -> None:
    """Attributes are written in canonical form, the data among them as it came."""
    data = b'{ "team":"\\u006eorth",\n"occurred_on" : "2026-01-15" }'

    event = event_of(reading(BINARY, b" " + data + b"\r\n", headers_of(POSTED)))

    assert event.body == (
        b'{"data":' + data + b',"datacontenttype":"application/json","id":"e1","source":"/test/case-system",'
        b'"specversion":"1.0","subject":"child-a1","type":"child.registered"}'
    )
    assert same_content(event.body, BODY)


@pytest.mark.parametrize("data", [b'{},"id":"e2"', b"1}", b'{"a":1}{', b""])
def test_binary_data_cannot_leave_its_place(data: bytes) -> None:
    """What would close the data early, or add an attribute, is no JSON by itself and is refused."""
    assert isinstance(only(reading(BINARY, data, headers_of(POSTED))).refusal, MalformedBody)


def test_the_sdk_s_messages_are_read() -> None:
    """Both modes that the CloudEvents SDK for Python writes carry the same event."""
    attributes = {name: value for name, value in POSTED.items() if name not in {"data", "specversion"}}
    event = CloudEvent({**attributes, "datacontenttype": "application/json"}, POSTED["data"])
    structured, binary = to_structured_event(event), to_binary_event(event)
    headers = [(name.encode(), value.encode()) for name, value in binary.headers.items()]

    body = structured.body if isinstance(structured.body, bytes) else structured.body.encode()
    data = binary.body if isinstance(binary.body, bytes) else binary.body.encode()
    one, other = event_of(reading(STRUCTURED, body)), event_of(reading(BINARY, data, headers))
    assert same_content(one.body, other.body)


@given(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=50))
def test_a_header_carries_any_printable_text(event_id: str) -> None:
    """Percent-encoded UTF-8 in a header gives the very text that a structured event holds."""
    posted = {**POSTED, "id": event_id}

    assert event_of(reading(BINARY, DATA, headers_of(posted))).event_id == event_id


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"e1", "e1"),
        (b'"e1"', "e1"),
        (b' "e 1" ', "e 1"),
        (rb'"e\"1\\"', 'e"1\\'),
        (b"%65%31", "e1"),
        (b'"%C3%A9"', "é"),
        (b"%2565", "%65"),
        (b"%F0%9F%98%80", "😀"),
    ],
)
def test_a_header_is_unquoted_and_then_decoded_once(raw: bytes, text: str) -> None:
    """Quoted strings and needless encoding are taken, and one round of decoding is done."""
    headers = [*headers_of({name: POSTED[name] for name in POSTED if name != "id"}), (b"CE-Id", raw)]

    assert event_of(reading(BINARY, DATA, headers)).event_id == text


@pytest.mark.parametrize(
    "raw",
    [b"%C0%A0", b"%ED%A0%80", b"%FF", b"%", b"%4", b"%zz", b'"open', b'"a"b"', "é".encode(), b"%E2%82"],
)
def test_a_header_that_is_not_percent_encoded_utf_8_is_refused(raw: bytes) -> None:
    """Overlong forms, surrogates, stray percent signs, open quotes and bare bytes are malformed."""
    headers = [*headers_of({name: POSTED[name] for name in POSTED if name != "id"}), (b"ce-id", raw)]

    candidate = only(reading(BINARY, DATA, headers))

    assert isinstance(candidate.refusal, MalformedBody)
    assert candidate.event_id is None


@pytest.mark.parametrize("extra", [(b"ce-id", b"e2"), (b"ce-data", b"{}"), (b"ce-datacontenttype", b"text/xml")])
def test_a_header_that_contradicts_is_refused(extra: tuple[bytes, bytes]) -> None:
    """An attribute given twice, or one that binary mode keeps elsewhere, is malformed."""
    assert isinstance(only(reading(BINARY, DATA, [*headers_of(POSTED), extra])).refusal, MalformedBody)


def test_a_missing_id_is_never_made_up() -> None:
    """Without `ce-id` the event is invalid, and the fault points to the header."""
    read_ = reading(BINARY, DATA, [each for each in headers_of(POSTED) if each[0] != b"ce-id"])

    error = read_.as_sent(refusal_of(only(read_)))
    assert [(fault.pointer, fault.code) for fault in error.faults] == [(":ce-id", "missing")]


def test_faults_of_binary_mode_point_to_where_they_were_sent() -> None:
    """A fault in the data points into the body, one in an attribute to its header."""
    read_ = reading(BINARY, b'{"occurred_on": 5}', [*headers_of({**POSTED, "subject": SECRET})])

    error = read_.as_sent(refusal_of(only(read_)))
    assert {fault.pointer for fault in error.faults} == {":ce-subject", "/occurred_on"}
    assert "Xq7" not in repr(error.faults)


@pytest.mark.parametrize(
    ("header", "pointer"),
    [
        ((b"ce-time", b'"2026-01-15'), ":ce-time"),
        ((b"CE-Source", b"%zz"), ":ce-source"),
        ((b"ce-source", b"%ff"), ":ce-source"),
        ((b"ce-subject", b"\xe9"), ":ce-subject"),
        ((b"ce-data", b"{}"), ":ce-data"),
        ((b"ce-datacontenttype", b"text/xml"), ":ce-datacontenttype"),
        ((f"ce-{SECRET}".encode(), b"%zz"), ":ce-"),
    ],
)
def test_a_header_that_cannot_be_read_is_named(header: tuple[bytes, bytes], pointer: str) -> None:
    """The fault points to the header, unless its name was made up by the sender: that may itself be data."""
    others = [each for each in headers_of(POSTED) if each[0] != header[0].lower()]
    read_ = reading(BINARY, DATA, [*others, header])

    error = read_.as_sent(refusal_of(only(read_)))
    assert [(fault.pointer, fault.code) for fault in error.faults] == [(pointer, "header")]
    assert SECRET.lower() not in repr(error.faults).lower()


def test_a_header_that_is_given_twice_is_named() -> None:
    """The second one contradicts the first, even where it says the same."""
    read_ = reading(BINARY, DATA, [*headers_of(POSTED), (b"ce-id", b"e1")])
    assert [fault.pointer for fault in read_.as_sent(refusal_of(only(read_))).faults] == [":ce-id"]


@pytest.mark.parametrize("body", [b"5", b"null", b'"text"', b"[]"])
def test_an_event_is_an_object(body: bytes) -> None:
    """Any other JSON value in place of an event is invalid."""
    assert isinstance(only(reading(STRUCTURED, body)).refusal, InvalidInput)
    assert isinstance(only(reading(NDJSON[0], body)).refusal, InvalidInput)


def test_one_bad_event_of_a_batch_costs_its_neighbours_nothing() -> None:
    """Good events stand beside bad ones, even where the bad text is bad JSON of a kind."""
    second = json.dumps({**POSTED, "id": "e2"}).encode()
    bad = (
        BODY.replace(b'"e1"', rb'"e\u0000"'),
        BODY.replace(b'"id"', b'"id": "e1", "id"'),
        BODY.replace(b'"e1"', rb'"\ud800"'),
        BODY.replace(b'"e1"', b"NaN"),
        BODY.replace(b"e1", b"\xc0\xa2"),
        BODY.replace(b"e1", b"\xed\xa0\x80"),
        BODY.replace(b"e1", b"\x00"),
        b"9223372036854775808",
        b"[" * 40 + b"]" * 40,
    )
    for each in bad:
        first, middle, last = reading(BATCH, b" [" + b" ,\n".join((BODY, each, second)) + b"] ").candidates

        assert (first.event_id, last.event_id) == ("e1", "e2")
        assert first.event is not None
        assert last.event is not None
        assert isinstance(middle.refusal, HomewardError)
        assert middle.event_id is None


@pytest.mark.parametrize("text", [b"[{},]", b"[{}", b"{}]", b"[{} {}]", b"[{}]{}", b"[,{}]", b"", b"[" * 5000])
def test_a_batch_that_is_no_json_is_malformed_as_a_whole(text: bytes) -> None:
    """Where the array itself cannot be read there are no events to name."""
    with pytest.raises(MalformedBody):
        reading(BATCH, text)


def test_a_batch_is_an_array() -> None:
    """A single event sent as a batch is told so."""
    with pytest.raises(InvalidInput):
        reading(BATCH, BODY)


def test_each_line_has_its_own_verdict() -> None:
    """A line that is no JSON, or too long, is refused alone."""
    long = json.dumps({**POSTED, "ext": "x" * limits.EVENT_BYTES}).encode()
    broken, good, over = reading(NDJSON[0], b"\n".join((b'{"id": "e1"', BODY, long))).candidates

    assert isinstance(broken.refusal, MalformedBody)
    assert good.event_id == "e1"
    assert isinstance(over.refusal, BodyTooLarge)


def test_the_size_of_an_event_is_that_of_what_is_kept() -> None:
    """White space inside an event counts, for it is kept; white space around it does not."""
    filling = b" " * (limits.EVENT_BYTES - len(BODY))
    full, over = BODY.replace(b"{", b"{" + filling, 1), BODY.replace(b"{", b"{ " + filling, 1)

    assert len(event_of(reading(STRUCTURED, b" " + full + b"\n")).body) == limits.EVENT_BYTES
    assert isinstance(only(reading(STRUCTURED, over)).refusal, BodyTooLarge)
    kept, refused = reading(BATCH, b"[ " + full + b" ," + over + b"]").candidates
    assert kept.event is not None
    assert (refused.event_id, type(refused.refusal)) == ("e1", BodyTooLarge)


@pytest.mark.parametrize("media_type", [STRUCTURED, BATCH, BINARY])
def test_what_is_far_too_large_for_an_event_is_not_read(media_type: str) -> None:
    """It is refused for its size alone, before anything is made of it: here it would be no JSON either."""
    text = b"x" * (3 * limits.EVENT_BYTES)
    (candidate,) = reading(media_type, b'["' + text + b'"]' if media_type == BATCH else text).candidates

    assert isinstance(candidate.refusal, BodyTooLarge)
    assert candidate.event_id is None
    with pytest.raises(InvalidInput):
        reading(BATCH, text)


@pytest.mark.parametrize("body", [b"{", b"5", b"{}", BODY.replace(b'"north"', b"{}"), b"x" * 3 * limits.EVENT_BYTES])
@pytest.mark.parametrize("media_type", [STRUCTURED, BINARY, NDJSON[0]])
def test_a_refusal_holds_nothing_but_its_words(media_type: str, body: bytes) -> None:
    """It was never raised: with the frames it went through it would keep the whole request, for good."""
    read_ = reading(media_type, body)
    refusal = refusal_of(only(read_))

    assert (refusal.__traceback__, refusal.__context__, refusal.__cause__) == (None, None, None)
    assert read_.as_sent(refusal) is not refusal  # which is raised


@pytest.mark.parametrize(
    ("media_type", "most", "text"),
    [
        (BATCH, limits.EVENTS_IN_BATCH, lambda count: b"[" + b",".join([b"1"] * count) + b"]"),
        (NDJSON[0], limits.EVENTS_IN_NDJSON, lambda count: b"\n".join([b"1"] * count)),
    ],
)
def test_a_request_holds_so_many_events_and_no_more(media_type: str, most: int, text: Any) -> None:
    """The published number is taken; one more is too large as a whole."""
    assert len(reading(media_type, text(most)).candidates) == most
    with pytest.raises(BodyTooLarge):
        reading(media_type, text(most + 1))


@pytest.mark.parametrize(
    ("media_type", "text"),
    [
        (BATCH, b"[" + b"0," * 1_000_000 + b"0]"),
        (BATCH, b"[NaN," + b"0," * 1_000_000 + b"0]"),
        (NDJSON[0], b"0\n" * 1_000_000),
        (NDJSON[0], b" \n\r\n" * 500_000 + b"0\n" * 500_000),
    ],
    ids=["batch", "batch with what is no JSON", "lines", "blank lines and lines"],
)
def test_what_holds_far_too_much_is_cut_no_further_than_to_see_it(media_type: str, text: bytes) -> None:
    """Millions of tiny events in one body cost no memory each: the request is refused at the first one too many."""
    tracemalloc.start()
    try:
        with pytest.raises(BodyTooLarge):
            reading(media_type, text)
        _, most_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert most_bytes < 2 * len(text)


@given(
    st.lists(st.sampled_from([b"", b" ", b"\r", b" \t\r", b"1", b" 2 ", b"\t{}\r", b"x y"]), max_size=8), st.booleans()
)
def test_every_line_that_holds_anything_is_an_event(lines: list[bytes], ended: bool) -> None:
    """Blank lines are passed over, wherever they stand, and every other line is read by itself, in order."""
    candidates = reading(NDJSON[0], b"\n".join(lines) + b"\n" * ended).candidates

    codes = [refusal_of(each).faults[0].code for each in candidates]
    assert codes == [
        "json_invalid" if line == b"x y" else "not_an_object" if line.strip() != b"{}" else codes[place]
        for place, line in enumerate(filter(bytes.strip, lines))
    ]


def test_a_further_check_refuses_a_valid_event() -> None:
    """What the service asks beyond the schema refuses an event under its id."""
    candidate = only(read(STRUCTURED, (), BODY, lambda data: [Fault("/data", "no", str(data.occurred_on))]))

    assert candidate.event is None
    assert candidate.event_id == "e1"
    assert [fault.message for fault in refusal_of(candidate).faults] == ["2026-01-15"]
