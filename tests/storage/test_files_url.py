"""The URL that chooses the store, and the secret in it that is never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage.files import files_from_url, is_key, new_key
from storage.local import LocalFiles
from storage.s3 import S3Files

SECRET = "tr0ng/kho+an=toàn"
ENCODED = "tr0ng%2Fkho%2Ban%3Dto%C3%A0n"


def test_a_folder() -> None:
    files = files_from_url("file:///srv/h%E1%BB%93%20s%C6%A1")
    assert isinstance(files, LocalFiles)
    assert files.address == Path("/srv/hồ sơ").as_uri()


def test_a_bucket() -> None:
    files = files_from_url(f"s3://AK%3A1:{ENCODED}@store.example:9000/papers?secure=0&region=vn-1")
    assert isinstance(files, S3Files)
    assert files.address == "s3://store.example:9000/papers"
    provided = files._client._provider
    assert provided is not None
    credentials = provided.retrieve()
    assert (credentials.access_key, credentials.secret_key) == ("AK:1", SECRET)
    assert not files._client._base_url.is_https
    assert files._client._base_url.region == "vn-1"


def test_https_unless_said_otherwise() -> None:
    files = files_from_url("s3://a:b@[::1]:9000/papers")
    assert isinstance(files, S3Files)
    assert files._client._base_url.is_https
    assert files.address == "s3://[::1]:9000/papers"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/srv/files",
        "file://srv/files",
        "file:srv",
        "ftp://x/y",
        f"s3://AK:{ENCODED}@store.example:9000",
        f"s3://AK:{ENCODED}@store.example:9000/",
        f"s3://AK:{ENCODED}@store.example:9000/a/b",
        f"s3://AK:{ENCODED}@store.example:9000/Papers",
        f"s3://AK:{ENCODED}@store.example:9000/ab",
        f"s3://AK:{ENCODED}@store.example:port/papers",
        f"s3://AK:{ENCODED}@store.example:9000/papers?secure=yes",
        f"s3://AK:{ENCODED}@store.example:9000/papers?secret=1",
        f"s3://AK:{ENCODED}@store.example:9000/papers?secure",
        f"s3://AK:{ENCODED}@store.example:9000/papers?secure=1&secure=0",
        f"s3://AK:{ENCODED}@store.example:9000/papers#x",
        f"s3://:{ENCODED}@store.example:9000/papers",
        f"s3://{ENCODED}@store.example:9000/papers",
        "s3://AK@store.example:9000/papers",
        "s3://store.example:9000/papers",
        f"s3://AK:{ENCODED}@/papers",
        f"s3://AK:{SECRET}@store.example:9000/papers",  # not encoded: the slash ends the host
        "s3://AK:tr0ng?kho@store.example:9000/papers",
        "s3://AK:tr0ng#kho@store.example:9000/papers",
        "s3://AK:tr0ng[kho@store.example:9000/papers",
    ],
)
def test_a_wrong_url_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ValueError) as refused:
        files_from_url(url)
    said = str(refused.value)
    assert said
    for piece in ("tr0ng", "kho"):
        assert piece not in said
    # What an exception hangs on to is printed with it.
    assert refused.value.__cause__ is None
    assert refused.value.__context__ is None


def test_the_secret_is_not_in_what_is_printed() -> None:
    files = files_from_url(f"s3://AK:{ENCODED}@store.example/papers")
    for shown in (repr(files), str(files), files.address, f"{files!r:>80}", ascii(files)):
        assert "tr0ng" not in shown
        assert "AK" not in shown


def test_keys_are_new_spread_and_never_a_persons_words() -> None:
    keys = {new_key() for _ in range(2_000)}
    assert len(keys) == 2_000
    assert all(is_key(key) for key in keys)
    assert len({key[:2] for key in keys}) > 200  # of 256


# Written out: a test's name must be the same in every process that runs a part of the tests.
A_KEY = "e0/41/0193371c2ad47c31a94f6d0b5c2841e0"


@pytest.mark.parametrize("text", ["", "ab", A_KEY.upper(), A_KEY + "0", " " + A_KEY, A_KEY[3:]])
def test_other_texts_are_no_keys(text: str) -> None:
    assert is_key(A_KEY)
    assert not is_key(text)
