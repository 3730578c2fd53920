"""Signed notes: the form, the signatures, and what is refused."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from storage.checkpoint import (
    NoteRefused,
    OriginRefused,
    TreeHead,
    checked_origin,
    checkpoint_text,
    key_id,
    parse_note,
    parse_notes,
    public_key_of,
    signed_note,
    verifier_key,
)
from tests.storage.ledger import flip_signature

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()
NAME = "gt.example.vn/vinhdanh/1"
HEAD = TreeHead("gt.example.vn/vinhdanh", 1, 42, hashlib.sha256(b"root").digest())
AT = datetime(2024, 11, 18, 2, 0, 0, 5, tzinfo=UTC)
TEXT = checkpoint_text(HEAD, AT, "0" * 64)
NOTE = signed_note(TEXT, NAME, KEY)


def test_a_note_has_the_lines_of_the_two_specifications() -> None:
    lines = NOTE.split("\n")
    assert lines[:6] == [
        NAME,
        "42",
        base64.b64encode(HEAD.root).decode(),
        "ts 2024-11-18T02:00:00.000005Z",
        "prev-checkpoint-hash " + "0" * 64,
        "",
    ]
    dash, name, signature = lines[6].split(" ")
    assert (dash, name, lines[7:]) == ("\u2014", NAME, [""])
    value = base64.b64decode(signature)
    # https://c2sp.org/signed-note: SHA-256 over name, newline, type and key, four bytes of it
    assert value[:4] == hashlib.sha256(NAME.encode() + b"\n\x01" + PUBLIC).digest()[:4]
    Ed25519PublicKey.from_public_bytes(PUBLIC).verify(value[4:], "\n".join([*lines[:5], ""]).encode())


def test_the_key_of_the_go_checksum_database_has_its_published_id() -> None:
    published = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
    assert key_id("sum.golang.org", public_key_of(published)).hex() == "033de0ae"
    assert verifier_key("sum.golang.org", public_key_of(published)) == published


def test_a_parsed_note_says_what_was_signed() -> None:
    checkpoint = parse_note(NOTE)
    assert (checkpoint.head, checkpoint.at, checkpoint.prev, checkpoint.text) == (HEAD, AT, "0" * 64, TEXT)
    assert checkpoint.is_signed_by([PUBLIC])
    assert checkpoint.is_signed_by([bytes(32), PUBLIC]) is True
    assert not checkpoint.is_signed_by([])
    assert not checkpoint.is_signed_by([Ed25519PrivateKey.generate().public_key().public_bytes_raw()])


def test_a_witness_may_sign_below_without_changing_what_follows() -> None:
    witness = Ed25519PrivateKey.generate()
    below = signed_note(TEXT, "thanh-tra.example.vn", witness).split("\n\n")[1]
    checkpoint = parse_note(NOTE + below)
    assert checkpoint.is_signed_by([PUBLIC])
    assert checkpoint.text_hash() == parse_note(NOTE).text_hash()
    # A witness's key is no key of the record, whatever it signs.
    assert not parse_note(TEXT + "\n" + below).is_signed_by([witness.public_key().public_bytes_raw()])


@pytest.mark.parametrize("at", range(0, len(TEXT), 7))
def test_no_changed_text_keeps_its_signature(at: int) -> None:
    changed = TEXT[:at] + chr(ord(TEXT[at]) ^ 1) + TEXT[at + 1 :]
    note = changed + NOTE[len(TEXT) :]
    try:
        accepted = parse_note(note).is_signed_by([PUBLIC])
    except NoteRefused:
        accepted = False
    assert not accepted


def test_a_flipped_signature_is_none() -> None:
    assert not parse_note(flip_signature(NOTE)).is_signed_by([PUBLIC])


@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n\n",
        TEXT,
        NOTE[:-1],
        NOTE.replace("\n42\n", "\n042\n"),
        NOTE.replace("\n42\n", "\n-1\n"),
        NOTE.replace("/1\n42", "/0\n42"),
        NOTE.replace("ts 2024-11-18", "ts 2024-13-18"),
        NOTE.replace("ts ", "note ", 1),
        NOTE.replace("prev-checkpoint-hash 0", "prev-checkpoint-hash G"),
        NOTE.replace("\u2014", "-"),
        NOTE.replace("\n\n", "\nextra line\n\n"),
        NOTE.replace("\n", "\r\n"),
        NOTE + "tail",
        NOTE + "\n",
        TEXT + "\n\u2014 " + NAME + " AAAA\n",
        TEXT + "\n\u2014 " + NAME + " A\n",
        NOTE + "\u2014 x AAAAAAAA\n" * 2_000,
    ],
    ids=range(18),
)
def test_what_is_no_checkpoint_is_refused(note: str) -> None:
    with pytest.raises(NoteRefused):
        parse_note(note)


def test_a_file_of_notes_is_read_one_by_one() -> None:
    assert [found.text for found in parse_notes(NOTE + NOTE)] == [TEXT, TEXT]
    assert len(parse_notes(f"\n{NOTE}\n\n{NOTE}\n")) == 2
    assert parse_notes("") == []
    for wrong in ("rubbish", NOTE + "rubbish\n", "rubbish\n\n" + NOTE, NOTE[:-20]):
        with pytest.raises(NoteRefused):
            parse_notes(wrong)


@pytest.mark.parametrize("name", ["gt.example.vn/vinhdanh", "vinhdanh", "a-b/c_d"])
def test_origins(name: str) -> None:
    assert checked_origin(name) == name


@pytest.mark.parametrize(
    "name", ["", "a", "Giang Thành", "a b", "a+b/c", "https://gt.vn", "gt.vn/", "GT.vn", "x" * 101, "a\nb"]
)
def test_unfit_origins(name: str) -> None:
    with pytest.raises(OriginRefused):
        checked_origin(name)


@pytest.mark.parametrize(
    "line", ["", "a+b", "a+00000000+AAAA", verifier_key(NAME, PUBLIC).replace("gt.", "gg.")]
)
def test_unfit_verifier_keys(line: str) -> None:
    with pytest.raises(NoteRefused):
        public_key_of(line)
