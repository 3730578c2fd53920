"""Papers of a dossier: an attachment keeps its identity, its versions keep every file ever given."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from dossiers.functions import sql_list
from storage.base import Base, BigId, Id, Ref, to

# Paper kinds (glossary rows 42, 71–76): what a checklist can ask for.
PAPER_KINDS = (
    "submission_paper",
    "minutes",
    "achievement_report",
    "evidence",
    "initiative_certificate",
    "meeting_minutes",
    "appraisal_sheet",
    "return_notice",
    "supplement_notice",
    "withdrawal_request",
    "decision",
    "other",
)


class Attachment(Base):
    """One paper in a dossier. ``withdrawn_at`` takes it out of the current set; versions stay."""

    __tablename__ = "attachment"
    __table_args__ = (
        CheckConstraint(f"kind IN ({sql_list(PAPER_KINDS)})", name="kind"),
        Index("ix_attachment_dossier", "dossier_id", "id"),
    )

    id: Mapped[Id]
    ref: Mapped[Ref]
    dossier_id: Mapped[int] = mapped_column(BigId, to("dossier.id"))
    kind: Mapped[str] = mapped_column(String(30))
    withdrawn_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)


class AttachmentVersion(Base):
    """One file of an attachment, with the name it came under (NFC) and who gave it. Insert-only."""

    __tablename__ = "attachment_version"
    __table_args__ = (UniqueConstraint("attachment_id", "n"), Index("ix_attachment_version_blob", "blob_id"))

    id: Mapped[Id]
    ref: Mapped[Ref]
    attachment_id: Mapped[int] = mapped_column(BigId, to("attachment.id"))
    n: Mapped[int]
    blob_id: Mapped[int] = mapped_column(BigId, to("blob.id"))
    name: Mapped[str]
    supplied_by: Mapped[int | None] = mapped_column(BigId, to("account.id"))
    supplied_at: Mapped[datetime]


class AttachmentUse(Base):
    """An attachment serves a nominee, and there perhaps one criterion; one paper may serve many."""

    __tablename__ = "attachment_use"
    __table_args__ = (
        UniqueConstraint("attachment_id", "nominee_id", "criterion_id"),
        # NULL differs from NULL in a UNIQUE: a paper that serves the whole nominee would be listed twice.
        Index(
            "uq_attachment_use_whole_nominee",
            "attachment_id",
            "nominee_id",
            unique=True,
            sqlite_where=text("criterion_id IS NULL"),
            postgresql_where=text("criterion_id IS NULL"),
        ),
        Index("ix_attachment_use_nominee", "nominee_id"),
    )

    id: Mapped[Id]
    attachment_id: Mapped[int] = mapped_column(BigId, to("attachment.id"))
    nominee_id: Mapped[int] = mapped_column(BigId, to("nominee.id"))
    criterion_id: Mapped[int | None] = mapped_column(BigId, to("criterion.id"))
