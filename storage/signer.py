"""Who signs checkpoints: a key and a memory. The memory is what makes a restored old database stop.

`FileKeySigner` keeps both in files of this process. A signer behind a socket, run by another user of the
machine, is another maker of the same `Signer`; the sequencer knows no more of either than the protocol
says.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from storage.canonical import canonical
from storage.checkpoint import (
    FIRST_PREV_CHECKPOINT,
    NoteRefused,
    TreeHead,
    checked_origin,
    checkpoint_text,
    parse_note,
    signed_note,
    verifier_key,
)
from storage.tree import EMPTY_ROOT, ProofRefused, verify_consistency

KEY_FILE = "record.ed25519"
MEMORY_FILE = "record.signed"


class SignerRefused(Exception):
    """The signer does not sign, and what was asked has left no trace in it. ``code`` is stable:

    ``tree_smaller``: the tree is shorter than what was signed (an old database was restored, or entries
    were cut off) · ``tree_inconsistent``: the tree is not a continuation of what was signed (its past was
    changed) · ``another_record``: origin or epoch is not the one this key signs for · ``memory_missing``:
    there is a key but no memory of what it has signed · ``memory_behind``: the database holds checkpoints
    that this memory does not know · ``key_missing``, ``key_open``, ``key_damaged``: the key is not there,
    may be read by others, or is none.
    """

    def __init__(self, code: str, **details: Any) -> None:
        said = ", ".join(f"{name} {value}" for name, value in details.items())
        super().__init__(f"{code}: {said}" if said else code)
        self.code = code
        self.details: Mapping[str, Any] = details


@dataclass(frozen=True, slots=True)
class Signed:
    """What a signer remembers: the last head it signed and the note it gave. ``note`` is None before the
    first.
    """

    head: TreeHead
    note: str | None


class Signer(Protocol):
    """Signs tree heads of one record, each a continuation of the one before."""

    @property
    def public_key(self) -> bytes:
        """The 32 bytes of the Ed25519 public key."""
        ...

    def last(self) -> Signed:
        """Return what was signed last. Raises `SignerRefused` when that is not known for certain."""
        ...

    def sign(self, head: TreeHead, proof: Sequence[bytes], at: datetime) -> str:
        """Return the signed note for ``head``, remembered durably before it is returned.

        ``proof`` is the consistency proof from ``last()`` to ``head``. The same head again gives the same
        note. Raises `SignerRefused`.
        """
        ...


class FileKeySigner:
    """A key in ``<folder>/record.ed25519`` (mode 0600) and its memory in ``<folder>/record.signed``
    beside it.

    Several processes of one machine may share the folder: each signature holds a lock on the key's file.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = _read_key(folder / KEY_FILE)

    @classmethod
    def make(cls, folder: Path, origin: str, epoch: int = 1) -> FileKeySigner:
        """Make a fresh key with an empty memory for the record ``origin/epoch``; done once, by ``init``.

        ``folder`` exists. Raises ``FileExistsError`` when it holds a key, ``OriginRefused`` for an unfit
        name.
        """
        checked_origin(origin)
        key = Ed25519PrivateKey.generate()
        # The memory first: a key without one is refused, so a crash in between leaves nothing usable behind.
        if (folder / KEY_FILE).exists():
            raise FileExistsError(folder / KEY_FILE)
        nothing = Signed(TreeHead(origin, epoch, 0, EMPTY_ROOT), None)
        _write_durably(folder / MEMORY_FILE, _memory_text(nothing))
        made = os.open(folder / KEY_FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(made, "wb") as file:
            file.write(key.private_bytes_raw().hex().encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        _sync_folder(folder)
        return cls(folder)

    @property
    def public_key(self) -> bytes:
        """The 32 bytes of the Ed25519 public key."""
        return self._key.public_key().public_bytes_raw()

    def verifier_key(self) -> str:
        """Return the line that auditors pin."""
        return verifier_key(self.last().head.name, self.public_key)

    def last(self) -> Signed:
        """Return what was signed last. Raises `SignerRefused` ``memory_missing`` when the file is gone or
        broken.
        """
        try:
            kept = json.loads((self._folder / MEMORY_FILE).read_text(encoding="utf-8"))
            head = TreeHead(kept["origin"], kept["epoch"], kept["size"], bytes.fromhex(kept["root"]))
            note = kept["note"]
            if note is None:
                if head.size or head.root != EMPTY_ROOT:
                    raise ValueError("a signed size without its note")
            else:
                checkpoint = parse_note(note)
                if checkpoint.head != head or not checkpoint.is_signed_by([self.public_key]):
                    raise ValueError("a note that is not of this key and size")
        except (OSError, ValueError, KeyError, TypeError, NoteRefused) as error:
            raise SignerRefused("memory_missing", file=MEMORY_FILE) from error
        return Signed(head, note)

    def sign(self, head: TreeHead, proof: Sequence[bytes], at: datetime) -> str:
        """Return the signed note for ``head``; see `Signer.sign`."""
        with self._alone():
            last = self.last()
            refuse_unless_continued(last.head, head, proof)
            if head.size == last.head.size and last.note is not None:
                return last.note
            prev = FIRST_PREV_CHECKPOINT if last.note is None else parse_note(last.note).text_hash()
            note = signed_note(checkpoint_text(head, at, prev), head.name, self._key)
            _write_durably(self._folder / MEMORY_FILE, _memory_text(Signed(head, note)))
            return note

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with (self._folder / KEY_FILE).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # closing the file gives the lock back
            yield


def refuse_unless_continued(last: TreeHead, head: TreeHead, proof: Sequence[bytes]) -> None:
    """Return when ``proof`` shows that ``head`` continues ``last``; raise `SignerRefused` otherwise."""
    if (head.origin, head.epoch) != (last.origin, last.epoch):
        raise SignerRefused("another_record", signs_for=last.name, asked_for=head.name)
    if head.size < last.size:
        raise SignerRefused("tree_smaller", signed_size=last.size, size=head.size)
    try:
        verify_consistency(last.size, last.root, head.size, head.root, proof)
    except ProofRefused as refused:
        raise SignerRefused("tree_inconsistent", signed_size=last.size, size=head.size) from refused


def _read_key(path: Path) -> Ed25519PrivateKey:
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="ascii")
    except FileNotFoundError:
        raise SignerRefused("key_missing", file=path.name) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SignerRefused("key_damaged", file=path.name) from error
    if mode & 0o077:
        raise SignerRefused("key_open", file=path.name, mode=oct(mode & 0o777))
    try:
        return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(text.strip()))
    except ValueError:
        raise SignerRefused("key_damaged", file=path.name) from None  # not the text: it may be half a key


def _memory_text(signed: Signed) -> str:
    head = signed.head
    return (
        canonical(
            {
                "origin": head.origin,
                "epoch": head.epoch,
                "size": head.size,
                "root": head.root.hex(),
                "note": signed.note,
            }
        )
        + "\n"
    )


def _write_durably(path: Path, text: str) -> None:
    fresh = path.with_name(path.name + ".new")
    made = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(made, "wb") as file:
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
