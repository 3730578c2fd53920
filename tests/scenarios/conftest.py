"""The scenarios run twice: on SQLite with local files, and on PostgreSQL with an S3 store."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage.database import Database, TestClock
from storage.files import Files, files_from_url
from tests.api.conftest import serve
from tests.builders import World, a_world
from tests.scenarios.programs import Programs


@pytest.fixture
def files(request: pytest.FixtureRequest, database: Database, tmp_path: Path) -> Files:
    """A prepared store: a folder beside SQLite, the S3 server beside PostgreSQL."""
    url = f"file://{tmp_path}/files" if database.dialect == "sqlite" else request.getfixturevalue("s3_url")
    store = files_from_url(url)
    store.prepare()
    return store


@pytest.fixture
def world(database: Database, clock: TestClock) -> World:
    """Giang Thành on the first morning of the scenario."""
    return a_world(database, clock)


@pytest.fixture
def programs(world: World, files: Files, tmp_path: Path) -> Programs:
    """Everybody of the scenario at work by program, on the test's clock."""
    return Programs(serve(world, files, tmp_path))
