"""A worker is killed while it delivers: everybody is told once, nobody is forgotten (promise T61)."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from sqlalchemy import func, select

from dossiers.dossier import Notice
from storage.database import Database
from storage.outbox_tables import Outbox
from tests.promises.installation import ROOT, Installation

TOLD_WITHIN = 60.0  # seconds, of the promise; the lease of these workers is two


@contextmanager
def workers(installation: Installation, count: int) -> Iterator[list[subprocess.Popen[str]]]:
    """Worker processes; the test kills and replaces them in the list as it likes."""
    running: list[subprocess.Popen[str]] = []
    try:
        for _ in range(count):
            running.append(a_worker(installation))
        yield running
    finally:
        for process in running:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


def a_worker(installation: Installation) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.promises.a_worker",
         installation.environment["VINHDANH_DATABASE_URL"], str(installation.folder / "files")],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def open_jobs(database: Database) -> int:
    with database.reading() as tx:
        return (
            tx.session.scalar(
                select(func.count())
                .select_from(Outbox)
                .where(Outbox.kind == "notify", Outbox.state.in_(("ready", "running")))
            )
            or 0
        )


def told(database: Database) -> list[tuple[str, int]]:
    with database.reading() as tx:
        rows = tx.connection.execute(select(Notice.outbox_key, Notice.person_id))
        return sorted((row.outbox_key, row.person_id) for row in rows)


def test_killed_in_the_middle_of_a_delivery_it_leaves_one_notice_for_each_person(large: Installation) -> None:
    """The delivery is stopped between its first row and its commit by a lock of ours, and the process killed
    right there; the second worker takes the job over when the lease has run out.
    """
    large.dossier("submitted")
    url = large.environment["VINHDANH_DATABASE_URL"].replace("+psycopg", "")
    assert open_jobs(large.world.database) == 1
    with psycopg.connect(url) as other, psycopg.connect(url, autocommit=True) as admin:
        other.execute("SELECT id FROM person FOR UPDATE")  # a notice needs its person to stay
        with workers(large, 2) as running:
            pids = wait_for_one_blocked(admin)
            victim = next(process for process in running if blocked_of(admin, process) in pids)
            kill(victim)
            running.remove(victim)
            other.rollback()
            until = time.monotonic() + TOLD_WITHIN
            while open_jobs(large.world.database):
                assert time.monotonic() < until
                time.sleep(0.05)
    first = told(large.world.database)
    assert len(first) == 1
    with large.world.database.reading() as tx:
        assert tx.session.scalars(select(Outbox.attempt).where(Outbox.kind == "notify")).all() == [2]
    large.check()


def wait_for_one_blocked(admin: psycopg.Connection[tuple[int, ...]]) -> set[int]:
    """Return the client ports of the deliveries that wait for our lock."""
    until = time.monotonic() + 20
    while True:
        rows = admin.execute(
            "SELECT client_port FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        ).fetchall()
        if rows:
            return {row[0] for row in rows}
        assert time.monotonic() < until
        time.sleep(0.02)


def blocked_of(admin: psycopg.Connection[tuple[int, ...]], process: subprocess.Popen[str]) -> int | None:
    """Return the port of this process's connection that waits, None when none does."""
    ports = wait_for_one_blocked(admin)
    listed = subprocess.run(
        ["ls", "-l", f"/proc/{process.pid}/fd"], capture_output=True, text=True, check=True
    ).stdout
    with open("/proc/net/tcp", encoding="ascii") as table:
        for line in list(table)[1:]:
            columns = line.split()
            port, inode = int(columns[1].rpartition(":")[2], 16), columns[9]
            if port in ports and f"socket:[{inode}]" in listed:
                return port
    return None


@pytest.mark.parametrize("kills", [4, pytest.param(100, marks=[pytest.mark.long, pytest.mark.timeout(1800)])])
def test_workers_killed_at_random_tell_everybody_once(large: Installation, kills: int) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # shown when the test fails
    dice = random.Random(seed)
    dossier = large.dossier("pending_decision")
    with workers(large, 2) as running:
        for _ in range(kills):
            for _ in range(5):
                large.world.act("an", dossier, "approve")
                large.world.act("an", dossier, "revoke_approval", reason="Xem lại.")
            time.sleep(dice.random() * 0.05)
            victim = dice.randrange(2)
            kill(running[victim])
            running[victim] = a_worker(large)
        until = time.monotonic() + TOLD_WITHIN
        while open_jobs(large.world.database):
            assert time.monotonic() < until
            time.sleep(0.05)
    with large.world.database.reading() as tx:
        promised = set(tx.session.scalars(select(Outbox.key).where(Outbox.kind == "notify")))
        attempts = tx.session.scalars(select(Outbox.attempt).where(Outbox.kind == "notify")).all()
    notices = told(large.world.database)
    assert len(notices) == len(set(notices))
    assert {key for key, _ in notices} <= promised
    assert min(attempts) >= 1
    large.check()
