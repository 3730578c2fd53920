"""Bring a database to a revision of the tables, up or down, each way in one transaction.

On PostgreSQL the tables may belong to a role of their own: then migrations run as that owner, and the role
of the application gets only the rights it needs (record.md §3.9). Triggers are made by the migrations;
rights are given here, after every upgrade, because they depend on who the application is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, quoted_name

from storage.database import POSTGRESQL, Database, database_url

FOLDER = Path(__file__).parent / "migrations"
_LOCK = 0x76696E6864616E68  # "vinhdanh" in ASCII: one migration at a time on one PostgreSQL database

INSERT_ONLY = (
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
"""Rows written once: the application's role may SELECT and INSERT, triggers refuse the rest."""

_RIGHTS = {
    **dict.fromkeys(INSERT_ONLY, "SELECT, INSERT"),
    "record_queue": "SELECT, INSERT, DELETE",
    "record_payload": "SELECT, INSERT, DELETE",
    "revision": "SELECT, INSERT, UPDATE (content, salt)",
    "installation": "SELECT, INSERT, UPDATE (epoch)",
    "alembic_version": "SELECT",
}
_USUAL_RIGHTS = "SELECT, INSERT, UPDATE, DELETE"


def upgrade(url: str, revision: str = "head", *, owner_url: str | None = None) -> None:
    """Bring the database up to ``revision``; nothing happens when it is there already.

    With ``owner_url`` (PostgreSQL) the tables belong to that role, and the role of ``url`` gets its rights
    anew. Raises `storage.database.DatabaseUnavailable`. An upgrade that fails leaves the database as it was.
    """
    with _opened(owner_url or url) as (connection, config):
        command.upgrade(config, revision)
        if owner_url is not None:
            give_rights(connection, database_url(url).username or "")


def downgrade(url: str, revision: str, *, owner_url: str | None = None) -> None:
    """Go back to ``revision`` (``base``: no tables at all).

    Raises ``RuntimeError`` and changes nothing when a table of the record would be dropped with rows in it.
    """
    with _opened(owner_url or url) as (_, config):
        command.downgrade(config, revision)


def current(url: str) -> str | None:
    """Return the revision the database is at; None when no migration ever ran on it."""
    database = Database(url)
    try:
        return revision_of(database)
    finally:
        database.close()


def revision_of(database: Database) -> str | None:
    """Return the revision an open database is at; None when no migration ever ran on it."""
    with database.reading() as tx:
        return MigrationContext.configure(tx.connection).get_current_revision()


def head() -> str:
    """Return the newest revision this code knows: the one it was written for."""
    newest = ScriptDirectory.from_config(_config()).get_current_head()
    if newest is None:
        raise RuntimeError(f"no migration in {FOLDER}")
    return newest


def give_rights(connection: Connection, role: str) -> None:
    """Give ``role`` exactly the rights of the application on every table; the connection is the owner's."""
    quote = connection.dialect.identifier_preparer.quote
    to = quote(quoted_name(role, quote=True))
    connection.exec_driver_sql(f"GRANT USAGE ON SCHEMA public TO {to}")
    for table in sorted(inspect(connection).get_table_names()):
        connection.exec_driver_sql(f"REVOKE ALL ON {quote(table)} FROM {to}")
        connection.exec_driver_sql(f"GRANT {_RIGHTS.get(table, _USUAL_RIGHTS)} ON {quote(table)} TO {to}")
    connection.exec_driver_sql(f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {to}")


def rights_separated(database: Database) -> bool:
    """Return whether the application's role is unable to change what was recorded, triggers apart.

    False on SQLite (whoever may write the file may write anything) and on PostgreSQL when the role is a
    superuser, owns the tables of the record or is a member of their owner, or holds a right beyond
    SELECT and INSERT on them.
    """
    if database.dialect != POSTGRESQL:
        return False
    with database.reading() as tx:
        row = tx.connection.exec_driver_sql(
            "SELECT bool_or(pg_has_role(current_user, c.relowner, 'MEMBER')"
            " OR has_table_privilege(c.oid, 'UPDATE, DELETE, TRUNCATE, TRIGGER'))"
            " FROM pg_class c WHERE c.oid IN"
            " ('record_entry'::regclass, 'record_leaf'::regclass, 'record_checkpoint'::regclass)"
        ).scalar_one()
    return row is False


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


@contextmanager
def _opened(url: str) -> Iterator[tuple[Connection, Config]]:
    """Open the one transaction in which all steps run, alone on this database."""
    database = Database(url)
    try:
        with database.writing() as tx:
            if tx.dialect == POSTGRESQL:
                # Building an index takes as long as it takes; waiting for others' locks stays bounded.
                tx.connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
                tx.connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
            config = _config()
            config.attributes["connection"] = tx.connection
            yield tx.connection, config
    finally:
        database.close()
