"""Checkpoints: a signed statement of how long the tree is and what its root is, in C2SP signed-note form.

::

    <origin>/<epoch>
    <size in decimal>
    <root in base64>
    ts <moment, UTC>
    prev-checkpoint-hash <SHA-256 of the text of the checkpoint before, 64 zeros for the first>

    — <origin>/<epoch> <base64 of 4 bytes of key id and 64 bytes of Ed25519 signature>

The text is what is signed: everything above the empty line, its last newline included. Sources:
https://c2sp.org/signed-note and https://c2sp.org/tlog-checkpoint; the two last lines of the text are
extension lines of ours.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from storage.canonical import moment_text

ED25519 = b"\x01"  # the signature type of the signed-note form
FIRST_PREV_CHECKPOINT = "0" * 64
LONGEST_NOTE = 16_384  # characters; a checkpoint with a dozen witnesses has two thousand


class NoteRefused(ValueError):
    """A text is no checkpoint of the form above; the message says what is missing."""


class OriginRefused(ValueError):
    """A name cannot be the origin of a record."""

    code = "origin_refused"


@dataclass(frozen=True, slots=True)
class TreeHead:
    """One tree at one size: ``root`` is 32 bytes."""

    origin: str
    epoch: int
    size: int
    root: bytes

    @property
    def name(self) -> str:
        """The first line of a checkpoint, and the name of the key that signs it."""
        return f"{self.origin}/{self.epoch}"


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line of a note."""

    name: str
    key_id: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A parsed note. ``text`` is what was signed; nothing is verified by parsing."""

    head: TreeHead
    at: datetime
    prev: str
    text: str
    signatures: tuple[Signature, ...]

    def text_hash(self) -> str:
        """Return what the next checkpoint names as its predecessor; later signatures do not change it."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def is_signed_by(self, public_keys: Iterable[bytes]) -> bool:
        """Tell whether one of ``public_keys`` (32 raw bytes each) has signed this under the checkpoint's
        own name.
        """
        for public_key in public_keys:
            wanted = key_id(self.head.name, public_key)
            for signature in self.signatures:
                if signature.name != self.head.name or signature.key_id != wanted:
                    continue
                try:
                    Ed25519PublicKey.from_public_bytes(public_key).verify(signature.value, self.text.encode())
                except InvalidSignature:
                    continue
                return True
        return False


def checked_origin(origin: str) -> str:
    """Return ``origin`` when it may name a record for ever: ASCII like ``example.vn/vinhdanh``, 3 to 100
    characters.

    Raises ``OriginRefused`` otherwise: names with blanks or plus signs have no place in a signed note.
    """
    if not re.fullmatch(r"[a-z0-9](?:[a-z0-9._/-]{1,98})[a-z0-9]", origin) or "//" in origin:
        raise OriginRefused("an origin looks like example.vn/vinhdanh: small ASCII letters, digits, . - _ /")
    return origin


def checkpoint_text(head: TreeHead, at: datetime, prev: str) -> str:
    """Return the text that is signed for ``head``, with its last newline."""
    root = base64.b64encode(head.root).decode()
    return f"{head.name}\n{head.size}\n{root}\nts {moment_text(at)}\nprev-checkpoint-hash {prev}\n"


def signed_note(text: str, name: str, private_key: Ed25519PrivateKey) -> str:
    """Return ``text`` with an empty line and one signature line of ``name``."""
    public_key = private_key.public_key().public_bytes_raw()
    signature = key_id(name, public_key) + private_key.sign(text.encode())
    return f"{text}\n— {name} {base64.b64encode(signature).decode()}\n"


def key_id(name: str, public_key: bytes) -> bytes:
    """Return the four bytes by which a signature line names its key."""
    return hashlib.sha256(name.encode() + b"\n" + ED25519 + public_key).digest()[:4]


def verifier_key(name: str, public_key: bytes) -> str:
    """Return the line an auditor pins: ``name+key id+base64(type and key)``."""
    encoded = base64.b64encode(ED25519 + public_key).decode()
    return f"{name}+{key_id(name, public_key).hex()}+{encoded}"


def public_key_of(verifier: str) -> bytes:
    """Return the 32 bytes of the key in a line of `verifier_key`. Raises ``NoteRefused`` when it is not
    one.
    """
    try:
        name, hexadecimal, encoded = verifier.strip().split("+", 2)
        data = base64.b64decode(encoded, validate=True)
    except (ValueError, binascii.Error):
        raise NoteRefused("not a verifier key") from None
    if len(data) != 33 or data[:1] != ED25519 or key_id(name, data[1:]).hex() != hexadecimal:
        raise NoteRefused("not a verifier key")
    return data[1:]


_TEXT = re.compile(
    r"(?P<origin>[^\s+]+)/(?P<epoch>[1-9][0-9]{0,8})\n"
    r"(?P<size>0|[1-9][0-9]{0,17})\n"
    r"(?P<root>[A-Za-z0-9+/]{43}=)\n"
    r"ts (?P<at>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z)\n"
    r"prev-checkpoint-hash (?P<prev>[0-9a-f]{64})\n"
)
_SIGNATURE = re.compile(r"— (?P<name>[^\s+]+) (?P<value>[A-Za-z0-9+/]+={0,2})")


def parse_note(note: str) -> Checkpoint:
    """Return the checkpoint that ``note`` states. Raises ``NoteRefused`` for anything but the form above.

    A signature of another type (a witness's, say) is kept as it is; the text may hold no line that we do
    not know.
    """
    if len(note) > LONGEST_NOTE:
        raise NoteRefused("too long")
    above, gap, below = note.partition("\n\n")
    found = _TEXT.fullmatch(above + "\n") if gap else None
    if found is None:
        raise NoteRefused("not a checkpoint: five lines of text, then an empty one")
    if not below.endswith("\n"):
        raise NoteRefused("the last signature line is cut off")
    signatures: list[Signature] = []
    for line in below[:-1].split("\n"):
        signature = _SIGNATURE.fullmatch(line)
        if signature is None:
            raise NoteRefused("a signature line that is none")
        try:
            value = base64.b64decode(signature["value"], validate=True)
        except binascii.Error:
            raise NoteRefused("a signature that is not base64") from None
        if len(value) < 5:
            raise NoteRefused("a signature that is too short")
        signatures.append(Signature(signature["name"], value[:4], value[4:]))
    root = base64.b64decode(found["root"])
    if base64.b64encode(root).decode() != found["root"]:
        raise NoteRefused("a root with stray bits")
    try:
        at = datetime.strptime(found["at"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    except ValueError:
        raise NoteRefused("a moment that does not exist") from None
    head = TreeHead(found["origin"], int(found["epoch"]), int(found["size"]), root)
    return Checkpoint(head, at, found["prev"], found[0], tuple(signatures))


_NOTE = re.compile(r"(?:[^\n—][^\n]*\n)+\n(?:— [^\n]*\n)+")


def parse_notes(text: str) -> list[Checkpoint]:
    """Return the checkpoints of a file that holds them one after the other, with or without blank lines
    between.

    Raises ``NoteRefused`` at the first piece that is none.
    """
    found: list[Checkpoint] = []
    end = 0
    for note in _NOTE.finditer(text):
        if text[end : note.start()].strip():
            break
        found.append(parse_note(note[0]))
        end = note.end()
    if text[end:].strip():
        raise NoteRefused("something between the checkpoints that is none")
    return found
