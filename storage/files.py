"""The bytes of papers: what every store of files promises, and the values it speaks in.

Two makers keep the promise: a folder (`storage/local.py`) and any S3 store (`storage/s3.py`).
`files_from_url` chooses between them; no other line asks which one is in use.

The order is bytes first, row second. `put` returns only when the bytes are durable, so a row may name
the key at once. An object whose row was never committed is harmless, and `storage/sweep.py` removes it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import ClassVar, Protocol, Self, runtime_checkable
from urllib.parse import unquote, urlsplit

from uuid_utils import uuid7

CHUNK_BYTES = 256 * 1024
"""Bytes that travel at once, from a source into a store and from a store to a reader."""

_KEY = re.compile(r"[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{32}")


class FilesError(Exception):
    """Something a store of files could not do.

    `code` is stable and chooses the sentence that people see; `parameters` fill that sentence. The text of
    the exception itself is for logs, in English, and never holds a secret.
    """

    code: ClassVar[str] = "files_error"

    def __init__(self, message: str, **parameters: str | int | None) -> None:
        super().__init__(message)
        self.parameters = parameters


class FileMissing(FilesError):
    """No object has this key."""

    code = "file_missing"

    def __init__(self, key: str) -> None:
        super().__init__(f"no object has the key {key}", key=key)


class FileDamaged(FilesError):
    """The object's size or SHA-256 is not what was stored: never hand it out as good."""

    code = "file_damaged"

    def __init__(self, key: str, what: str) -> None:
        super().__init__(f"object {key} is damaged: {what}", key=key, what=what)


class FileTooBig(FilesError):
    """The source held more than `limit` bytes; nothing was kept."""

    code = "file_too_big"

    def __init__(self, limit: int) -> None:
        super().__init__(f"the file is larger than {limit} bytes", limit=limit)


class FileCut(FilesError):
    """The source did not hold as many bytes as it had announced; nothing was kept."""

    code = "file_cut"

    def __init__(self, announced: int, received: int) -> None:
        super().__init__(
            f"{announced} bytes were announced, {received} came", announced=announced, received=received
        )


class RangeOutside(FilesError):
    """The first byte asked for lies behind the end of the object."""

    code = "range_outside"

    def __init__(self, key: str, start: int, size: int) -> None:
        super().__init__(f"object {key} has {size} bytes, not {start}", key=key, start=start, size=size)


class KeyTaken(FilesError):
    """An object with this key exists already; it was left as it is."""

    code = "key_taken"

    def __init__(self, key: str) -> None:
        super().__init__(f"the key {key} is taken", key=key)


class StoreUnavailable(FilesError):
    """The store did not answer, answered with an error, or refused us. Trying later may help."""

    code = "store_unavailable"

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(f"{address}: {reason}", address=address, reason=reason)


class StoreNotPrepared(StoreUnavailable):
    """The folder or bucket does not exist: `prepare()` has never run, or the address is wrong."""

    code = "store_not_prepared"


class StoreRefused(StoreUnavailable):
    """The store knows us and says no (wrong secret, missing right): trying again does not help."""

    code = "store_refused"


class StoreFull(StoreUnavailable):
    """No space is left; nothing was kept."""

    code = "store_full"


@dataclass(frozen=True, slots=True)
class Stored:
    """What `put` kept: `sha256` is 64 lower-case hex digits, `size` is in bytes."""

    key: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class StoredKey:
    """One object as the store lists it; `modified_at` is aware UTC by the store's own clock."""

    key: str
    size: int
    modified_at: datetime


@runtime_checkable
class Readable(Protocol):
    """An open upload: `read(n)` gives at most n bytes, and b"" at the end."""

    def read(self, size: int, /) -> bytes: ...


Source = Readable | Iterable[bytes]


class Reader:
    """The bytes of one object, or of a part of it, once, in chunks of at most `CHUNK_BYTES`.

    `size` is the size of the whole object, `start` and `end` (exclusive) the part that will come. Ending
    before `end` raises `FileDamaged`: a short object never looks like a clean end. Close it, or use it as a
    context manager; closing twice is fine.
    """

    def __init__(
        self,
        key: str,
        *,
        size: int,
        start: int,
        end: int,
        read: Callable[[int], bytes],
        close: Callable[[], None],
    ) -> None:
        self.key = key
        self.size = size
        self.start = start
        self.end = end
        self._read = read
        self._close = close
        self._left = end - start
        self._closed = False

    def read(self, size: int = CHUNK_BYTES) -> bytes:
        """Give at most `size` bytes (at most `CHUNK_BYTES`); b"" only when every byte has been given."""
        if self._closed:
            raise ValueError("this reader is closed")
        wanted = min(size, self._left, CHUNK_BYTES)
        if wanted <= 0:
            return b""
        chunk = self._read(wanted)
        if not chunk:
            raise FileDamaged(self.key, f"{self._left} bytes are missing at the end")
        self._left -= len(chunk)
        return chunk

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        chunk = b"" if self._closed else self.read()
        if not chunk:
            self.close()
            raise StopIteration
        return chunk

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class VerifiedReader:
    """The bytes of one object, of which the last chunk comes only after size and SHA-256 have held.

    A class and not a generator: closing a generator that was never started runs none of its code, and the
    connection behind it would stay open.
    """

    def __init__(self, reader: Reader, *, sha256: str, size: int) -> None:
        self.size = size
        self._reader = reader
        self._sha256 = sha256
        self._digest = hashlib.sha256()
        self._held: bytes | None = None
        self._done = False
        if reader.size != size:
            reader.close()
            raise FileDamaged(reader.key, f"{reader.size} bytes instead of {size}")

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._done:
            raise StopIteration
        try:
            if self._held is None:
                self._held = self._next_hashed()
            following = self._next_hashed() if self._held else b""
            if not following:
                self._done = True
                if self._digest.hexdigest() != self._sha256:
                    raise FileDamaged(self._reader.key, "its SHA-256 is another")
        except BaseException:
            self._done = True
            self.close()
            raise
        given, self._held = self._held, following
        if self._done:
            self.close()
            if not given:  # an object of no bytes has no chunk either
                raise StopIteration
        return given

    def _next_hashed(self) -> bytes:
        chunk = self._reader.read()
        self._digest.update(chunk)
        return chunk

    def close(self) -> None:
        self._done = True
        self._reader.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Files(Protocol):
    """A store of objects under keys of our own. Safe to use from many threads at once.

    Every method may raise `StoreUnavailable` or one of its kinds. A `key` that `new_key` could not have
    made is a programming mistake and raises `ValueError`.
    """

    @property
    def address(self) -> str:
        """Where the bytes are, for people and logs, without any secret."""
        ...

    def prepare(self) -> None:
        """Make the folder or bucket if it does not exist. Called by `init` only."""
        ...

    def put(
        self,
        source: Source,
        *,
        media_type: str,
        key: str | None = None,
        limit: int | None = None,
        size: int | None = None,
    ) -> Stored:
        """Keep the source's bytes under `key` (a new one by default), in constant memory.

        Returns when the bytes are durable. Raises `FileTooBig` above `limit` bytes, `FileCut` when the
        source ends before or goes on behind `size` bytes, `KeyTaken`, `StoreFull`; what the source itself
        raises passes through unchanged. In each of these cases no object is left. An empty source is kept
        as an object of 0 bytes: whether that is allowed is the caller's rule.

        `KeyTaken` is certain for an object that was complete before this call. Between puts to one key that
        overlap it is as sharp as the store is, so never choose a key twice.
        """
        ...

    def open(self, key: str, *, start: int = 0, end: int | None = None) -> Reader:
        """Open bytes `start` to `end` (exclusive; clipped to the size). The bytes are not verified.

        Raises `FileMissing` or `RangeOutside` at once, not at the first read.
        """
        ...

    def open_verified(self, key: str, *, sha256: str, size: int) -> VerifiedReader:
        """Open the whole object, to be handed out only if it is what was stored.

        Raises `FileMissing`, or `FileDamaged` for a wrong size, at once. A wrong byte raises `FileDamaged`
        before the last chunk is given, so whoever passes the chunks on never ends cleanly on damage.
        """
        ...

    def stat(self, key: str) -> StoredKey:
        """Size and time of one object. Raises `FileMissing`."""
        ...

    def remove(self, key: str) -> None:
        """Remove the object; one that is missing already is fine."""
        ...

    def keys(self, *, after: str | None = None) -> Iterator[StoredKey]:
        """Every object of ours, in order of key, behind `after`. What others put there is passed over."""
        ...

    def clear_unfinished(self, *, before: datetime) -> int:
        """Remove what uploads that began before `before` (aware) left behind; returns how many."""
        ...

    def check(self) -> None:
        """Write a small probe, read it back and remove it. Raises what is wrong."""
        ...


def new_key() -> str:
    """A key nobody has used: `ab/cd/<UUIDv7 in hex>`, never made from a person's words.

    The prefix is the random end of the id, so that keys of one day spread over all folders.
    """
    name = uuid7().hex
    return f"{name[-2:]}/{name[-4:-2]}/{name}"


def is_key(text: str) -> bool:
    """Whether `new_key` could have made this text."""
    return _KEY.fullmatch(text) is not None and text[:5] == f"{text[-2:]}/{text[-4:-2]}"


def require_key(key: str) -> str:
    """Give the key back, or raise `ValueError`: with this no key can leave its folder."""
    if not is_key(key):
        raise ValueError(f"not a key of ours: {key!r}")
    return key


def require_range(start: int, end: int | None) -> None:
    """Raise `ValueError` for a range no object can have."""
    if start < 0 or (end is not None and end < start):
        raise ValueError(f"not a range: {start} to {end}")


class Intake:
    """A source on its way into a store: counts, hashes, and enforces the limits.

    Iterating gives chunks of at most `CHUNK_BYTES` and raises `FileTooBig` or `FileCut` as `Files.put`
    promises; `received` and `sha256` are final when the iteration has ended.
    """

    def __init__(self, source: Source, *, limit: int | None, size: int | None) -> None:
        if limit is not None and size is not None and size > limit:
            raise FileTooBig(limit)
        self._source = source
        self._limit = limit
        self._size = size
        self._digest = hashlib.sha256()
        self.received = 0

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def __iter__(self) -> Iterator[bytes]:
        for chunk in _chunks(self._source):
            self.received += len(chunk)
            if self._limit is not None and self.received > self._limit:
                raise FileTooBig(self._limit)
            if self._size is not None and self.received > self._size:
                raise FileCut(self._size, self.received)
            self._digest.update(chunk)
            yield chunk
        if self._size is not None and self.received != self._size:
            raise FileCut(self._size, self.received)


def _chunks(source: Source) -> Iterator[bytes]:
    """The source in non-empty chunks of at most `CHUNK_BYTES`."""
    if isinstance(source, Readable):
        while chunk := source.read(CHUNK_BYTES):
            yield chunk
        return
    for piece in source:
        for begin in range(0, len(piece), CHUNK_BYTES):
            yield piece[begin : begin + CHUNK_BYTES]


def files_from_url(url: str) -> Files:
    """The store that `url` names; no network and no disk is touched yet.

    `file:///absolute/folder`, or `s3://ACCESS:SECRET@host:port/bucket?secure=1&region=us-east-1` with
    access and secret percent-encoded. `secure` (https) is 1 unless said otherwise. Raises `ValueError`
    with a sentence that never repeats the URL, because it may hold the secret.
    """
    parts = urlsplit(url)
    if parts.scheme == "file":
        # Imported here because both stores import this module, and a local one never needs the S3 client.
        from storage.local import LocalFiles

        if parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
            raise ValueError("the files URL must be file:///absolute/folder")
        return LocalFiles(unquote(parts.path))
    if parts.scheme == "s3":
        from storage.s3 import S3Files

        return S3Files.from_url(url)
    raise ValueError("the files URL must begin with file:// or s3://")
