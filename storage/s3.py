"""Files in any S3 store, through the `minio` client, which is met only here.

The client's building blocks are used one by one instead of its `put_object`, for three reasons: its retries
are endless for our purpose and do not cover the closing of an upload, it cannot send `If-None-Match`, and
it copies each part several times. Those blocks (`_put_object`, `_execute`, …) are not public API; the client
is locked to one version and tests/storage runs all of this against a real store.
"""

from __future__ import annotations

import base64
import hashlib
import io
import random
import re
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import Any, TypeVar
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree.ElementTree import ParseError

import urllib3
from minio import Minio
from minio.datatypes import ListMultipartUploadsResult
from minio.datatypes import Object as Listed
from minio.error import InvalidResponseError, MinioException, S3Error, ServerError
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, SSLError

from storage.files import (
    FileDamaged,
    FileMissing,
    FileTooBig,
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

PART_BYTES = 5 * 1024 * 1024
"""The least S3 allows for a part that is not the last; one part is in memory at a time."""

MOST_PARTS = 10_000
"""What S3 allows per object."""

CONNECT_SECONDS = 4.5
"""A store that is down is known within 5 seconds: a connection that timed out is not tried again."""

READ_SECONDS = 20.0
"""Long enough for a store to put the parts of a large file together."""

MOST_TRIES = 4
LAST_RETRY_SECONDS = 10.0
"""A failed request is sent again at most 3 times, and not when its first try began longer ago than this."""

NO_CONNECTION_SECONDS = 2.0
"""The same for a connection that is refused (a store that restarts), so that a person waits 5 s at most."""

_PAGE_KEYS = 1000
_FULL = {"InsufficientStorage", "QuotaExceeded", "XMinioStorageFull", "EntityTooLarge"}
_NOT_PREPARED = {"NoSuchBucket"}
_WORTH_ANOTHER_TRY = {408, 429, 500, 502, 503, 504}

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")

T = TypeVar("T")


class _Taken(StoreUnavailable):
    """The store refused `If-None-Match: *`: the key has an object."""


class _Gone(StoreUnavailable):
    """The store says 404 for an object or an upload."""


class _Behind(StoreUnavailable):
    """The store says 416: the range begins behind the end."""


class _Passing(Exception):
    """A failure that another try may not meet, begun within so many seconds of the first.

    `final` is what it becomes when it stays.
    """

    def __init__(self, final: StoreUnavailable, within: float = LAST_RETRY_SECONDS) -> None:
        super().__init__(str(final))
        self.final = final
        self.within = within


class _Connections(urllib3.PoolManager):
    """Connections that send a part in small pieces and never follow a redirection.

    Given bytes, the whole body has to leave within the connect timeout, which a slow line to the store
    cannot do; of something that is read, each piece has that time. A redirection would carry our signature
    to another host.
    """

    def urlopen(self, method: str, url: str, redirect: bool = False, **kw: Any) -> urllib3.BaseHTTPResponse:  # type: ignore[override]  # the client passes only these
        if isinstance(kw.get("body"), bytes):
            kw["body"] = io.BytesIO(kw["body"])  # shares the bytes, copies nothing
        return super().urlopen(method, url, redirect=False, **kw)


class S3Files:
    """A bucket that keeps what `storage.files.Files` promises.

    Safe for threads. After a fork the child must make its own, because open connections are not shared.
    """

    def __init__(
        self,
        endpoint: str,
        bucket: str,
        *,
        access: str,
        secret: str,
        secure: bool = True,
        region: str = "us-east-1",
        authorities: str | None = None,
        read_seconds: float = READ_SECONDS,
    ) -> None:
        """`endpoint` is host or host:port, `authorities` a file of certificates to trust instead of the
        system's, `read_seconds` the longest silence of a store that has our request.
        """
        if not _BUCKET.fullmatch(bucket):
            raise ValueError("the bucket's name must be 3 to 63 of a-z, 0-9, dot and hyphen")
        self._bucket = bucket
        self._endpoint = endpoint
        pool = _Connections(
            maxsize=32,
            blocksize=64 * 1024,
            timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=read_seconds),
            retries=False,  # `_answer` repeats, so that every kind of request is bounded alike
            cert_reqs=ssl.CERT_REQUIRED,
            ca_certs=authorities,
        )
        self._client = Minio(
            endpoint, access_key=access, secret_key=secret, secure=secure, region=region, http_client=pool
        )

    @classmethod
    def from_url(cls, url: str) -> S3Files:
        """`s3://ACCESS:SECRET@host:port/bucket?secure=1&region=us-east-1&ca=/path`; see `files_from_url`."""
        readable = False
        with suppress(ValueError):
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
            access, secret = unquote(parts.username or ""), unquote(parts.password or "")
            options = parse_qs(parts.query, strict_parsing=bool(parts.query))
            readable = True
        if not readable:
            # Outside of the handler: the first error repeats pieces of the URL, perhaps of the secret.
            raise ValueError("the S3 URL cannot be read; percent-encode access and secret")
        bucket = parts.path.strip("/")
        if parts.scheme != "s3" or not host or not access or not secret:
            raise ValueError("the S3 URL must be s3://ACCESS:SECRET@host:port/bucket")
        if not bucket or "/" in bucket or parts.fragment:
            raise ValueError("the S3 URL must end with one bucket; percent-encode access and secret")
        if options.keys() - {"secure", "region", "ca"} or any(len(given) > 1 for given in options.values()):
            raise ValueError("the S3 URL takes the options secure, region and ca, once each")
        secure = options.get("secure", ["1"])[0]
        if secure not in ("0", "1"):
            raise ValueError("the option secure of the S3 URL is 0 or 1")
        if ":" in host:
            host = f"[{host}]"
        return cls(
            f"{host}:{port}" if port else host,
            bucket,
            access=access,
            secret=secret,
            secure=secure == "1",
            region=options.get("region", ["us-east-1"])[0],
            authorities=options.get("ca", [None])[0],
        )

    def __repr__(self) -> str:
        return f"S3Files({self.address!r})"

    @property
    def address(self) -> str:
        return f"s3://{self._endpoint}/{self._bucket}"

    def prepare(self) -> None:
        def make() -> None:
            try:
                self._client.make_bucket(self._bucket)
            except S3Error as error:
                if error.code not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
                    raise

        if not self._answer(lambda: self._client.bucket_exists(self._bucket)):
            self._answer(make)

    def put(
        self,
        source: Source,
        *,
        media_type: str,
        key: str | None = None,
        limit: int | None = None,
        size: int | None = None,
    ) -> Stored:
        key = require_key(key) if key else new_key()
        intake = Intake(source, limit=limit, size=size)
        upload: str | None = None
        etags: list[str] = []
        waiting = bytearray()
        try:
            for chunk in intake:
                waiting += chunk
                # "More than", so that the last part is never empty and a file of one part needs no upload.
                while len(waiting) > PART_BYTES:
                    if upload is None:
                        upload = self._begin(key, media_type)
                    part = bytes(memoryview(waiting)[:PART_BYTES])
                    del waiting[:PART_BYTES]
                    etags.append(self._send_part(key, upload, len(etags) + 1, part))
            if upload is None:
                self._send_whole(key, bytes(waiting), media_type)
            else:
                etags.append(self._send_part(key, upload, len(etags) + 1, bytes(waiting)))
                self._finish(key, upload, etags, sha256=intake.sha256, size=intake.received)
        except BaseException:
            if upload is not None:
                with suppress(StoreUnavailable):  # what cannot be given up now is swept
                    self._give_up(key, upload)
            raise
        return Stored(key=key, sha256=intake.sha256, size=intake.received)

    def open(self, key: str, *, start: int = 0, end: int | None = None) -> Reader:
        require_key(key)
        require_range(start, end)
        if end == start:  # S3 has no range of no bytes
            size = self.stat(key).size
            if start > size:
                raise RangeOutside(key, start, size)
            return Reader(key, size=size, start=start, end=start, read=lambda _: b"", close=lambda: None)
        ranged = start > 0 or end is not None
        try:
            response = self._answer(
                lambda: self._client.get_object(
                    self._bucket, key, offset=start, length=0 if end is None else end - start
                )
            )
        except _Gone:
            raise FileMissing(key) from None
        except _Behind:
            size = self.stat(key).size
            if start > size:
                raise RangeOutside(key, start, size) from None
            # Exactly at the end, or an object of no bytes: nothing to read, and nothing wrong.
            return Reader(key, size=size, start=start, end=start, read=lambda _: b"", close=lambda: None)

        def close() -> None:
            response.close()
            response.release_conn()

        try:
            if ranged:
                # A store that ignores ranges answers 200 with everything; its bytes would be the wrong ones.
                size = int(response.headers["Content-Range"].rpartition("/")[2])
            else:
                size = int(response.headers["Content-Length"])
        except (KeyError, ValueError):
            close()
            raise StoreUnavailable(self.address, "the answer does not say which bytes it holds") from None

        def read(wanted: int) -> bytes:
            try:
                return bytes(response.read(wanted))
            except (HTTPError, OSError) as error:
                raise StoreUnavailable(self.address, f"the answer was cut: {type(error).__name__}") from error

        return Reader(
            key,
            size=size,
            start=start,
            end=size if end is None else min(end, size),
            read=read,
            close=close,
        )

    def open_verified(self, key: str, *, sha256: str, size: int) -> VerifiedReader:
        return VerifiedReader(self.open(key), sha256=sha256, size=size)

    def stat(self, key: str) -> StoredKey:
        require_key(key)
        try:
            found = self._answer(lambda: self._client.stat_object(self._bucket, key))
        except _Gone:
            # The answer has no body that would say whether the object is missing or the bucket.
            if not self._answer(lambda: self._client.bucket_exists(self._bucket)):
                raise StoreNotPrepared(self.address, "the bucket does not exist") from None
            raise FileMissing(key) from None
        if found.last_modified is None or found.size is None:
            raise StoreUnavailable(self.address, "the answer has no size or time")
        return StoredKey(key, found.size, found.last_modified.astimezone(UTC))

    def remove(self, key: str) -> None:
        require_key(key)
        with suppress(_Gone):
            self._answer(lambda: self._client.remove_object(self._bucket, key))

    def keys(self, *, after: str | None = None) -> Iterator[StoredKey]:
        last = require_key(after) if after else None
        while True:
            page = self._page(last)
            for found in page:
                if (
                    found.object_name is not None
                    and is_key(found.object_name)
                    and found.size is not None
                    and found.last_modified is not None
                ):
                    yield StoredKey(found.object_name, found.size, found.last_modified.astimezone(UTC))
            if len(page) < _PAGE_KEYS:
                return
            last = page[-1].object_name

    def clear_unfinished(self, *, before: datetime) -> int:
        cleared = 0
        last: str | None = None
        while True:
            page = self._answer(partial(self._uploads, last))
            for upload in page.uploads:
                if (
                    is_key(upload.object_name)
                    and upload.upload_id is not None
                    and upload.initiated_time is not None
                    and upload.initiated_time < before
                ):
                    with suppress(_Gone):  # finished since the page was listed
                        self._give_up(upload.object_name, upload.upload_id)
                        cleared += 1
            if not page.is_truncated or not page.uploads:
                return cleared
            last = page.uploads[-1].object_name

    def check(self) -> None:
        said = random.randbytes(4096)
        probe = self.put([said], media_type="application/octet-stream")
        try:
            with self.open_verified(probe.key, sha256=probe.sha256, size=probe.size) as reader:
                for _ in reader:
                    pass
        except (FileMissing, FileDamaged) as error:
            raise StoreUnavailable(self.address, "what was written reads back differently") from error
        finally:
            self.remove(probe.key)

    # The requests of one upload

    def _send_whole(self, key: str, body: bytes, media_type: str) -> None:
        headers = {"Content-Type": media_type, "If-None-Match": "*"}
        tries = 0

        def send() -> None:
            nonlocal tries
            tries += 1
            self._client._put_object(self._bucket, key, body, dict(headers))

        try:
            self._answer(send)
        except _Taken:
            # An earlier try may have been carried out although its answer was lost.
            if tries == 1 or not self._holds(key, hashlib.sha256(body).hexdigest(), len(body)):
                raise KeyTaken(key) from None

    def _begin(self, key: str, media_type: str) -> str:
        return self._answer(
            lambda: self._client._create_multipart_upload(self._bucket, key, {"Content-Type": media_type})
        )

    def _send_part(self, key: str, upload: str, number: int, part: bytes) -> str:
        if number > MOST_PARTS:
            raise FileTooBig(MOST_PARTS * PART_BYTES)
        try:
            return self._answer(
                lambda: self._client._upload_part(self._bucket, key, part, None, upload, number)
            )
        except _Gone:
            raise StoreUnavailable(self.address, "the store has forgotten the upload") from None

    def _finish(self, key: str, upload: str, etags: list[str], *, sha256: str, size: int) -> None:
        parts = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>&quot;{etag}&quot;</ETag></Part>"
            for number, etag in enumerate(etags, 1)
        )
        body = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
        headers = {
            "Content-Type": "application/xml",
            "Content-MD5": base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode(),
            "If-None-Match": "*",
        }
        tries = 0

        def finish() -> None:
            nonlocal tries
            tries += 1
            answer = self._client._execute(
                "POST",
                self._bucket,
                key,
                body=body,
                headers=dict(headers),
                query_params={"uploadId": upload},
            )
            # S3 may begin its answer with 200 before it knows the outcome, and then write an error.
            if b"<Error" in answer.data or b"ETag" not in answer.data:
                raise _Passing(StoreUnavailable(self.address, "the upload was not put together"))

        try:
            self._answer(finish)
        except (_Taken, _Gone) as error:
            # As above; a store forgets the upload once it has put the parts together.
            if tries > 1 and self._holds(key, sha256, size):
                return
            if isinstance(error, _Taken):
                raise KeyTaken(key) from None
            raise StoreUnavailable(self.address, "the store has forgotten the upload") from None
        if self.stat(key).size != size:
            self.remove(key)
            raise StoreUnavailable(self.address, "the upload was put together wrongly")

    def _give_up(self, key: str, upload: str) -> None:
        self._answer(lambda: self._client._abort_multipart_upload(self._bucket, key, upload))

    def _holds(self, key: str, sha256: str, size: int) -> bool:
        """Whether the object has exactly these bytes, by reading all of it."""
        try:
            with self.open_verified(key, sha256=sha256, size=size) as reader:
                for _ in reader:
                    pass
        except (FileMissing, FileDamaged):
            return False
        return True

    def _uploads(self, after: str | None) -> ListMultipartUploadsResult:
        # The client's own method sends an empty delimiter, for which Swift answers with no upload at all.
        query: dict[str, str | list[str] | tuple[str]] = {"uploads": "", "max-uploads": str(_PAGE_KEYS)}
        if after is not None:
            query["key-marker"] = after  # enough, because a key of ours has one upload only
        return ListMultipartUploadsResult(self._client._execute("GET", self._bucket, query_params=query))

    def _page(self, after: str | None) -> list[Listed]:
        def listed() -> list[Listed]:
            found = self._client.list_objects(self._bucket, recursive=True, start_after=after)
            return list(islice(found, _PAGE_KEYS))

        return self._answer(listed)

    # What the store answers

    def _answer(self, ask: Callable[[], T]) -> T:
        """Ask, again where that may help, and give what the store says in our own words."""
        began = time.monotonic()
        for retry in range(MOST_TRIES):
            try:
                return self._asked_once(ask)
            except _Passing as passing:
                if retry == MOST_TRIES - 1 or time.monotonic() - began > passing.within:
                    raise passing.final from passing.__cause__
                # Jitter, so that many workers do not come back together.
                time.sleep(random.uniform(0.05, 0.2 * 2**retry))
        raise AssertionError("unreachable")

    def _asked_once(self, ask: Callable[[], T]) -> T:
        try:
            return ask()
        except S3Error as error:
            raise self._translated(error.response.status, error.code or "") from error
        except InvalidResponseError as error:
            # The status of an answer that is not application/xml (a proxy's page) is in no public attribute.
            raise self._translated(int(error._code), "") from error
        except ServerError as error:
            raise self._translated(error.status_code, "") from error
        except NewConnectionError as error:  # a kind of ConnectTimeoutError, but known at once
            raise _Passing(StoreUnavailable(self.address, "no connection"), NO_CONNECTION_SECONDS) from error
        except (ConnectTimeoutError, SSLError) as error:
            # Four times 4.5 seconds would keep a person waiting for an answer that is known already; and a
            # certificate does not become right by asking again.
            raise StoreUnavailable(self.address, type(error).__name__) from error
        except (HTTPError, OSError) as error:
            raise _Passing(StoreUnavailable(self.address, type(error).__name__)) from error
        except (MinioException, ParseError, ValueError) as error:
            unclear = StoreUnavailable(self.address, f"the answer is not understood: {type(error).__name__}")
            raise _Passing(unclear) from error

    def _translated(self, status: int, code: str) -> Exception:
        reason = f"{status} {code}".strip()
        if status == 507 or code in _FULL:
            return StoreFull(self.address, reason)
        if code in _NOT_PREPARED:
            return StoreNotPrepared(self.address, reason)
        if status == 404:
            return _Gone(self.address, reason)
        if status == 412:
            return _Taken(self.address, reason)
        if status == 416:
            return _Behind(self.address, reason)
        if status in _WORTH_ANOTHER_TRY:
            return _Passing(StoreUnavailable(self.address, reason))
        if status in (401, 403):
            return StoreRefused(self.address, reason)
        return StoreUnavailable(self.address, reason)
