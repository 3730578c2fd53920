"""Editions in force: the bytes of every configuration ever used, and the rows made from them.

``config_document`` is the truth (insert-only); states, classes, criteria and award forms are materialised from
it so that foreign keys can hold the rest of the data to it. None of them is ever edited.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from dossiers.functions import FUNCTIONS, sql_list
from storage.base import Base, BigId, Hash, Id, Ref, to

KINDS = ("workflow", "programme", "regime", "award_catalogue", "calendar", "template")
PROOFS = ("attested", "document", "ratio", "external_target", "recognised_initiative")


class ConfigDocument(Base):
    """One edition of one configuration document, byte for byte."""

    __tablename__ = "config_document"
    __table_args__ = (
        UniqueConstraint("kind", "code", "edition"),
        UniqueConstraint("kind", "sha256"),
        CheckConstraint(f"kind IN ({sql_list(KINDS)})", name="kind"),
        CheckConstraint("in_force_to IS NULL OR in_force_to > in_force_from", name="interval"),
    )

    id: Mapped[Id]
    ref: Mapped[Ref]
    kind: Mapped[str] = mapped_column(String(20))
    code: Mapped[str] = mapped_column(String(60))
    edition: Mapped[str] = mapped_column(String(20))
    sha256: Mapped[Hash]
    body: Mapped[bytes] = mapped_column(LargeBinary)
    in_force_from: Mapped[date | None]
    in_force_to: Mapped[date | None]
    verified: Mapped[bool] = mapped_column(default=False)
    published_by: Mapped[int | None] = mapped_column(BigId, to("account.id"))
    published_at: Mapped[datetime]


class WorkflowState(Base):
    """One state of one edition; the target of the foreign keys of dossiers and nominees."""

    __tablename__ = "workflow_state"
    __table_args__ = (
        CheckConstraint("subject IN ('dossier', 'nominee')", name="subject"),
        CheckConstraint(
            f"acting_function IS NULL OR acting_function IN ({sql_list(FUNCTIONS)})", name="function"
        ),
    )

    edition_id: Mapped[int] = mapped_column(
        BigId, to("config_document.id"), primary_key=True, autoincrement=False
    )
    subject: Mapped[str] = mapped_column(String(10), primary_key=True)
    key: Mapped[str] = mapped_column(String(40), primary_key=True)
    final: Mapped[bool]
    acting_function: Mapped[str | None] = mapped_column(String(30))


class NomineeClass(Base):
    """A class of nominees (đối tượng) of one programme edition."""

    __tablename__ = "nominee_class"
    __table_args__ = (
        UniqueConstraint("programme_id", "code"),
        CheckConstraint("kind IN ('collective', 'individual', 'household')", name="kind"),
    )

    id: Mapped[Id]
    ref: Mapped[Ref]
    programme_id: Mapped[int] = mapped_column(BigId, to("config_document.id"))
    code: Mapped[str] = mapped_column(String(60))
    kind: Mapped[str] = mapped_column(String(20))
    ordinal: Mapped[int]
    label_vi: Mapped[str]
    label_en: Mapped[str]
    legal_source: Mapped[str | None]


class Criterion(Base):
    """One criterion (tiêu chuẩn) of one class: ``proofs`` are joined by all or any of them.

    ``proofs`` is a space-separated list out of PROOFS; the threshold of a ratio is the fraction
    ``threshold_num / threshold_den`` in integers; the loader of programmes
    refuses a ratio proof without one.
    """

    __tablename__ = "criterion"
    __table_args__ = (
        UniqueConstraint("class_id", "code"),
        CheckConstraint("proof_join IN ('all', 'any')", name="proof_join"),
        CheckConstraint(
            "(threshold_num IS NULL) = (threshold_den IS NULL) AND (threshold_den IS NULL OR threshold_den "
            "> 0)",
            name="threshold",
        ),
    )

    id: Mapped[Id]
    ref: Mapped[Ref]
    programme_id: Mapped[int] = mapped_column(BigId, to("config_document.id"))
    class_id: Mapped[int] = mapped_column(BigId, to("nominee_class.id"))
    code: Mapped[str] = mapped_column(String(30))
    ordinal: Mapped[int]
    text_vi: Mapped[str]
    text_en: Mapped[str]
    proofs: Mapped[str] = mapped_column(String(120))
    proof_join: Mapped[str] = mapped_column(String(3))
    applies_when: Mapped[str | None] = mapped_column(String(60))
    threshold_num: Mapped[int | None]
    threshold_den: Mapped[int | None]
    ratio_of_vi: Mapped[str | None]
    ratio_of_en: Mapped[str | None]
    external_target: Mapped[str | None] = mapped_column(String(60))
    legal_source: Mapped[str | None]


class AwardForm(Base):
    """One award form (hình thức khen thưởng hoặc danh hiệu) of a catalogue, and the position that decides it."""

    __tablename__ = "award_form"
    __table_args__ = (
        UniqueConstraint("catalogue_id", "code"),
        CheckConstraint("family IN ('commendation_form', 'emulation_title')", name="family"),
    )

    id: Mapped[Id]
    ref: Mapped[Ref]
    catalogue_id: Mapped[int] = mapped_column(BigId, to("config_document.id"))
    code: Mapped[str] = mapped_column(String(60))
    family: Mapped[str] = mapped_column(String(20))
    decider_position: Mapped[str] = mapped_column(String(60))
    label_vi: Mapped[str]
    label_en: Mapped[str]
    legal_source: Mapped[str | None]


def state_reference(subject: str) -> ForeignKeyConstraint:
    """Return the foreign key that holds ``state`` of a dossier or nominee to the states of its own edition."""
    return ForeignKeyConstraint(
        ["edition_id", "state_subject", "state"],
        ["workflow_state.edition_id", "workflow_state.subject", "workflow_state.key"],
        name=f"fk_{subject}_state",
    )
