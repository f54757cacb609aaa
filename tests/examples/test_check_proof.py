"""The script for inspectors by itself: its arithmetic, what it imports, and what it refuses."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import re
import sys
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.meta.repository import ROOT

SCRIPT = ROOT / "examples/check_proof.py"
#: What may be a public key, though nothing is signed with it.
KEY = b64encode(bytes(32)).decode()

#: RFC 8032, section 7.1: public key, message, signature, in hexadecimal (TEST 1, TEST 2, TEST 3, TEST SHA(abc)).
VECTORS = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
            "d25bf5f0595bbe24655141438e7a100b"
        ),
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
            "387b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
            "4a7c15e9716ed28dc027beceea1ec40a"
        ),
    ),
    (
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        (
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd"
            "454d4423643ce80e2a9ac94fa54ca49f"
        ),
        (
            "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e030"
            "3dca179c138ac17ad9bef1177331a704"
        ),
    ),
]


@pytest.fixture(scope="module")
def script() -> Any:
    """Return the script as a module."""
    spec = importlib.util.spec_from_file_location("check_proof", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_imports_nothing_but_the_standard_library() -> None:
    """An inspector needs Python and this one file, and trusts no code of ours but what can be read in it."""
    imported = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(SCRIPT.read_text(encoding="utf-8")))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }

    assert imported <= sys.stdlib_module_names | {"__future__"}


@pytest.mark.parametrize(("key", "message", "signature"), VECTORS)
def test_the_signatures_of_the_rfc_are_valid(script: Any, key: str, message: str, signature: str) -> None:
    """The test vectors of RFC 8032 are valid, and not for another key, message or signature."""
    given = [bytes.fromhex(text) for text in (key, message, signature)]
    assert script.ed25519_valid(*given)

    for index in range(3):
        other = list(given)
        other[index] = bytes([other[index][0] ^ 1]) + other[index][1:] if other[index] else b"x"
        assert not script.ed25519_valid(*other)


def test_it_agrees_with_the_library_that_signs(script: Any) -> None:
    """For fresh keys and messages the script finds valid what `cryptography` signed."""
    for length in range(8):
        private, message = Ed25519PrivateKey.generate(), os.urandom(length * 20)
        public = private.public_key().public_bytes_raw()
        signature = private.sign(message)
        assert script.ed25519_valid(public, message, signature)
        assert not script.ed25519_valid(public, message + b"x", signature)


def test_a_signature_cannot_be_bent(script: Any) -> None:
    """A second signature made by adding the group's order, a point that is none, and wrong lengths are refused."""
    key, message, signature = (bytes.fromhex(text) for text in VECTORS[1])
    bent = int.from_bytes(signature[32:], "little") + script.L
    no_point = (2**255 - 19 + 1).to_bytes(32, "little")

    assert not script.ed25519_valid(key, message, signature[:32] + bent.to_bytes(32, "little"))
    assert not script.ed25519_valid(no_point, message, signature)
    assert not script.ed25519_valid(key, message, signature[:-1])
    assert not script.ed25519_valid(key[:-1], message, signature)
    assert not script.ed25519_valid(key, message, b"")


class Hand:
    """Writes a small signed proof by hand, from the document and not from the server's code."""

    def __init__(self, *, stream: str | None = "child-a") -> None:
        self.private = Ed25519PrivateKey.generate()
        self.public = self.private.public_key().public_bytes_raw()
        self.link = sha256(b"homeward-log-1\nnorthshire\n").digest()
        self.lines: list[dict[str, Any]] = [
            {
                "format": "homeward-proof-1",
                "authority": "northshire",
                "after": 0,
                "previous": self.link.hex(),
                "stream": stream,
                "public_keys": [],
            }
        ]

    def event(self, stream_position: int, *, hidden: bool = False, stream: str = "child-a") -> dict[str, Any]:
        position = sum("position" in line for line in self.lines) + 1
        body = json.dumps({"type": "t", "source": "s", "id": f"e{position}", "subject": stream})
        digest = sha256(body.encode()).hexdigest()
        named = f"{position}\n{stream}\n{stream_position}\nt\ns\ne{position}"
        text = f"homeward-event-1\nnorthshire\n{named}\n0\nk\n{digest}\n"
        leaf = sha256(text.encode()).digest()
        self.link = sha256(self.link + leaf).digest()
        line = {
            "position": position,
            "stream": stream,
            "stream_position": stream_position,
            "type": "t",
            "source": "s",
            "id": f"e{position}",
            "recorded_at": "1970-01-01T00:00:00Z",
            "recorded_by": "k",
            "digest": f"sha256:{digest}",
            "link": f"sha256:{self.link.hex()}",
            "body": body,
        }
        self.lines.append({"position": position, "leaf": f"sha256:{leaf.hex()}"} if hidden else line)
        return self.lines[-1]

    def sign(self) -> None:
        position = self.lines[-1]["position"]
        text = f"homeward-head-1\nnorthshire\n{position}\n{self.link.hex()}\n1000000\n".encode()
        signature = b64encode(self.private.sign(text)).decode()
        key_id = sha256(self.public).hexdigest()[:16]
        head = {"position": position, "link": self.link.hex(), "key_id": key_id, "signature": signature}
        self.lines.append({"signed_head": {**head, "signed_at": "1970-01-01T00:00:01+00:00"}})
        self.lines.append({"last": position, "next_after": position, "at_head": True, "signed_to": position})


def small_proof() -> Hand:
    hand = Hand()
    hand.event(1)
    hand.event(1, hidden=True, stream="child-b")
    hand.event(2)
    hand.sign()
    return hand


def write(hand: Hand, path: Path) -> None:
    path.write_text("".join(json.dumps(line) + "\n" for line in hand.lines))


def check(script: Any, hand: Hand) -> str:
    """Return "" for a proof that holds, and what the script says of another."""
    proof = script.Proof([hand.public], [])
    try:
        for line in hand.lines:
            proof.take(line)
        list(proof.verdict())
    except script.Broken as broken:
        return str(broken)
    return ""


def test_a_proof_that_was_written_by_hand_holds(script: Any) -> None:
    """The document is enough to write a proof; script and document agree."""
    assert check(script, small_proof()) == ""


def _no_end(hand: Hand) -> None:
    del hand.lines[-1]


def _no_head(hand: Hand) -> None:
    del hand.lines[-2]


def _hidden(hand: Hand) -> None:
    hand.lines[1] = {"position": 1, "leaf": Hand().event(1, hidden=True)["leaf"]}


def _other_body(hand: Hand) -> None:
    hand.lines[3]["body"] += " "


def _other_column(hand: Hand) -> None:
    hand.lines[3]["type"] = "u"


def _other_time(hand: Hand) -> None:
    hand.lines[3]["recorded_at"] = "1970-01-01T00:00:02Z"


def _other_leaf(hand: Hand) -> None:
    hand.lines[2]["leaf"] = "00" * 32


def _missing(hand: Hand) -> None:
    del hand.lines[2]


def _moved(hand: Hand) -> None:
    hand.lines[2], hand.lines[3] = hand.lines[3], hand.lines[2]


def _named(hand: Hand) -> None:
    del hand.lines[3]["body"]


def _whole(hand: Hand) -> None:
    hand.lines[0]["stream"] = None


def _two_ends(hand: Hand) -> None:
    hand.lines.append({"position": 4, "leaf": "00" * 32})


def _short_end(hand: Hand) -> None:
    hand.lines[-1]["last"] = 9


def _other_format(hand: Hand) -> None:
    hand.lines[0]["format"] = "homeward-proof-2"


def _head_elsewhere(hand: Hand) -> None:
    hand.lines[-2]["signed_head"]["position"] = 2


def _head_of_another(hand: Hand) -> None:
    hand.lines[-2]["signed_head"]["link"] = "00" * 32


def _no_header(hand: Hand) -> None:
    del hand.lines[0]


def _two_forms(hand: Hand) -> None:
    """Show another body in a line that proves the true one by its leaf."""
    other = Hand()
    for _ in range(3):
        other.event(2)
    hand.lines[3] = {**other.lines[3], "leaf": _leaf(hand.lines[3])}


def _leaf(line: dict[str, Any]) -> str:
    digest = line["digest"].removeprefix("sha256:")
    named = "\n".join(str(line[name]) for name in ("position", "stream", "stream_position", "type", "source", "id"))
    return sha256(f"homeward-event-1\nnorthshire\n{named}\n0\nk\n{digest}\n".encode()).hexdigest()


def _hashed_and_named(hand: Hand) -> None:
    hand.lines[2]["stream"] = "child-c"


def _only_a_tail(hand: Hand) -> None:
    """Begin behind the signed head, with what nobody signed."""
    head = next(line for line in hand.lines if "signed_head" in line)
    tail = Hand()
    for _ in range(3):
        tail.event(9, hidden=True)
    tail.link = hand.link
    forged = tail.event(3)
    end = {"last": 4, "next_after": 4, "at_head": True, "signed_to": 3}
    hand.lines = [{**hand.lines[0], "after": 3, "previous": hand.link.hex()}, head, forged, end]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_two_forms, "at position 3: this event is in none of the three forms"),
        (_hashed_and_named, "at position 2: this event is in none of the three forms"),
        (_only_a_tail, "nobody vouches"),
        (_no_end, "the proof is cut off"),
        (_no_head, "nobody vouches"),
        (_hidden, "an event of the stream before this one is hidden"),
        (_other_body, "at position 3: the bytes are not those of the digest"),
        (_other_column, "at position 3: type is not the one in the posted bytes"),
        (_other_time, "at position 3: the event does not follow"),
        (_other_leaf, "at position 3: the event does not follow"),
        (_missing, "at position 2: this event is missing"),
        (_moved, "at position 2: this event is missing"),
        (_named, "at position 3: this event of the stream is not shown"),
        (_whole, "at position 2: this event is not shown"),
        (_two_ends, "outside header and last line"),
        (_short_end, "the proof ends before its last line says"),
        (_other_format, "this is no proof"),
        (_head_elsewhere, "of another place"),
        (_head_of_another, "tells of another event"),
        (_no_header, "outside header and last line"),
    ],
)
def test_a_proof_that_was_changed_does_not_hold(script: Any, change: Callable[[Hand], None], message: str) -> None:
    """Whatever is changed, the script says where and why."""
    hand = small_proof()
    change(hand)

    assert message in check(script, hand)


def test_hiding_the_last_event_of_a_stream_is_the_limit(script: Any) -> None:
    """A hidden event inside the stream leaves a gap; hidden at its end it leaves none, and the verdict says so."""
    inside, at_end = Hand(), Hand()
    for hand, hidden in ((inside, (False, True, False)), (at_end, (False, False, True))):
        for number, each in enumerate(hidden, 1):
            hand.event(number, hidden=each)
        hand.sign()

    assert "an event of the stream before this one is hidden" in check(script, inside)
    assert check(script, at_end) == ""


@pytest.mark.parametrize(
    ("compared", "kept", "said"),
    [
        (1, 1, "The one head kept elsewhere is of a position in it, and agrees."),
        (1, 2, "Of the 2 heads kept elsewhere 1 is of a position in it, and agrees."),
        (2, 3, "Of the 3 heads kept elsewhere 2 are of positions in it, and agree."),
    ],
)
def test_the_number_of_heads_is_told_as_a_person_would(script: Any, compared: int, kept: int, said: str) -> None:
    """One head is no heads."""
    assert script.agreeing(compared, kept) == said


def test_help_says_what_is_given_and_how_it_ends(
    script: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An inspector who has only the script learns what each argument means, and each exit status."""
    monkeypatch.setenv("COLUMNS", "1000")
    monkeypatch.setattr(sys, "argv", ["check_proof.py", "--help"])
    with pytest.raises(SystemExit) as ended:
        script.main()
    out = capsys.readouterr().out
    assert ended.value.code == 0
    assert re.search(r"\n  FILE +the proof, as `homeward proof` ", out)
    assert "It ends with 0 if everything holds and is vouched for, with 1 if not, and with 2 if " in out


def test_a_head_kept_elsewhere_is_compared_with_where_the_proof_begins(script: Any) -> None:
    """A proof that begins behind a kept head must begin with the link which that head names."""
    hand = small_proof()
    head = {"authority": "northshire", "position": 1, "link": hand.lines[1]["link"]}
    hand.lines = [{**hand.lines[0], "after": 1, "previous": head["link"]}, *hand.lines[2:]]
    proof = script.Proof([hand.public], [head, {**head, "authority": "elsewhere"}])
    for line in hand.lines:
        proof.take(line)

    assert "Of the 2 heads kept elsewhere 1 is of a position in it, and agrees." in proof.verdict()
    with pytest.raises(script.Broken, match="a head kept elsewhere differs"):
        script.Proof([hand.public], [{**head, "link": "00" * 32}]).take(hand.lines[0])


def test_a_member_that_is_named_twice_is_refused(script: Any, tmp_path: Path) -> None:
    """Whoever reads the file must see what the script saw."""
    (tmp_path / "file").write_text('{"position": 1, "body": "a", "body": "b"}\n')

    with pytest.raises(ValueError, match="twice"):
        list(script.records([tmp_path / "file"]))


def test_what_is_no_proof_is_told_in_a_sentence(
    script: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of other lines ends with 1 and no traceback."""
    for text in ('{"a": 1}\n', "[]\n", "no json\n", "", "[" * 100_000):
        (tmp_path / "file").write_text(text)
        for more in ([], ["--heads", str(tmp_path / "file")]):
            given = [str(tmp_path / "file"), *more, "--key", KEY]
            monkeypatch.setattr(sys, "argv", ["check_proof.py", *given])

            assert script.main() == 1
            assert capsys.readouterr().out.startswith("BROKEN")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["missing", "--key", KEY], "missing cannot be read: No such file or directory"),
        (["proof", "--key", KEY, "--heads", "missing"], "missing cannot be read: No such file or directory"),
        (["proof", "--key", "missing.pub"], "a public key is the Base64 of 32 bytes, not the name of a file"),
        (["proof", "--key", "AAAA"], "a public key is the Base64 of 32 bytes, not the name of a file"),
    ],
)
def test_what_cannot_be_used_is_no_verdict(
    *,
    script: Any,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    given: list[str],
    message: str,
) -> None:
    """A file that is not there, or a key that is none, ends with 2 and a sentence: nothing was found broken."""
    monkeypatch.chdir(tmp_path)
    write(small_proof(), tmp_path / "proof")
    monkeypatch.setattr(sys, "argv", ["check_proof.py", *given])

    with pytest.raises(SystemExit) as ended:
        script.main()

    written = capsys.readouterr()
    assert (ended.value.code, written.out) == (2, "")
    assert message in written.err


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        ({}, 0, "HOLDS.\n"),
        (None, 2, "NOT COMPARED: kept holds no head of northshire at a position in this proof.\n"),
        ({"authority": "elsewhere"}, 2, "NOT COMPARED: kept holds no head of northshire"),
        ({"link": "00" * 32}, 1, "BROKEN at position 3: a head kept elsewhere differs"),
    ],
)
def test_kept_heads_of_which_none_was_compared_are_no_success(
    *,
    script: Any,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    change: dict[str, str] | None,
    status: int,
    said: str,
) -> None:
    """An empty file of heads, or one of another authority, ends with 2 and says that nothing was compared."""
    monkeypatch.chdir(tmp_path)
    hand = small_proof()
    write(hand, tmp_path / "proof")
    head = {"authority": "northshire", "position": 3, "link": hand.link.hex()}
    (tmp_path / "kept").write_text("" if change is None else json.dumps(head | change))
    given = ["proof", "--key", b64encode(hand.public).decode(), "--heads", "kept"]
    monkeypatch.setattr(sys, "argv", ["check_proof.py", *given])

    assert script.main() == status
    out = capsys.readouterr().out
    assert out.startswith(said)
    assert ("and agree" in out) == (status == 0)
