"""The database goes away under load and comes back; or it is there and has no room (promise T58).

What a client hears is success or 503 with a time to come back, never 500 and never a trace; nothing that was
acknowledged is lost, and nothing is done twice.
"""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path

import psycopg
import pytest

from storage import migrate
from tests.promises.installation import Answer, Installation, Rider, all_at_once, an_installation
from tests.services.postgres import PostgresServer, started_postgres

BACK_WITHIN = 30.0  # seconds, of record and promises; a restart of the tests' server takes less than two
REVEALING = re.compile(rb"Traceback|psycopg|sqlalchemy|sqlite|SELECT |UPDATE |\.py\b", re.IGNORECASE)


class Restartable:
    """A PostgreSQL of the tests whose process can be ended and started again on the same port."""

    def __init__(self, server: PostgresServer) -> None:
        assert server.data_folder is not None
        self._pid_file = server.data_folder / "postmaster.pid"
        self._command = Path(f"/proc/{self._pid()}/cmdline").read_bytes().decode().strip("\0").split("\0")
        self._account = self._pid_file.stat()
        self._ours: subprocess.Popen[bytes] | None = None
        self._server = server

    def _pid(self) -> int:
        return int(self._pid_file.read_text().split()[0])

    def end(self, how: signal.Signals) -> None:
        """SIGINT disconnects everybody and ends in order, SIGQUIT ends at once and recovers at the start."""
        pid = self._pid()
        os.kill(pid, how)
        while self._is_alive(pid):
            time.sleep(0.02)
        if self._ours is not None:
            self._ours.wait()

    def start(self) -> None:
        owner = [f"--reuid={self._account.st_uid}", f"--regid={self._account.st_gid}", "--clear-groups"]
        prefix = ["setpriv", "--pdeathsig=QUIT", *(owner if os.geteuid() == 0 else [])]
        self._ours = subprocess.Popen(
            [*prefix, *self._command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, cwd="/",
        )  # fmt: skip
        until = time.monotonic() + BACK_WITHIN
        while True:
            try:
                psycopg.connect(
                    self._server.url_of("postgres").replace("+psycopg", ""), connect_timeout=5
                ).close()
                return
            except psycopg.OperationalError:
                assert time.monotonic() < until
                time.sleep(0.05)

    @staticmethod
    def _is_alive(pid: int) -> bool:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return False
        return state != "Z"  # one that started it may not have asked how it ended


@contextmanager
def restartable() -> Iterator[tuple[PostgresServer, Restartable]]:
    with started_postgres(durable=True) as server:
        postgres = Restartable(server)
        try:
            yield server, postgres
        finally:
            if postgres._ours is not None and postgres._ours.poll() is None:
                postgres.end(signal.SIGINT)


@pytest.mark.parametrize(
    "restarts", [2, pytest.param(50, marks=[pytest.mark.long, pytest.mark.timeout(3600)])]
)
def test_a_restart_of_the_database_under_load_loses_nothing_and_is_over_when_it_is_back(
    tmp_path: Path, restarts: int
) -> None:
    with ExitStack() as stack:
        server, postgres = stack.enter_context(restartable())
        url = server.create_database()
        migrate.upgrade(url)
        installation = stack.enter_context(closing(an_installation(tmp_path, url)))
        riders = [Rider.on(installation, state) for state in ("received", "pending_decision") * 2]
        stopping = threading.Event()
        windows: list[tuple[float, float]] = []

        def ride(rider: Rider) -> None:
            while not stopping.is_set():
                rider.ride(rider.client(running), tries=600)
                time.sleep(0.02)

        # Here and not in a thread: a server that is started ends with the thread that started it.
        with installation.serving() as running, ThreadPoolExecutor(len(riders)) as pool:
            riding = [pool.submit(ride, rider) for rider in riders]
            try:
                for number in range(restarts):
                    time.sleep(2.0)
                    gone = time.monotonic()
                    postgres.end(signal.SIGQUIT if number % 2 else signal.SIGINT)
                    time.sleep(0.3)
                    postgres.start()
                    windows.append((gone, time.monotonic()))
                    done = sum(rider.turn for rider in riders)
                    until = time.monotonic() + BACK_WITHIN
                    while sum(rider.turn for rider in riders) < done + 4:
                        assert time.monotonic() < until, "the service did not come back"
                        time.sleep(0.05)
            finally:
                stopping.set()
            for one in riding:
                one.result()
            assert running.client(None).send("GET", "/readyz").status == 200
        heard = [one for rider in riders for one in rider.statuses]
        assert {status for _, status in heard} <= {200, 503}, Counter(status for _, status in heard)
        # Of what was asked outside the outages, with a second to notice the end of one, almost nothing is refused.
        calm = [
            status
            for at, status in heard
            if not any(begin - 0.5 <= at <= end + 1.0 for begin, end in windows)
        ]
        assert len(calm) > 20
        assert calm.count(503) <= len(calm) // 1000, Counter(calm)
        assert Counter(status for _, status in heard)[503], "the load noticed the outages at all"
        installation.check()


def refused_politely(answer: Answer) -> bool:
    return (
        answer.status == 503
        and int(answer.headers["retry-after"]) > 0
        and answer.json["code"] == "busy"
        and REVEALING.search(answer.body) is None
    )


def test_more_requests_than_connections_are_asked_to_come_back(large: Installation) -> None:
    """Somebody's transaction holds a table; the pool fills up with those who wait; nobody waits for ever."""
    rider = Rider.on(large, "received")
    url = large.environment["VINHDANH_DATABASE_URL"].replace("+psycopg", "")
    with large.serving(VINHDANH_THREADS="48", VINHDANH_WORKERS="0") as server:
        client = rider.client(server)
        with psycopg.connect(url) as other, ThreadPoolExecutor(40) as pool:
            other.execute("LOCK TABLE dossier IN ACCESS EXCLUSIVE MODE")
            asked = [pool.submit(client.get, f"/dossiers/{rider.dossier}") for _ in range(40)]
            while sum(one.done() for one in asked) < 10:
                assert client.send("GET", "/healthz").status == 200
                time.sleep(0.2)
            other.rollback()
            answers = [one.result() for one in asked]
        refused = [answer for answer in answers if answer.status != 200]
        assert len(refused) >= 10
        assert all(refused_politely(answer) for answer in refused), {a.body for a in refused}
        assert client.get(f"/dossiers/{rider.dossier}").status == 200  # at once, without a restart
        rider.ride(client)
    large.check()


def test_a_locked_sqlite_lets_people_read_and_asks_writers_to_come_back(small: Installation) -> None:
    rider = Rider.on(small, "received")
    path = small.environment["VINHDANH_DATABASE_URL"].removeprefix("sqlite:///")
    with small.serving() as server:
        client = rider.client(server)
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        refused, seen = all_at_once(
            [
                partial(client.act, rider.dossier, "release", rider.version, reason="x"),
                partial(client.get, f"/dossiers/{rider.dossier}"),
            ]
        )
        assert refused_politely(refused), refused
        assert seen.status == 200
        other.execute("ROLLBACK")
        other.close()
        rider.ride(client)
    small.check()
