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
from typing import Any

from sqlalchemy import ClauseElement, Dialect, FromClause, Insert, Table, bindparam, exc, insert
from sqlalchemy.sql.compiler import SQLCompiler

from storage.database import POSTGRESQL, Tx

Convert = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class _Translated:
    """The statement as one kind of database takes it."""

    text: str
    names: tuple[str, ...] | None  # in the order of the text, where the driver counts parameters
    writers: tuple[tuple[str, Convert], ...]
    make_row: Callable[[Sequence[Any]], Any]

    def written(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters as the driver takes them."""
        values = dict(parameters)
        for name, convert in self.writers:
            values[name] = convert(values[name])
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
        cursor, translated = self._run(tx, parameters)
        return [translated.make_row(row) for row in cursor.fetchall()]

    def first(self, tx: Tx, parameters: Mapping[str, Any]) -> Any:
        """Return the first row of a SELECT, None when there is none."""
        rows = self.rows(tx, parameters)
        return rows[0] if rows else None

    def change(self, tx: Tx, parameters: Mapping[str, Any]) -> int:
        """Carry out an INSERT or UPDATE; return how many rows it met."""
        cursor, _ = self._run(tx, parameters)
        count: int = cursor.rowcount
        return count

    def translated(self, tx: Tx) -> _Translated:
        """Return the statement as the database of ``tx`` takes it."""
        known = self._translated.get(tx.dialect)
        if known is None:
            known = self._translated[tx.dialect] = _translate(self._statement, tx.connection.dialect)
        return known

    def _run(self, tx: Tx, parameters: Mapping[str, Any]) -> tuple[Any, _Translated]:
        translated = self.translated(tx)
        values: Any = translated.written(parameters)
        if translated.names is not None:
            values = [values[name] for name in translated.names]
        return _execute(tx, translated.text, values), translated


@dataclass(frozen=True, slots=True)
class Change:
    """An INSERT or UPDATE with its values, not sent yet."""

    statement: Prepared
    values: Mapping[str, Any]


def change_together(tx: Tx, changes: Sequence[Change]) -> int:
    """Carry out all of ``changes``; return how many rows the last one met.

    PostgreSQL gets them as one statement with writable CTEs, in one round trip: none of them sees what another
    one writes, and foreign keys are looked at when all are done. SQLite, which is in this process, gets one
    after the other.
    """
    if tx.dialect != POSTGRESQL:
        counts = [change.statement.change(tx, change.values) for change in changes]
        return counts[-1]
    values: dict[str, Any] = {}
    for number, change in enumerate(changes):
        for name, value in change.statement.translated(tx).written(change.values).items():
            values[f"c{number}_{name}"] = value
    statements = tuple(change.statement for change in changes)
    text = _TOGETHER.get(statements)
    if text is None:
        text = _TOGETHER[statements] = _written_together([one.translated(tx).text for one in statements])
    count: int = _execute(tx, text, values).rowcount
    return count


# As many as deeds have shapes: columns changed, promises made, with and without a reason.
_TOGETHER: dict[tuple[Prepared, ...], str] = {}


def _written_together(texts: Sequence[str]) -> str:
    own = [re.sub(r"%\((\w+)\)s", rf"%(c{number}_\1)s", text) for number, text in enumerate(texts)]
    first = ", ".join(f"c{number} AS ({text})" for number, text in enumerate(own[:-1]))
    return f"WITH {first} {own[-1]}" if first else own[-1]


def _execute(tx: Tx, text: str, values: Any) -> Any:
    cursor = tx.driver_cursor
    try:
        cursor.execute(text, values)
    except Exception as error:
        raise _as_sqlalchemy_says(tx, text, values, error, cursor) from error
    return cursor


def insert_of(table: FromClause, *columns: str) -> Insert:
    """Return the INSERT of these columns of ``table``, ready to be prepared."""
    assert isinstance(table, Table)
    return insert(table).values({name: bindparam(name) for name in columns}).inline()


def _translate(statement: ClauseElement, dialect: Dialect) -> _Translated:
    compiled = statement.compile(dialect=dialect)
    assert isinstance(compiled, SQLCompiler)
    if compiled.insert_prefetch or compiled.update_prefetch or compiled.post_compile_params:
        raise ValueError("a prepared statement spells out every value and takes no lists")
    writers = []
    for name, bound in compiled.binds.items():
        if not bound.required:
            raise ValueError(f"a prepared statement has no value of its own: {name}")
        convert = bound.type.dialect_impl(dialect).bind_processor(dialect)
        if convert is not None:
            writers.append((name, convert))
    return _Translated(
        text=str(compiled),
        names=tuple(compiled.positiontup) if compiled.positiontup is not None else None,
        writers=tuple(writers),
        make_row=_row_maker(statement, dialect),
    )


def _row_maker(statement: Any, dialect: Dialect) -> Callable[[Sequence[Any]], Any]:
    if not statement.is_select:
        return tuple
    columns = list(statement.selected_columns)
    names = [column.key for column in columns]
    made: Any = namedtuple("PreparedRow", names)  # type: ignore[misc]  # the names come from the statement
    readers = []
    for place, column in enumerate(columns):
        convert = column.type.dialect_impl(dialect).result_processor(dialect, None)
        if convert is not None:
            readers.append((place, convert))
    if not readers:
        return lambda row: made._make(row)

    def make(row: Sequence[Any]) -> Any:
        values = list(row)
        for place, convert in readers:
            values[place] = convert(values[place])
        return made._make(values)

    return make


def _as_sqlalchemy_says(tx: Tx, text: str, values: Any, error: Exception, cursor: Any) -> Exception:
    """Return the error that ``connection.execute`` would raise, and give a broken connection up as it does."""
    dialect = tx.connection.dialect
    errors: Any = dialect.loaded_dbapi
    if not isinstance(error, errors.Error):
        return error
    gone = dialect.is_disconnect(error, cursor.connection, cursor)
    if gone:
        tx.connection.invalidate(error)
    wrapped: Exception = exc.DBAPIError.instance(
        text,
        values,
        error,
        errors.Error,
        hide_parameters=tx.connection.engine.hide_parameters,
        connection_invalidated=gone,
        dialect=dialect,
    )
    return wrapped
