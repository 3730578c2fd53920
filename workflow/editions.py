"""Editions in use, read once from the table and kept: an edition never changes, so what was read stays true."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from sqlalchemy import select

from dossiers.configuration import ConfigDocument
from dossiers.vocabulary import VOCABULARY
from states.definition import Edition
from states.loader import load_edition
from storage.database import Database, Tx

_KEPT: WeakKeyDictionary[Database, dict[int, Edition]] = WeakKeyDictionary()


def edition_of(tx: Tx, edition_id: int) -> Edition:
    """Return the workflow edition of a ``config_document`` row.

    Assumes that the row exists (foreign keys say so) and was sound when it was taken in.
    """
    kept = _KEPT.setdefault(tx.database, {})
    edition = kept.get(edition_id)
    if edition is None:
        body = tx.connection.execute(
            select(ConfigDocument.body).where(ConfigDocument.id == edition_id)
        ).scalar_one()
        edition = kept[edition_id] = load_edition(body, VOCABULARY)
    return edition
