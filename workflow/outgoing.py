"""What a deed promises for after the commit, put into the outbox in the same transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from storage.database import Tx
from storage.outbox import promising
from storage.prepared import Change


@dataclass(frozen=True, slots=True)
class Promise:
    """One thing to happen later. The key is made from the dossier, its version and ``suffix``, so it is
    unique.
    """

    kind: str
    suffix: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    run_at: datetime | None = None


def promises_of(tx: Tx, dossier: Row[Any], version: int, promises: Sequence[Promise]) -> list[Change]:
    """Return what writes every promise of a deed that brings ``dossier`` to ``version``."""
    return [
        promising(
            tx,
            one.kind,
            f"{one.kind}/{dossier.ref}/{version}/{one.suffix}",
            {"dossier_id": dossier.id, "dossier_ref": dossier.ref, "version": version, **one.payload},
            run_at=one.run_at,
        )
        for one in promises
    ]
