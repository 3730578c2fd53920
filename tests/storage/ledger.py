"""A small office whose things move and are recorded, and the ways in which its superuser may tamper."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, column, create_engine, literal, select, table, text

from storage.base import new_ref
from storage.canonical import canonical
from storage.checkpoint import TreeHead, checkpoint_text, parse_note, signed_note
from storage.database import Database, TestClock, Tx
from storage.record import FIRST_PREV, By, Head, Moved, append
from storage.record_tables import Installation
from storage.sequencer import Sequencer
from storage.signer import KEY_FILE, FileKeySigner
from storage.tree import CompactRange
from storage.verify import Verdict, verify

QUEUE = "record_entry_fills_queue"
ORIGIN = "gt.example.vn/vinhdanh"
RECORD = ("record_entry", "record_payload", "record_queue", "record_leaf", "record_checkpoint")
THING = table("thing", *(column(name) for name in ("ref", "state", "version", "chain_head", "chain_length")))
HEADS = {"dossier": select(THING.c.ref, THING.c.chain_head, THING.c.chain_length)}
STATES = {
    "dossier": select(
        THING.c.ref.label("subject_ref"),
        literal("dossier").label("kind"),
        THING.c.ref,
        THING.c.state,
        THING.c.version,
    )
}
CHAU = By(new_ref(), "appraiser", new_ref(), session_ref=new_ref(), request_id=new_ref())


@dataclass
class Ledger:
    """An office on a database; ``notes`` are the checkpoints that left the building."""

    database: Database
    folder: Path
    signer: FileKeySigner
    sequencer: Sequencer
    notes: list[str] = field(default_factory=list)

    @classmethod
    def open(cls, database: Database, folder: Path) -> Ledger:
        folder.mkdir()
        with database.writing() as tx:
            tx.session.add(Installation(id=1, origin=ORIGIN, epoch=1, created_at=tx.now))
            tx.connection.execute(
                text(
                    "CREATE TABLE thing (ref VARCHAR(36) PRIMARY KEY, state VARCHAR(20), version INTEGER,"
                    " chain_head VARCHAR(64), chain_length INTEGER)"
                )
            )
        signer = FileKeySigner.make(folder, ORIGIN)
        return cls(database, folder, signer, Sequencer(database, signer, entries_between=1))

    def add(self, state: str = "draft") -> str:
        ref = new_ref()
        with self.database.writing() as tx:
            tx.connection.execute(text("INSERT INTO thing VALUES (:ref, NULL, 0, NULL, 0)"), {"ref": ref})
        self.move(ref, "open", state)
        return ref

    def move(self, ref: str, action: str, state: str | None, **said: Any) -> None:
        """Do ``action`` on a thing; with ``state`` None nothing moves, but the entry is made."""
        with self.database.writing() as tx:
            row = locked(tx, ref)
            version = row.version + (state is not None)
            moves = [Moved("dossier", ref, row.version, version, row.state, state)] if state else []
            head = append(
                tx,
                subject=("dossier", ref),
                head=Head(row.chain_length, row.chain_head),
                action=action,
                by=CHAU,
                moves=moves,
                **said,
            )
            tx.connection.execute(
                text(
                    "UPDATE thing SET state = :state, version = :version, chain_head = :head,"
                    " chain_length = :length WHERE ref = :ref"
                ),
                {
                    "state": state or row.state,
                    "version": version,
                    "head": head.hash,
                    "length": head.length,
                    "ref": ref,
                },
            )

    def sequence(self) -> None:
        done = self.sequencer.run_once()
        if done.checkpoint is not None:
            with self.database.reading() as tx:
                self.notes.append(
                    tx.connection.execute(
                        text("SELECT note FROM record_checkpoint WHERE size = :size"), {"size": done.size}
                    ).scalar_one()
                )

    def verdict(self, *, known: list[str] | None = None, since: int | None = None) -> Verdict:
        with self.database.reading() as tx:
            return verify(
                tx,
                public_keys=[self.signer.public_key],
                heads=HEADS,
                states=STATES,
                known=known or [],
                since=since,
            )

    def as_superuser(self, deed: Callable[[Connection], None]) -> None:
        """Do something to the tables with every trigger out of the way but the one that fills the queue."""
        engine = create_engine(self.database.url)
        with engine.begin() as connection:
            if engine.dialect.name == "sqlite":
                names = connection.execute(
                    text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND name <> :queue"),
                    {"queue": QUEUE},
                )
                for (name,) in names.all():
                    connection.execute(text(f"DROP TRIGGER {name}"))
            else:
                for name in RECORD:
                    connection.execute(text(f"ALTER TABLE {name} DISABLE TRIGGER ALL"))
                connection.execute(text(f"ALTER TABLE record_entry ENABLE TRIGGER {QUEUE}"))
            deed(connection)
        engine.dispose()

    def sql(self, *statements: str, **values: Any) -> None:
        def deed(connection: Connection) -> None:
            for statement in statements:
                wanted = {name: value for name, value in values.items() if f":{name}" in statement}
                connection.execute(text(statement), wanted)

        self.as_superuser(deed)

    def rewrite(self, change: Callable[[list[dict[str, Any]]], None], *, sign: bool) -> None:
        """Write the whole record anew after ``change`` to the contents of its entries: chains, heads and
        tree.

        With ``sign`` every checkpoint is made anew with the stolen key, otherwise they are left as they are.
        """
        key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex((self.folder / KEY_FILE).read_text()))

        def deed(connection: Connection) -> None:
            bodies = connection.execute(
                text("SELECT body FROM record_entry JOIN record_leaf ON entry_id = id ORDER BY seq")
            ).scalars()
            contents = [json.loads(body) for body in bodies]
            moments = [
                parse_note(note).at
                for note in connection.execute(
                    text("SELECT note FROM record_checkpoint ORDER BY size")
                ).scalars()
            ]
            change(contents)
            tables = ["record_leaf", "record_queue", "record_entry", *(["record_checkpoint"] if sign else [])]
            for name in tables:
                connection.execute(text(f"DELETE FROM {name}"))
            ends: dict[str, Head] = {}
            tree = CompactRange()
            prev = "0" * 64
            for seq, content in enumerate(contents):
                ref = content["subject"]["ref"]
                end = ends.get(ref, Head(0, None))
                content["position"], content["prev"] = end.length + 1, end.hash or FIRST_PREV
                body = canonical(content)
                ends[ref] = Head(end.length + 1, hashlib.sha256(body.encode()).hexdigest())
                leaf = hashlib.sha256(b"\x00" + body.encode())
                insert_entry(connection, seq + 1, content, body, ends[ref])
                connection.execute(
                    text("INSERT INTO record_leaf VALUES (:seq, :id, :leaf)"),
                    {"seq": seq, "id": seq + 1, "leaf": leaf.hexdigest()},
                )
                tree = tree.extended([leaf.digest()])
                if not sign:
                    continue
                at = moments[min(seq, len(moments) - 1)]
                words = checkpoint_text(TreeHead(ORIGIN, 1, tree.size, tree.root()), at, prev)
                prev = hashlib.sha256(words.encode()).hexdigest()
                connection.execute(
                    text("INSERT INTO record_checkpoint VALUES (:size, :root, :range, :note, :at)"),
                    {
                        "size": tree.size,
                        "root": tree.root().hex(),
                        "range": tree.text(),
                        "note": signed_note(words, f"{ORIGIN}/1", key),
                        "at": at.replace(tzinfo=None).isoformat(" "),
                    },
                )
            connection.execute(text("DELETE FROM record_queue"))
            for ref, end in ends.items():
                connection.execute(
                    text("UPDATE thing SET chain_head = :head, chain_length = :length WHERE ref = :ref"),
                    {"head": end.hash, "length": end.length, "ref": ref},
                )

        self.as_superuser(deed)

    def cut(self, count: int, *, business_too: bool) -> None:
        """Take the newest ``count`` entries away with leaves and checkpoints; put the rows back or not."""

        def deed(connection: Connection) -> None:
            rows = connection.execute(
                text(
                    "SELECT id, seq, body, prev FROM record_entry JOIN record_leaf ON entry_id = id"
                    " ORDER BY seq DESC LIMIT :count"
                ),
                {"count": count},
            ).all()
            for row in rows:
                content = json.loads(row.body)
                given = {"id": row.id, "seq": row.seq}
                connection.execute(text("DELETE FROM record_leaf WHERE seq = :seq"), given)
                connection.execute(text("DELETE FROM record_checkpoint WHERE size = :seq + 1"), given)
                connection.execute(text("DELETE FROM record_entry WHERE id = :id"), given)
                if business_too:
                    put_back(connection, content, row.prev)

        self.as_superuser(deed)

    def steal_the_key(self, folder: Path) -> FileKeySigner:
        """Return a signer with the same key that remembers nothing."""
        folder.mkdir()
        signer = FileKeySigner.make(folder, ORIGIN)
        shutil.copy(self.folder / KEY_FILE, folder / KEY_FILE)
        assert signer.public_key != self.signer.public_key
        return FileKeySigner(folder)


def a_history(ledger: Ledger, clock: TestClock) -> list[str]:
    """Three things with twelve entries, a checkpoint after each; return the things' refs."""
    refs = []
    for _ in range(3):
        refs.append(ledger.add())
        ledger.sequence()
    for action, state in (("submit", "submitted"), ("remark", None), ("approve", "approved")):
        for ref in refs:
            clock.advance(timedelta(minutes=3))
            ledger.move(ref, action, state, reason="Đủ điều kiện" if action == "approve" else None)
            ledger.sequence()
    return refs


def locked(tx: Tx, ref: str) -> Any:
    lock = "" if tx.dialect == "sqlite" else " FOR UPDATE"
    return tx.connection.execute(text(f"SELECT * FROM thing WHERE ref = :ref{lock}"), {"ref": ref}).one()


def insert_entry(connection: Connection, number: int, content: dict[str, Any], body: str, end: Head) -> None:
    connection.execute(
        text(
            "INSERT INTO record_entry"
            " (id, origin, epoch, subject_kind, subject_ref, position, event_id, body, hash, prev)"
            " VALUES (:id, :origin, :epoch, :kind, :ref, :position, :event_id, :body, :hash, :prev)"
        ),
        {
            "id": number,
            "origin": content["origin"],
            "epoch": content["epoch"],
            "kind": content["subject"]["kind"],
            "ref": content["subject"]["ref"],
            "position": content["position"],
            "event_id": content["event_id"],
            "body": body,
            "hash": end.hash,
            "prev": content["prev"],
        },
    )


def put_back(connection: Connection, content: dict[str, Any], prev: str) -> None:
    """Set a thing to what it was before the entry."""
    ref = content["subject"]["ref"]
    connection.execute(
        text("UPDATE thing SET chain_head = :head, chain_length = :length WHERE ref = :ref"),
        {"head": None if prev == FIRST_PREV else prev, "length": content["position"] - 1, "ref": ref},
    )
    for move in content["moves"]:
        connection.execute(
            text("UPDATE thing SET state = :state, version = :version WHERE ref = :ref"),
            {"state": move["state_from"], "version": move["version_from"], "ref": ref},
        )


def flip_signature(note: str) -> str:
    """Return a note whose last signature has one bit flipped."""
    above, _, last = note.rstrip("\n").rpartition(" ")
    data = bytearray(base64.b64decode(last))
    data[-1] ^= 1
    return f"{above} {base64.b64encode(bytes(data)).decode()}\n"
