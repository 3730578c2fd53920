"""A commit is on the disk before anybody hears of it, and a database that could lose one is named."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import event

from storage import migrate
from storage.database import Database
from storage.durability import check_durability
from tests.conftest import OpenDatabase
from tests.services.postgres import PostgresServer, started_postgres

COMMITS = 200

COMMIT_AND_SAY_SO = f"""
import os, sys
from storage.database import Database
from storage.outbox import promise
database = Database(sys.argv[1])
for n in range({COMMITS}):
    with database.writing() as tx:
        promise(tx, "mail", str(n), {{}})
    os.write(1, b"said %d\\n" % n)
database.close()
"""


def test_nothing_is_said_before_sqlite_has_synced_it(sqlite_url: str, tmp_path: Path) -> None:
    assert shutil.which("strace"), "install Debian's package strace: without it nothing here is proven"
    trace = tmp_path / "trace"
    subprocess.run(
        ["strace", "-f", "-y", "-o", str(trace), "-e", "trace=fsync,fdatasync,write", sys.executable, "-c",
         COMMIT_AND_SAY_SO, sqlite_url],
        check=True, capture_output=True,
    )  # fmt: skip
    synced = False
    said = 0
    for line in trace.read_text(errors="replace").splitlines():
        if re.search(r"(fsync|fdatasync)\(.*sqlite-wal.*= 0$", line):
            synced = True
        elif '"said ' in line:
            assert synced, f"said before it was on the disk: {line}"
            synced = False
            said += 1
    assert said == COMMITS


def test_nothing_is_said_before_postgresql_has_synced_it(open_database: OpenDatabase) -> None:
    with started_postgres(durable=True) as server:
        url = server.create_database()
        migrate.upgrade(url)
        database = open_database(url)
        before = _wal_syncs(database)
        for n in range(COMMITS):
            with database.writing() as tx:
                tx.connection.exec_driver_sql(
                    "INSERT INTO outbox (key, kind, payload, run_at, attempt, state, created_at)"
                    f" VALUES ('{n}', 'mail', '{{}}', now(), 0, 'ready', now())"
                )
        assert _wal_syncs(database) - before >= COMMITS
        database.close()


def _wal_syncs(database: Database) -> int:
    """How often the server has flushed its log to the disk; one writer alone never shares a flush."""
    with database.writing() as tx:  # the connection of the commits knows of all of them
        tx.connection.exec_driver_sql("SELECT pg_stat_force_next_flush()")
    with database.writing() as tx:
        return int(tx.connection.exec_driver_sql("SELECT wal_sync FROM pg_stat_wal").scalar_one())


def test_what_was_said_is_there_after_a_kill(database_url: str, open_database: OpenDatabase) -> None:
    for round_ in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", COMMIT_AND_SAY_SO.replace("str(n)", f"'{round_}/%d' % n"), database_url],
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        for _ in range(20 + round_):
            process.stdout.readline()
        process.kill()
        said = 20 + round_ + len(process.stdout.read().splitlines())
        process.wait()
        process.stdout.close()
        with open_database(database_url).reading() as tx:
            kept = tx.connection.exec_driver_sql(
                f"SELECT count(*) FROM outbox WHERE key LIKE '{round_}/%%'"
                if tx.dialect == "postgresql"
                else f"SELECT count(*) FROM outbox WHERE key LIKE '{round_}/%'"
            ).scalar_one()
            if tx.dialect == "sqlite":
                assert tx.connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
        assert said <= kept <= said + 1  # the one that was being done may be there, nothing else


def test_sqlite_as_we_open_it_is_durable(sqlite_database: Database) -> None:
    assert check_durability(sqlite_database) == ()


@pytest.mark.parametrize("synchronous", ["OFF", "NORMAL"])
def test_sqlite_that_does_not_wait_for_the_disk_is_named(sqlite_database: Database, synchronous: str) -> None:
    @event.listens_for(sqlite_database._writer, "connect")
    def weaken(connection: object, entry: object) -> None:
        connection.execute(f"PRAGMA synchronous = {synchronous}")  # type: ignore[attr-defined]  # a driver's

    assert check_durability(sqlite_database) == (f"SQLite: synchronous is {synchronous}, FULL is needed",)


def test_sqlite_without_wal_is_named(sqlite_database: Database) -> None:
    @event.listens_for(sqlite_database._writer, "connect")
    def weaken(connection: object, entry: object) -> None:
        connection.execute("PRAGMA journal_mode = DELETE").close()  # type: ignore[attr-defined]  # a driver's

    assert check_durability(sqlite_database) == ("SQLite: journal_mode is delete, wal is needed",)


def test_the_tests_own_server_is_not_durable_and_said_to_be_so(
    postgres_database: Database, postgres_server: PostgresServer
) -> None:
    if postgres_server.data_folder is None:
        pytest.skip("a server given by VINHDANH_TEST_POSTGRES_URL has settings of its own")
    assert check_durability(postgres_database) == (
        "PostgreSQL: fsync is off",
        "PostgreSQL: full_page_writes is off",
        "PostgreSQL: synchronous_commit is off",
    )


def test_a_server_with_its_defaults_is_durable_until_one_role_is_careless(
    open_database: OpenDatabase,
) -> None:
    with started_postgres(durable=True) as server:
        url = server.create_database()
        assert check_durability(open_database(url)) == ()
        careless = open_database(url)
        with careless.writing() as tx:
            tx.connection.exec_driver_sql(
                f'ALTER DATABASE "{careless.url.database}" SET synchronous_commit = off'
            )
        assert check_durability(open_database(url)) == ("PostgreSQL: synchronous_commit is off",)
