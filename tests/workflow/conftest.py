"""Commands are tested on a real database and a real folder of files."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage.database import Database, TestClock
from storage.files import Files, files_from_url
from tests.builders import World, a_world


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """A prepared folder of files."""
    store = files_from_url(f"file://{tmp_path}/files")
    store.prepare()
    return store


@pytest.fixture
def world(database: Database, clock: TestClock) -> World:
    """Giang Thành in the first days of November 2024, on each database in turn."""
    return a_world(database, clock).at(2024, 11, 4)


@pytest.fixture
def small_world(sqlite_database: Database, clock: TestClock) -> World:
    """The same on SQLite only, for tests whose point is not the database."""
    return a_world(sqlite_database, clock).at(2024, 11, 4)
