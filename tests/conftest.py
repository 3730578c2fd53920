"""What every test may ask for by name.

``database`` runs a test twice, on SQLite and on PostgreSQL; each gets a migrated database of its own, copied
from a template that is migrated once per run.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.engine import make_url

from storage import migrate
from storage.database import Database, TestClock

if TYPE_CHECKING:  # pytest imports its plugins itself, to rewrite their assertions
    from tests.services.postgres import PostgresServer

SC_01_MORNING = datetime(2024, 11, 18, 2, 0, tzinfo=UTC)
"""09:00 in Giang Thành on the first day of scenario SC-01."""


@pytest.fixture
def clock() -> TestClock:
    """The clock of ``database``; a test moves it with ``set`` and ``advance``."""
    return TestClock(SC_01_MORNING)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file that nobody has open."""
    path = tmp_path_factory.mktemp("template") / "vinhdanh.sqlite"
    migrate.upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres_server: PostgresServer) -> str:
    """The name of a migrated PostgreSQL database that nobody is connected to."""
    url = postgres_server.create_database()
    migrate.upgrade(url)
    name = make_url(url).database
    assert name is not None
    return name


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """The URL of a migrated, empty SQLite database."""
    path = tmp_path / "vinhdanh.sqlite"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def migrated_postgres_url(postgres_server: PostgresServer, postgres_template: str) -> Iterator[str]:
    """The URL of a migrated, empty PostgreSQL database."""
    url = postgres_server.create_database(postgres_template)
    yield url
    postgres_server.drop_database(url)


@pytest.fixture
def sqlite_database(sqlite_url: str, clock: TestClock) -> Iterator[Database]:
    database = Database(sqlite_url, clock=clock)
    yield database
    database.close()


@pytest.fixture
def postgres_database(migrated_postgres_url: str, clock: TestClock) -> Iterator[Database]:
    database = Database(migrated_postgres_url, clock=clock)
    yield database
    database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Database:
    """A migrated, empty database on the test clock; the test runs once on each kind."""
    name = "sqlite_database" if request.param == "sqlite" else "postgres_database"
    chosen: Database = request.getfixturevalue(name)
    return chosen


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of a migrated, empty database; for tests that open it themselves, in another process or so."""
    name = "sqlite_url" if request.param == "sqlite" else "migrated_postgres_url"
    url: str = request.getfixturevalue(name)
    return url


OpenDatabase = Callable[[str], Database]


@pytest.fixture
def open_database() -> Iterator[OpenDatabase]:
    """Open databases on the clocks they have in production; all are closed after the test."""
    opened: list[Database] = []

    def open_it(url: str) -> Database:
        opened.append(Database(url))
        return opened[-1]

    yield open_it
    for database in opened:
        database.close()
