"""What `storage.files.Files` promises, asked of a folder and of a bucket alike."""

from __future__ import annotations

import hashlib
import io
import itertools
import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from storage.files import (
    CHUNK_BYTES,
    FileCut,
    FileDamaged,
    FileMissing,
    FileTooBig,
    KeyTaken,
    RangeOutside,
    Stored,
    StoreNotPrepared,
    is_key,
    new_key,
)
from storage.s3 import PART_BYTES
from tests.services.stores import Bucket, Folder, Store

PDF = "application/pdf"


def some_bytes(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


def keep(store: Store, content: bytes) -> Stored:
    return store.files.put([content], media_type=PDF)


def everything(reader: Iterator[bytes]) -> bytes:
    return b"".join(reader)


def listed(store: Store) -> list[str]:
    return [found.key for found in list(store.files.keys())]


SIZES = [
    0,
    1,
    CHUNK_BYTES - 1,
    CHUNK_BYTES,
    CHUNK_BYTES + 1,
    3 * CHUNK_BYTES,
    PART_BYTES,
    PART_BYTES + 1,
    2 * PART_BYTES,
    2 * PART_BYTES + 17,
]


@pytest.mark.parametrize("size", SIZES)
def test_what_was_put_comes_back(any_store: Store, size: int) -> None:
    content = some_bytes(size)
    stored = keep(any_store, content)
    assert (stored.size, stored.sha256) == (size, hashlib.sha256(content).hexdigest())
    assert is_key(stored.key)
    files = any_store.files
    assert everything(files.open(stored.key)) == content
    assert everything(files.open_verified(stored.key, sha256=stored.sha256, size=size)) == content
    assert files.stat(stored.key).size == size
    assert any_store.unfinished() == 0


@pytest.mark.parametrize("piece", [1, 1000, 70_000, 1_000_003])
def test_pieces_of_any_size_make_the_same_object(any_store: Store, piece: int) -> None:
    content = some_bytes(2_500_000 if piece > 1 else 3_000)
    pieces = (content[begin : begin + piece] for begin in range(0, len(content), piece))
    stored = any_store.files.put(pieces, media_type=PDF)
    assert everything(any_store.files.open(stored.key)) == content


def test_an_open_file_is_a_source(any_store: Store) -> None:
    content = b"d\xc3\xb2ng 1\nd\xc3\xb2ng 2\n" * 50_000
    stored = any_store.files.put(io.BytesIO(content), media_type=PDF, size=len(content), limit=len(content))
    assert everything(any_store.files.open(stored.key)) == content


def test_chunks_are_bounded(any_store: Store) -> None:
    stored = keep(any_store, some_bytes(1_000_000))
    assert max(map(len, any_store.files.open(stored.key))) <= CHUNK_BYTES


@pytest.mark.parametrize(
    ("start", "end"),
    [(0, None), (0, 1), (1, None), (99_999, None), (100_000, None), (0, 0), (100_000, 100_000), (5, 5),
     (17, 70_000), (99_000, 200_000), (0, 100_000)],
)  # fmt: skip
def test_a_range_is_that_part(any_store: Store, start: int, end: int | None) -> None:
    content = some_bytes(100_000)
    stored = keep(any_store, content)
    with any_store.files.open(stored.key, start=start, end=end) as reader:
        assert everything(reader) == content[start:end]
        assert (reader.size, reader.start) == (100_000, start)
        assert reader.end == min(100_000, 100_000 if end is None else end)


def test_a_range_may_cross_the_parts_of_a_large_file(any_store: Store) -> None:
    content = some_bytes(2 * PART_BYTES + 100)
    stored = keep(any_store, content)
    with any_store.files.open(stored.key, start=PART_BYTES - 10, end=2 * PART_BYTES + 10) as reader:
        assert everything(reader) == content[PART_BYTES - 10 : 2 * PART_BYTES + 10]


@pytest.mark.parametrize(("start", "end"), [(101, None), (101, 101), (500, 600)])
def test_a_range_behind_the_end_is_refused(any_store: Store, start: int, end: int | None) -> None:
    stored = keep(any_store, some_bytes(100))
    with pytest.raises(RangeOutside):
        any_store.files.open(stored.key, start=start, end=end)


def test_an_empty_object_has_an_empty_range(any_store: Store) -> None:
    stored = keep(any_store, b"")
    assert everything(any_store.files.open(stored.key, start=0, end=10)) == b""


@pytest.mark.parametrize(("start", "end"), [(-1, None), (5, 4)])
def test_an_impossible_range_is_a_mistake(any_store: Store, start: int, end: int) -> None:
    with pytest.raises(ValueError, match="not a range"):
        any_store.files.open(new_key(), start=start, end=end)


@pytest.mark.parametrize("size", [1_001, 300_000, PART_BYTES + 1, 2 * PART_BYTES])
def test_too_big_keeps_nothing(any_store: Store, size: int) -> None:
    pieces = (some_bytes(100_000) for _ in range(-(-size // 100_000)))
    with pytest.raises(FileTooBig) as refused:
        any_store.files.put(pieces, media_type=PDF, limit=size - 1 if size > 100_000 else 1_000)
    assert refused.value.code == "file_too_big"
    assert listed(any_store) == []
    assert any_store.unfinished() == 0


def test_an_announced_size_above_the_limit_reads_nothing(any_store: Store) -> None:
    source = io.BytesIO(b"x" * 100)
    with pytest.raises(FileTooBig):
        any_store.files.put(source, media_type=PDF, limit=50, size=100)
    assert source.tell() == 0


@pytest.mark.parametrize("announced", [0, 999, 1_001, PART_BYTES + 2])
def test_another_size_than_announced_keeps_nothing(any_store: Store, announced: int) -> None:
    with pytest.raises(FileCut):
        any_store.files.put([some_bytes(1_000)], media_type=PDF, size=announced)
    assert listed(any_store) == []
    assert any_store.unfinished() == 0


def test_what_the_source_raises_comes_out_unchanged(any_store: Store) -> None:
    # An OSError of the person's connection is not an error of the store.
    broken = TimeoutError("the person's line went silent")

    def source() -> Iterator[bytes]:
        yield some_bytes(PART_BYTES + 5)
        raise broken

    with pytest.raises(TimeoutError) as raised:
        any_store.files.put(source(), media_type=PDF)
    assert raised.value is broken
    assert listed(any_store) == []
    assert any_store.unfinished() == 0


@pytest.mark.parametrize("size", [10, PART_BYTES + 10])
def test_a_taken_key_keeps_its_object(any_store: Store, size: int) -> None:
    first = keep(any_store, b"first")
    with pytest.raises(KeyTaken):
        any_store.files.put([some_bytes(size)], media_type=PDF, key=first.key)
    assert everything(any_store.files.open(first.key)) == b"first"
    assert any_store.unfinished() == 0


def test_many_puts_at_once(any_store: Store) -> None:
    contents = [some_bytes(100_000 + number, seed=number) for number in range(16)]
    files = any_store.files
    with ThreadPoolExecutor(8) as pool:
        stored = list(pool.map(lambda content: files.put([content], media_type=PDF), contents))
    assert [everything(files.open(one.key)) for one in stored] == contents
    assert listed(any_store) == sorted(one.key for one in stored)


def test_of_puts_to_one_key_at_once_one_stays(any_store: Store) -> None:
    files = any_store.files
    for _ in range(5):
        key = new_key()
        together = threading.Barrier(6)

        def put(number: int, key: str = key, together: threading.Barrier = together) -> int | None:
            together.wait()
            try:
                files.put([b"%d" % number], media_type=PDF, key=key)
            except KeyTaken:
                return None
            return number

        with ThreadPoolExecutor(6) as pool:
            winners = [number for number in pool.map(put, range(6)) if number is not None]
        # How sharp `If-None-Match` is, is the S3 store's affair (Swift lets several through that overlap).
        assert len(winners) == 1 or (winners and isinstance(any_store, Bucket))
        assert everything(files.open(key)) in [b"%d" % number for number in winners]


def test_a_missing_object_is_missing(any_store: Store) -> None:
    files, key = any_store.files, new_key()
    with pytest.raises(FileMissing):
        files.open(key)
    with pytest.raises(FileMissing):
        files.open(key, start=3, end=9)
    with pytest.raises(FileMissing):
        files.stat(key)
    with pytest.raises(FileMissing):
        files.open_verified(key, sha256="0" * 64, size=1)


def test_removing_twice_is_fine(any_store: Store) -> None:
    files = any_store.files
    for size in (10, PART_BYTES + 10):
        stored = keep(any_store, some_bytes(size))
        files.remove(stored.key)
        files.remove(stored.key)
        with pytest.raises(FileMissing):
            files.stat(stored.key)
    assert listed(any_store) == []


UNLIKE_OURS = [
    "",
    "x",
    "../../etc/passwd",
    "/etc/passwd",
    "ab/cd/../../../etc/passwd",
    "ab/cd/" + "0" * 32,  # the folders are not the end of the name
    "00/00/" + "0" * 31,
    "00/00/" + "0" * 32 + "\n",
    "00/00/" + "0" * 32 + "\x00",
    "AB/CD/" + "0" * 28 + "CDAB",
    "unfinished/" + "0" * 32,
    "Quyết định 44.pdf",
]


@pytest.mark.parametrize("key", UNLIKE_OURS)
def test_a_key_that_is_not_ours_goes_nowhere(any_store: Store, key: str) -> None:
    files = any_store.files
    with pytest.raises(ValueError, match="not a key"):
        files.open(key)
    with pytest.raises(ValueError, match="not a key"):
        files.stat(key)
    with pytest.raises(ValueError, match="not a key"):
        files.remove(key)
    if key:
        with pytest.raises(ValueError, match="not a key"):
            files.put([b"x"], media_type=PDF, key=key)


def test_keys_come_in_order_and_can_be_continued(any_store: Store) -> None:
    before = datetime.now(UTC) - timedelta(seconds=2)
    stored = {one.key: one.size for one in (keep(any_store, b"x" * number) for number in range(12))}
    found = list(any_store.files.keys())
    assert {one.key: one.size for one in found} == stored
    assert [one.key for one in found] == sorted(stored)
    assert all(before <= one.modified_at <= datetime.now(UTC) + timedelta(seconds=2) for one in found)
    assert all(one.modified_at.tzinfo is not None for one in found)
    for position in range(12):
        continued = any_store.files.keys(after=found[position].key)
        assert [one.key for one in continued] == [one.key for one in found[position + 1 :]]


def test_what_others_put_there_is_passed_over(any_store: Store) -> None:
    for name in ("read-me.txt", "ab/note", "ab/cd/" + "0" * 32, "ab/cd/" + "g" * 32, "zz/zz/zz"):
        any_store.overwrite(name, b"not ours")
    ours = keep(any_store, b"ours")
    assert listed(any_store) == [ours.key]


def test_a_listing_goes_on_while_objects_vanish(any_store: Store) -> None:
    stored = sorted(keep(any_store, b"x").key for _ in range(6))
    listing = any_store.files.keys()
    assert next(listing).key == stored[0]
    any_store.files.remove(stored[-1])
    assert [one.key for one in listing][:4] == stored[1:5]


# Damage

DAMAGED_SIZES = [1, 5_000, CHUNK_BYTES, 2 * CHUNK_BYTES, 3 * CHUNK_BYTES + 7]


@pytest.mark.parametrize("size", DAMAGED_SIZES)
@pytest.mark.parametrize("damage", ["bit flipped", "cut", "lengthened", "emptied", "replaced"])
def test_a_damaged_object_never_ends_cleanly(any_store: Store, size: int, damage: str) -> None:
    content = some_bytes(size)
    stored = keep(any_store, content)
    any_store.overwrite(stored.key, damaged(content, damage))
    given: list[bytes] = []
    with pytest.raises(FileDamaged) as caught:
        given.extend(any_store.files.open_verified(stored.key, sha256=stored.sha256, size=size))
    assert sum(map(len, given)) < size
    assert caught.value.code == "file_damaged"
    if size <= CHUNK_BYTES:
        assert not given


def damaged(content: bytes, damage: str) -> bytes:
    if damage == "bit flipped":
        place = len(content) // 2
        return content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :]
    if damage == "replaced":
        return bytes(byte ^ 0xFF for byte in content)
    return {"cut": content[:-1], "lengthened": content + b"x", "emptied": b""}[damage]


def test_a_hundred_flipped_bits_are_a_hundred_alarms(any_store: Store) -> None:
    content = some_bytes(20_000)
    stored = keep(any_store, content)
    chance = random.Random(36)
    files = any_store.files
    for _ in range(100):
        bit = chance.randrange(len(content) * 8)
        changed = bytearray(content)
        changed[bit // 8] ^= 1 << bit % 8
        any_store.overwrite(stored.key, bytes(changed))
        given = []
        with pytest.raises(FileDamaged):
            given.extend(files.open_verified(stored.key, sha256=stored.sha256, size=stored.size))
        assert not given


def test_the_last_chunk_waits_for_the_verdict(any_store: Store) -> None:
    content = some_bytes(4 * CHUNK_BYTES)
    stored = keep(any_store, content)
    any_store.overwrite(stored.key, content[:-1] + bytes([content[-1] ^ 1]))
    reader = any_store.files.open_verified(stored.key, sha256=stored.sha256, size=stored.size)
    given = list(itertools.islice(reader, 3))
    assert b"".join(given) == content[: 3 * CHUNK_BYTES]
    with pytest.raises(FileDamaged):
        next(reader)
    with pytest.raises(StopIteration):  # closed, and nothing more to be had
        next(reader)


def test_readers_may_be_closed_at_any_time(any_store: Store) -> None:
    # Warnings are errors: a connection or a file left open fails this test.
    stored = keep(any_store, some_bytes(3 * CHUNK_BYTES))
    files = any_store.files
    files.open(stored.key).close()
    unread = files.open_verified(stored.key, sha256=stored.sha256, size=stored.size)
    unread.close()
    unread.close()
    with files.open_verified(stored.key, sha256=stored.sha256, size=stored.size) as begun:
        next(begun)
    assert everything(files.open(stored.key)) == some_bytes(3 * CHUNK_BYTES)


def test_a_closed_reader_gives_nothing_more(any_store: Store) -> None:
    # A number of a closed file is soon that of another one, whose bytes must not come out.
    stored = keep(any_store, some_bytes(3 * CHUNK_BYTES))
    reader = any_store.files.open(stored.key)
    next(reader)
    reader.close()
    assert list(reader) == []
    with pytest.raises(ValueError, match="closed"):
        reader.read()
    verified = any_store.files.open_verified(stored.key, sha256=stored.sha256, size=stored.size)
    next(verified)
    verified.close()
    assert list(verified) == []


# Readiness


def test_check_leaves_nothing(any_store: Store) -> None:
    any_store.files.check()
    assert listed(any_store) == []
    assert any_store.unfinished() == 0


def test_a_store_that_was_never_prepared_says_so(any_store: Store) -> None:
    bare: Store
    if isinstance(any_store, Folder):
        bare = Folder(any_store.url + "-nowhere")
    else:
        bare = Bucket(any_store.url.replace("/test-", "/nowhere-"))
    files, key = bare.files, new_key()
    for ask in (
        lambda: files.put([b"x"], media_type=PDF),
        lambda: files.put([some_bytes(PART_BYTES + 1)], media_type=PDF),
        lambda: files.open(key),
        lambda: files.stat(key),
        lambda: list(files.keys()),
        files.check,
    ):
        with pytest.raises(StoreNotPrepared):
            ask()


def test_preparing_twice_is_fine(any_store: Store) -> None:
    stored = keep(any_store, b"x")
    any_store.files.prepare()
    assert any_store.files.stat(stored.key).size == 1
