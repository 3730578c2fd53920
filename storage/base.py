"""The one metadata of all tables, and the column types that keep its promises.

Everywhere: ``id`` is a BIGINT that never leaves the process, ``ref`` a UUIDv7 that may; times are aware UTC;
text is NFC without NUL; amounts of money and parts of ratios are integers.
"""

from __future__ import annotations

import unicodedata
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Annotated, Any

import uuid_utils
from sqlalchemy import (
    BigInteger,
    Date,
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
    if text.isascii():
        return text
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
        return _nfc_or_none(value)

    def bind_processor(self, dialect: Dialect) -> Callable[[str | None], str | None]:
        # Without the library's wrapping, which costs more than the work: every deed binds dozens of values.
        return _nfc_or_none


def _nfc_or_none(value: str | None) -> str | None:
    return None if value is None else nfc(value)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment, kept in UTC. A naive value is a programming error and raises ``ValueError``."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], Any]:
        return _moment_for_sqlite if dialect.name == "sqlite" else _moment_in_utc

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None]:
        return _moment_of_sqlite if dialect.name == "sqlite" else _moment_in_utc


def _moment_in_utc(value: datetime | None) -> datetime | None:
    if value is None:
        return None
    if value.tzinfo is None:
        raise ValueError("a moment without a time zone")
    return value.astimezone(UTC)


_WITHOUT_ZONE = len("2024-11-18 09:00:00.000000")


@lru_cache(maxsize=256)  # a deed writes its one moment into four columns
def _moment_for_sqlite(value: datetime | None) -> str | None:
    """SQLite has no type for moments: a text that sorts by time, as SQLAlchemy writes it."""
    moment = _moment_in_utc(value)
    return None if moment is None else moment.isoformat(" ", "microseconds")[:_WITHOUT_ZONE]


def _moment_of_sqlite(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value + "+00:00")


class Day(TypeDecorator[date]):
    """A day of the calendar. A moment is a programming error and raises ``TypeError``: whose day would it be?"""

    impl = Date
    cache_ok = True

    @property
    def python_type(self) -> type[date]:
        return date

    def bind_processor(self, dialect: Dialect) -> Callable[[date | None], Any]:
        # As with moments: the library's own way costs ten times as much.
        return _day_for_sqlite if dialect.name == "sqlite" else _day_alone

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], date | None] | None:
        return _day_of_sqlite if dialect.name == "sqlite" else None


def _day_alone(value: date | None) -> date | None:
    if isinstance(value, datetime):
        raise TypeError("a moment where a day is asked")
    return value


def _day_for_sqlite(value: date | None) -> str | None:
    day = _day_alone(value)
    return None if day is None else day.isoformat()


def _day_of_sqlite(value: str | None) -> date | None:
    return None if value is None else date.fromisoformat(value)


class Base(DeclarativeBase):
    """The declarative base of every table."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {str: NfcText(), datetime: UtcDateTime(), date: Day(), int: BigInteger()}


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
