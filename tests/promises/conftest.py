"""Installations that servers run on: SQLite with a folder, PostgreSQL with a folder, PostgreSQL with S3."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.promises.installation import Installation, an_installation


@pytest.fixture
def small(sqlite_url: str, tmp_path: Path) -> Iterator[Installation]:
    """An installation on SQLite with local files."""
    made = an_installation(tmp_path, sqlite_url)
    yield made
    made.close()


@pytest.fixture
def large(migrated_postgres_url: str, tmp_path: Path) -> Iterator[Installation]:
    """An installation on PostgreSQL; its files are local, for tests whose point is not the store."""
    made = an_installation(tmp_path, migrated_postgres_url)
    yield made
    made.close()


@pytest.fixture
def large_with_s3(migrated_postgres_url: str, s3_bucket_url: str, tmp_path: Path) -> Iterator[Installation]:
    """An installation on PostgreSQL with an S3 store."""
    made = an_installation(tmp_path, migrated_postgres_url, s3_bucket_url)
    yield made
    made.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def installation(request: pytest.FixtureRequest) -> Installation:
    """The test runs on SQLite with a folder, then on PostgreSQL with S3."""
    made: Installation = request.getfixturevalue("small" if request.param == "sqlite" else "large_with_s3")
    return made
