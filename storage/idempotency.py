"""The same request twice acts once: the first answer is kept by account and key, in the deed's transaction.

`remember` comes first in the transaction, `settle` last. A repetition that arrives while the first is still
at work waits for it (on the unique index on PostgreSQL, in the writers' queue on SQLite); when the first
fails, its place is rolled back with it and the repetition acts.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from storage.database import POSTGRESQL, SQLITE, Tx
from storage.outbox_tables import Idempotency

_UNIQUE = ["account_id", "key"]
_TAKE_PLACE = {
    SQLITE: sqlite.insert(Idempotency).on_conflict_do_nothing(index_elements=_UNIQUE),
    POSTGRESQL: postgresql.insert(Idempotency).on_conflict_do_nothing(index_elements=_UNIQUE),
}


class KeyReused(Exception):
    """The key was used before, with another request."""

    code: ClassVar[str] = "idempotency_key_reused"


def remember(tx: Tx, account_id: int, key: str, request_hash: str) -> str | None:
    """Return the answer that was settled for this request, or None when it is new and its place is now taken.

    ``request_hash`` is the SHA-256 of the request in hex. Raises `KeyReused` when the key was used with
    another, ``RuntimeError`` when the first one was committed without an answer (a programming error).
    """
    while True:
        taken = tx.connection.execute(
            _TAKE_PLACE[tx.dialect].inline(),
            {"account_id": account_id, "key": key, "request_hash": request_hash, "created_at": tx.now},
            execution_options={"preserve_rowcount": True},  # an INSERT's is not kept otherwise
        )
        if taken.rowcount == 1:
            return None
        first = tx.connection.execute(
            select(Idempotency.request_hash, Idempotency.result).where(
                Idempotency.account_id == account_id, Idempotency.key == key
            )
        ).first()
        if first is None:
            continue  # forgotten for its age between the two statements
        if first.request_hash != request_hash:
            raise KeyReused(key)
        if first.result is None:
            raise RuntimeError("a request was remembered and never settled")
        answer: str = first.result
        return answer


def is_known(tx: Tx, account_id: int, key: str) -> bool:
    """Tell whether a request under this key was answered already, without taking its place."""
    found = tx.connection.execute(
        select(Idempotency.id).where(Idempotency.account_id == account_id, Idempotency.key == key)
    )
    return found.first() is not None


def settle(tx: Tx, account_id: int, key: str, result: str) -> None:
    """Keep ``result`` as the answer to every repetition. Raises ``LookupError`` without `remember`."""
    done = tx.connection.execute(
        update(Idempotency)
        .where(Idempotency.account_id == account_id, Idempotency.key == key)
        .values(result=result)
    )
    if done.rowcount != 1:
        raise LookupError("settle() without remember()")


def forget_older_than(tx: Tx, moment: datetime) -> int:
    """Forget answers given before ``moment`` and return how many; their keys are free again."""
    return tx.connection.execute(delete(Idempotency).where(Idempotency.created_at < moment)).rowcount
