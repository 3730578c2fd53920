"""The same request twice acts once: the first answer is kept per account and key, and given again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dossiers.refusals import Invalid
from storage.database import Tx
from storage.idempotency import KeyReused, remember, settle
from workflow.actor import Actor

KEY_LENGTH = range(8, 201)


@dataclass(frozen=True, slots=True)
class Repeated:
    """What is known of a request: the stored answer of its first time, or a place to keep the answer."""

    tx: Tx
    account_id: int
    key: str | None
    stored: Any = None

    def settle(self, answer: Mapping[str, Any]) -> None:
        """Keep ``answer`` for repetitions; nothing is kept for a request without a key."""
        if self.key is not None:
            settle(self.tx, self.account_id, self.key, json.dumps(answer))


def repeated_answer(tx: Tx, actor: Actor, key: str | None, request: Mapping[str, Any]) -> Repeated:
    """Return what is known of ``request`` under ``key``. A parallel twin waits here until the first has
    committed.

    Raises ``Invalid`` when the key is malformed or was used with another body.
    """
    if key is None:
        return Repeated(tx, actor.account_id, None)
    if len(key) not in KEY_LENGTH or not key.isascii() or not key.isprintable():
        raise Invalid("idempotency_key_malformed", field="Idempotency-Key")
    body = json.dumps(request, sort_keys=True, ensure_ascii=False, default=str)
    try:
        stored = remember(tx, actor.account_id, key, hashlib.sha256(body.encode()).hexdigest())
    except KeyReused:
        raise Invalid("idempotency_key_reused", field="Idempotency-Key") from None
    if stored is None:
        return Repeated(tx, actor.account_id, key)
    return Repeated(tx, actor.account_id, key, json.loads(stored))


def version_once(
    tx: Tx, actor: Actor, key: str | None, request: Mapping[str, Any], change: Callable[[], int]
) -> int:
    """Return the version that ``change`` writes, or wrote when the same request first came. Raises as above."""
    repeated = repeated_answer(tx, actor, key, request)
    if repeated.stored is not None:
        return int(repeated.stored["version"])
    version = change()
    repeated.settle({"version": version})
    return version
