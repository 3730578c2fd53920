"""What happened meanwhile: the check that nobody acts on a dossier other than the one they saw."""

from __future__ import annotations

from dossiers.refusals import Conflict
from workflow.engine import Deed
from workflow.history import last_deed


def require_version(deed: Deed, seen_version: int) -> None:
    """Raise ``Conflict`` when the dossier has changed since the person saw it; says when and what happened."""
    if deed.row.version != seen_version:
        happened = last_deed(deed.tx, deed.row.ref, deed.actor.language if deed.actor else "vi")
        raise Conflict(
            "changed_meanwhile",
            time=happened.time,
            happened=happened.what,
            version=deed.row.version,
            state=deed.row.state,
        )
