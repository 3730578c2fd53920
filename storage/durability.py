"""Does a commit mean that it is on the disk? Whoever answers 2xx before that promises what he cannot keep."""

from __future__ import annotations

from storage.database import SQLITE, Database, Tx

_SYNCHRONOUS = ("OFF", "NORMAL", "FULL", "EXTRA")


def check_durability(database: Database) -> tuple[str, ...]:
    """Return every setting under which an acknowledged change could be lost; empty when there is none.

    One English line each, for ``doctor`` and for the refusal to start in production. Raises
    `storage.database.DatabaseUnavailable`.
    """
    with database.writing() as tx:  # the connection that commits is the one that counts
        return _sqlite(tx) if tx.dialect == SQLITE else _postgresql(tx)


def _sqlite(tx: Tx) -> tuple[str, ...]:
    problems = []
    synchronous = tx.connection.exec_driver_sql("PRAGMA synchronous").scalar_one()
    if synchronous < _SYNCHRONOUS.index("FULL"):
        problems.append(f"SQLite: synchronous is {_SYNCHRONOUS[synchronous]}, FULL is needed")
    journal = tx.connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
    if journal != "wal":
        problems.append(f"SQLite: journal_mode is {journal}, wal is needed")
    return tuple(problems)


def _postgresql(tx: Tx) -> tuple[str, ...]:
    # synchronous_commit of local or more waits for the server's own disk; standbys are the operator's choice.
    bad = {
        "fsync": {"off"},
        "full_page_writes": {"off"},
        "synchronous_commit": {"off"},
    }
    problems = []
    for setting, refused in bad.items():
        value = tx.connection.exec_driver_sql(f"SHOW {setting}").scalar_one()
        if value in refused:
            problems.append(f"PostgreSQL: {setting} is {value}")
    return tuple(problems)
