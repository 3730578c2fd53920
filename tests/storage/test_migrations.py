"""The migrations make exactly the tables of the code, keep data and evidence, and every trigger."""

from __future__ import annotations

import secrets
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from psycopg import sql
from sqlalchemy import CheckConstraint, inspect, text
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError

from dossiers.tables import metadata
from storage import migrate
from storage.database import Database, DatabaseBusy
from tests.conftest import OpenDatabase
from tests.services.postgres import PostgresServer
from tests.storage.rows import DAY, everything, fill, insert_row

WRITTEN_ONCE = (
    "record_entry",
    "record_leaf",
    "record_checkpoint",
    "config_document",
    "workflow_state",
    "nominee_class",
    "criterion",
    "award_form",
    "dossier_version",
    "attachment_version",
)

KEPT = ("revision", "decision", "installation")

TRIGGERS_OF_BOTH = {
    *(f"{table}_refuses_{statement}" for table in WRITTEN_ONCE for statement in ("update", "delete")),
    "record_entry_fills_queue",
    "record_payload_refuses_update",
    *(f"{table}_refuses_{statement}" for table in KEPT for statement in ("update", "delete")),
}
TRIGGERS = {
    "sqlite": TRIGGERS_OF_BOTH
    | {f"{table}_refuses_replace" for table in ("record_entry", "record_leaf", "record_checkpoint")}
    | {f"org_unit_period_refuses_overlap_on_{event}" for event in ("insert", "update")},
    "postgresql": TRIGGERS_OF_BOTH | {f"{table}_refuses_truncate" for table in (*WRITTEN_ONCE, *KEPT)},
}


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without any table."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/empty.sqlite"
    url: str = request.getfixturevalue("postgres_url")
    return url


def _triggers(database: Database) -> set[str]:
    query = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
        "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal",
    }[database.dialect]
    with database.reading() as tx:
        return set(tx.connection.execute(text(query)).scalars())


# Up and down


def test_the_tables_are_those_of_the_code(database: Database) -> None:
    with database.reading() as tx:
        context = MigrationContext.configure(
            tx.connection, opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, metadata) == []
        assert set(inspect(tx.connection).get_table_names()) == {*metadata.tables, "alembic_version"}


def test_checks_are_those_of_the_code(database: Database) -> None:
    """Alembic does not compare CHECK constraints: their names and, on SQLite, their texts are held here."""
    with database.reading() as tx:
        inspector = inspect(tx.connection)
        for table in metadata.sorted_tables:
            found = {check["name"]: check["sqltext"] for check in inspector.get_check_constraints(table.name)}
            named = {
                str(constraint.name): str(constraint.sqltext)
                for constraint in table.constraints
                if isinstance(constraint, CheckConstraint)
            }
            assert set(found) == set(named), table.name
            if database.dialect == "sqlite":
                assert found == named, table.name


def test_every_trigger_is_there_after_every_migration(empty_url: str, open_database: OpenDatabase) -> None:
    database = open_database(empty_url)
    for revision in ("0001", "head"):
        migrate.upgrade(empty_url, revision)
        assert _triggers(database) == TRIGGERS[database.dialect], revision
    migrate.downgrade(empty_url, "0001")
    assert _triggers(database) == TRIGGERS[database.dialect]
    migrate.upgrade(empty_url)
    assert _triggers(database) == TRIGGERS[database.dialect]
    assert migrate.current(empty_url) == migrate.head()


def test_down_and_up_again_keeps_data_and_record(database_url: str, open_database: OpenDatabase) -> None:
    database = open_database(database_url)
    with database.writing() as tx:
        fill(tx.connection)
        before = everything(tx.connection)
    assert all(before.values()), "a table without a row proves nothing"
    migrate.downgrade(database_url, "0001")
    with database.reading() as tx:
        assert everything(tx.connection) == before
    migrate.upgrade(database_url)
    with database.reading() as tx:
        assert everything(tx.connection) == before


def test_ten_thousand_dossiers_go_down_and_up_unchanged(
    database_url: str, open_database: OpenDatabase
) -> None:
    database = open_database(database_url)
    tables = metadata.tables
    with database.writing() as tx:
        made = fill(tx.connection)
        copies = {
            name: [made[name] | _unlike(name, n) for n in range(2, 10_002)]
            for name in ("dossier", "nominee", "record_entry", "record_leaf")
        }
        for name, rows in copies.items():
            tx.connection.execute(tables[name].insert(), rows)
        before = everything(tx.connection)
    assert len(before["dossier"]) == len(before["record_queue"]) == 10_001
    for _ in range(2):
        migrate.downgrade(database_url, "0001")
        migrate.upgrade(database_url)
    with database.reading() as tx:
        assert everything(tx.connection) == before


def _unlike(table: str, n: int) -> dict[str, Any]:
    """What must differ between the n-th copy of a row and the others."""
    ref = f"{table}-{n}"
    return {
        "dossier": {"id": n, "ref": ref, "code": f"GT-2024-{n:05}"},
        "nominee": {"id": n, "ref": ref, "ordinal": n},
        "record_entry": {"id": n, "event_id": ref, "position": n},
        "record_leaf": {"seq": n, "entry_id": n},
    }[table]


def test_going_back_never_destroys_a_record(database_url: str, open_database: OpenDatabase) -> None:
    database = open_database(database_url)
    with database.writing() as tx:
        fill(tx.connection)
        before = everything(tx.connection)
    with pytest.raises(RuntimeError, match="never destroys a record"):
        migrate.downgrade(database_url, "base")
    assert migrate.current(database_url) == migrate.head()
    with database.reading() as tx:
        assert everything(tx.connection) == before
    assert _triggers(database) == TRIGGERS[database.dialect]


def test_an_installation_without_a_record_goes_all_the_way_down_and_up(
    database_url: str, open_database: OpenDatabase
) -> None:
    database = open_database(database_url)
    with database.writing() as tx:
        fill(tx.connection, record=False)
    migrate.downgrade(database_url, "base")
    with database.reading() as tx:
        assert set(inspect(tx.connection).get_table_names()) == {"alembic_version"}
    assert migrate.current(database_url) is None
    migrate.upgrade(database_url)
    with database.writing() as tx:
        fill(tx.connection)


def test_a_migration_that_fails_leaves_nothing(empty_url: str, open_database: OpenDatabase) -> None:
    database = open_database(empty_url)
    with database.writing() as tx:
        tx.connection.exec_driver_sql("CREATE TABLE quota_use (somebody_elses text)")
    with pytest.raises(DBAPIError, match="already exists"):
        migrate.upgrade(empty_url)
    with database.reading() as tx:
        assert inspect(tx.connection).get_table_names() == ["quota_use"]


def test_two_migrations_at_once_are_one(empty_url: str) -> None:
    failed: list[BaseException] = []

    def up() -> None:
        try:
            migrate.upgrade(empty_url)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=up) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    # On SQLite the second waits for the file only as long as for any lock: a busy machine may outlast it.
    assert [error for error in failed if not isinstance(error, DatabaseBusy)] == []
    assert migrate.current(empty_url) == migrate.head()


def test_a_database_that_was_never_migrated_says_so(empty_url: str) -> None:
    assert migrate.current(empty_url) is None


# What the triggers refuse


@pytest.fixture
def filled(database: Database) -> dict[str, dict[str, Any]]:
    with database.writing() as tx:
        return fill(tx.connection)


def _refuses(database: Database, statement: str, **values: Any) -> None:
    with pytest.raises(IntegrityError), database.writing() as tx:
        tx.connection.execute(text(statement), values)


def _allows(database: Database, statement: str, **values: Any) -> None:
    with database.writing() as tx:
        assert tx.connection.execute(text(statement), values).rowcount == 1


@pytest.mark.usefixtures("filled")
def test_rows_written_once_stay(database: Database) -> None:
    with database.reading() as tx:
        before = everything(tx.connection)
    for table in WRITTEN_ONCE:
        column = next(iter(metadata.tables[table].primary_key)).name
        _refuses(database, f"UPDATE {table} SET {column} = {column}")
        _refuses(database, f"DELETE FROM {table}")
        if database.dialect == "postgresql":
            _refuses(database, f"TRUNCATE {table} CASCADE")
            _refuses(database, f"UPDATE {table} SET {column} = {column} WHERE false")
    with database.reading() as tx:
        assert everything(tx.connection) == before


def test_replacing_a_recorded_row_is_refused_whatever_key_it_has(sqlite_database: Database) -> None:
    with sqlite_database.writing() as tx:
        fill(tx.connection)
    path = sqlite_database.url.database
    assert path is not None
    outside = sqlite3.connect(path)  # a connection without any of our settings
    for table, columns in (
        ("record_entry", ("id", "event_id", "subject_ref")),
        ("record_leaf", ("seq", "entry_id")),
        ("record_checkpoint", ("size",)),
    ):
        names = [column.name for column in metadata.tables[table].columns]
        row = dict(zip(names, outside.execute(f"SELECT * FROM {table}").fetchone(), strict=True))
        for kept in columns:  # the same under this key, new under the others
            changed = {
                name: value if name == kept or name in ("subject_kind", "position", "epoch") else f"9{value}"
                for name, value in row.items()
            }
            marks = ", ".join("?" * len(names))
            with pytest.raises(sqlite3.IntegrityError, match="written once"):
                outside.execute(f"REPLACE INTO {table} VALUES ({marks})", list(changed.values()))
    outside.close()


def test_every_entry_is_queued_by_itself(database: Database, filled: dict[str, dict[str, Any]]) -> None:
    entry = filled["record_entry"]["id"]
    with database.reading() as tx:
        assert tx.connection.execute(text("SELECT entry_id FROM record_queue")).scalars().all() == [entry]
    _allows(database, "DELETE FROM record_queue")  # as the sequencer does


@pytest.mark.usefixtures("filled")
def test_a_payload_is_kept_or_erased(database: Database) -> None:
    _refuses(database, "UPDATE record_payload SET payload = 'another'")
    _allows(database, "DELETE FROM record_payload")


@pytest.mark.usefixtures("filled")
def test_a_revision_is_kept_or_its_content_erased(database: Database) -> None:
    _refuses(database, "DELETE FROM revision")
    _refuses(database, "UPDATE revision SET content = 'another'")
    _refuses(database, "UPDATE revision SET content = NULL")
    _refuses(database, "UPDATE revision SET content = NULL, salt = NULL, commitment = 'another'")
    _allows(database, "UPDATE revision SET content = NULL, salt = NULL")
    _refuses(database, "UPDATE revision SET content = 'back again', salt = 'x'")


def test_an_issued_decision_stays_as_it_was_signed(
    database: Database, filled: dict[str, dict[str, Any]]
) -> None:
    ids = {table: filled[table]["id"] for table in ("number_register", "person", "blob")}
    _refuses(database, "UPDATE decision SET state = 'issued'")  # without number, day, signer and paper
    _allows(
        database,
        "UPDATE decision SET state = 'issued', register_id = :number_register, number = 58,"
        " doc_number = '58/QĐ-UBND', issued_on = :day, signer_id = :person, blob_id = :blob",
        day=DAY,
        **ids,
    )
    _refuses(database, "UPDATE decision SET number = 59")
    _refuses(database, "UPDATE decision SET state = 'approved'")
    _refuses(database, "UPDATE decision SET authority = 'added later'")
    _refuses(database, "DELETE FROM decision")
    _allows(database, "UPDATE decision SET chain_head = 'abc', chain_length = chain_length + 1")


@pytest.mark.usefixtures("filled")
def test_a_revoked_decision_stays_revoked(database: Database) -> None:
    _allows(database, "UPDATE decision SET state = 'revoked'")
    _refuses(database, "UPDATE decision SET state = 'approved'")


@pytest.mark.usefixtures("filled")
def test_an_installation_only_counts_its_epochs(database: Database) -> None:
    _refuses(database, "UPDATE installation SET origin = 'another'")
    _refuses(database, "UPDATE installation SET epoch = epoch + 2")
    _refuses(database, "UPDATE installation SET epoch = epoch")
    _refuses(database, "DELETE FROM installation")
    _allows(database, "UPDATE installation SET epoch = epoch + 1")


@pytest.mark.parametrize(
    ("from_on", "to_on", "fits"),
    [
        ("2024-01-01", "2025-07-01", False),
        ("2020-01-01", "2024-01-02", False),
        ("2024-06-01", "2024-07-01", False),
        ("2020-01-01", None, False),
        ("2025-07-01", None, True),
        ("2020-01-01", "2024-01-01", True),
    ],
)
def test_periods_of_one_unit_do_not_overlap(
    database: Database, from_on: str, to_on: str | None, fits: bool
) -> None:
    put = text(
        "INSERT INTO org_unit_period (org_unit_id, from_on, to_on, name, sort_key, search_text, place_name)"
        " VALUES (:unit, CAST(:from_on AS date), CAST(:to_on AS date), 'UBND', 'ubnd', 'ubnd', 'Giang Thành')"
        if database.dialect == "postgresql"
        else "INSERT INTO org_unit_period"
        " (org_unit_id, from_on, to_on, name, sort_key, search_text, place_name)"
        " VALUES (:unit, :from_on, :to_on, 'UBND', 'ubnd', 'ubnd', 'Giang Thành')"
    )
    with database.writing() as tx:
        units = [
            insert_row(tx.connection, metadata.tables["org_unit"], {}, {"code": code})["id"] for code in "ab"
        ]
        for unit in units:
            tx.connection.execute(put, {"unit": unit, "from_on": "2024-01-01", "to_on": "2025-07-01"})
    row = {"unit": units[0], "from_on": from_on, "to_on": to_on}
    if fits:
        with database.writing() as tx:
            tx.connection.execute(put, row)
            tx.connection.execute(text("UPDATE org_unit_period SET name = 'Ủy ban nhân dân'"))
        _refuses(database, "UPDATE org_unit_period SET from_on = '2019-01-01', to_on = '2029-01-01'")
    else:
        with pytest.raises(IntegrityError), database.writing() as tx:
            tx.connection.execute(put, row)


# Rights on PostgreSQL


@dataclass(frozen=True)
class TwoRoles:
    app_url: str
    owner_url: str


@pytest.fixture
def two_roles(postgres_server: PostgresServer) -> Iterator[TwoRoles]:
    """A migrated database whose tables belong to one role and are used by another."""
    mark = secrets.token_hex(4)
    owner, app = f"vd_owner_{mark}", f"vd-app_{mark}"  # a role's name may need quoting
    for role in (owner, app):
        postgres_server.create_role(role, "secret")
    url = postgres_server.create_database(owner=owner)
    name = url.rpartition("/")[2]
    roles = TwoRoles(
        app_url=postgres_server.url_of(name, user=app, password="secret"),
        owner_url=postgres_server.url_of(name, user=owner, password="secret"),
    )
    migrate.upgrade(roles.app_url, owner_url=roles.owner_url)
    yield roles
    postgres_server.drop_database(url)
    with psycopg.connect(
        postgres_server.url_of("postgres").replace("+psycopg", ""), autocommit=True
    ) as connection:
        for role in (owner, app):
            connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


def test_the_application_may_do_its_work_and_no_more(
    two_roles: TwoRoles, open_database: OpenDatabase
) -> None:
    database = open_database(two_roles.app_url)
    assert migrate.rights_separated(database)
    with database.writing() as tx:
        fill(tx.connection)
        before = everything(tx.connection)
    for table in (*WRITTEN_ONCE, "record_payload", "record_queue"):
        column = next(iter(metadata.tables[table].primary_key)).name
        _is_not_permitted(database, f"UPDATE {table} SET {column} = {column}")
        _is_not_permitted(database, f"TRUNCATE {table}")
    for table in WRITTEN_ONCE:
        _is_not_permitted(database, f"DELETE FROM {table}")
        _is_not_permitted(database, f"ALTER TABLE {table} DISABLE TRIGGER ALL")
    _is_not_permitted(database, "DROP TRIGGER record_entry_refuses_update ON record_entry")
    _is_not_permitted(database, "UPDATE installation SET origin = 'another'")
    _is_not_permitted(database, "DELETE FROM installation")
    _is_not_permitted(database, "UPDATE alembic_version SET version_num = '0000'")
    _is_not_permitted(database, "CREATE TABLE mine (id int)")
    _is_not_permitted(database, "SET session_replication_role = 'replica'")
    with database.reading() as tx:
        assert everything(tx.connection) == before
    _allows(database, "UPDATE dossier SET version = version + 1")
    _allows(database, "UPDATE revision SET content = NULL, salt = NULL")
    _allows(database, "UPDATE installation SET epoch = epoch + 1")
    _allows(database, "DELETE FROM record_queue")
    _allows(database, "DELETE FROM session")


def test_rights_are_given_anew_after_every_upgrade(two_roles: TwoRoles, open_database: OpenDatabase) -> None:
    owner = open_database(two_roles.owner_url)
    app = open_database(two_roles.app_url)
    role = app.url.username
    with owner.writing() as tx:
        tx.connection.exec_driver_sql(f'GRANT DELETE ON record_entry TO "{role}"')
    assert not migrate.rights_separated(app)
    migrate.upgrade(two_roles.app_url, owner_url=two_roles.owner_url)
    assert migrate.rights_separated(app)
    migrate.downgrade(two_roles.app_url, "0001", owner_url=two_roles.owner_url)
    migrate.upgrade(two_roles.app_url, owner_url=two_roles.owner_url)
    assert migrate.rights_separated(app)


def _is_not_permitted(database: Database, statement: str) -> None:
    with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"), database.writing() as tx:
        tx.connection.exec_driver_sql(statement)


def test_one_role_for_everything_is_not_called_separated(database: Database) -> None:
    assert not migrate.rights_separated(database)
