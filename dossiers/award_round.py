"""Award rounds (đợt khen thưởng) and their quotas."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.base import Base, BigId, Hash, Id, Ref, to

LATE_RULES = ("reject", "accept_with_approval", "defer")
OCCASIONS = ("annual", "interim_review", "final_review")


class AwardRound(Base):
    """One round: which programme, who decides, when it takes dossiers, and which achievements count.

    ``achievement_from`` and ``achievement_to`` are both inclusive days; intake is open in ``[opens_at,
    closes_at]``.
    """

    __tablename__ = "award_round"
    __table_args__ = (
        CheckConstraint("closes_at > opens_at", name="interval"),
        CheckConstraint("achievement_to >= achievement_from", name="achievement"),
        CheckConstraint("late_rule IN ('reject', 'accept_with_approval', 'defer')", name="late_rule"),
        CheckConstraint("occasion IN ('annual', 'interim_review', 'final_review')", name="occasion"),
    )

    id: Mapped[Id]
    ref: Mapped[Ref]
    code: Mapped[str] = mapped_column(String(30), unique=True)
    name_vi: Mapped[str]
    name_en: Mapped[str]
    programme_id: Mapped[int] = mapped_column(BigId, to("config_document.id"))
    workflow_id: Mapped[int] = mapped_column(BigId, to("config_document.id"))
    calendar_code: Mapped[str] = mapped_column(String(60))
    decider_body_id: Mapped[int] = mapped_column(BigId, to("org_unit.id"))
    occasion: Mapped[str] = mapped_column(String(20))
    opens_at: Mapped[datetime]
    closes_at: Mapped[datetime]
    late_rule: Mapped[str] = mapped_column(String(30), default="reject")
    achievement_from: Mapped[date]
    achievement_to: Mapped[date]
    parent_round_id: Mapped[int | None] = mapped_column(BigId, to("award_round.id"))
    next_dossier_number: Mapped[int] = mapped_column(default=1)
    version: Mapped[int] = mapped_column(default=1)
    chain_head: Mapped[Hash | None]
    chain_length: Mapped[int] = mapped_column(default=0)


class QuotaPool(Base):
    """How many awards of one form one body may give in one round to one kind of nominee.

    ``size`` NULL means *not set*: nothing can be taken from it, and the page asks for the rule instead of
    guessing.
    """

    __tablename__ = "quota_pool"
    __table_args__ = (
        UniqueConstraint(
            "round_id", "award_form_id", "decider_body_id", "nominee_kind", name="uq_quota_pool_key"
        ),
        CheckConstraint("used >= 0 AND (size IS NULL AND used = 0 OR used <= size)", name="used"),
        CheckConstraint("size IS NULL OR size >= 0", name="size"),
        CheckConstraint("nominee_kind IN ('collective', 'individual', 'household')", name="kind"),
    )

    id: Mapped[Id]
    ref: Mapped[Ref]
    round_id: Mapped[int] = mapped_column(BigId, to("award_round.id"))
    award_form_id: Mapped[int] = mapped_column(BigId, to("award_form.id"))
    decider_body_id: Mapped[int] = mapped_column(BigId, to("org_unit.id"))
    nominee_kind: Mapped[str] = mapped_column(String(20))
    size: Mapped[int | None]
    used: Mapped[int] = mapped_column(default=0)
    source: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)


class QuotaUse(Base):
    """One seat taken by one nominee; ``released_at`` gives it back and keeps the trace."""

    __tablename__ = "quota_use"
    __table_args__ = (
        Index(
            "uq_quota_use_seat",
            "pool_id",
            "seat",
            unique=True,
            sqlite_where=text("released_at IS NULL"),
            postgresql_where=text("released_at IS NULL"),
        ),
        Index(
            "uq_quota_use_nominee",
            "nominee_id",
            unique=True,
            sqlite_where=text("released_at IS NULL"),
            postgresql_where=text("released_at IS NULL"),
        ),
    )

    id: Mapped[Id]
    pool_id: Mapped[int] = mapped_column(BigId, to("quota_pool.id"))
    nominee_id: Mapped[int] = mapped_column(BigId, to("nominee.id"))
    seat: Mapped[int]
    taken_at: Mapped[datetime]
    released_at: Mapped[datetime | None]
