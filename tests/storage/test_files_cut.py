"""Uploads that end at any byte: no half file is ever there (promise T35)."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from storage.files import FileCut, Source, Stored
from storage.s3 import PART_BYTES
from tests.services.stores import Bucket, Store

PDF = "application/pdf"


class LineCut(Exception):
    """What a web server raises when the person's connection ends."""


def breaking(content: bytes, at: int, piece: int) -> Iterator[bytes]:
    """The content up to `at`, in pieces; then the line is cut."""
    for begin in range(0, at, piece):
        yield content[begin : min(begin + piece, at)]
    raise LineCut


def ending(content: bytes, at: int, piece: int) -> Iterator[bytes]:
    """The content up to `at`, and then a clean end: only the announced size tells."""
    for begin in range(0, at, piece):
        yield content[begin : min(begin + piece, at)]


@pytest.mark.parametrize("cuts", [60, pytest.param(500, marks=[pytest.mark.long, pytest.mark.timeout(900)])])
def test_uploads_cut_at_a_random_byte_leave_nothing(any_store: Store, cuts: int) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # shown when the test fails
    chance = random.Random(seed)
    content = chance.randbytes(3 * PART_BYTES)
    files = any_store.files
    whole: list[Stored] = []
    for number in range(cuts):
        # Each sixth is larger than a part, so that an upload has begun when the line is cut.
        size = chance.randint(PART_BYTES + 1, len(content)) if number % 6 == 0 else chance.randint(1, 300_000)
        at, piece = chance.randrange(size), chance.randint(500, 100_000)
        source: Source = breaking(content, at, piece) if number % 2 else ending(content, at, piece)
        with pytest.raises(LineCut if number % 2 else FileCut):
            files.put(source, media_type=PDF, size=size)
        if number % 10 == 0:  # the person tries again
            whole.append(files.put([content[:size]], media_type=PDF, size=size))
    assert [found.key for found in list(files.keys())] == sorted(stored.key for stored in whole)
    assert any_store.unfinished() == 0
    for stored in whole:
        for _ in files.open_verified(stored.key, sha256=stored.sha256, size=stored.size):
            pass


def test_a_cut_upload_whose_leftovers_stay_is_swept(any_store: Store) -> None:
    """The store goes down together with the line: giving the upload up fails, a later sweep clears it."""
    files = any_store.files
    if isinstance(any_store, Bucket):
        any_store.client._create_multipart_upload(any_store.name, "00/00/" + "0" * 32, {})
    else:
        any_store.overwrite("unfinished/" + "0" * 32, b"half")
    assert any_store.unfinished() == 1
    assert files.clear_unfinished(before=datetime.now(UTC) - timedelta(hours=1)) == 0
    assert any_store.unfinished() == 1
    assert files.clear_unfinished(before=datetime.now(UTC) + timedelta(hours=1)) == 1
    assert any_store.unfinished() == 0
