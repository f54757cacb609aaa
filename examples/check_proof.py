"""Check a proof of a Homeward log without Homeward: only Python's standard library is needed.

    python examples/check_proof.py proof.ndjson --key <public key> [--key ...] [--heads kept.jsonl]

Give public keys that you have from somebody you trust, not from the proof.  Several files
are read one after the other, as parts of one proof.  Signed heads that were kept elsewhere
(lines of JSON as `homeward heads` prints them) show whether the log was cut off or written
anew since.  Ends with 0 if everything holds and is vouched for, with 1 if not, and with 2 if a
file or key cannot be used or none of the kept heads could be compared.  What that proves, and
what it does not, stands in docs/reference/log-proof.md.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

# Ed25519 after RFC 8032, section 6: the curve's prime, order, constant and base point.
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
POINT_BYTES, SIGNATURE_BYTES = 32, 64
Point = tuple[int, int, int, int]

# The members of an event's line in each of its forms.  A line with members of two forms could say one thing and prove
# another.
HASHED = {"position", "leaf"}
NAMED = {
    "position",
    "stream",
    "stream_position",
    "type",
    "source",
    "id",
    "recorded_at",
    "recorded_by",
    "digest",
    "link",
}
SHOWN = NAMED | {"body"}


class Broken(Exception):
    """The proof does not hold; the message says where and why."""


def sha256(data: bytes) -> bytes:
    """Return the SHA-256 of `data`."""
    return hashlib.sha256(data).digest()


def add(p: Point, q: Point) -> Point:
    """Add two points of the curve in extended coordinates."""
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(scalar: int, point: Point) -> Point:
    """Multiply a point of the curve."""
    result: Point = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point, scalar = add(point, point), scalar >> 1
    return result


def decompress(encoded: bytes) -> Point:
    """Return the point that 32 bytes encode; raises ValueError for bytes that encode none."""
    y = int.from_bytes(encoded, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if len(encoded) != POINT_BYTES or y >= P or (x * x - x2) % P or (x == 0 and sign):
        raise ValueError("no point of the curve")
    x = x if x & 1 == sign else P - x
    return x, y, 1, x * y % P


BASE = decompress((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def ed25519_valid(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Tell whether `signature` is the one of this key for this message (RFC 8032, 5.1.7)."""
    try:
        a, r = decompress(public_key), decompress(signature[:32])
    except ValueError:
        return False
    s = int.from_bytes(signature[32:], "little")
    if len(signature) != SIGNATURE_BYTES or s >= L:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + public_key + message).digest(), "little") % L
    left, right = times(s, BASE), add(r, times(h, a))
    return (left[0] * right[2] - right[0] * left[2]) % P == 0 == (left[1] * right[2] - right[1] * left[2]) % P


def need(holds: bool, position: int, why: str) -> None:
    """Raise Broken unless it holds."""
    if not holds:
        raise Broken(f"at position {position}: {why}")


def raw(text: str) -> bytes:
    """Return the bytes of a hash written as `sha256:<hexadecimal>`."""
    return bytes.fromhex(text.removeprefix("sha256:"))


def microseconds(text: str) -> int:
    """Return the microseconds from 1970 to an instant written as in RFC 3339."""
    return (datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def lines_of(*fields: object) -> bytes:
    """Return a text with one field a line; no field may hold a line feed, which could move what stands where."""
    if any("\n" in str(field) for field in fields):
        raise ValueError("a line feed in a field")
    return "".join(f"{field}\n" for field in fields).encode()


def compare_with_body(e: dict[str, Any]) -> None:
    """Compare an event's columns with the bytes that were posted."""
    position, body = e["position"], e["body"].encode()
    need(sha256(body) == raw(e["digest"]), position, "the bytes are not those of the digest")
    posted, columns = json.loads(body), {"type": "type", "source": "source", "id": "id", "subject": "stream"}
    for name, column in columns.items():
        need(posted.get(name) == e[column], position, f"{column} is not the one in the posted bytes")


def leaf_of(authority: str, e: dict[str, Any]) -> bytes:
    """Return the leaf of an event whose columns are shown."""
    named = (authority, e["position"], e["stream"], e["stream_position"], e["type"], e["source"], e["id"])
    recorded = (microseconds(e["recorded_at"]), e["recorded_by"], raw(e["digest"]).hex())
    return sha256(lines_of("homeward-event-1", *named, *recorded))


class Proof:
    """A walk over the lines of a proof."""

    def __init__(self, keys: Iterable[bytes], kept: Iterable[dict[str, Any]]) -> None:
        """Trust these public keys, and these signed heads that were kept elsewhere."""
        self.keys = {sha256(key).hex()[:16]: key for key in keys}
        self.keep(kept)
        self.authority, self.stream, self.position, self.first, self.link = "", None, -1, 0, b""
        self.signed_to = self.shown = self.hashed = self.stream_position = 0
        self.ended, self.compared = False, 0

    def keep(self, kept: Iterable[dict[str, Any]]) -> None:
        """Compare with these signed heads, that were kept elsewhere."""
        self.kept = list(kept)
        self.kept_at = {head["position"] for head in self.kept}

    def take(self, line: dict[str, Any]) -> None:
        """Check one line; raises Broken."""
        if "format" in line:
            self.begin(line)
            return
        need(self.position >= 0 and not self.ended, self.position, "a line stands outside header and last line")
        if "signed_head" in line:
            self.signed(line["signed_head"])
        elif "next_after" in line:
            need(line["last"] == self.position, line["last"], "the proof ends before its last line says")
            self.ended = True
        else:
            self.event(line)

    def begin(self, header: dict[str, Any]) -> None:
        """Begin a proof, or go on with its next part."""
        after, previous = header["after"], raw(header["previous"])
        need(header["format"] == "homeward-proof-1", after, "this is no proof that can be checked here")
        if self.position < 0:
            self.authority, self.stream = header["authority"], header["stream"]
            self.position, self.first = after, after + 1
            self.link = previous if after else sha256(lines_of("homeward-log-1", self.authority))
            self.compare_with_kept()
        same = (self.authority, self.stream) == (header["authority"], header["stream"])
        need(same and after == self.position and previous == self.link, after, "this part does not follow")
        self.ended = False

    def event(self, e: dict[str, Any]) -> None:
        """Bind the next event to all before it; it is shown, or named without its bytes, or only hashed."""
        need(e["position"] == self.position + 1, self.position + 1, "this event is missing or out of order")
        need(set(e) in (SHOWN, NAMED, HASHED), e["position"], "this event is in none of the three forms")
        shown, hashed = "body" in e, "leaf" in e
        need(shown or self.stream is not None, e["position"], "this event is not shown")
        need(shown or hashed or e["stream"] != self.stream, e["position"], "this event of the stream is not shown")
        if shown:
            compare_with_body(e)
        leaf = raw(e["leaf"]) if hashed else leaf_of(self.authority, e)
        self.link, self.position = sha256(self.link + leaf), e["position"]
        self.hashed += hashed
        need(hashed or self.link == raw(e["link"]), self.position, "the event does not follow from those before it")
        if shown:
            self.of_stream(e)
        self.compare_with_kept()

    def compare_with_kept(self) -> None:
        """Compare with what heads that were kept elsewhere say of this position."""
        for head in self.kept if self.position in self.kept_at else ():
            if (head["authority"], head["position"]) == (self.authority, self.position):
                need(raw(head["link"]) == self.link, self.position, "a head kept elsewhere differs")
                self.compared += 1

    def of_stream(self, e: dict[str, Any]) -> None:
        """See that no event of the stream was left out before this one."""
        self.shown += 1
        if self.stream is not None:
            need(e["stream"] == self.stream, self.position, "this event is of another stream")
            follows = e["stream_position"] == self.stream_position + 1
            started = self.stream_position > 0 or self.first == 1
            need(follows or not started, self.position, "an event of the stream before this one is hidden")
            self.stream_position = e["stream_position"]

    def signed(self, head: dict[str, Any]) -> None:
        """Check what a key says of the log up to here."""
        need(head["position"] == self.position, head["position"], "the signed head is of another place")
        need(raw(head["link"]) == self.link, self.position, "the signed head tells of another event")
        key = self.keys.get(head["key_id"])
        need(key is not None, self.position, f"it is signed by {head['key_id']}, a key that you did not give")
        text = lines_of(
            "homeward-head-1", self.authority, self.position, self.link.hex(), microseconds(head["signed_at"])
        )
        valid = ed25519_valid(key or b"", text, base64.b64decode(head["signature"]))
        need(valid, self.position, "the signature is not valid")
        self.signed_to = self.position

    def verdict(self) -> Iterator[str]:
        """Say what was proved; raises Broken for a proof that is cut off or not signed."""
        need(self.ended, self.position + 1, "the proof is cut off")
        for head in self.kept:
            missing = head["authority"] == self.authority and head["position"] > self.position
            need(not missing, self.position + 1, "the log ends before a head that was kept elsewhere")
        need(self.signed_to >= self.first, self.position, "no signed head is among the events: nobody vouches for them")
        yield f"The log of {self.authority} is proved from position {self.first} to {self.signed_to}."
        yield f"Events shown: {self.shown} of {self.position - self.first + 1}."
        if self.position > self.signed_to:
            yield f"Events {self.signed_to + 1} to {self.position} follow from them, and are not signed yet."
        if self.compared:
            yield agreeing(self.compared, len(self.kept))
        if self.stream is not None:
            yield f"Of {self.stream} every event up to its event {self.stream_position} in the proof is shown."
        if self.hashed:
            yield f"Later ones could be hidden among those hashed ({self.hashed}); others=named would rule that out."


def agreeing(compared: int, kept: int) -> str:
    """Say how many of the heads kept elsewhere the proof agrees with."""
    if kept == 1:
        return "The one head kept elsewhere is of a position in it, and agrees."
    are = "is of a position in it, and agrees" if compared == 1 else "are of positions in it, and agree"
    return f"Of the {kept} heads kept elsewhere {compared} {are}."


def once(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the members of a JSON object; one that is named twice would be read differently by different readers."""
    if len(dict(members)) != len(members):
        raise ValueError("a member is named twice")
    return dict(members)


def records(paths: Iterable[Path]) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects of files of lines."""
    for path in paths:
        with path.open(encoding="utf-8", newline="\n") as file:
            yield from (json.loads(line, object_pairs_hook=once) for line in file if line.strip())


def public_key(text: str) -> bytes:
    """Return the bytes of a public key; raises ArgumentTypeError for a text that is none."""
    try:
        key = base64.b64decode(text, validate=True)
    except ValueError:
        key = b""
    if len(key) != POINT_BYTES:
        raise argparse.ArgumentTypeError("a public key is the Base64 of 32 bytes, not the name of a file")
    return key


def reads_arguments() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    parser = argparse.ArgumentParser(
        description="Check a proof of a Homeward log, without Homeward.",
        epilog="It ends with 0 if everything holds and is vouched for, with 1 if not, and with 2 if a file or key "
        "cannot be used, or --heads was given and none of its heads could be compared. What that proves, and what it "
        "does not, stands in docs/reference/log-proof.md.",
    )
    parser.add_argument(
        "files",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="the proof, as `homeward proof` or GET /v1/log/proof wrote it; several are read one after the other, as "
        "parts of one proof",
    )
    parser.add_argument(
        "--key",
        action="append",
        required=True,
        type=public_key,
        help="public key (Base64) that you have from somebody you trust, and not from the proof; for several, give "
        "--key several times",
    )
    parser.add_argument(
        "--heads",
        type=Path,
        metavar="FILE",
        help="signed heads that were kept elsewhere, as `homeward heads` prints them: they show whether the log was "
        "cut off or written anew since",
    )
    return parser


def main() -> int:
    """Check the files that are named; return the exit status."""
    parser = reads_arguments()
    asked = parser.parse_args()
    proof = Proof(asked.key, [])
    try:
        proof.keep(records([asked.heads] if asked.heads else []))
        for line in records(asked.files):
            proof.take(line)
        verdict = list(proof.verdict())
    except OSError as error:
        parser.error(f"{error.filename} cannot be read: {error.strerror}")
    except Broken as broken:
        print(f"BROKEN {broken}.")
        return 1
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        print(f"BROKEN behind position {max(proof.position, 0)}: unreadable ({type(error).__name__}).")
        return 1
    if asked.heads and not proof.compared:
        print(f"NOT COMPARED: {asked.heads} holds no head of {proof.authority} at a position in this proof.")
        print("By itself the proof holds.", *verdict, sep="\n")
        return 2
    print("HOLDS.", *verdict, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
