"""Lines that break and disks that forget, as the client with the file sees it (promises T35, T36 and T57)."""

from __future__ import annotations

import hashlib
import random
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

import pytest
from sqlalchemy import func, select

from dossiers.attachment import Attachment, AttachmentVersion
from storage.blob import Blob
from tests.builders import a_pdf
from tests.promises.installation import API, ROOT, TRANSIENT, Client, Installation, Server, upload_body
from tests.services.cutting_proxy import Fault, cutting_proxy
from tests.services.stores import Bucket, Folder, Store


@pytest.fixture
def dice() -> random.Random:
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # shown when the test fails
    return random.Random(seed)


def rows(installation: Installation) -> tuple[int, ...]:
    """How many papers, versions and blobs there are."""
    with installation.world.database.reading() as tx:
        return tuple(
            tx.session.scalar(select(func.count()).select_from(table)) or 0
            for table in (Attachment, AttachmentVersion, Blob)
        )


def store_of(installation: Installation) -> Store:
    url = installation.environment["VINHDANH_FILES_URL"]
    return Folder(url) if url.startswith("file:") else Bucket(url)


def cut_upload(server: Server, client: Client, dossier: str, content: bytes, share: float) -> bytes:
    """Send that share of an upload and close the connection; return what came back, if anything did."""
    head, body = upload_body(content, "giấy tờ.pdf", {"kind": "evidence"})
    request = (
        f"POST {API}/dossiers/{dossier}/papers HTTP/1.1\r\nHost: {client.host}\r\n"
        f"Authorization: Bearer {client.token}\r\nContent-Type: {head['Content-Type']}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body
    at = int(len(request) * share)
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as line:
        line.sendall(request[:at])
        line.shutdown(socket.SHUT_WR)  # a polite end; closing without reading would reset
        heard = b""
        with suppress(OSError):
            while piece := line.recv(65536):
                heard += piece
    return heard


@pytest.mark.parametrize("cuts", [20, pytest.param(200, marks=[pytest.mark.long, pytest.mark.timeout(1200)])])
def test_an_upload_cut_at_any_byte_is_never_seen(
    installation: Installation, dice: random.Random, cuts: int
) -> None:
    dossier = installation.dossier("draft")
    before = rows(installation)
    with installation.serving() as server:
        client = server.client(installation.token("suong"))
        shown = client.get(f"/dossiers/{dossier}").json["papers"]
        for _ in range(cuts):
            content = a_pdf() + dice.randbytes(dice.randint(1, 400_000))
            heard = cut_upload(server, client, dossier, content, dice.random())
            assert b" 201 " not in heard.split(b"\r\n")[0]
        assert client.get(f"/dossiers/{dossier}").json["papers"] == shown
        assert rows(installation) == before
        content = a_pdf("whole")
        assert (
            client.upload(dossier, content, seen_version=str(installation.world.version(dossier))).status
            == 201
        )
    assert store_of(installation).unfinished() == 0
    # Neither a row without bytes nor bytes without a row, even without the grace time.
    assert len(list(installation.files.keys())) == rows(installation)[2] == before[2] + 1
    installation.check()


def test_bytes_whose_row_never_came_are_swept(small: Installation) -> None:
    """The power fails between the bytes and their row: nobody sees the paper, and the sweep removes it."""
    dossier = small.dossier("draft")
    before, kept = rows(small), len(list(small.files.keys()))
    path = small.environment["VINHDANH_DATABASE_URL"].removeprefix("sqlite:///")
    with small.serving(VINHDANH_WORKERS="0") as server:
        client = server.client(small.token("suong"))
        version = str(small.world.version(dossier))
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")  # the row must wait, the bytes need not
        heard: list[int] = []

        def send() -> None:
            with suppress(*TRANSIENT):
                heard.append(client.upload(dossier, a_pdf("orphan"), seen_version=version).status)

        sending = threading.Thread(target=send)
        sending.start()
        until = time.monotonic() + 9
        while len(list(small.files.keys())) == kept:
            assert time.monotonic() < until
            time.sleep(0.02)
        server.kill()
        sending.join()
        other.execute("ROLLBACK")
        other.close()
    assert heard == []
    assert rows(small) == before
    swept = subprocess.run(
        [sys.executable, "-m", "web.cli", "storage", "sweep", "--grace-hours", "0"],
        cwd=ROOT, env={**small.environment, "VINHDANH_TEST_CLOCK": "2100-01-01T00:00:00+07:00"},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert swept.returncode == 0, swept.stderr
    assert f"{kept + 1} objects, 1 that nobody names removed" in swept.stdout
    assert len(list(small.files.keys())) == kept
    small.check()


@dataclass(frozen=True)
class Download:
    """A download as its bytes came: whether its end was a clean one, by the length that was announced."""

    status: int
    body: bytes
    announced: int

    @property
    def is_clean(self) -> bool:
        return self.status == 200 and len(self.body) == self.announced


def download(server: Server, client: Client, file: str) -> Download:
    """Read one file to the end of the connection, believing nothing but bytes."""
    request = (
        f"GET {API}/files/{file} HTTP/1.1\r\nHost: {client.host}\r\nAuthorization: Bearer {client.token}\r\n"
        "Connection: close\r\n\r\n"
    )
    heard = b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as line:
        line.sendall(request.encode())
        with suppress(ConnectionError):
            while piece := line.recv(65536):
                heard += piece
    head, _, body = heard.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    return Download(int(lines[0].split()[1]) if lines[0] else 0, body, int(headers.get("content-length", -1)))


def a_paper(client: Client, installation: Installation, content: bytes) -> tuple[str, str, str]:
    """Upload it; return the refs of dossier and file, and the key of its object."""
    dossier = installation.dossier("draft")
    version = str(installation.world.version(dossier))
    answer = client.upload(dossier, content, seen_version=version)
    assert answer.status == 201, answer.body
    with installation.world.database.reading() as tx:
        key = tx.session.scalar(select(Blob.key).order_by(Blob.id.desc()).limit(1))
    assert key is not None
    return dossier, answer.json["version_ref"], key


@pytest.mark.parametrize(
    "flips", [20, pytest.param(100, marks=[pytest.mark.long, pytest.mark.timeout(1200)])]
)
def test_a_stored_file_with_one_bit_turned_is_never_handed_out_as_good(
    installation: Installation, dice: random.Random, flips: int
) -> None:
    content = a_pdf() + dice.randbytes(300_000)
    store = store_of(installation)
    with installation.serving() as server:
        client = server.client(installation.token("suong"))
        _, file, key = a_paper(client, installation, content)
        assert download(server, client, file) == Download(200, content, len(content))
        for number in range(flips):
            damaged = bytearray(content)
            if number % 5:
                damaged[dice.randrange(len(damaged))] ^= 1 << dice.randrange(8)
            else:  # or the end is missing, or there is more than there was
                damaged = damaged[: dice.randrange(len(damaged))] if number % 2 else damaged + b"more"
            store.overwrite(key, bytes(damaged))
            got = download(server, client, file)
            assert not got.is_clean, f"flip {number}"
            # What came before the alarm is less than the file: its last part waits for the verdict.
            assert got.status in (200, 409, 503)
            assert len(got.body) < len(content)
        store.overwrite(key, content)
        assert download(server, client, file) == Download(200, content, len(content))
        damage = [line for line in server.lines() if "FileDamaged" in line or "file_damaged" in line]
    assert len(damage) >= 1, "the log says it"
    installation.check()


@pytest.mark.parametrize("cuts", [20, pytest.param(200, marks=[pytest.mark.long, pytest.mark.timeout(1200)])])
def test_what_a_cut_line_to_the_store_gave_is_never_taken_for_the_file(
    large_with_s3: Installation, dice: random.Random, cuts: int
) -> None:
    """T57 as a person downloads: the file whole and right, or an error, or an aborted transfer; between the
    server and the store every line ends, is reset or turns a bit somewhere.
    """
    content = a_pdf() + dice.randbytes(300_000)
    sha256 = hashlib.sha256(content).hexdigest()
    url = urlsplit(large_with_s3.environment["VINHDANH_FILES_URL"])
    assert url.hostname is not None
    assert url.port is not None
    with cutting_proxy(url.hostname, url.port) as proxy:
        through = url._replace(netloc=url.netloc.replace(f":{url.port}", f":{proxy.port}")).geturl()
        assert unquote(through) != unquote(url.geturl())
        with large_with_s3.serving(VINHDANH_FILES_URL=through) as server:
            client = server.client(large_with_s3.token("suong"))
            _, file, _ = a_paper(client, large_with_s3, content)
            outcomes = []
            for _ in range(cuts):
                at = dice.randrange(len(content))
                fault = dice.choice([Fault(cut_at=at), Fault(cut_at=at, reset=True), Fault(flip_at=at)])
                # The first answer is lost with the line that was kept from before: then every line is a bad one.
                proxy.use(fault_of=lambda n, fault=fault: fault, loses=lambda n: n == 0)  # type: ignore[misc]  # bound now
                got = download(server, client, file)
                if got.is_clean:
                    assert hashlib.sha256(got.body).hexdigest() == sha256
                outcomes.append(got.is_clean)
            proxy.use()
            assert download(server, client, file) == Download(200, content, len(content))
    assert outcomes.count(False) >= cuts // 2, "the faults were felt"
    large_with_s3.check()
