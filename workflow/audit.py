"""Verifying the whole record against the rows it speaks of: what ``vinhdanh audit verify`` shows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dossiers.evidence import chain_ends, states
from storage.database import Database
from storage.signer import FileKeySigner
from storage.verify import Verdict, verify


def verify_record(
    database: Database, *, keys: Path, known: Sequence[str] = (), since: int | None = None
) -> Verdict:
    """Return the verdict on the record of this installation, its chains, its tree and the states of its rows.

    ``keys`` is the folder of the signing key; ``known`` are signed notes that were kept elsewhere, ``since``
    the size of a stored checkpoint that is trusted. Raises `storage.checkpoint.NoteRefused` for a known note
    that is none, `storage.signer.SignerRefused` when the key is not there.
    """
    public_key = FileKeySigner(keys).public_key
    with database.reading() as tx:
        return verify(
            tx, public_keys=[public_key], heads=chain_ends(), states=states(), known=known, since=since
        )
