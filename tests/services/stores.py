"""A store of files together with what only its thief, its disk or its doctor can do to it."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from minio import Minio

from storage.files import Files, files_from_url


class Store(Protocol):
    """`files` is what the product sees; the rest goes around it."""

    @property
    def url(self) -> str: ...

    @property
    def files(self) -> Files: ...

    def overwrite(self, name: str, content: bytes) -> None:
        """Put these bytes under any name, also over an object of ours."""

    def unfinished(self) -> int:
        """How many uploads have left something behind."""


@dataclass(frozen=True)
class Folder:
    url: str

    @property
    def path(self) -> Path:
        return Path(unquote(urlsplit(self.url).path))

    @property
    def files(self) -> Files:
        return files_from_url(self.url)

    def overwrite(self, name: str, content: bytes) -> None:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def unfinished(self) -> int:
        return len(list((self.path / "unfinished").iterdir()))


@dataclass(frozen=True)
class Bucket:
    url: str

    @property
    def name(self) -> str:
        return urlsplit(self.url).path.strip("/")

    @property
    def files(self) -> Files:
        return files_from_url(self.url)

    @property
    def client(self) -> Minio:
        parts = urlsplit(self.url)
        return Minio(
            f"{parts.hostname}:{parts.port}",
            access_key=unquote(parts.username or ""),
            secret_key=unquote(parts.password or ""),
            secure="secure=0" not in parts.query,
            region="us-east-1",
        )

    def overwrite(self, name: str, content: bytes) -> None:
        self.client.put_object(self.name, name, io.BytesIO(content), len(content))

    def unfinished(self) -> int:
        # An empty delimiter, which the client's own method sends, hides every upload from us in Swift.
        return self.client._execute("GET", self.name, query_params={"uploads": ""}).data.count(b"<UploadId>")
