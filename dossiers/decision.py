"""Decisions and the registers that number them."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.base import Base, BigId, Hash, Id, Ref, to


class NumberRegister(Base):
    """One series of numbers of one body in one year (Nghị định 30/2020, Phụ lục I): ``{n:02d}/{symbol}``."""

    __tablename__ = "number_register"
    __table_args__ = (
        UniqueConstraint("body_id", "series", "year"),
        CheckConstraint("next >= 1", name="next"),
    )

    id: Mapped[Id]
    body_id: Mapped[int] = mapped_column(BigId, to("org_unit.id"))
    series: Mapped[str] = mapped_column(String(40))
    year: Mapped[int]
    symbol: Mapped[str] = mapped_column(String(40))
    next: Mapped[int] = mapped_column(default=1)


class Decision(Base):
    """A decision on one dossier: approved (or taken back), then numbered, dated and signed. Frozen once
    issued.
    """

    __tablename__ = "decision"
    __table_args__ = (
        CheckConstraint("state IN ('approved', 'issued', 'revoked')", name="state"),
        CheckConstraint(
            "state <> 'issued' OR (number IS NOT NULL AND issued_on IS NOT NULL AND signer_id IS NOT NULL"
            " AND blob_id IS NOT NULL AND register_id IS NOT NULL)",
            name="issued_whole",
        ),
        CheckConstraint("mode IS NULL OR mode IN ('KT', 'TL', 'TUQ', 'TM', 'Q')", name="mode"),
        UniqueConstraint("register_id", "number"),
        Index(
            "uq_decision_dossier",
            "dossier_id",
            unique=True,
            sqlite_where=text("state <> 'revoked'"),
            postgresql_where=text("state <> 'revoked'"),
        ),
    )

    id: Mapped[Id]
    ref: Mapped[Ref]
    dossier_id: Mapped[int] = mapped_column(BigId, to("dossier.id"))
    dossier_version_id: Mapped[int] = mapped_column(BigId, to("dossier_version.id"))
    body_id: Mapped[int] = mapped_column(BigId, to("org_unit.id"))
    state: Mapped[str] = mapped_column(String(10))
    decided_by: Mapped[int] = mapped_column(BigId, to("account.id"))
    decided_at: Mapped[datetime]
    register_id: Mapped[int | None] = mapped_column(BigId, to("number_register.id"))
    number: Mapped[int | None]
    doc_number: Mapped[str | None] = mapped_column(String(60))
    issued_on: Mapped[date | None]
    signer_id: Mapped[int | None] = mapped_column(BigId, to("person.id"))
    signer_position: Mapped[str | None]
    mode: Mapped[str | None] = mapped_column(String(3))
    authority: Mapped[str | None]
    blob_id: Mapped[int | None] = mapped_column(BigId, to("blob.id"))
    chain_head: Mapped[Hash | None]
    chain_length: Mapped[int] = mapped_column(default=0)
    version: Mapped[int] = mapped_column(default=1)
