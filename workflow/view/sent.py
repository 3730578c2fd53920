"""Versions of a dossier as they were frozen, read back through their manifests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select

from dossiers.criteria import Answer
from dossiers.dossier import DossierVersion, Revision
from dossiers.refusals import Missing
from storage.database import Database, Tx
from workflow.actor import Actor
from workflow.engine import look


@dataclass(frozen=True, slots=True)
class FrozenView:
    """A frozen version as it was: the form, the nominees with their contents, the papers by hash."""

    code: str
    n: int
    purpose: str
    frozen_at: datetime
    sha256: str
    fields: Mapping[str, str]
    nominees: tuple[Mapping[str, Any], ...]
    papers: tuple[Mapping[str, Any], ...]


def frozen_version(database: Database, actor: Actor, dossier_ref: str, n: int) -> FrozenView:
    """Return version ``n`` of the dossier exactly as it was frozen. Raises ``Missing``."""
    with database.reading() as tx:
        deed = look(tx, actor, dossier_ref)
        version = tx.session.scalar(
            select(DossierVersion).where(DossierVersion.dossier_id == deed.row.id, DossierVersion.n == n)
        )
        if version is None:
            raise Missing("not_found")
        manifest = json.loads(version.manifest)
        contents = contents_by_commitment(tx, manifest)
        own = contents.get(manifest["dossier"].get("commitment"), {})
        return FrozenView(
            code=deed.row.code,
            n=n,
            purpose=version.purpose,
            frozen_at=version.frozen_at,
            sha256=version.sha256,
            fields=own,
            nominees=tuple(
                {**nominee, "content": contents.get(nominee["commitment"], {})}
                for nominee in manifest["nominees"]
            ),
            papers=tuple(manifest["papers"]),
        )


def contents_by_commitment(tx: Tx, manifest: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what a manifest's revisions hold, by commitment; one that was erased is left out."""
    wanted = {manifest["dossier"].get("commitment"), *(one["commitment"] for one in manifest["nominees"])}
    return {
        row.commitment: json.loads(row.content)
        for row in tx.connection.execute(
            select(Revision.commitment, Revision.content).where(Revision.commitment.in_(wanted - {None}))
        )
        if row.content is not None
    }


def frozen_answer(content: Mapping[str, Any], code: str) -> Answer | None:
    """Return the answer to a criterion as a frozen revision holds it."""
    said_then = content.get("answers", {}).get(code)
    if said_then is None:
        return None
    on = said_then.get("document_on")
    return Answer(**{**said_then, "document_on": date.fromisoformat(on) if on else None})
