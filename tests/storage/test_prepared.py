# ruff: noqa: PT012  # the whole block of a transaction is what must raise
"""A prepared statement says the same as the statement itself, and fails in the same words."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime
from uuid import uuid4

import pytest
from sqlalchemy import BigInteger, bindparam, exc, insert, literal, select, update
from sqlalchemy import exc as errors

from storage.database import Database
from storage.outbox_tables import Outbox
from storage.prepared import Change, Prepared, change_together, insert_of

MOMENT = datetime(2024, 11, 18, 2, 0, 0, 123456, tzinfo=UTC)
COLUMNS = ("key", "kind", "payload", "run_at", "attempt", "state", "created_at")
PUT = Prepared(insert_of(Outbox.__table__, *COLUMNS))
ONE = select(Outbox).with_only_columns(*Outbox.__table__.c).where(Outbox.key == bindparam("key"))
MOVE = Prepared(update(Outbox).where(Outbox.key == bindparam("which")).values(state=bindparam("state")))


def a_row(key: str) -> dict[str, object]:
    return {
        "key": key, "kind": "notify", "payload": "Đề nghị", "run_at": MOMENT, "attempt": 0, "state": "ready",
        "created_at": MOMENT,
    }  # fmt: skip


def test_rows_and_types_are_those_of_the_statement(database: Database) -> None:
    key = str(uuid4())
    with database.writing() as tx:
        assert PUT.change(tx, a_row(key)) == 1
        assert MOVE.change(tx, {"which": key, "state": "done"}) == 1
        assert MOVE.change(tx, {"which": "nobody", "state": "done"}) == 0
        prepared = Prepared(ONE)
        plain = tx.connection.execute(ONE, {"key": key}).one()
        row = prepared.first(tx, {"key": key})
        assert {name: getattr(row, name) for name in row._fields} == plain._asdict()
        assert prepared.rows(tx, {"key": key}) == [row]
        assert row.run_at == MOMENT
        assert row.run_at.tzinfo is UTC
        assert row.payload == "Đề nghị"
        assert row._fields == plain._fields
        assert prepared.first(tx, {"key": "nobody"}) is None


def test_errors_are_those_of_the_statement(database: Database) -> None:
    key = str(uuid4())
    with database.writing() as tx:
        PUT.change(tx, a_row(key))
    with pytest.raises(errors.IntegrityError) as by_prepared, database.writing() as tx:
        PUT.change(tx, a_row(key))
    with pytest.raises(errors.IntegrityError) as plain, database.writing() as tx:
        tx.connection.execute(insert(Outbox), a_row(key))
    assert type(by_prepared.value.orig) is type(plain.value.orig)
    assert by_prepared.value.connection_invalidated is plain.value.connection_invalidated is False


def test_an_error_that_was_swallowed_keeps_nothing_on_postgresql(postgres_database: Database) -> None:
    first, second = str(uuid4()), str(uuid4())
    with pytest.raises(RuntimeError, match="rolled back inside"), postgres_database.writing() as tx:
        PUT.change(tx, a_row(first))
        with suppress(errors.IntegrityError):
            PUT.change(tx, a_row(first))
    with postgres_database.writing() as tx:
        PUT.change(tx, a_row(second))
        assert Prepared(ONE).first(tx, {"key": first}) is None


def test_naive_moments_are_refused(database: Database) -> None:
    with database.writing() as tx, pytest.raises(ValueError, match="time zone"):
        PUT.change(tx, a_row(str(uuid4())) | {"run_at": MOMENT.replace(tzinfo=None)})


@pytest.mark.parametrize(
    "statement",
    [
        insert(Outbox).values(key=bindparam("key")),  # Python would fill in the defaults
        select(Outbox.id).where(Outbox.key.in_(bindparam("keys", expanding=True))),
        select(literal(1, BigInteger)),
        select(Outbox.id).where(Outbox.created_at > date(2024, 1, 1)),
    ],
)
def test_what_changes_with_its_values_cannot_be_prepared(database: Database, statement: object) -> None:
    with database.writing() as tx, pytest.raises((ValueError, exc.CompileError)):
        Prepared(statement).change(tx, {"keys": ["a"]})  # type: ignore[arg-type]  # a list is what it refuses


def test_changes_made_together_are_all_made_or_none(database: Database) -> None:
    first, second = str(uuid4()), str(uuid4())
    with database.writing() as tx:
        PUT.change(tx, a_row(first))
        moved = change_together(
            tx, [Change(PUT, a_row(second)), Change(MOVE, {"which": first, "state": "done"})]
        )
        assert moved == 1
        assert change_together(tx, [Change(MOVE, {"which": "nobody", "state": "done"})]) == 0
    with database.reading() as tx:
        one = Prepared(ONE)
        assert one.first(tx, {"key": first}).state == "done"
        assert one.first(tx, {"key": second}).payload == "Đề nghị"
    with pytest.raises(errors.IntegrityError), database.writing() as tx:
        change_together(tx, [Change(PUT, a_row(second)), Change(MOVE, {"which": first, "state": "dead"})])
    with database.reading() as tx:
        assert one.first(tx, {"key": first}).state == "done"
