"""A store behind a bad line: what is wrong is noticed, what can be repeated is repeated, nothing is doubled.

Promises T54, T56 and T57, against the real server through a proxy that cuts, resets and corrupts.
"""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit, urlunsplit

import pytest

from storage.files import (
    FilesError,
    KeyTaken,
    StoreNotPrepared,
    StoreRefused,
    StoreUnavailable,
    files_from_url,
    new_key,
)
from storage.s3 import CONNECT_SECONDS, MOST_TRIES, PART_BYTES, S3Files
from tests.services.cutting_proxy import SOUND, CuttingProxy, Fault, cutting_proxy
from tests.services.stores import Bucket

PDF = "application/pdf"


@pytest.fixture
def bucket(s3_bucket_url: str) -> Bucket:
    return Bucket(s3_bucket_url)


@pytest.fixture
def proxy(bucket: Bucket) -> Iterator[CuttingProxy]:
    parts = urlsplit(bucket.url)
    with cutting_proxy(parts.hostname or "", parts.port or 80) as proxy:
        yield proxy


def through(proxy: CuttingProxy, bucket: Bucket) -> S3Files:
    """The bucket as one sees it behind the proxy, on connections of its own."""
    return S3Files.from_url(on_port(bucket.url, proxy.port))


def on_port(url: str, port: int) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{parts.username}:{parts.password}@127.0.0.1:{port}"))


def test_two_hundred_wrong_answers_are_never_taken_for_the_file(bucket: Bucket, proxy: CuttingProxy) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    size = 600_000
    content = chance.randbytes(size)
    stored = bucket.files.put([content], media_type=PDF)
    refused = 0
    for number in range(200):
        at = chance.randrange(size + 400)  # some of them in the answer's head
        fault = (
            Fault(cut_at=at),
            Fault(cut_at=at, reset=True),
            Fault(flip_at=at),
            Fault(flip_at=at, cut_at=chance.randrange(size + 400)),
        )[number % 4]
        proxy.use(lambda n, fault=fault: fault)
        given = []
        try:
            given.extend(through(proxy, bucket).open_verified(stored.key, sha256=stored.sha256, size=size))
        except FilesError:
            refused += 1
            assert sum(map(len, given)) < size
        else:
            # A bit of a header that says nothing about the bytes was hit.
            assert b"".join(given) == content
            assert fault.cut_at is None
    assert refused >= 150


def test_every_fault_in_the_first_bytes_is_one_of_our_errors(bucket: Bucket, proxy: CuttingProxy) -> None:
    content = b"small"
    stored = bucket.files.put([content], media_type=PDF)
    for at in range(0, 300, 3):
        # The first connection fails, those after it are sound: what comes is right, or an error of ours.
        proxy.use(lambda n, at=at: Fault(flip_at=at, cut_at=at + 40) if n == 0 else SOUND)
        try:
            given = b"".join(
                through(proxy, bucket).open_verified(stored.key, sha256=stored.sha256, size=stored.size)
            )
        except FilesError:
            continue
        assert given == content


@pytest.mark.parametrize(
    "uploads", [40, pytest.param(1_000, marks=[pytest.mark.long, pytest.mark.timeout(900)])]
)
def test_a_store_that_fails_three_times_in_ten(bucket: Bucket, proxy: CuttingProxy, uploads: int) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)

    def fault(_: int) -> Fault:
        if chance.random() > 0.3:
            return SOUND
        return chance.choice(
            [Fault(refuse=True), Fault(cut_at=0), Fault(cut_at=0, reset=True), Fault(cut_at=30)]
        )

    proxy.use(fault)
    sound: dict[str, bytes] = {}
    for number in range(uploads):
        content = chance.randbytes(PART_BYTES + 1 if number % 20 == 0 else 20_000)
        try:
            # A client of its own each time, so that each upload begins with a connection.
            stored = through(proxy, bucket).put([content], media_type=PDF)
        except StoreUnavailable:
            continue
        sound[stored.key] = content
    assert len(sound) >= uploads * 0.9  # 0.3^4 is one in a hundred
    files = bucket.files
    for key, content in sound.items():
        assert b"".join(files.open(key)) == content
    # A put that failed may have left an object nobody knows of: harmless, few, and swept. None is doubled.
    assert len([found.key for found in list(files.keys())]) - len(sound) <= uploads - len(sound)


@pytest.mark.parametrize("size", [5, PART_BYTES + 1])
def test_a_lost_answer_is_not_a_lost_file(bucket: Bucket, proxy: CuttingProxy, size: int) -> None:
    """The store has carried out the request and only its answer is lost: asking again meets our own file."""
    for lost in range(5):  # beginning the upload, two parts, putting them together, looking at the result
        proxy.use(loses=lambda n, lost=lost: n == lost)
        stored = through(proxy, bucket).put([b"x" * size], media_type=PDF)
        assert b"".join(bucket.files.open(stored.key)) == b"x" * size
    assert len(list(bucket.files.keys())) == 5


def test_a_lost_answer_about_anothers_file_is_a_taken_key(bucket: Bucket, proxy: CuttingProxy) -> None:
    taken = bucket.files.put([b"first"], media_type=PDF)
    proxy.use(loses=lambda n: n == 0)
    with pytest.raises(KeyTaken):
        through(proxy, bucket).put([b"other"], media_type=PDF, key=taken.key)
    assert b"".join(bucket.files.open(taken.key)) == b"first"


@pytest.mark.parametrize("sound", [True, False])
def test_a_store_that_forgets_a_finished_upload(bucket: Bucket, proxy: CuttingProxy, sound: bool) -> None:
    """The answer to putting the parts together is lost, and the second request meets no upload any more.

    Only the object itself can tell then. (Swift remembers by a mark on the object, so that is taken away.)
    """
    key, content = new_key(), b"x" * (PART_BYTES + 1)

    def loses(number: int) -> bool:
        if number == 3:  # after the beginning and two parts
            bucket.overwrite(key, content if sound else content[:-1] + b"y")
        return number == 3

    proxy.use(loses=loses)
    files = through(proxy, bucket)
    if sound:
        assert files.put([content], media_type=PDF, key=key).size == len(content)
    else:
        with pytest.raises(StoreUnavailable, match="forgotten"):
            files.put([content], media_type=PDF, key=key)


def test_tries_are_bounded(bucket: Bucket, proxy: CuttingProxy) -> None:
    proxy.use(lambda n: Fault(refuse=True))
    with pytest.raises(StoreUnavailable):
        through(proxy, bucket).stat(new_key())
    assert proxy.connections == MOST_TRIES


def test_a_store_that_is_down(bucket: Bucket) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        files = files_from_url(on_port(bucket.url, closed.getsockname()[1]))
        with pytest.raises(StoreUnavailable, match="no connection"):
            files.put([b"x"], media_type=PDF)


def test_a_host_that_has_vanished_is_not_tried_again(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    assert CONNECT_SECONDS < 5  # a person waits no longer for the answer that the store is down
    monkeypatch.setattr("storage.s3.CONNECT_SECONDS", 0.3)
    # A listener whose queue is full drops new connections, as a host that has vanished does.
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        try:
            for one in waiting:
                one.setblocking(False)
                one.connect_ex(("127.0.0.1", port))
            with pytest.raises(StoreUnavailable, match="ConnectTimeoutError"):
                files_from_url(on_port(bucket.url, port)).put([b"x"], media_type=PDF)
        finally:
            for one in waiting:
                one.close()


def test_a_store_that_falls_silent_is_given_up(bucket: Bucket, proxy: CuttingProxy) -> None:
    stored = bucket.files.put([b"x"], media_type=PDF)
    proxy.use(lambda n: Fault(hush=True))
    parts = urlsplit(bucket.url)
    files = S3Files(
        f"127.0.0.1:{proxy.port}",
        bucket.name,
        access=unquote(parts.username or ""),
        secret=unquote(parts.password or ""),
        secure=False,
        read_seconds=0.2,
    )
    with pytest.raises(StoreUnavailable):
        files.open(stored.key)
    assert proxy.connections == MOST_TRIES


def test_a_slow_line_may_take_its_time(
    bucket: Bucket, proxy: CuttingProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each piece of a part has to leave in the connect timeout, not the whole part."""
    monkeypatch.setattr("storage.s3.CONNECT_SECONDS", 0.5)
    proxy.use(lambda n: Fault(slow=0.05))  # a part takes 4 s
    stored = through(proxy, bucket).put([b"x" * PART_BYTES], media_type=PDF)
    assert bucket.files.stat(stored.key).size == PART_BYTES
    assert proxy.connections == 1


def test_a_wrong_secret_is_refused_at_once(bucket: Bucket) -> None:
    parts = urlsplit(bucket.url)
    wrong = urlunsplit(parts._replace(netloc=f"{parts.username}:wrong@127.0.0.1:{parts.port}"))
    files = files_from_url(wrong)
    for ask in (files.check, lambda: files.open(new_key()), lambda: list(files.keys())):
        with pytest.raises(StoreRefused) as refused:
            ask()
        assert refused.value.code == "store_refused"
        assert "wrong" not in str(refused.value)


def test_a_bucket_taken_away_is_not_a_missing_file(bucket: Bucket) -> None:
    bucket.client.remove_bucket(bucket.name)
    with pytest.raises(StoreNotPrepared):
        bucket.files.stat(new_key())


def test_a_proxy_page_instead_of_an_answer(bucket: Bucket) -> None:
    """A gateway that answers with its own page (502, HTML) is repeated and then a store out of reach."""
    answers = 0
    with socket.create_server(("127.0.0.1", 0)) as gateway:

        def serve() -> None:
            nonlocal answers
            while True:
                try:
                    asked, _ = gateway.accept()
                except OSError:
                    return
                with asked:
                    asked.recv(65536)
                    answers += 1
                    page = b"<html>Bad gateway</html>"
                    asked.sendall(
                        b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nConnection: close\r\n"
                        b"Content-Length: %d\r\n\r\n%s" % (len(page), page)
                    )

        threading.Thread(target=serve, daemon=True).start()
        files = files_from_url(on_port(bucket.url, gateway.getsockname()[1]))
        with pytest.raises(StoreUnavailable, match="502"):
            files.open(new_key())
        gateway.shutdown(socket.SHUT_RDWR)
    assert answers == MOST_TRIES
