"""What tests ask for by name to reach stores of files.

- ``s3_server`` (session): a running `SwiftServer`, started when first asked for.
- ``s3_url`` (session): the files URL of a prepared bucket on it; when ``VINHDANH_TEST_S3_URL`` is set, that
  URL is given instead and nothing is started.
- ``s3_bucket_url`` (test): the same for a fresh bucket that this test alone uses, so that it may list it.
- ``any_store`` (test, runs the test twice): a `Store` that is a fresh folder, then a fresh bucket.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from storage.files import files_from_url
from tests.services.stores import Bucket, Folder, Store
from tests.services.swift import SwiftServer, swift_server


@pytest.fixture(scope="session")
def s3_server() -> Iterator[SwiftServer]:
    with swift_server() as server:
        yield server


@pytest.fixture(scope="session")
def s3_url(request: pytest.FixtureRequest) -> str:
    url = os.environ.get("VINHDANH_TEST_S3_URL")
    if not url:
        server: SwiftServer = request.getfixturevalue("s3_server")
        url = server.url(f"test-{secrets.token_hex(6)}")
    files_from_url(url).prepare()
    return url


@pytest.fixture
def s3_bucket_url(s3_url: str) -> str:
    fresh = urlunsplit(urlsplit(s3_url)._replace(path=f"/test-{secrets.token_hex(6)}"))
    files_from_url(fresh).prepare()
    return fresh


@pytest.fixture(params=["local", "s3"])
def any_store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "s3":
        return Bucket(request.getfixturevalue("s3_bucket_url"))
    folder = Folder((tmp_path / "files").as_uri())
    folder.files.prepare()
    return folder
