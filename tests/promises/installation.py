"""An installation of its own: the world of the builders, and real server processes on it.

The test process writes the world as rows and commands; from then on only ``python -m web.cli serve`` works on
it, in the environment of an operator, and the test is a client with a bearer token. Servers start on the
morning of 4 November 2024 (``VINHDANH_TEST_CLOCK``), when the round of the builders is open.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import update

from storage.database import Database, TestClock
from storage.files import Files, files_from_url
from storage.outbox_tables import Outbox
from storage.sequencer import Sequencer
from storage.signer import FileKeySigner
from tests.builders import World, a_world
from tests.promises.invariants import Deed, broken
from tests.workflow.journeys import JOURNEYS, a_case
from workflow import accounts
from workflow.worker import Worker

ROOT = Path(__file__).resolve().parents[2]
ORIGIN = "test.vinhdanh/gt"
MORNING = "2024-11-04T09:00:00+07:00"
NOON = "2024-11-04T12:00:00+07:00"  # later than any promise that a server made since the morning
SECRET = "7d1f0c5e9ab34826c4b8e2f6a9d05137"
ANSWERS_WITHIN = 60.0  # seconds, generous: other tests may keep the machine busy
ENDS_WITHIN = 30.0
API = "/api/v1"

TRANSIENT = (ConnectionError, http.client.HTTPException, TimeoutError)
"""What a client sees of a line that was cut: it does not know whether its deed was done."""


@dataclass(frozen=True)
class Answer:
    """What came back: status, headers by lower-case name, and the body as far as it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Server:
    """One running server process. ``log`` is what it wrote on standard error."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def client(self, token: str | None, port: int | None = None) -> Client:
        return Client(port or self.port, token, host=f"127.0.0.1:{self.port}")

    def kill(self) -> None:
        """End it as a power cut does."""
        self.process.kill()
        self.process.wait()

    def lines(self) -> list[str]:
        return self.log.read_text(encoding="utf-8").splitlines()


@dataclass
class Client:
    """A program with a bearer token; every request is a connection of its own, as after a cut line.

    ``port`` may be that of a proxy in front; ``host`` is then still the server's own name.
    """

    port: int
    token: str | None
    host: str
    timeout: float = 60.0

    def send(
        self, method: str, path: str, body: Any = None, *, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Raises one of `TRANSIENT` when the line breaks."""
        given = {"Host": self.host, "Accept-Language": "en", **(headers or {})}
        if self.token is not None:
            given.setdefault("Authorization", f"Bearer {self.token}")
        content = body
        if body is not None and not isinstance(body, bytes):
            content = json.dumps(body).encode()
            given.setdefault("Content-Type", "application/json")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.timeout)
        try:
            connection.request(method, path, content, given)
            heard = connection.getresponse()
            return Answer(
                heard.status, {name.lower(): value for name, value in heard.getheaders()}, heard.read()
            )
        finally:
            connection.close()

    def get(self, path: str) -> Answer:
        return self.send("GET", API + path)

    def act(self, dossier: str, action: str, seen: int, key: str | None = None, **body: Any) -> Answer:
        headers = {} if key is None else {"Idempotency-Key": key}
        return self.send(
            "POST",
            f"{API}/dossiers/{dossier}/actions/{action}",
            {"seen_version": seen, **body},
            headers=headers,
        )

    def upload(self, dossier: str, content: bytes, name: str = "giay-to.pdf", **form: str) -> Answer:
        head, body = upload_body(content, name, {"kind": "evidence", **form})
        return self.send("POST", f"{API}/dossiers/{dossier}/papers", body, headers=head)


def upload_body(content: bytes, name: str, form: Mapping[str, str]) -> tuple[dict[str, str], bytes]:
    """Return header and body of a form with one file."""
    mark = hashlib.sha256(content).hexdigest()[:24]
    parts = [
        f'--{mark}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
        for key, value in form.items()
    ]
    parts.append(
        f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        "Content-Type: application/pdf\r\n\r\n".encode()
        + content
        + b"\r\n"
    )
    return {"Content-Type": f"multipart/form-data; boundary={mark}"}, b"".join(
        parts
    ) + f"--{mark}--\r\n".encode()


@dataclass
class Installation:
    """A data folder, a database and a store, with the world in them."""

    folder: Path
    world: World
    files: Files
    environment: Mapping[str, str]
    journal: list[Deed] = field(default_factory=list)
    logs: list[Path] = field(default_factory=list)
    _tokens: dict[str, str] = field(default_factory=dict)

    @property
    def keys(self) -> Path:
        return self.folder / "keys"

    def token(self, who: str) -> str:
        if who not in self._tokens:
            self._tokens[who] = accounts.create_token(
                self.world.database,
                account_id=self.world.accounts[who],
                label="Phần mềm một cửa",
                scopes="read write admin",
                lifetime=timedelta(days=300),
            )
        return self._tokens[who]

    def dossier(self, state: str) -> str:
        """Return the ref of a new dossier in ``state``, brought there by commands."""
        case = a_case(self.world, self.files)
        for step in JOURNEYS[state]:
            step(case)
        return case.dossier

    def close(self) -> None:
        self.world.database.close()

    @contextmanager
    def serving(self, **settings: str) -> Iterator[Server]:
        """A server process, from its first answer on; it is told to end afterwards if it still runs."""
        port = free_port()
        log = self.folder.parent / f"{self.folder.name}.{len(self.logs)}.log"
        self.logs.append(log)
        process = started(["serve"], {**self.environment, "VINHDANH_PORT": str(port), **settings}, log)
        try:
            server = Server(process, port, log)
            wait_until_ready(server)
            yield server
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                assert process.wait(ENDS_WITHIN) == 0, log.read_text(encoding="utf-8")[-4000:]
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()

    @contextmanager
    def serving_often(self, count: int, **settings: str) -> Iterator[list[Server]]:
        """Several server processes on one database; the first works on jobs and the record as well."""
        with ExitStack() as running:
            servers = []
            for number in range(count):
                more = settings if number == 0 else {**settings, "VINHDANH_WORKERS": "0"}
                servers.append(running.enter_context(self.serving(**more)))
            yield servers

    def check(self, canaries: Sequence[str] = (), *, drained: bool = True) -> None:
        """Hold everything that must always be true (record.md §5) against what is kept now."""
        if drained:
            self.settle()
        said = broken(
            self.world.database,
            self.files,
            self.keys,
            journal=self.journal,
            canaries=canaries,
            logs=self.logs,
            drained=drained,
        )
        assert not said, "\n".join(said)

    def settle(self) -> None:
        """Do what is left to do, as a worker would when the servers have ended. What one of them held under a
        lease as its database went away is free a minute later; that minute is not waited for.
        """
        clock = self.world.clock
        assert clock is not None
        morning = clock.now()
        clock.set(datetime.fromisoformat(NOON))
        with self.world.database.writing() as tx:
            tx.connection.execute(
                update(Outbox).where(Outbox.state == "running").values(lease_until=Outbox.created_at)
            )
        try:
            sequencer = Sequencer(self.world.database, FileKeySigner(self.keys))
            Worker(self.world.database, self.files, sequencer).work_until_idle()
        finally:
            clock.set(morning)


def an_installation(folder: Path, database_url: str, files_url: str | None = None) -> Installation:
    """Make one in ``folder`` on a migrated, empty database; files are local unless a store is named."""
    data = folder / "data"
    (data / "keys").mkdir(parents=True, mode=0o700)
    clock = TestClock(datetime.fromisoformat(MORNING))
    world = a_world(Database(database_url, clock=clock), clock)
    url = files_url or (data / "files").as_uri()
    files = files_from_url(url)
    files.prepare()
    FileKeySigner.make(data / "keys", ORIGIN)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "LANG": "C",
        "VINHDANH_DATA_DIR": str(data),
        "VINHDANH_DATABASE_URL": database_url,
        "VINHDANH_FILES_URL": url,
        "VINHDANH_DEMO": "0",
        "VINHDANH_SECRET_KEY": SECRET,
        "VINHDANH_TEST_CLOCK": MORNING,
    }
    return Installation(data, world, files, environment)


def started(command: Sequence[str], environment: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    """Start ``vinhdanh`` with exactly this environment; what it says goes to ``log``, its greeting beside it."""
    with log.open("wb") as errors, log.with_suffix(".out").open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "web.cli", *command],
            cwd=ROOT, env=dict(environment), stdin=subprocess.DEVNULL, stdout=output, stderr=errors,
        )  # fmt: skip


def wait_until_ready(server: Server) -> None:
    deadline = time.monotonic() + ANSWERS_WITHIN
    client = server.client(None)
    while True:
        assert server.process.poll() is None, server.log.read_text(encoding="utf-8")[-4000:]
        with suppress(*TRANSIENT):
            if client.send("GET", "/readyz").status == 200:
                return
        assert time.monotonic() < deadline, server.log.read_text(encoding="utf-8")[-4000:]
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


# Deeds that can be repeated for ever on one dossier, each undoing the other, by state and person.
CYCLES: Mapping[str, tuple[str, tuple[str, str]]] = {
    "received": ("diem", ("hold", "release")),
    "pending_decision": ("an", ("approve", "revoke_approval")),
}
FIELDS: Mapping[str, Mapping[str, str]] = {"hold": {"hold_kind": "complaint"}}


@dataclass
class Rider:
    """One person who acts on one dossier again and again, and keeps a journal of what was answered.

    An answer that never came is *unknown*; the same request is then sent again until something is heard.
    ``statuses`` says when each request began and what was answered, None for a line that broke.
    """

    installation: Installation
    dossier: str
    who: str
    actions: tuple[str, str]
    version: int
    turn: int = 0
    statuses: list[tuple[float, int | None]] = field(default_factory=list)

    @classmethod
    def on(cls, installation: Installation, state: str) -> Rider:
        who, actions = CYCLES[state]
        dossier = installation.dossier(state)
        return cls(installation, dossier, who, actions, installation.world.version(dossier))

    def client(self, server: Server, port: int | None = None) -> Client:
        return server.client(self.installation.token(self.who), port)

    def ride(self, client: Client, tries: int = 200, pause: float = 0.05) -> Answer:
        """Do the next deed, again with the same key until it is acknowledged; return that answer."""
        action, key = self.actions[self.turn % 2], str(uuid.uuid4())
        deed = Deed(key, self.dossier, action)
        self.installation.journal.append(deed)
        for _ in range(tries):
            begun = time.monotonic()
            try:
                answer = client.act(
                    self.dossier,
                    action,
                    self.version,
                    key,
                    reason="Theo yêu cầu kiểm tra.",
                    fields=dict(FIELDS.get(action, {})),
                )
            except TRANSIENT:
                self.statuses.append((begun, None))
                time.sleep(pause)
                continue
            self.statuses.append((begun, answer.status))
            if answer.status == 503:
                time.sleep(pause)
                continue
            assert answer.status == 200, (answer.status, answer.body)
            deed.acknowledged = True
            self.version = answer.json["version"]
            self.turn += 1
            return answer
        raise AssertionError(f"{action} was never answered: {self.statuses[-5:]}")


def all_at_once(calls: Sequence[Any]) -> list[Any]:
    """Run every call in a thread of its own, let go together; return results in order, or raise the first
    error.
    """
    gate = threading.Barrier(len(calls))
    results: list[Any] = [None] * len(calls)
    errors: list[BaseException] = []

    def run(place: int, call: Any) -> None:
        try:
            gate.wait()
            results[place] = call()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=item, daemon=True) for item in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return results
