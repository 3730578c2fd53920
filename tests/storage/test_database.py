"""The two doors to the rows behave alike on SQLite and PostgreSQL, also when something goes wrong."""

# ruff: noqa: PT012  # the whole block of a transaction is what must raise

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from storage.blob import Blob
from storage.database import (
    POOL_SIZE,
    Database,
    DatabaseBusy,
    DatabaseUnavailable,
    FairLock,
    NestedWriting,
    NotInstalled,
    OutcomeUnknown,
    TestClock,
    Tx,
    database_url,
)
from storage.prepared import Prepared, insert_of
from storage.record_tables import Installation
from tests.conftest import SC_01_MORNING, OpenDatabase
from tests.services.postgres import PostgresServer


def _a_blob(key: str) -> Blob:
    return Blob(key=key, sha256="0" * 64, size=1, media_type="text/plain", created_at=SC_01_MORNING)


def _count(tx: Tx) -> int:
    return tx.connection.execute(select(func.count()).select_from(Blob)).scalar_one()


def _counted(database: Database) -> int:
    with database.reading() as tx:
        return _count(tx)


# Writing and reading


def test_leaving_the_block_keeps_everything(database: Database) -> None:
    with database.writing() as tx:
        tx.session.add(_a_blob("a"))
        tx.connection.execute(Blob.__table__.insert(), [_a_blob("b").__dict__ | {"scan_state": "off"}])
    assert _counted(database) == 2


def test_raising_undoes_everything(database: Database) -> None:
    with pytest.raises(LookupError), database.writing() as tx:
        tx.session.add(_a_blob("a"))
        tx.session.flush()
        raise LookupError
    assert _counted(database) == 0


def test_what_the_database_refuses_undoes_everything(database: Database) -> None:
    with pytest.raises(DBAPIError), database.writing() as tx:
        tx.session.add(_a_blob("a"))
        tx.session.flush()
        tx.session.add(_a_blob("a"))  # refused by the flush on leaving
    assert _counted(database) == 0


def test_an_error_that_was_swallowed_keeps_nothing(database: Database) -> None:
    with pytest.raises(RuntimeError, match="rolled back inside"), database.writing() as tx:
        tx.session.add(_a_blob("a"))
        tx.session.flush()
        tx.session.add(_a_blob("a"))
        with suppress(IntegrityError):
            tx.session.flush()
        tx.connection.execute(Blob.__table__.insert(), [_a_blob("b").__dict__ | {"scan_state": "off"}])
    assert _counted(database) == 0


def test_a_savepoint_lets_a_command_go_on(database: Database) -> None:
    with database.writing() as tx:
        tx.session.add(_a_blob("a"))
        tx.session.flush()
        with suppress(IntegrityError), tx.session.begin_nested():
            tx.session.add(_a_blob("a"))
        tx.session.add(_a_blob("b"))
    assert _counted(database) == 2


def test_rows_stay_readable_after_the_block(database: Database) -> None:
    with database.writing() as tx:
        blob = _a_blob("a")
        tx.session.add(blob)
    assert (blob.id, blob.key) == (1, "a")


def test_reading_cannot_write(database: Database) -> None:
    with pytest.raises(DBAPIError, match=r"readonly|read-only"), database.reading() as tx:
        tx.connection.execute(Blob.__table__.delete())
    with pytest.raises(DBAPIError, match=r"readonly|read-only"), database.reading() as tx:
        tx.session.add(_a_blob("a"))
        tx.session.flush()
    assert _counted(database) == 0


def test_reading_sees_one_moment(database: Database) -> None:
    with database.reading() as before:
        assert _count(before) == 0
        with database.writing() as tx:
            tx.session.add(_a_blob("a"))
        assert _count(before) == 0
    assert _counted(database) == 1


def test_nothing_is_seen_before_the_commit(database: Database) -> None:
    with database.writing() as tx:
        tx.session.add(_a_blob("a"))
        tx.session.flush()
        assert _counted(database) == 0


def test_writing_inside_writing_is_refused_and_harms_nothing(database: Database) -> None:
    with database.writing() as tx:
        tx.session.add(_a_blob("a"))
        with pytest.raises(NestedWriting), database.writing():
            pass
    with database.writing() as tx:
        tx.session.add(_a_blob("b"))
    assert _counted(database) == 2


def test_nobody_but_the_block_commits(database: Database) -> None:
    with database.writing() as tx, pytest.raises(RuntimeError, match="nothing else does"):
        tx.session.commit()


def test_two_doors_of_one_process_meet_the_same_rows(database: Database) -> None:
    with ExitStack() as stack:
        views = [stack.enter_context(database.reading()) for _ in range(3)]
        assert [_count(view) for view in views] == [0, 0, 0]


# The moment


def test_the_moment_is_the_given_clocks(database: Database, clock: TestClock) -> None:
    clock.advance(timedelta(hours=1))
    with database.writing() as tx:
        assert tx.now == SC_01_MORNING + timedelta(hours=1)
        clock.advance(timedelta(hours=1))
        assert tx.now == SC_01_MORNING + timedelta(hours=1)
        tx.note_now(datetime(2031, 1, 1, tzinfo=UTC))
        assert tx.now == SC_01_MORNING + timedelta(hours=1)
    with database.reading() as tx:
        tx.note_now(datetime(2031, 1, 1, tzinfo=UTC))
        assert tx.now == SC_01_MORNING + timedelta(hours=2)


def test_without_a_clock_postgresql_tells_the_time(
    migrated_postgres_url: str, open_database: OpenDatabase
) -> None:
    database = open_database(migrated_postgres_url)
    with database.writing() as tx:
        said = tx.connection.exec_driver_sql("SELECT transaction_timestamp()").scalar_one()
        assert tx.now == said
        assert tx.now.tzinfo is UTC
    with database.reading() as tx:
        noted = datetime(2024, 5, 1, 7, tzinfo=timezone(timedelta(hours=7)))
        tx.note_now(noted)  # as a fast path does that has read the clock with its first row
        assert tx.now == datetime(2024, 5, 1, 0, tzinfo=UTC)


def test_without_a_clock_sqlite_has_the_process_time(sqlite_url: str, open_database: OpenDatabase) -> None:
    before = datetime.now(UTC)
    with open_database(sqlite_url).reading() as tx:
        assert before <= tx.now <= datetime.now(UTC)
        assert tx.now is tx.now


def test_a_test_clock_takes_aware_moments_only() -> None:
    with pytest.raises(ValueError, match="without a time zone"):
        TestClock(datetime(2024, 11, 18))  # noqa: DTZ001  # the naive moment is what is tested


# After the commit


def test_calls_come_after_the_commit_and_only_then(database: Database) -> None:
    heard: list[object] = []
    database.on_commit(lambda: heard.append("any"))
    with database.writing() as tx:
        tx.session.add(_a_blob("a"))
        tx.after_commit(lambda: heard.append(_counted(database)))
        assert heard == []
    assert heard == [1, "any"]
    with pytest.raises(LookupError), database.writing() as tx:
        tx.after_commit(lambda: heard.append("never"))
        raise LookupError
    with database.reading():
        pass
    assert heard == [1, "any"]


def test_a_call_after_the_commit_may_write(database: Database) -> None:
    def write() -> None:
        with database.writing() as tx:
            tx.session.add(_a_blob("b"))

    with database.writing() as tx:
        tx.after_commit(write)
    assert _counted(database) == 1


def test_a_call_that_fails_does_not_make_a_done_deed_look_undone(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> None:
        raise LookupError("nobody listens")

    with database.writing() as tx:
        tx.session.add(_a_blob("a"))
        tx.after_commit(broken)
    assert _counted(database) == 1
    assert "nobody listens" in caplog.text


# The installation


def test_origin_and_epoch_are_those_of_the_installation(database: Database) -> None:
    with pytest.raises(NotInstalled):
        _ = database.origin
    with pytest.raises(LookupError), database.writing() as tx:
        tx.session.add(Installation(origin="taken/back", created_at=tx.now))
        tx.session.flush()
        assert tx.origin == "taken/back"
        raise LookupError
    with database.writing() as tx:
        tx.session.add(Installation(origin="giangthanh.example/vinhdanh", created_at=tx.now))
        tx.session.flush()
        assert (tx.origin, tx.epoch) == ("giangthanh.example/vinhdanh", 1)
    assert (database.origin, database.epoch) == ("giangthanh.example/vinhdanh", 1)
    with database.writing() as tx:
        tx.connection.exec_driver_sql("UPDATE installation SET epoch = 2")
    database.forget_installation()
    assert database.epoch == 2


# Queueing


def test_the_fair_lock_serves_in_the_order_of_asking() -> None:
    lock = FairLock()
    assert lock.acquire(0)
    served: list[int] = []

    def ask(number: int) -> None:
        assert lock.acquire(10)
        served.append(number)
        lock.release()

    askers = _started_one_after_the_other(lambda: lock.waiting, ask, 8)
    lock.release()
    for asker in askers:
        asker.join(10)
    assert served == list(range(8))
    assert lock.acquire(0)


def test_giving_up_leaves_the_queue_as_it_was() -> None:
    lock = FairLock()
    assert lock.acquire(0)
    assert not lock.acquire(0.01)
    assert lock.waiting == 0
    lock.release()
    assert lock.acquire(0)


def test_no_writer_starves_on_sqlite(sqlite_database: Database) -> None:
    served: list[int] = []

    def write_often(number: int) -> None:
        for turn in range(5):
            with sqlite_database.writing() as tx:
                tx.session.add(_a_blob(f"{number}/{turn}"))
                served.append(number)

    turns = sqlite_database._turn
    assert turns is not None
    with sqlite_database.writing():
        writers = _started_one_after_the_other(lambda: turns.waiting, write_often, 8)
    for writer in writers:
        writer.join(30)
    assert served[:8] == list(range(8))  # whoever was served queues again behind all who wait
    assert sorted(served) == sorted(list(range(8)) * 5)
    assert _counted(sqlite_database) == 40


def _started_one_after_the_other(
    waiting: Callable[[], int], work: Callable[[int], None], count: int
) -> list[threading.Thread]:
    """Start threads of ``work``, each only when the one before it waits in the queue."""
    threads = []
    for number in range(count):
        thread = threading.Thread(target=work, args=(number,), daemon=True)
        thread.start()
        threads.append(thread)
        while waiting() != number + 1:
            pass
    return threads


def test_a_turn_that_does_not_come_is_said(sqlite_url: str) -> None:
    database = Database(sqlite_url, wait_seconds=0.05)
    refused: list[Exception] = []

    def write() -> None:
        try:
            with database.writing():
                pass
        except DatabaseBusy as error:
            refused.append(error)

    with database.writing():
        thread = threading.Thread(target=write)
        thread.start()
        thread.join(10)
    assert len(refused) == 1
    with database.writing() as tx:  # the queue goes on
        tx.session.add(_a_blob("a"))
    database.close()


def test_another_process_that_holds_sqlite_is_said(sqlite_url: str) -> None:
    database = Database(sqlite_url, wait_seconds=0.05)
    other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseBusy), database.writing():
        pass
    with database.reading() as tx:  # readers are not kept waiting
        assert _count(tx) == 0
    other.execute("COMMIT")
    other.close()
    with database.writing() as tx:
        tx.session.add(_a_blob("a"))
    database.close()


def test_a_row_lock_that_is_not_given_is_said(migrated_postgres_url: str) -> None:
    database = Database(migrated_postgres_url, wait_seconds=0.1)
    with database.writing() as tx:
        tx.session.add(_a_blob("a"))
    with psycopg.connect(migrated_postgres_url.replace("+psycopg", "")) as other:
        other.execute("SELECT 1 FROM blob FOR UPDATE")
        with pytest.raises(DatabaseBusy), database.writing() as tx:
            tx.connection.execute(select(Blob.id).with_for_update())
    database.close()


def test_of_two_that_cross_one_goes_on(postgres_database: Database) -> None:
    with postgres_database.writing() as tx:
        tx.session.add_all([_a_blob("a"), _a_blob("b")])
    both_hold_one = threading.Barrier(2, timeout=10)
    outcomes: list[str] = []

    def cross(first: str, second: str) -> None:
        try:
            with postgres_database.writing() as tx:
                tx.connection.execute(select(Blob.id).where(Blob.key == first).with_for_update())
                both_hold_one.wait()
                tx.connection.execute(select(Blob.id).where(Blob.key == second).with_for_update())
            outcomes.append("done")
        except DatabaseBusy:
            outcomes.append("busy")

    threads = [threading.Thread(target=cross, args=pair) for pair in (("a", "b"), ("b", "a"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(outcomes) == ["busy", "done"]


def test_more_readers_than_connections_are_told_so(database_url: str) -> None:
    database = Database(database_url, wait_seconds=0.05)
    most = 32 if database.dialect == "sqlite" else 24
    with ExitStack() as stack:
        for _ in range(most):
            _count(stack.enter_context(database.reading()))
        with pytest.raises(DatabaseBusy), database.reading():
            pass
    assert _counted(database) == 0
    database.close()


# A database that goes away


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/missing/vinhdanh.sqlite")
    with pytest.raises(DatabaseUnavailable), database.reading():
        pass
    with pytest.raises(DatabaseUnavailable), database.writing():
        pass
    database.close()


def test_a_server_that_is_not_there_is_said() -> None:
    database = Database("postgresql+psycopg://nobody:nothing@127.0.0.1:1/none")
    with pytest.raises(DatabaseUnavailable, match="refused"), database.reading():
        pass
    database.close()


def test_connections_cut_between_commands_are_not_noticed(
    postgres_database: Database, postgres_server: PostgresServer
) -> None:
    for round_ in range(3):
        with postgres_database.writing() as tx:
            tx.session.add(_a_blob(str(round_)))
        assert _counted(postgres_database) == round_ + 1
        _cut_all(postgres_server, postgres_database)


def test_an_outage_is_said_and_over_when_the_server_is_back(
    postgres_database: Database, postgres_server: PostgresServer
) -> None:
    with postgres_database.writing() as tx:
        tx.session.add(_a_blob("a"))
    for _ in range(3):
        _allow_connections(postgres_server, postgres_database, "false")
        _cut_all(postgres_server, postgres_database)
        for door in (postgres_database.reading, postgres_database.writing):
            with pytest.raises(DatabaseUnavailable), door():
                pass
        _allow_connections(postgres_server, postgres_database, "true")
        assert _counted(postgres_database) == 1
        with postgres_database.writing() as tx:
            assert _count(tx) == 1


def _allow_connections(server: PostgresServer, database: Database, whether: str) -> None:
    with psycopg.connect(server.url_of("postgres").replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(
            sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}").format(
                sql.Identifier(str(database.url.database)), sql.SQL(whether)
            )
        )


def test_a_connection_cut_inside_a_command_undoes_it(
    postgres_database: Database, postgres_server: PostgresServer
) -> None:
    with pytest.raises(DatabaseUnavailable) as caught, postgres_database.writing() as tx:
        tx.session.add(_a_blob("a"))
        tx.session.flush()
        _cut_all(postgres_server, postgres_database)
        tx.connection.execute(select(Blob.id))
    assert not isinstance(caught.value, OutcomeUnknown)
    assert _counted(postgres_database) == 0


def test_a_connection_cut_in_the_commit_leaves_the_outcome_open(
    postgres_database: Database, postgres_server: PostgresServer
) -> None:
    with pytest.raises(OutcomeUnknown), postgres_database.writing() as tx:
        tx.session.add(_a_blob("a"))
        tx.session.flush()
        _cut_all(postgres_server, postgres_database)
    assert _counted(postgres_database) in (0, 1)


def _cut_all(server: PostgresServer, database: Database) -> None:
    with psycopg.connect(server.url_of("postgres").replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s",
            [database.url.database],
        )


def test_a_full_disk_is_said_and_mends_by_itself(sqlite_database: Database) -> None:
    with sqlite_database.writing() as tx:
        pages = tx.connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        tx.connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(DatabaseUnavailable, match="full"), sqlite_database.writing() as tx:
        tx.session.add_all([_a_blob(f"{n}" * 100) for n in range(2000)])
    assert _counted(sqlite_database) == 0
    with sqlite_database.writing() as tx:
        tx.connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
    with sqlite_database.writing() as tx:
        tx.session.add(_a_blob("a"))
    assert _counted(sqlite_database) == 1


# Settings


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("recursive_triggers", 1)],
)
def test_sqlite_is_opened_with_full_care(sqlite_database: Database, pragma: str, value: object) -> None:
    for door in (sqlite_database.reading, sqlite_database.writing):
        with door() as tx:
            assert tx.connection.exec_driver_sql(f"PRAGMA {pragma}").scalar_one() == value


def test_postgresql_is_opened_with_limits(postgres_database: Database) -> None:
    for door, isolation in (
        (postgres_database.reading, "repeatable read"),
        (postgres_database.writing, "read committed"),
    ):
        with door() as tx:
            said = {
                name: tx.connection.exec_driver_sql(f"SHOW {name}").scalar_one()
                for name in ("transaction_isolation", "timezone", "lock_timeout", "statement_timeout")
            }
        assert said == {
            "transaction_isolation": isolation,
            "timezone": "UTC",
            "lock_timeout": "10s",
            "statement_timeout": "30s",
        }


def test_a_statement_is_compiled_once(database: Database) -> None:
    with database.reading() as tx:
        for _ in range(3):
            _count(tx)
        cache = tx.connection.engine._compiled_cache
    assert cache is not None
    before = len(cache)
    assert before > 0
    _counted(database)
    assert len(cache) == before


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", "mysql://localhost/x", "no url", "postgresql"]
)
def test_other_databases_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"URL|SQLite|unknown"):
        database_url(url)


def test_a_url_without_driver_means_the_one_driver_we_have() -> None:
    assert database_url("postgresql://a@b/c").drivername == "postgresql+psycopg"
    assert database_url("sqlite:///a.sqlite").drivername == "sqlite+pysqlite"


def test_an_error_of_the_database_does_not_tell_what_people_wrote(database: Database) -> None:
    secret = "Nguyễn Thị Bí Mật 0912345678"
    with pytest.raises(DBAPIError) as failed, database.writing() as tx:
        tx.connection.execute(text("INSERT INTO no_such_table (name) VALUES (:name)"), {"name": secret})
    assert secret not in str(failed.value)
    assert secret not in repr(failed.value)


# Connections kept between two commands


PUT = Prepared(insert_of(Blob.__table__, "key", "sha256", "size", "media_type", "scan_state", "created_at"))


def _put(tx: Tx, key: str) -> None:
    """Write a row as every deed does: at the driver, without SQLAlchemy's learning of the transaction."""
    row = {"sha256": "0" * 64, "size": 1, "media_type": "text/plain", "scan_state": "off"}
    PUT.change(tx, {"key": key, "created_at": SC_01_MORNING, **row})


def test_what_an_interrupted_commit_left_is_not_kept_with_the_next_command(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("storage.database._Writing._commit", interrupted)
        with pytest.raises(KeyboardInterrupt), database.writing() as tx:
            _put(tx, "a")
    with database.writing() as tx:
        _put(tx, "b")
    with database.reading() as tx:
        assert tx.session.scalars(select(Blob.key)).all() == ["b"]


def test_a_connection_lost_in_a_commit_of_the_drivers_own_leaves_the_outcome_open(
    postgres_database: Database, postgres_server: PostgresServer
) -> None:
    with pytest.raises(OutcomeUnknown), postgres_database.writing() as tx:
        _put(tx, "a")
        _cut_all(postgres_server, postgres_database)
    with postgres_database.writing() as tx:
        _put(tx, "b")
    assert _counted(postgres_database) in (1, 2)


def test_nothing_goes_on_after_a_lost_connection_as_if_it_were_the_same_transaction(
    postgres_database: Database, postgres_server: PostgresServer
) -> None:
    with pytest.raises(DatabaseUnavailable), postgres_database.writing() as tx:
        _put(tx, "a")
        _cut_all(postgres_server, postgres_database)
        with suppress(DBAPIError):
            _put(tx, "b")
        tx.session.add(_a_blob("c"))
    with pytest.raises(RuntimeError, match="rolled back inside"), postgres_database.writing() as tx:
        _put(tx, "a")
        _cut_all(postgres_server, postgres_database)
        with suppress(DBAPIError):
            _put(tx, "b")
    assert _counted(postgres_database) == 0


def test_what_sqlite_undid_by_itself_is_not_half_kept(sqlite_database: Database) -> None:
    with pytest.raises(RuntimeError, match="rolled back inside"), sqlite_database.writing() as tx:
        _put(tx, "a")
        tx.driver_cursor.execute("ROLLBACK")  # as SQLite does by itself when the disk is full
    assert _counted(sqlite_database) == 0
    with sqlite_database.writing() as tx:
        _put(tx, "b")
    assert _counted(sqlite_database) == 1


def test_a_burst_leaves_no_more_connections_than_the_pool_keeps(
    postgres_database: Database, postgres_server: PostgresServer
) -> None:
    gate = threading.Barrier(20)

    def write(number: int) -> None:
        with postgres_database.writing() as tx:
            gate.wait()
            _put(tx, f"{number}")

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(write, range(20)))
    with psycopg.connect(postgres_server.url_of("postgres").replace("+psycopg", "")) as asked:
        left = asked.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = %s", [postgres_database.url.database]
        ).fetchone()
    assert left is not None
    assert 1 <= left[0] <= 2 * POOL_SIZE  # those kept, and those idle in the pool
    assert _counted(postgres_database) == 20


def test_a_connection_in_use_while_all_are_closed_is_closed_when_it_comes_back(database: Database) -> None:
    with database.writing() as tx:
        _put(tx, "a")
        driver = tx.connection.connection.driver_connection
        database.close()
    with pytest.raises((sqlite3.ProgrammingError, psycopg.OperationalError)):
        driver.execute("SELECT 1")
    assert _counted(database) == 1
