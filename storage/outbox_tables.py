"""Tables of promises: what must happen after a commit, when it recurs, and what was already answered."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.base import Base, BigId, Id


class Outbox(Base):
    """One promise. At least once: ``key`` makes its effect happen once; ``attempt`` fences a lost lease."""

    __tablename__ = "outbox"
    __table_args__ = (
        CheckConstraint("state IN ('ready', 'running', 'done', 'dead')", name="state"),
        Index(
            "ix_outbox_due",
            "run_at",
            "id",
            sqlite_where=text("state IN ('ready', 'running')"),
            postgresql_where=text("state IN ('ready', 'running')"),
        ),
        # What was given up, for the page that shows it: no row of a job that went well is in it.
        Index(
            "ix_outbox_dead",
            "id",
            sqlite_where=text("state = 'dead'"),
            postgresql_where=text("state = 'dead'"),
        ),
    )

    id: Mapped[Id]
    key: Mapped[str] = mapped_column(String(200), unique=True)
    kind: Mapped[str] = mapped_column(String(50))
    payload: Mapped[str] = mapped_column(Text)
    run_at: Mapped[datetime]
    attempt: Mapped[int] = mapped_column(default=0)
    state: Mapped[str] = mapped_column(String(10), default="ready")
    owner: Mapped[str | None] = mapped_column(String(100))
    lease_until: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class Schedule(Base):
    """Something that recurs: a cron line read in ``zone``; ``next_at`` is when its next promise is made."""

    __tablename__ = "schedule"

    id: Mapped[Id]
    key: Mapped[str] = mapped_column(String(100), unique=True)
    kind: Mapped[str] = mapped_column(String(50))
    cron: Mapped[str] = mapped_column(String(100))
    zone: Mapped[str] = mapped_column(String(50))
    payload: Mapped[str] = mapped_column(Text, default="{}")
    next_at: Mapped[datetime]
    enabled: Mapped[bool] = mapped_column(default=True)


class Idempotency(Base):
    """The first answer to a request, given again to its repetitions for seven days."""

    __tablename__ = "idempotency"
    __table_args__ = (UniqueConstraint("account_id", "key"),)

    id: Mapped[Id]
    account_id: Mapped[int] = mapped_column(BigId)
    key: Mapped[str] = mapped_column(String(200))
    request_hash: Mapped[str] = mapped_column(String(64))
    result: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(index=True)
