"""Subjects: the people, households and collectives that are honoured, apart from any one nomination."""

from __future__ import annotations

from datetime import date

from sqlalchemy import CheckConstraint, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from storage.base import Base, BigId, Folded, Id, Ref, to


class Subject(Base):
    """Identity across years; a collective that is an org unit of ours points to it."""

    __tablename__ = "subject"
    __table_args__ = (CheckConstraint("kind IN ('collective', 'individual', 'household')", name="kind"),)

    id: Mapped[Id]
    ref: Mapped[Ref]
    kind: Mapped[str] = mapped_column(String(20))
    org_unit_id: Mapped[int | None] = mapped_column(BigId, to("org_unit.id"), index=True)
    version: Mapped[int] = mapped_column(default=1)


class SubjectName(Base):
    """What a subject was called during ``[from_on, to_on)``."""

    __tablename__ = "subject_name"
    __table_args__ = (
        CheckConstraint("to_on IS NULL OR to_on > from_on", name="interval"),
        Index("ix_subject_name_subject", "subject_id", "from_on"),
        Index("ix_subject_name_sort_key", "sort_key"),
    )

    id: Mapped[Id]
    subject_id: Mapped[int] = mapped_column(BigId, to("subject.id"))
    name: Mapped[str]
    sort_key: Mapped[str] = mapped_column(Folded)
    search_text: Mapped[str] = mapped_column(Folded)
    from_on: Mapped[date]
    to_on: Mapped[date | None]
