"""The dossier: envelope of one proposal, with its immutable revisions, versions, clocks, remarks and readers."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Index, LargeBinary, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from dossiers.configuration import state_reference
from dossiers.functions import DUTIES, FUNCTIONS, sql_list
from storage.base import Base, BigId, Folded, Hash, Id, Ref, to


class Dossier(Base):
    """One dossier. ``state`` is moved by actions only; whose turn it is stands beside it, written by the
    same hand.

    ``waiting_function`` with ``waiting_body_id`` NULL waits for the proposing unit; with a body, for the unit
    that performs the function for that body on the day of asking. ``due_on`` is the last good day.
    """

    __tablename__ = "dossier"
    __table_args__ = (
        state_reference("dossier"),
        CheckConstraint("state_subject = 'dossier'", name="state_subject"),
        CheckConstraint("(regime_id IS NULL) = (complete_on IS NULL)", name="regime"),
        CheckConstraint(
            f"waiting_function IS NULL OR waiting_function IN ({sql_list(FUNCTIONS)})",
            name="waiting_function",
        ),
        Index("ix_dossier_unit", "proposing_unit_id", "id"),
        Index(
            "ix_dossier_waiting",
            "waiting_body_id",
            "waiting_function",
            "due_on",
            "id",
            sqlite_where=text("waiting_function IS NOT NULL"),
            postgresql_where=text("waiting_function IS NOT NULL"),
        ),
        Index("ix_dossier_round_state", "round_id", "state", "id"),
        # Few have a parent, and every step of a dossier writes each index that it is in.
        Index(
            "ix_dossier_parent_id",
            "parent_id",
            sqlite_where=text("parent_id IS NOT NULL"),
            postgresql_where=text("parent_id IS NOT NULL"),
        ),
    )

    id: Mapped[Id]
    ref: Mapped[Ref]
    code: Mapped[str] = mapped_column(String(40), unique=True)
    round_id: Mapped[int] = mapped_column(BigId, to("award_round.id"))
    proposing_unit_id: Mapped[int] = mapped_column(BigId, to("org_unit.id"))
    edition_id: Mapped[int] = mapped_column(BigId, to("config_document.id"))
    state_subject: Mapped[str] = mapped_column(String(10), default="dossier")
    state: Mapped[str] = mapped_column(String(40))
    state_since: Mapped[datetime]
    regime_id: Mapped[int | None] = mapped_column(BigId, to("config_document.id"))
    complete_on: Mapped[date | None]
    waiting_function: Mapped[str | None] = mapped_column(String(30))
    waiting_body_id: Mapped[int | None] = mapped_column(BigId, to("org_unit.id"))
    claimed_by: Mapped[int | None] = mapped_column(BigId, to("account.id"))
    due_on: Mapped[date | None]
    on_hold: Mapped[bool] = mapped_column(default=False)
    late: Mapped[bool] = mapped_column(default=False)
    submissions: Mapped[int] = mapped_column(default=0)
    resubmission_unlocked: Mapped[bool] = mapped_column(default=False)
    submitted_at: Mapped[datetime | None]
    parent_id: Mapped[int | None] = mapped_column(BigId, to("dossier.id"))
    revision_id: Mapped[int | None] = mapped_column(BigId, to("revision.id"))
    search_text: Mapped[str] = mapped_column(Folded, default="")
    created_by: Mapped[int | None] = mapped_column(BigId, to("account.id"))
    created_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)
    chain_head: Mapped[Hash | None]
    chain_length: Mapped[int] = mapped_column(default=0)


class Revision(Base):
    """What was written in a dossier's or nominee's form, once. Insert-only, but content and salt may be
    erased.

    ``commitment`` is SHA-256 over salt and content, so that the record can name a revision without telling
    it.
    """

    __tablename__ = "revision"
    __table_args__ = (
        UniqueConstraint("owner_kind", "owner_id", "n"),
        CheckConstraint("owner_kind IN ('dossier', 'nominee')", name="owner_kind"),
        CheckConstraint("(content IS NULL) = (salt IS NULL)", name="erased_whole"),
    )

    id: Mapped[Id]
    owner_kind: Mapped[str] = mapped_column(String(10))
    owner_id: Mapped[int] = mapped_column(BigId)
    n: Mapped[int]
    content: Mapped[str | None] = mapped_column(Text)
    salt: Mapped[bytes | None] = mapped_column(LargeBinary)
    commitment: Mapped[Hash]
    written_by: Mapped[int | None] = mapped_column(BigId, to("account.id"))
    written_at: Mapped[datetime]


class DossierVersion(Base):
    """A frozen snapshot (lần gửi, bản trình): the manifest names every revision, answer and attachment
    version.
    """

    __tablename__ = "dossier_version"
    __table_args__ = (
        UniqueConstraint("dossier_id", "n"),
        CheckConstraint("purpose IN ('submit', 'agenda', 'decision', 'handover')", name="purpose"),
    )

    id: Mapped[Id]
    ref: Mapped[Ref]
    dossier_id: Mapped[int] = mapped_column(BigId, to("dossier.id"))
    n: Mapped[int]
    purpose: Mapped[str] = mapped_column(String(10))
    manifest: Mapped[str] = mapped_column(Text)
    sha256: Mapped[Hash]
    frozen_at: Mapped[datetime]


class Participation(Base):
    """A person has taken part in a dossier with a duty; the separation of duties is judged on these rows."""

    __tablename__ = "participation"
    __table_args__ = (CheckConstraint(f"duty IN ({sql_list(DUTIES)})", name="duty"),)

    dossier_id: Mapped[int] = mapped_column(BigId, to("dossier.id"), primary_key=True, autoincrement=False)
    person_id: Mapped[int] = mapped_column(BigId, to("person.id"), primary_key=True, autoincrement=False)
    duty: Mapped[str] = mapped_column(String(10), primary_key=True)
    first_at: Mapped[datetime]


class ClockSpan(Base):
    """One time limit running on a dossier or nominee, in working days of the round's calendar.

    ``used_days`` are the working days counted before the last pause; ``due_on`` is the last good day while
    running.
    """

    __tablename__ = "clock_span"
    __table_args__ = (
        Index(
            "uq_clock_span_running_dossier",
            "dossier_id",
            "limit_code",
            unique=True,
            sqlite_where=text("ended_at IS NULL AND nominee_id IS NULL"),
            postgresql_where=text("ended_at IS NULL AND nominee_id IS NULL"),
        ),
        Index(
            "uq_clock_span_running_nominee",
            "nominee_id",
            "limit_code",
            unique=True,
            sqlite_where=text("ended_at IS NULL AND nominee_id IS NOT NULL"),
            postgresql_where=text("ended_at IS NULL AND nominee_id IS NOT NULL"),
        ),
        Index(
            "ix_clock_span_due",
            "due_on",
            "id",
            sqlite_where=text("ended_at IS NULL AND paused_at IS NULL"),
            postgresql_where=text("ended_at IS NULL AND paused_at IS NULL"),
        ),
    )

    id: Mapped[Id]
    dossier_id: Mapped[int] = mapped_column(BigId, to("dossier.id"), index=True)
    nominee_id: Mapped[int | None] = mapped_column(BigId, to("nominee.id"))
    limit_code: Mapped[str] = mapped_column(String(40))
    working_days: Mapped[int | None]
    used_days: Mapped[int] = mapped_column(default=0)
    started_at: Mapped[datetime]
    running_since: Mapped[datetime]
    paused_at: Mapped[datetime | None]
    due_on: Mapped[date | None]
    ended_at: Mapped[datetime | None]
    reminded_at: Mapped[datetime | None]


class Remark(Base):
    """What a reviewer asks to be mended, and where. A draft remark is not seen by the unit."""

    __tablename__ = "remark"
    __table_args__ = (
        CheckConstraint(
            "target_kind IN ('dossier', 'nominee', 'field', 'paper', 'criterion')", name="target_kind"
        ),
        CheckConstraint("audience IN ('unit', 'office')", name="audience"),
        CheckConstraint("state IN ('draft', 'open', 'answered', 'accepted')", name="state"),
        Index("ix_remark_dossier", "dossier_id", "round_no", "id"),
    )

    id: Mapped[Id]
    ref: Mapped[Ref]
    dossier_id: Mapped[int] = mapped_column(BigId, to("dossier.id"))
    round_no: Mapped[int]
    target_kind: Mapped[str] = mapped_column(String(12))
    target_ref: Mapped[str | None] = mapped_column(String(120))
    reason_code: Mapped[str] = mapped_column(String(40))
    body: Mapped[str]
    audience: Mapped[str] = mapped_column(String(10), default="unit")
    state: Mapped[str] = mapped_column(String(10), default="open")
    answer: Mapped[str | None]
    written_by: Mapped[int | None] = mapped_column(BigId, to("account.id"))
    written_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)


class Notice(Base):
    """Somebody was told of something: kept at the dossier, so that “who has heard?” has an answer."""

    __tablename__ = "notice"
    __table_args__ = (
        Index("ix_notice_person", "person_id", "id"),
        Index("ix_notice_dossier", "dossier_id", "id"),
        UniqueConstraint("outbox_key", "person_id"),
    )

    id: Mapped[Id]
    ref: Mapped[Ref]
    outbox_key: Mapped[str] = mapped_column(String(200))
    person_id: Mapped[int] = mapped_column(BigId, to("person.id"))
    dossier_id: Mapped[int] = mapped_column(BigId, to("dossier.id"))
    kind: Mapped[str] = mapped_column(String(50))
    detail: Mapped[str] = mapped_column(Text, default="{}")
    created_at: Mapped[datetime]
    read_at: Mapped[datetime | None]
