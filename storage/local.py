"""Files in a folder of this machine: whole or not there, and durable before `put` returns.

    <folder>/ab/cd/<id>        one object, 0600
    <folder>/unfinished/<id>   bytes on their way; swept when an upload died

An object is written in `unfinished`, flushed with fsync, given its key by a hard link (which, unlike rename,
never replaces an object that has the key already), and the folder entry is flushed too.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path

from storage.files import (
    FileDamaged,
    FileMissing,
    Intake,
    KeyTaken,
    RangeOutside,
    Reader,
    Source,
    Stored,
    StoredKey,
    StoreFull,
    StoreNotPrepared,
    StoreRefused,
    StoreUnavailable,
    VerifiedReader,
    is_key,
    new_key,
    require_key,
    require_range,
)

_UNFINISHED = "unfinished"
_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NOT_ALLOWED = {errno.EACCES, errno.EPERM, errno.EROFS}
_NO_HARD_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


class LocalFiles:
    """A folder that keeps what `storage.files.Files` promises."""

    def __init__(self, folder: str | Path) -> None:
        self._root = Path(folder).absolute()

    def __repr__(self) -> str:
        return f"LocalFiles({str(self._root)!r})"

    @property
    def address(self) -> str:
        return self._root.as_uri()

    def prepare(self) -> None:
        with self._answering():
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
            (self._root / _UNFINISHED).mkdir(mode=0o700, exist_ok=True)
            _flush_folder(self._root)
            _flush_folder(self._root.parent)

    def put(
        self,
        source: Source,
        *,
        media_type: str,  # kept with the row; a folder has no place for it
        key: str | None = None,
        limit: int | None = None,
        size: int | None = None,
    ) -> Stored:
        key = require_key(key) if key else new_key()
        intake = Intake(source, limit=limit, size=size)
        unfinished = self._root / _UNFINISHED / new_key().rpartition("/")[2]
        with self._answering():
            written = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            try:
                # Only our own calls are translated: an OSError of the source is the caller's affair.
                for chunk in intake:
                    with self._answering():
                        _write_all(written, chunk)
                with self._answering():
                    os.fsync(written)
            finally:
                with self._answering():
                    os.close(written)
            with self._answering():
                self._publish(unfinished, key)
        finally:
            with suppress(OSError):  # what stays behind is swept
                os.unlink(unfinished)
        return Stored(key=key, sha256=intake.sha256, size=intake.received)

    def open(self, key: str, *, start: int = 0, end: int | None = None) -> Reader:
        require_range(start, end)
        with self._answering():
            file = self._opened(key)
            try:
                size = os.fstat(file.fileno()).st_size
                if start > size:
                    raise RangeOutside(key, start, size)
                file.seek(start)
            except BaseException:
                file.close()
                raise

        def read(wanted: int) -> bytes:
            try:
                return file.read(wanted) or b""
            except OSError as error:
                if error.errno == errno.EIO:  # the disk cannot give what it was given
                    raise FileDamaged(key, os.strerror(error.errno)) from error
                raise self._translated(error) from error

        return Reader(
            key,
            size=size,
            start=start,
            end=size if end is None else max(start, min(end, size)),
            read=read,
            close=file.close,
        )

    def open_verified(self, key: str, *, sha256: str, size: int) -> VerifiedReader:
        return VerifiedReader(self.open(key), sha256=sha256, size=size)

    def stat(self, key: str) -> StoredKey:
        with self._answering():
            try:
                found = os.stat(self._path(key), follow_symlinks=False)
            except FileNotFoundError:
                self._require_prepared()
                raise FileMissing(key) from None
        return StoredKey(key, found.st_size, datetime.fromtimestamp(found.st_mtime, UTC))

    def remove(self, key: str) -> None:
        path = self._path(key)
        with self._answering():
            try:
                os.unlink(path)
            except FileNotFoundError:
                self._require_prepared()
                return
            _flush_folder(path.parent)

    def keys(self, *, after: str | None = None) -> Iterator[StoredKey]:
        after = require_key(after) if after else ""
        with self._answering():
            self._require_prepared()
        for outer in self._names(self._root, 2):
            if outer < after[:2]:
                continue
            for inner in self._names(self._root / outer, 2):
                if f"{outer}/{inner}" < after[:5]:
                    continue
                for name in self._names(self._root / outer / inner, 32):
                    key = f"{outer}/{inner}/{name}"
                    if key > after and is_key(key):
                        try:
                            found = self.stat(key)
                        except FileMissing:  # removed since the folder was listed
                            continue
                        yield found

    def clear_unfinished(self, *, before: datetime) -> int:
        cleared = 0
        with self._answering(), os.scandir(self._root / _UNFINISHED) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):  # finished since the folder was listed
                    # Each write renews the time, so an upload still running is not touched.
                    if entry.stat(follow_symlinks=False).st_mtime < before.timestamp():
                        os.unlink(entry.path)
                        cleared += 1
        return cleared

    def check(self) -> None:
        probe = self._root / _UNFINISHED / f"probe-{new_key().rpartition('/')[2]}"
        said = os.urandom(4096)
        with self._answering():
            try:
                file = os.open(probe, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
                try:
                    _write_all(file, said)
                    os.fsync(file)
                    heard = os.pread(file, len(said) + 1, 0)
                finally:
                    os.close(file)
            finally:
                with suppress(OSError):  # if it cannot be removed now, it is swept
                    os.unlink(probe)
        if heard != said:
            raise StoreUnavailable(self.address, "what was written reads back differently")

    def _path(self, key: str) -> Path:
        return self._root / require_key(key)

    def _opened(self, key: str) -> FileIO:
        def without_links(path: str, flags: int) -> int:
            return os.open(path, flags | os.O_NOFOLLOW)

        try:
            return FileIO(str(self._path(key)), opener=without_links)
        except FileNotFoundError:
            self._require_prepared()
            raise FileMissing(key) from None
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.EISDIR):
                raise FileDamaged(key, "a link or a folder stands in its place") from error
            raise

    def _require_prepared(self) -> None:
        """A folder that is not mounted must not look like one whose files are gone."""
        if not (self._root / _UNFINISHED).is_dir():
            raise StoreNotPrepared(self.address, "the folder is not there or was never prepared")

    def _publish(self, unfinished: Path, key: str) -> None:
        path = self._path(key)
        for folder in (path.parent.parent, path.parent):
            with suppress(FileExistsError):
                folder.mkdir(mode=0o700)
            # Also when another put made it: that one may not have flushed it yet.
            _flush_folder(folder.parent)
        try:
            os.link(unfinished, path, follow_symlinks=False)
        except FileExistsError:
            raise KeyTaken(key) from None
        except OSError as error:
            if error.errno not in _NO_HARD_LINKS:
                raise
            if path.exists():  # not atomic, but keys are never chosen twice
                raise KeyTaken(key) from None
            os.rename(unfinished, path)
        try:
            _flush_folder(path.parent)
        except BaseException:
            with suppress(OSError):  # not durable, so it must not be there either
                os.unlink(path)
            raise

    def _names(self, folder: Path, length: int) -> list[str]:
        with self._answering():
            try:
                return sorted(name for name in os.listdir(folder) if len(name) == length)
            except NotADirectoryError:  # a file that somebody else put here
                return []

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """Turn what the operating system says into what this store says."""
        try:
            yield
        except OSError as error:
            raise self._translated(error) from error

    def _translated(self, error: OSError) -> StoreUnavailable:
        reason = os.strerror(error.errno) if error.errno else type(error).__name__
        if error.errno in _NO_SPACE:
            return StoreFull(self.address, reason)
        if error.errno in _NOT_ALLOWED:
            return StoreRefused(self.address, reason)
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            return StoreNotPrepared(self.address, reason)
        return StoreUnavailable(self.address, reason)


def _write_all(file: int, chunk: bytes) -> None:
    """Write every byte: the operating system may take fewer than it is given (a nearly full disk)."""
    rest = memoryview(chunk)
    while rest:
        rest = rest[os.write(file, rest) :]


def _flush_folder(folder: Path) -> None:
    """Make the folder's entries durable; a file's own fsync does not cover its name."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
