"""Statements of the hottest path: written in SQLAlchemy Core, translated once, then the driver's own work.

What ``connection.execute`` does anew at each call (cache key, parameters, description of the result, events)
costs several times what the driver needs, and one deed makes five statements (docs/performance.md). Types,
rows and errors are those of ``connection.execute``; events of SQLAlchemy are not raised. For anything that is
not done by every deed, ``connection.execute`` is the better choice.
"""

from __future__ import annotations

import re
from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple, NoReturn, cast

from sqlalchemy import ClauseElement, Dialect, FromClause, Insert, Table, bindparam, insert
from sqlalchemy.sql.compiler import SQLCompiler

from storage.database import POSTGRESQL, Tx

Convert = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class _Translated:
    """The statement as one kind of database takes it, its parameters counted and not named."""

    text: str
    sent: str | bytes
    pick: Callable[[Mapping[str, Any]], Sequence[Any]]
    writers: tuple[tuple[int, Convert], ...]
    make_row: Callable[[Sequence[Any]], Any]

    def written(self, parameters: Mapping[str, Any]) -> list[Any]:
        """Return the parameters as the driver takes them, in the order of the text."""
        values = list(self.pick(parameters))
        for place, convert in self.writers:
            values[place] = convert(values[place])
        return values


class Prepared:
    """One statement whose every value is a ``bindparam`` of its own name; lists (expanding) are not taken.

    Threads may share it. ``rows`` and ``first`` give rows with the columns as attributes and ``_fields``.
    """

    def __init__(self, statement: ClauseElement) -> None:
        self._statement = statement
        self._translated: dict[str, _Translated] = {}

    def rows(self, tx: Tx, parameters: Mapping[str, Any]) -> list[Any]:
        """Return every row of a SELECT."""
        translated = self.translated(tx)
        cursor = _execute(tx, translated.sent, translated.written(parameters))
        return [translated.make_row(row) for row in cursor.fetchall()]

    def first(self, tx: Tx, parameters: Mapping[str, Any]) -> Any:
        """Return the first row of a SELECT, None when there is none."""
        rows = self.rows(tx, parameters)
        return rows[0] if rows else None

    def change(self, tx: Tx, parameters: Mapping[str, Any]) -> int:
        """Carry out an INSERT or UPDATE; return how many rows it met."""
        translated = self.translated(tx)
        count: int = _execute(tx, translated.sent, translated.written(parameters)).rowcount
        return count

    def translated(self, tx: Tx) -> _Translated:
        """Return the statement as the database of ``tx`` takes it."""
        known = self._translated.get(tx.dialect)
        if known is None:
            known = self._translated[tx.dialect] = _translate(self._statement, tx.sql_dialect)
        return known


class Change(NamedTuple):
    """An INSERT or UPDATE with its values, not sent yet."""

    statement: Prepared
    values: Mapping[str, Any]


def change_together(tx: Tx, changes: Sequence[Change]) -> int:
    """Carry out all of ``changes``; return how many rows the last one met.

    PostgreSQL gets them as one statement with writable CTEs, in one round trip: none of them sees what another
    one writes, and foreign keys are looked at when all are done. SQLite, which is in this process, gets one
    after the other.
    """
    count = 0
    if tx.dialect != POSTGRESQL:
        for statement, given in changes:
            count = statement.change(tx, given)
        return count
    statements, values = [], []
    for statement, given in changes:
        translated = statement.translated(tx)
        statements.append(translated)
        values += translated.written(given)
    _execute(tx, _written_together(tuple([one.text for one in statements])), values)
    return int(tx.driver_cursor.rowcount)


@lru_cache(maxsize=1024)  # deeds have fewer shapes: columns changed, promises made, with and without a reason
def _written_together(texts: tuple[str, ...]) -> bytes:
    first = ", ".join(f"c{number} AS ({text})" for number, text in enumerate(texts[:-1]))
    return (f"WITH {first} {texts[-1]}" if first else texts[-1]).encode()


def _execute(tx: Tx, sent: str | bytes, values: Sequence[Any]) -> Any:
    cursor = tx.driver_cursor
    try:
        cursor.execute(sent, values)
    except Exception as error:
        raise tx.told(error, sent if isinstance(sent, str) else sent.decode(), values) from error
    return cursor


def insert_of(table: FromClause, *columns: str) -> Insert:
    """Return the INSERT of these columns of ``table``, ready to be prepared."""
    assert isinstance(table, Table)
    return insert(table).values({name: bindparam(name) for name in columns}).inline()


# psycopg names its parameters, %(name)s; a percent sign of the statement's own is doubled.
_NAMED = re.compile(r"%\((\w+)\)s")


def _translate(statement: ClauseElement, dialect: Dialect) -> _Translated:
    compiled = statement.compile(dialect=dialect)
    assert isinstance(compiled, SQLCompiler)
    if compiled.insert_prefetch or compiled.update_prefetch or compiled.post_compile_params:
        raise ValueError("a prepared statement spells out every value and takes no lists")
    sent: str | bytes
    text = sent = str(compiled)
    if compiled.positiontup is not None:
        names = tuple(compiled.positiontup)
    else:
        names = tuple(_NAMED.findall(text))
        text = _NAMED.sub("%s", text)
        sent = text.encode()  # psycopg knows a statement again by its bytes, and else makes them each time
    converts = {}
    for name, bound in compiled.binds.items():
        if not bound.required:
            raise ValueError(f"a prepared statement has no value of its own: {name}")
        convert = bound.type.dialect_impl(dialect).bind_processor(dialect)
        if convert is not None:
            converts[name] = convert
    return _Translated(
        text=text,
        sent=sent,
        pick=itemgetter(*names) if len(names) > 1 else lambda given: [given[name] for name in names],
        writers=tuple((place, converts[name]) for place, name in enumerate(names) if name in converts),
        make_row=_row_maker(statement, dialect),
    )


def _row_maker(statement: Any, dialect: Dialect) -> Callable[[Sequence[Any]], Any]:
    if not statement.is_select:
        return tuple
    columns = list(statement.selected_columns)
    bare: Any = namedtuple("PreparedRow", [column.key for column in columns])  # type: ignore[misc]  # as selected
    read = {}
    for place, column in enumerate(columns):
        convert = column.type.dialect_impl(dialect).result_processor(dialect, None)
        if convert is not None:
            read[column.key] = property(_reader(place, convert))
    # Converted when asked for: of the forty columns of a dossier a deed looks at a dozen.
    made: Any = type("PreparedRow", (bare,), {"__slots__": (), **_BY_NAME_ONLY, **read})
    return cast(Callable[[Sequence[Any]], Any], made._make)


def _reader(place: int, convert: Convert) -> Convert:
    return lambda row: convert(tuple.__getitem__(row, place))


def _by_name(row: object, *_: object) -> NoReturn:
    raise TypeError("a prepared row is asked by name; by place stand the driver's own values")


_BY_NAME_ONLY = {"__iter__": _by_name, "__getitem__": _by_name}
