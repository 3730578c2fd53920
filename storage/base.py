"""The one metadata of all tables, and the column types that keep its promises.

Everywhere: ``id`` is a BIGINT that never leaves the process, ``ref`` a UUIDv7 that may; times are aware UTC;
text is NFC without NUL; amounts of money and parts of ratios are integers.
"""

from __future__ import annotations

import unicodedata
import uuid
from datetime import UTC, datetime
from typing import Annotated, Any

import uuid_utils
from sqlalchemy import (
    BigInteger,
    DateTime,
    Dialect,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Text,
    TypeDecorator,
)
from sqlalchemy.orm import DeclarativeBase, mapped_column

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

BigId = BigInteger().with_variant(Integer(), "sqlite")  # SQLite numbers rows by itself only for INTEGER


class TextRefused(ValueError):
    """A text holds a character that no column may keep (NUL or a lone surrogate)."""


def nfc(text: str) -> str:
    """Return ``text`` in Unicode form NFC.

    Raises ``TextRefused`` for NUL and for lone surrogates, which neither database stores alike.
    """
    if "\x00" in text:
        raise TextRefused("text holds a NUL character")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise TextRefused("text holds a lone surrogate") from None
    return unicodedata.normalize("NFC", text)


class NfcText(TypeDecorator[str]):
    """Text that is NFC from the moment it enters a row."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else nfc(value)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment, kept in UTC. A naive value is a programming error and raises ``ValueError``."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


class Base(DeclarativeBase):
    """The declarative base of every table."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {str: NfcText(), datetime: UtcDateTime(), int: BigInteger()}


def new_ref() -> str:
    """Return a fresh UUIDv7 in its 36-character form: time-ordered, unguessable enough to be shown."""
    return str(uuid.UUID(str(uuid_utils.uuid7())))


def to(column: str, *, name: str | None = None) -> ForeignKey:
    """Return a foreign key to ``column``; nothing is deleted, so none cascades."""
    return ForeignKey(column, name=name)


# Keys to sort and to search by are compared byte by byte, so that both databases agree on the order.
Folded = Text().with_variant(Text(collation="C"), "postgresql")

Id = Annotated[int, mapped_column(BigId, primary_key=True, autoincrement=True)]
Ref = Annotated[str, mapped_column(String(36), unique=True, default=new_ref)]
Hash = Annotated[str, mapped_column(String(64))]
