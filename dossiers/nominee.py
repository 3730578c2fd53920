"""Nominees: who is proposed in a dossier, for what, on which answers. Each has a state of its own."""

from __future__ import annotations

from datetime import date

from sqlalchemy import CheckConstraint, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from dossiers.configuration import state_reference
from storage.base import Base, BigId, Folded, Id, Ref, to


class Nominee(Base):
    """One nominee of one dossier. Carried up a level, it becomes a new row with ``origin_nominee_id``.

    ``award_form_id`` NULL while a draft has not chosen one. ``name`` is repeated here from the revision for
    lists.
    """

    __tablename__ = "nominee"
    __table_args__ = (
        state_reference("nominee"),
        UniqueConstraint("dossier_id", "ordinal"),
        CheckConstraint("state_subject = 'nominee'", name="state_subject"),
        Index("ix_nominee_subject", "subject_id"),
    )

    id: Mapped[Id]
    ref: Mapped[Ref]
    dossier_id: Mapped[int] = mapped_column(BigId, to("dossier.id"))
    ordinal: Mapped[int]
    class_id: Mapped[int] = mapped_column(BigId, to("nominee_class.id"))
    award_form_id: Mapped[int | None] = mapped_column(BigId, to("award_form.id"))
    subject_id: Mapped[int | None] = mapped_column(BigId, to("subject.id"))
    nominated_by_unit_id: Mapped[int] = mapped_column(BigId, to("org_unit.id"))
    origin_nominee_id: Mapped[int | None] = mapped_column(BigId, to("nominee.id"), index=True)
    decision_id: Mapped[int | None] = mapped_column(BigId, to("decision.id"), index=True)
    edition_id: Mapped[int] = mapped_column(BigId, to("config_document.id"))
    state_subject: Mapped[str] = mapped_column(String(10), default="nominee")
    state: Mapped[str] = mapped_column(String(40))
    name: Mapped[str]
    sort_key: Mapped[str] = mapped_column(Folded)
    search_text: Mapped[str] = mapped_column(Folded)
    on_hold: Mapped[bool] = mapped_column(default=False)
    due_on: Mapped[date | None]
    revision_id: Mapped[int | None] = mapped_column(BigId, to("revision.id"))
    version: Mapped[int] = mapped_column(default=1)


class CriterionAnswer(Base):
    """What the unit says to one criterion. A ratio is ``numerator / denominator``, integers both.

    ``attested`` is the unit's word; a document names number, day and issuer. One row per question, replaced
    in a draft by the unit; every submitted state of it is frozen in a dossier version.
    """

    __tablename__ = "criterion_answer"
    __table_args__ = (
        UniqueConstraint("nominee_id", "criterion_id"),
        CheckConstraint("denominator IS NULL OR denominator > 0", name="denominator"),
        CheckConstraint("numerator IS NULL OR numerator >= 0", name="numerator"),
    )

    id: Mapped[Id]
    nominee_id: Mapped[int] = mapped_column(BigId, to("nominee.id"))
    criterion_id: Mapped[int] = mapped_column(BigId, to("criterion.id"))
    attested: Mapped[bool | None]
    not_applicable: Mapped[bool] = mapped_column(default=False)
    numerator: Mapped[int | None]
    denominator: Mapped[int | None]
    document_no: Mapped[str | None]
    document_on: Mapped[date | None]
    document_issuer: Mapped[str | None]
    note: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)
