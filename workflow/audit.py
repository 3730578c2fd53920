"""Verifying the whole record against the rows it speaks of: what ``vinhdanh audit verify`` shows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import literal, select, union_all

from dossiers.award_round import AwardRound
from dossiers.decision import Decision
from dossiers.dossier import Dossier
from dossiers.nominee import Nominee
from dossiers.org_unit import OrgUnit
from dossiers.people import Account
from storage.database import Database
from storage.signer import FileKeySigner
from storage.verify import AnySelect, Verdict, verify


def verify_record(
    database: Database, *, keys: Path, known: Sequence[str] = (), since: int | None = None
) -> Verdict:
    """Return the verdict on the record of this installation, its chains, its tree and the states of its rows.

    ``keys`` is the folder of the signing key; ``known`` are signed notes that were kept elsewhere,
    ``since`` the size of a stored checkpoint that is trusted. Raises `storage.checkpoint.NoteRefused` for a
    known note that is none, `storage.signer.SignerRefused` when the key is not there.
    """
    public_key = FileKeySigner(keys).public_key
    with database.reading() as tx:
        return verify(
            tx, public_keys=[public_key], heads=chain_heads(), states=row_states(), known=known, since=since
        )


def chain_heads() -> dict[str, AnySelect]:
    """Return, by kind of subject, the heads that stand in the subjects' rows."""
    tables = {
        "dossier": Dossier,
        "account": Account,
        "org_unit": OrgUnit,
        "award_round": AwardRound,
        "decision": Decision,
    }
    return {
        kind: select(table.ref, table.chain_head, table.chain_length)  # type: ignore[attr-defined]  # each has them
        for kind, table in tables.items()
    }


def row_states() -> dict[str, AnySelect]:
    """Return the states and versions of dossiers and of their nominees as the rows have them now."""
    dossiers = select(
        Dossier.ref.label("subject_ref"),
        literal("dossier").label("kind"),
        Dossier.ref.label("ref"),
        Dossier.state.label("state"),
        Dossier.version.label("version"),
    )
    nominees = select(Dossier.ref, literal("nominee"), Nominee.ref, Nominee.state, Nominee.version).join(
        Dossier, Dossier.id == Nominee.dossier_id
    )
    both = union_all(dossiers, nominees).subquery()
    return {"dossier": select(both.c.subject_ref, both.c.kind, both.c.ref, both.c.state, both.c.version)}
