"""Nobody is told that a deed is done before it is on the disk (promise T47)."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest

from storage import migrate
from tests.promises.installation import (
    ENDS_WITHIN,
    ROOT,
    Installation,
    Rider,
    Server,
    an_installation,
    free_port,
    wait_until_ready,
)
from tests.services.postgres import started_postgres

# A system call that another thread interrupts is printed in two halves; both name the thread.
LINE = re.compile(r"^(?P<thread>\d+)\s+(?P<rest>.*)$")


def answers(trace: Iterable[str]) -> Iterator[tuple[bool, bool]]:
    """Yield for each answered deed whether the log of the database was flushed since its request was read,
    and whether it was answered 200. Assumes that deeds come one after the other, and one writer.
    """
    waiting: dict[str, str] = {}
    asked = flushed = False
    for line in trace:
        found = LINE.match(line)
        if found is None:
            continue
        thread, rest = found["thread"], found["rest"]
        if rest.endswith("<unfinished ...>"):
            waiting[thread] = rest
            # What is sent has left the program when the call begins, not when it returns.
            if not rest.startswith("sendto("):
                continue
        elif rest.startswith("<... "):
            begun = waiting.pop(thread, "")
            if begun.startswith("sendto("):
                continue
            rest = begun.removesuffix("<unfinished ...>") + rest
        if rest.startswith("recvfrom(") and "POST /api/v1/dossiers/" in rest:
            asked, flushed = True, False
        elif re.match(r"f(data)?sync\(", rest) and "-wal>" in rest and re.search(r"= 0$", rest):
            flushed = True
        elif asked and rest.startswith("sendto(") and '"HTTP/1.1 ' in rest:
            yield flushed, '"HTTP/1.1 200 ' in rest
            asked = False


def test_a_trace_in_which_the_answer_goes_first_is_noticed() -> None:
    read = '7 recvfrom(9<socket:[1]>, "POST /api/v1/dossiers/x/actions/hold HTTP/1.1"..., 8192, 0) = 300'
    sync = "8 fdatasync(5</data/vinhdanh.sqlite3-wal>) = 0"
    halves = [
        "8 fdatasync(5</data/x-wal> <unfinished ...>",
        "7 epoll_wait(3) = 1",
        "8 <... fdatasync resumed>) = 0",
    ]
    sent = '7 sendto(9<socket:[1]>, "HTTP/1.1 200 OK"..., 200, 0) = 200'
    assert list(answers([read, sync, sent])) == [(True, True)]
    assert list(answers([read, *halves, sent])) == [(True, True)]
    assert list(answers([read, sent, sync])) == [(False, True)]
    assert list(answers([sync, read, sent])) == [(False, True)]
    begun = '7 sendto(9<socket:[1]>, "HTTP/1.1 200 OK"..., 200, 0 <unfinished ...>'
    assert list(answers([read, begun, sync, "7 <... sendto resumed>) = 200"])) == [(False, True)]
    assert list(answers([read, "8 fdatasync(5</data/x-wal>) = -1 EIO (Input/output error)", sent])) == [
        (False, True)
    ]


@contextmanager
def traced(installation: Installation, trace: Path) -> Iterator[Server]:
    """A server whose reading, flushing and sending is written down; nobody else writes to the database."""
    assert shutil.which("strace"), "install Debian's package strace: without it nothing here is proven"
    port = free_port()
    log = trace.with_suffix(".log")
    with log.open("wb") as errors:
        strace = subprocess.Popen(
            ["strace", "-f", "-y", "-s", "64", "-o", str(trace), "-e", "trace=recvfrom,fsync,fdatasync,sendto",
             sys.executable, "-m", "web.cli", "serve"],
            cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors,
            env={**installation.environment, "VINHDANH_PORT": str(port), "VINHDANH_WORKERS": "0"},
        )  # fmt: skip
    try:
        server = Server(strace, port, log)
        wait_until_ready(server)
        yield server
        # strace hands no signal on: the program it started is asked to end itself.
        children = Path(f"/proc/{strace.pid}/task/{strace.pid}/children").read_text().split()
        assert len(children) == 1
        subprocess.run(["kill", f"-{int(signal.SIGTERM)}", children[0]], check=True)
        assert strace.wait(ENDS_WITHIN) == 0, log.read_text(encoding="utf-8")
    finally:
        if strace.poll() is None:
            strace.kill()  # and what it traces ends with its port untouched by any other test
        strace.wait()


@pytest.mark.parametrize("count", [40, pytest.param(200, marks=[pytest.mark.long, pytest.mark.timeout(600)])])
def test_no_deed_is_answered_before_sqlite_has_flushed_it(
    small: Installation, tmp_path: Path, count: int
) -> None:
    riders = [Rider.on(small, "received"), Rider.on(small, "pending_decision")]
    with traced(small, tmp_path / "trace") as server:
        for number in range(count):
            rider = riders[number % 2]
            rider.ride(rider.client(server))
    found = list(answers((tmp_path / "trace").read_text(errors="replace").splitlines()))
    assert [ok for _, ok in found] == [True] * count, "the trace shows each deed and its answer"
    assert [flushed for flushed, _ in found] == [True] * count
    small.check()


# What else writes to the log by itself would hide a deed that was not flushed, or be taken for one.
QUIET = {"autovacuum": "off", "wal_level": "minimal", "max_wal_senders": "0", "wal_writer_delay": "10s",
         "wal_writer_flush_after": "0", "checkpoint_timeout": "1h", "bgwriter_lru_maxpages": "0"}  # fmt: skip


@pytest.mark.parametrize("count", [40, pytest.param(200, marks=[pytest.mark.long, pytest.mark.timeout(600)])])
def test_no_deed_is_answered_before_postgresql_has_flushed_it(tmp_path: Path, count: int) -> None:
    """Right after each answer, every commit that was written to the log is on the disk as well. With the promise taken
    back (``synchronous_commit=off``) the same look must find answers that came first.
    """
    with started_postgres(durable=True, settings=QUIET) as postgres:
        url = postgres.create_database()
        migrate.upgrade(url)
        with closing(an_installation(tmp_path, url)) as installation:
            rider = Rider.on(installation, "pending_decision")
            assert early(installation, rider, count, url) == 0
            with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as admin:
                admin.execute(f'ALTER DATABASE "{url.rpartition("/")[2]}" SET synchronous_commit = off')
            assert early(installation, rider, 10, url) > 0
            installation.check()


def early(installation: Installation, rider: Rider, count: int, url: str) -> int:
    """Return how many of ``count`` deeds were answered while a commit was not on the disk.

    Reading may write to the log as well, when it tidies a page, and nobody waits for that; so what was written
    but not flushed at the moment of an answer is looked through for commits afterwards.
    """
    moments: list[tuple[str, str, str]] = []
    with (
        installation.serving(VINHDANH_WORKERS="0") as server,
        psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as admin,
    ):
        admin.execute("CREATE EXTENSION IF NOT EXISTS pg_walinspect")
        before = where_the_log_is(admin)[0]
        for _ in range(count):
            rider.ride(rider.client(server))
            flushed, written = where_the_log_is(admin)
            moments.append((before, flushed, written))
            before = flushed
        # A commit that waits brings all before it to the disk, where it can be read.
        admin.execute("SET synchronous_commit = on")
        admin.execute("COMMENT ON EXTENSION pg_walinspect IS 'what was written'")
        return sum(
            admin.execute(
                "SELECT count(*) FROM pg_get_wal_records_info(%s, %s)"
                " WHERE resource_manager = 'Transaction' AND record_type LIKE 'COMMIT%%' AND end_lsn > %s",
                (begin, written, flushed),
            ).fetchone()
            != (0,)
            for begin, flushed, written in moments
            if written != flushed
        )


def where_the_log_is(admin: psycopg.Connection[tuple[str, ...]]) -> tuple[str, str]:
    """Return up to where the log is on the disk, and then up to where it is written."""
    flushed = admin.execute("SELECT pg_current_wal_flush_lsn()::text").fetchone()
    written = admin.execute("SELECT pg_current_wal_insert_lsn()::text").fetchone()
    assert flushed is not None
    assert written is not None
    return flushed[0], written[0]
