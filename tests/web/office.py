"""Giang Thành as the pages' tests know it: the world of ``tests.builders``, everybody with a password."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select, update

from dossiers.org_unit import OrgUnit
from dossiers.people import Account
from storage.database import Database, TestClock
from storage.migrate import upgrade
from tests.builders import World, a_world
from workflow import accounts

NOW = datetime(2024, 11, 4, 1, 0, tzinfo=UTC)  # 08:00 on a Monday in Viet Nam
PASSWORD = "mot cau de nho cho moi nguoi"


@dataclass(frozen=True, slots=True)
class Office:
    """The office, open: its database and clock, its people by login, its units by code."""

    database: Database
    clock: TestClock
    world: World
    account_refs: dict[str, str]
    account_ids: dict[str, int]
    unit_refs: dict[str, str]


def make_office(url: str, settle: Callable[[Database], World] = a_world) -> None:
    """Migrate the empty database at ``url`` and let ``settle`` move the people in. Everybody's password is
    ``PASSWORD``.
    """
    upgrade(url)
    database = Database(url, clock=TestClock(NOW))
    settle(database)
    kept = accounts.hash_password(PASSWORD)
    with database.writing() as tx:
        tx.session.execute(update(Account).values(password_hash=kept))
    database.close()


def open_office(url: str) -> Office:
    """Open a copy of the office, with a clock of its own that begins at ``NOW``."""
    clock = TestClock(NOW)
    database = Database(url, clock=clock)
    with database.reading() as tx:
        people = tx.session.execute(select(Account.login, Account.ref, Account.id)).all()
        units = tx.session.execute(select(OrgUnit.code, OrgUnit.ref, OrgUnit.id)).all()
    ids = {row.login: row.id for row in people}
    world = World(database, clock, ids, {row.code: row.id for row in units})
    return Office(
        database,
        clock,
        world,
        {row.login: row.ref for row in people},
        ids,
        {row.code: row.ref for row in units},
    )
