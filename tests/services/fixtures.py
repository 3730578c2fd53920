"""What tests ask for by name to reach an S3 store.

- ``s3_server`` (session): a running `SwiftServer`, started when first asked for.
- ``s3_url`` (session): the files URL of a fresh, prepared bucket on it; when ``VINHDANH_TEST_S3_URL`` is
  set, that URL is given instead and nothing is started.
- ``s3_bucket_url`` (test): the same for one test alone, so that it may list and sweep.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator

import pytest

from storage.files import files_from_url
from tests.services.swift import SwiftServer, swift_server


@pytest.fixture(scope="session")
def s3_server() -> Iterator[SwiftServer]:
    with swift_server() as server:
        yield server


@pytest.fixture(scope="session")
def s3_url(request: pytest.FixtureRequest) -> str:
    given = os.environ.get("VINHDANH_TEST_S3_URL")
    if given:
        files_from_url(given).prepare()
        return given
    return _fresh_bucket(request.getfixturevalue("s3_server"))


@pytest.fixture
def s3_bucket_url(s3_server: SwiftServer) -> str:
    return _fresh_bucket(s3_server)


def _fresh_bucket(server: SwiftServer) -> str:
    url = server.url(f"test-{secrets.token_hex(6)}")
    files_from_url(url).prepare()
    return url
