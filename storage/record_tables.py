"""Tables of the record: entries chained by subject, their erasable payloads, and the tree built over them.

INSERT only but for ``record_payload`` (lawful erasure) and ``record_queue`` (emptied by the sequencer); three
triggers and the rights of the database role say so (migration 0001).
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from storage.base import Base, BigId, Hash, Id


class Installation(Base):
    """The one row that says whose record this is, asked by ``init``; a lawful restore adds an epoch."""

    __tablename__ = "installation"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False, default=1)
    origin: Mapped[str] = mapped_column(String(200))
    epoch: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]


class RecordEntry(Base):
    """One entry: ``body`` is the canonical JSON that was hashed, kept as it was hashed."""

    __tablename__ = "record_entry"
    __table_args__ = (UniqueConstraint("subject_kind", "subject_ref", "position"),)

    id: Mapped[Id]
    origin: Mapped[str] = mapped_column(String(200))
    epoch: Mapped[int]
    subject_kind: Mapped[str] = mapped_column(String(30))
    subject_ref: Mapped[str] = mapped_column(String(36))
    position: Mapped[int]
    event_id: Mapped[str] = mapped_column(String(36), unique=True)
    body: Mapped[str] = mapped_column(Text)
    hash: Mapped[Hash]
    prev: Mapped[Hash]


class RecordPayload(Base):
    """What an entry only commits to. Deleting a row is the lawful way to forget; the entry still verifies."""

    __tablename__ = "record_payload"

    commitment: Mapped[str] = mapped_column(String(64), primary_key=True)
    salt: Mapped[bytes] = mapped_column(LargeBinary)
    payload: Mapped[str] = mapped_column(Text)


class RecordQueue(Base):
    """Committed entries that wait for their place in the tree; a trigger on ``record_entry`` fills it.

    No foreign key: the trigger names the entry that it was called for, entries are never deleted, and looking the
    entry up again would lock it and write it a second time with every deed.
    """

    __tablename__ = "record_queue"

    entry_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)


class RecordLeaf(Base):
    """The place of an entry in the one tree of this installation. No foreign key, for the same reason."""

    __tablename__ = "record_leaf"

    seq: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    entry_id: Mapped[int] = mapped_column(BigId, unique=True)
    leaf_hash: Mapped[Hash]


class RecordCheckpoint(Base):
    """A signed tree head, a C2SP signed note; ``compact_range`` lets the tree grow from there."""

    __tablename__ = "record_checkpoint"

    size: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    root: Mapped[Hash]
    compact_range: Mapped[str] = mapped_column(Text)
    note: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]


class AccessLog(Base):
    """Reads, refusals and log-ins: many, unchained, with a retention of their own. Holds no personal data."""

    __tablename__ = "access_log"

    id: Mapped[Id]
    at: Mapped[datetime] = mapped_column(index=True)
    kind: Mapped[str] = mapped_column(String(20))
    account_id: Mapped[int | None] = mapped_column(BigId)
    target_kind: Mapped[str | None] = mapped_column(String(30))
    target_ref: Mapped[str | None] = mapped_column(String(64))
    detail: Mapped[str | None] = mapped_column(String(200))
    request_id: Mapped[str | None] = mapped_column(String(36))
