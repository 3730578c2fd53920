"""The row that names bytes: written only after the bytes are safe in the store."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from storage.base import Base, Hash, Id


class Blob(Base):
    """One stored object. ``scan_state`` is ``off`` where no scanner is set up (said so on the page)."""

    __tablename__ = "blob"
    __table_args__ = (
        CheckConstraint("size >= 0", name="size"),
        CheckConstraint("scan_state IN ('off', 'pending', 'clean', 'infected')", name="scan_state"),
    )

    id: Mapped[Id]
    key: Mapped[str] = mapped_column(String(200), unique=True)
    sha256: Mapped[Hash]
    size: Mapped[int]
    media_type: Mapped[str] = mapped_column(String(200))
    scan_state: Mapped[str] = mapped_column(String(20), default="off")
    created_at: Mapped[datetime]
