"""The one sequencer: gives committed entries their places in the tree, and has the tree signed.

Two transactions, in this order: first the places, then, when they are kept for good, the signature over
them. Signed before they are committed, a crash in between could leave a signature over an order that
never came to be, and the signer would refuse the true one for ever (docs/decisions/sequence-then-
sign.md).
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Connection,
    String,
    bindparam,
    delete,
    func,
    insert,
    select,
    text,
)

from storage.canonical import moment_text
from storage.checkpoint import Checkpoint, TreeHead, parse_note
from storage.database import POSTGRESQL
from storage.record_tables import RecordCheckpoint, RecordEntry, RecordLeaf, RecordQueue
from storage.signer import Signer, SignerRefused, refuse_unless_continued
from storage.tree import CompactRange, consistency_proof

if TYPE_CHECKING:
    from storage.database import Database, Tx

BATCH = 1_000
ENTRIES_BETWEEN_CHECKPOINTS = 10
TIME_BETWEEN_CHECKPOINTS = timedelta(seconds=60)
CLOCK_TOLERANCE = timedelta(minutes=5)
"""By how much the present may lie behind the record's latest time before the log tells of it: more than the
longest transaction takes, and than a clock is put right by in ordinary times.
"""
DECISIVE = frozenset(
    {"submit", "resubmit", "approve", "return", "reject", "refuse", "issue", "withdraw", "revoke", "cancel"}
)
"""Verbs after which a checkpoint is made at once; ``return_dossier`` and ``decision.issue`` count as well."""

log = logging.getLogger(__name__)

ADVISORY_LOCK = 0x7365_7175_656E_6365  # “sequence” in ASCII; whoever holds it on PostgreSQL is the sequencer


class TreeDamaged(RuntimeError):
    """The stored tree contradicts itself, so nothing is built on it; ``vinhdanh audit verify`` says where."""

    code = "tree_damaged"


@dataclass(frozen=True, slots=True)
class Sequenced:
    """What one run did: ``count`` entries got places, the tree now has ``size``, and a checkpoint was
    made or not.
    """

    count: int
    size: int
    checkpoint: Checkpoint | None

    @property
    def more(self) -> bool:
        """Whether a full batch was taken, so that more may be waiting."""
        return self.count >= BATCH


class Sequencer:
    """Builds the tree of one installation. Any number may exist; on PostgreSQL one works at a time, the
    others return at once; on SQLite there is one process anyway.
    """

    def __init__(
        self,
        database: Database,
        signer: Signer,
        *,
        entries_between: int = ENTRIES_BETWEEN_CHECKPOINTS,
        time_between: timedelta = TIME_BETWEEN_CHECKPOINTS,
    ) -> None:
        self._database = database
        self._signer = signer
        self._entries_between = entries_between
        self._time_between = time_between
        self._turn = threading.Lock()
        self._checked = False

    def check(self) -> None:
        """Return when the database's tree is what the signer signed last, or a continuation of it.

        Raises `SignerRefused` for an older or another database: the service must not write then. Changes
        nothing.
        """
        with self._database.reading() as tx:
            last = self._signer.last().head
            name = f"{tx.origin}/{tx.epoch}"
            if name != last.name:
                raise SignerRefused("another_record", signs_for=last.name, asked_for=name)
            size = tree_size(tx.connection)
            if size < last.size:
                raise SignerRefused("tree_smaller", signed_size=last.size, size=size)
            newest = tx.connection.execute(_newest_checkpoint).scalar()
            if newest is not None and newest > last.size:
                raise SignerRefused("memory_behind", signed_size=last.size, checkpoint_size=newest)
            root = range_at(tx.connection, last.size).root()
            refuse_unless_continued(last, TreeHead(tx.origin, tx.epoch, last.size, root), [])
        self._checked = True

    def run_once(self) -> Sequenced:
        """Give up to 1,000 waiting entries their places, then make a checkpoint when one is due.

        Raises `SignerRefused`, before anything is changed when the database is an old one from the start.
        """
        if not self._checked:
            self.check()
        with self._database.reading() as tx:
            waiting = tx.connection.execute(select(RecordQueue.entry_id).limit(1)).first() is not None
        count = self._sequence() if waiting else 0
        checkpoint = self._checkpoint_when_due()
        with self._database.reading() as tx:
            return Sequenced(count, tree_size(tx.connection), checkpoint)

    def _sequence(self) -> int:
        with self._alone() as tx:
            if tx is None:
                return 0
            rows = tx.connection.execute(_waiting).all()
            if not rows:
                return 0
            size = tree_size(tx.connection)
            ahead = dated_ahead(tx, size, [row.body for row in rows])
            leaves = [
                {
                    "seq": size + n,
                    "entry_id": row.id,
                    "leaf_hash": hashlib.sha256(b"\x00" + row.body.encode()).hexdigest(),
                }
                for n, row in enumerate(rows)
            ]
            _place(tx, leaves)
            tx.connection.execute(_delete_placed, {"size": size})
        if ahead is not None:
            # Order and proofs follow the commits and do not mind; whoever runs the machine has to look at its clock.
            log.warning("the clock is wrong, or was: the record is dated %d seconds ahead of now", ahead)
        return len(rows)

    def _checkpoint_when_due(self) -> Checkpoint | None:
        with self._database.reading() as tx:
            if not self._is_due(tx):
                return None
        with self._alone() as tx:
            if tx is None or not self._is_due(tx):
                return None
            made, rows = self._signed(tx)
            for row in rows:
                tx.connection.execute(_insert_checkpoint, row)
            return made

    def _is_due(self, tx: Tx) -> bool:
        size = tree_size(tx.connection)
        last = tx.connection.execute(
            select(RecordCheckpoint.size, RecordCheckpoint.created_at)
            .order_by(RecordCheckpoint.size.desc())
            .limit(1)
        ).first()
        if last is None:
            return size > 0
        if size <= last.size:
            return False
        # A checkpoint from the future was made under a wrong clock; waiting for its time could take years.
        recent = timedelta(0) <= tx.now - last.created_at < self._time_between
        if size - last.size >= self._entries_between or not recent:
            return True
        bodies = tx.connection.execute(
            select(RecordEntry.body)
            .join(RecordLeaf, RecordLeaf.entry_id == RecordEntry.id)
            .where(RecordLeaf.seq >= last.size)
        ).scalars()
        return any(is_decisive(json.loads(body)["action"]) for body in bodies)

    def _signed(self, tx: Tx) -> tuple[Checkpoint, list[dict[str, object]]]:
        """Have the tree signed as it is; return the checkpoint and the rows that the database lacks."""
        last = self._signer.last()
        size = tree_size(tx.connection)
        if size < last.head.size:
            raise SignerRefused("tree_smaller", signed_size=last.head.size, size=size)
        before = range_at(tx.connection, last.head.size)
        added = leaf_hashes(tx.connection, before.size, size)
        now = before.extended(added)
        head = TreeHead(tx.origin, tx.epoch, size, now.root())
        note = self._signer.sign(head, consistency_proof(before, added), tx.now)
        rows = [_checkpoint_row(note, now)]
        if last.note is not None and last.head.size != size:
            # A crash after the signature and before its row: the signer still has the note.
            kept = select(RecordCheckpoint.size).where(RecordCheckpoint.size == last.head.size)
            if tx.connection.execute(kept).first() is None:
                rows.insert(0, _checkpoint_row(last.note, before))
        return parse_note(note), rows

    @contextmanager
    def _alone(self) -> Iterator[Tx | None]:
        """Open a writing transaction as the only sequencer; None when another one is at work."""
        with self._turn, self._database.writing() as tx:
            if tx.dialect == POSTGRESQL:
                ours = tx.connection.execute(
                    text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK}
                ).scalar_one()
                if not ours:
                    yield None
                    return
            yield tx


_waiting = (
    select(RecordEntry.id, RecordEntry.body)
    .join(RecordQueue, RecordQueue.entry_id == RecordEntry.id)
    .order_by(RecordEntry.id)
    .limit(BATCH)
)
_insert_leaf = insert(RecordLeaf).inline()
# A thousand rows in one statement of three parameters: one by one they cost the client more than hashing them.
_LEAF = {"seq": BigInteger, "entry_id": BigInteger, "leaf_hash": String}
_insert_leaves = insert(RecordLeaf).from_select(
    list(_LEAF), select(*[func.unnest(bindparam(name, type_=ARRAY(kind))) for name, kind in _LEAF.items()])
)


def _place(tx: Tx, leaves: Sequence[Mapping[str, object]]) -> None:
    if tx.dialect == POSTGRESQL:
        columns = {name: [leaf[name] for leaf in leaves] for name in _LEAF}
        tx.connection.execute(_insert_leaves, columns)
    else:
        tx.connection.execute(_insert_leaf, leaves)


_delete_placed = delete(RecordQueue).where(
    RecordQueue.entry_id.in_(select(RecordLeaf.entry_id).where(RecordLeaf.seq >= bindparam("size")))
)
_insert_checkpoint = insert(RecordCheckpoint).inline()
_newest_leaf = select(RecordLeaf.seq).order_by(RecordLeaf.seq.desc()).limit(1)
_newest_checkpoint = select(RecordCheckpoint.size).order_by(RecordCheckpoint.size.desc()).limit(1)


def is_decisive(action: str) -> bool:
    """Tell whether ``action`` asks for a checkpoint at once: one of its words is a verb of `DECISIVE`."""
    return not DECISIVE.isdisjoint(re.split(r"[._]", action))


def dated_ahead(tx: Tx, size: int, waiting: Iterable[str]) -> int | None:
    """Return by how many seconds the newest leaf of the tree of ``size``, or one of the entries ``waiting`` behind
    it, is dated ahead of now; None when it is no more than `CLOCK_TOLERANCE`.

    The newest leaf and not all: the first run after the clock was put right tells it, the others need not.
    """
    newest = tx.connection.execute(
        select(RecordEntry.body)
        .join(RecordLeaf, RecordLeaf.entry_id == RecordEntry.id)
        .where(RecordLeaf.seq == size - 1)
    ).scalars()
    # Times in the record are text of one width, so that the latest is the greatest.
    latest = max(time_of(body) for body in (*newest, *waiting))
    if latest <= moment_text(tx.now + CLOCK_TOLERANCE):
        return None
    return round((datetime.fromisoformat(latest) - tx.now).total_seconds())


def time_of(body: str) -> str:
    """Return the ``ts_utc`` of an entry's canonical text, "" when it has none.

    Its keys are in order, and only a number and a hash come after this one, so that nothing has to be parsed: a full
    batch is looked at under the lock that every deed on SQLite waits for.
    """
    _, found, rest = body.rpartition(',"ts_utc":"')
    return rest.partition('"')[0] if found else ""


def tree_size(connection: Connection) -> int:
    """Return how many leaves the tree has; its places are gapless from 0."""
    newest = connection.execute(_newest_leaf).scalar()
    return 0 if newest is None else newest + 1


def leaf_hashes(connection: Connection, start: int, end: int) -> Sequence[bytes]:
    """Return the leaf hashes at places ``start`` … ``end - 1``. Raises `TreeDamaged` when one is missing."""
    rows = connection.execute(
        select(RecordLeaf.leaf_hash)
        .where(RecordLeaf.seq >= start, RecordLeaf.seq < end)
        .order_by(RecordLeaf.seq)
    ).scalars()
    hashes = [bytes.fromhex(row) for row in rows]
    if len(hashes) != end - start:
        raise TreeDamaged(f"{end - start} places from {start} hold {len(hashes)} leaves")
    return hashes


def range_at(connection: Connection, size: int) -> CompactRange:
    """Return the compact range of the tree of ``size``, from the nearest checkpoint at or before it.

    Raises `TreeDamaged` when that checkpoint's range does not give its root, or leaves are missing.
    """
    nearest = connection.execute(
        select(RecordCheckpoint.size, RecordCheckpoint.root, RecordCheckpoint.compact_range)
        .where(RecordCheckpoint.size <= size)
        .order_by(RecordCheckpoint.size.desc())
        .limit(1)
    ).first()
    start = CompactRange()
    if nearest is not None:
        try:
            start = CompactRange.from_text(nearest.size, nearest.compact_range)
        except ValueError as error:
            raise TreeDamaged(f"the checkpoint of {nearest.size} has a range of another size") from error
        if start.root().hex() != nearest.root:
            raise TreeDamaged(f"the checkpoint of {nearest.size} has a range of another root")
    return start.extended(leaf_hashes(connection, start.size, size))


def _checkpoint_row(note: str, compact: CompactRange) -> dict[str, object]:
    checkpoint = parse_note(note)
    return {
        "size": checkpoint.head.size,
        "root": checkpoint.head.root.hex(),
        "compact_range": compact.text(),
        "note": note,
        "created_at": checkpoint.at,
    }
