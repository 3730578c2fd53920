"""Orphans go after the grace time, and nothing else ever does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from storage import sweep as sweeping
from storage.files import FileMissing, Files, Stored
from storage.s3 import PART_BYTES
from storage.sweep import SweepReport, sweep
from tests.services.stores import Bucket, Store

GRACE = timedelta(hours=24)


def later(hours: float) -> datetime:
    return datetime.now(UTC) + timedelta(hours=hours)


def keep(files: Files, *sizes: int) -> list[Stored]:
    return [files.put([b"x" * size], media_type="application/pdf") for size in sizes]


def nobody(keys: Sequence[str]) -> set[str]:
    return set()


def present(store: Store) -> set[str]:
    return {found.key for found in list(store.files.keys())}


def test_an_orphan_goes_and_a_referenced_object_stays(any_store: Store) -> None:
    stored = keep(any_store.files, 10, 20, 30, PART_BYTES + 1)
    rows = {stored[0].key, stored[2].key}
    report = sweep(any_store.files, lambda keys: rows & set(keys), GRACE, later(25))
    assert report == SweepReport(
        seen=4,
        seen_bytes=61 + PART_BYTES,
        young=0,
        removed=tuple(sorted({stored[1].key, stored[3].key})),
        removed_bytes=21 + PART_BYTES,
        failed=(),
        unfinished=0,
    )
    assert present(any_store) == rows
    for key in report.removed:
        with pytest.raises(FileMissing):
            any_store.files.stat(key)


def test_nothing_younger_than_the_grace_time_goes(any_store: Store) -> None:
    stored = {one.key for one in keep(any_store.files, 10, 20)}
    report = sweep(any_store.files, nobody, GRACE, later(23.9))
    assert (report.young, report.removed, report.unfinished) == (2, (), 0)
    assert present(any_store) == stored


def test_young_objects_are_not_even_asked_about(any_store: Store) -> None:
    keep(any_store.files, 10)

    def asked(keys: Sequence[str]) -> set[str]:
        raise AssertionError(keys)

    sweep(any_store.files, asked, GRACE, later(1))


def test_pretending_removes_nothing(any_store: Store) -> None:
    stored = {one.key for one in keep(any_store.files, 10, 20)}
    report = sweep(any_store.files, nobody, GRACE, later(25), pretend=True)
    assert set(report.removed) == stored == present(any_store)


def test_a_look_up_that_fails_removes_nothing_more(any_store: Store) -> None:
    stored = {one.key for one in keep(any_store.files, 10, 20)}

    def broken(keys: Sequence[str]) -> set[str]:
        raise ConnectionError("the database is away")

    with pytest.raises(ConnectionError):
        sweep(any_store.files, broken, GRACE, later(25))
    assert present(any_store) == stored


def test_keys_are_asked_about_in_batches(any_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "BATCH_KEYS", 3)
    monkeypatch.setattr("storage.s3._PAGE_KEYS", 2)
    stored = sorted(one.key for one in keep(any_store.files, *range(1, 9)))
    asked: list[list[str]] = []

    def is_referenced(keys: Sequence[str]) -> set[str]:
        asked.append(list(keys))
        return {stored[7], stored[0]}

    report = sweep(any_store.files, is_referenced, GRACE, later(25))
    assert asked == [stored[0:3], stored[3:6], stored[6:8]]
    assert report.removed == tuple(stored[1:7])
    assert present(any_store) == {stored[7], stored[0]}


def test_dead_uploads_go_after_the_grace_time(any_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.s3._PAGE_KEYS", 2)
    for number in range(5):
        name = f"{number:032x}"
        if isinstance(any_store, Bucket):
            key = f"{name[-2:]}/{name[-4:-2]}/{name}"
            any_store.client._create_multipart_upload(any_store.name, key, {})
        else:
            any_store.overwrite(f"unfinished/{name}", b"half")
    assert sweep(any_store.files, nobody, GRACE, later(23)).unfinished == 0
    assert any_store.unfinished() == 5
    assert sweep(any_store.files, nobody, GRACE, later(25)).unfinished == 5
    assert any_store.unfinished() == 0


def test_what_others_put_there_stays(any_store: Store) -> None:
    any_store.overwrite("read-me.txt", b"not ours")
    assert sweep(any_store.files, nobody, GRACE, later(9_999)).seen == 0


def test_a_negative_grace_time_is_a_mistake(any_store: Store) -> None:
    with pytest.raises(ValueError, match="grace"):
        sweep(any_store.files, nobody, timedelta(seconds=-1), later(0))
