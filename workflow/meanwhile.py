"""What happened meanwhile: the check that nobody changes something other than what they saw."""

from __future__ import annotations

from dossiers.org_unit import OrgUnit
from dossiers.people import Account
from dossiers.refusals import Conflict
from storage.database import Tx
from workflow.actor import Actor
from workflow.engine import Deed
from workflow.history import LastDeed, last_deed, last_entry
from workflow.words import SUBJECTS, said


def require_version(deed: Deed, seen_version: int) -> None:
    """Raise ``Conflict`` when the dossier has changed since the person saw it; says when and what happened."""
    row = deed.row
    if row.version != seen_version:
        language = deed.actor.language if deed.actor else "vi"
        raise _changed("dossier", last_deed(deed.tx, row.ref, language), row.version, row.state, language)


def require_row_version(tx: Tx, actor: Actor, row: OrgUnit | Account, seen_version: int) -> None:
    """Raise ``Conflict`` alike for a unit or a person's account, which the caller holds under its lock."""
    if row.version != seen_version:
        happened = last_entry(tx, row.__tablename__, row.ref, row.chain_length, actor.language)
        state = row.state if isinstance(row, Account) else ""
        raise _changed(row.__tablename__, happened, row.version, state, actor.language)


def _changed(kind: str, happened: LastDeed, version: int, state: str, language: str) -> Conflict:
    return Conflict(
        "changed_meanwhile",
        what=said(SUBJECTS[kind], language),
        time=happened.time,
        happened=happened.what,
        version=version,
        state=state,
    )
