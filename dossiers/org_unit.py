"""Org units: identity apart from name. Names, parents, bodies and functions are dated rows, never edited
away.
"""

from __future__ import annotations

from datetime import date

from sqlalchemy import CheckConstraint, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from dossiers.functions import FUNCTIONS, sql_list
from storage.base import Base, BigId, Folded, Hash, Id, Ref, to

ADMIN_LEVELS = ("province", "district", "commune", "hamlet", "none")


class OrgUnit(Base):
    """An agency or unit. It has no name here: what it is called depends on the day."""

    __tablename__ = "org_unit"
    __table_args__ = (CheckConstraint(f"admin_level IN ({sql_list(ADMIN_LEVELS)})", name="admin_level"),)

    id: Mapped[Id]
    ref: Mapped[Ref]
    code: Mapped[str] = mapped_column(String(60), unique=True)
    kind: Mapped[str] = mapped_column(String(40))
    admin_level: Mapped[str] = mapped_column(String(20))
    version: Mapped[int] = mapped_column(default=1)
    chain_head: Mapped[Hash | None]
    chain_length: Mapped[int] = mapped_column(default=0)


class OrgUnitPeriod(Base):
    """What a unit was called, where it stood and whom it belonged to during ``[from_on, to_on)``.

    Periods of one unit do not overlap: an exclusion constraint on PostgreSQL, triggers on SQLite.
    """

    __tablename__ = "org_unit_period"
    __table_args__ = (
        CheckConstraint("to_on IS NULL OR to_on > from_on", name="interval"),
        Index("ix_org_unit_period_unit", "org_unit_id", "from_on"),
        Index("ix_org_unit_period_parent", "parent_id", "from_on"),
    )

    id: Mapped[Id]
    org_unit_id: Mapped[int] = mapped_column(BigId, to("org_unit.id"))
    from_on: Mapped[date]
    to_on: Mapped[date | None]
    name: Mapped[str]
    sort_key: Mapped[str] = mapped_column(Folded)
    search_text: Mapped[str] = mapped_column(Folded)
    place_name: Mapped[str]
    parent_id: Mapped[int | None] = mapped_column(BigId, to("org_unit.id"))
    body_id: Mapped[int | None] = mapped_column(BigId, to("org_unit.id"), index=True)


class BodyFunction(Base):
    """Which unit performs a function for a body (the committee whose dossiers they are) during ``[from_on,
    to_on)``.
    """

    __tablename__ = "body_function"
    __table_args__ = (
        CheckConstraint(f"function IN ({sql_list(FUNCTIONS)})", name="function"),
        CheckConstraint("to_on IS NULL OR to_on > from_on", name="interval"),
        Index("ix_body_function_body", "body_id", "function", "from_on"),
        Index("ix_body_function_unit", "performing_unit_id", "function"),
    )

    id: Mapped[Id]
    body_id: Mapped[int] = mapped_column(BigId, to("org_unit.id"))
    function: Mapped[str] = mapped_column(String(30))
    performing_unit_id: Mapped[int] = mapped_column(BigId, to("org_unit.id"))
    from_on: Mapped[date]
    to_on: Mapped[date | None]
