"""A database that could lose what was acknowledged is named, setting by setting."""

from __future__ import annotations

import pytest
from sqlalchemy import event

from storage.database import Database
from storage.durability import check_durability
from tests.conftest import OpenDatabase
from tests.services.postgres import PostgresServer, started_postgres


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
