"""Promises are kept once, by whoever lives; what cannot be done is parked where people see it."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfoNotFoundError

import pytest
from sqlalchemy import event, select, text, update

from storage.database import Database, TestClock, Tx
from storage.outbox import (
    LONGEST_ERROR,
    MOST_ATTEMPTS,
    Job,
    LeaseLost,
    NotDead,
    backlog,
    claim,
    count_dead,
    dead_letters,
    fail,
    finish,
    heartbeat,
    promise,
    put_schedule,
    revive,
    run_due_schedules,
)
from storage.outbox_tables import Outbox, Schedule
from tests.conftest import SC_01_MORNING, OpenDatabase
from tests.storage.outbox_worker import NOTE

LEASE = timedelta(minutes=1)
RUN_OUT = timedelta(seconds=-1)
"""A lease that has run out as soon as it is given: a worker that died long ago."""


def _promised(database: Database, *keys: str, **more: Any) -> None:
    with database.writing() as tx:
        for key in keys:
            promise(tx, "mail", key, {"to": "Đặng Thị Ửng"}, **more)


def _claimed(database: Database, worker: str = "w1", lease: timedelta = LEASE) -> Job:
    job = claim(database, worker, lease)
    assert job is not None
    return job


def _row(database: Database, key: str) -> Any:
    with database.reading() as tx:
        return tx.connection.execute(select(Outbox.__table__).where(Outbox.key == key)).one()


# One job


def test_a_promise_is_claimed_and_finished(database: Database) -> None:
    _promised(database, "a")
    job = _claimed(database)
    assert (job.key, job.kind, job.payload, job.attempt) == ("a", "mail", {"to": "Đặng Thị Ửng"}, 1)
    assert claim(database, "w2", LEASE) is None
    with database.writing() as tx:
        finish(tx, job)
    assert claim(database, "w2", LEASE) is None
    assert _row(database, "a").state == "done"
    assert _row(database, "a").finished_at == SC_01_MORNING


def test_the_same_promise_twice_is_one(database: Database) -> None:
    _promised(database, "a")
    with database.writing() as tx:
        promise(tx, "other", "a", {"to": "nobody"})
    assert _row(database, "a").kind == "mail"
    job = _claimed(database)
    with database.writing() as tx:
        finish(tx, job)
    _promised(database, "a")  # also when it was kept long ago
    assert claim(database, "w1", LEASE) is None


def test_what_is_rolled_back_was_never_promised(database: Database) -> None:
    with pytest.raises(LookupError), database.writing() as tx:
        _promise_and_fail(tx)
    assert claim(database, "w1", LEASE) is None


def _promise_and_fail(tx: Any) -> None:
    promise(tx, "mail", "a", {})
    raise LookupError


def test_a_promise_waits_for_its_time_on_the_clock_of_the_deeds(database: Database, clock: TestClock) -> None:
    _promised(database, "later", run_at=SC_01_MORNING + timedelta(days=3))
    _promised(database, "now")
    assert _claimed(database).key == "now"
    assert claim(database, "w1", LEASE) is None
    clock.advance(timedelta(days=3))
    assert _claimed(database).key == "later"


def test_the_eldest_comes_first(database: Database) -> None:
    for days in (1, 3, 2):
        _promised(database, f"{days}", run_at=SC_01_MORNING - timedelta(days=days))
    assert [_claimed(database).key for _ in range(3)] == ["3", "2", "1"]


def test_an_idle_look_does_not_wake_the_worker_again(database: Database) -> None:
    woken: list[int] = []
    database.on_commit(lambda: woken.append(1))
    assert claim(database, "w1", LEASE) is None
    assert run_due_schedules(database) == 0
    assert woken == []


# Leases


def test_a_dead_workers_job_is_taken_over_and_its_ghost_is_fenced_off(database: Database) -> None:
    _promised(database, "a")
    ghost = _claimed(database, "w1", RUN_OUT)
    heir = _claimed(database, "w1")  # even under the same name
    assert heir.attempt == 2
    with pytest.raises(LeaseLost):
        heartbeat(database, ghost)
    with pytest.raises(LeaseLost), database.writing() as tx:
        _do_and_finish(tx, ghost)
    fail(database, ghost, "the ghost's trouble")  # is nobody's business any more
    with database.writing() as tx:
        _do_and_finish(tx, heir)
    assert _row(database, "a").state == "done"
    assert _blobs(database) == 1


def _do_and_finish(tx: Any, job: Job) -> None:
    tx.connection.execute(
        text(
            "INSERT INTO blob (key, sha256, size, media_type, scan_state, created_at)"
            " VALUES (:key, '', 0, '', 'off', '2024-11-18 02:00:00')"
        ),
        {"key": job.owner},
    )
    finish(tx, job)


def _blobs(database: Database) -> int:
    with database.reading() as tx:
        return int(tx.connection.execute(text("SELECT count(*) FROM blob")).scalar_one())


def test_a_heartbeat_keeps_the_lease(database: Database) -> None:
    _promised(database, "a")
    job = _claimed(database, lease=timedelta(seconds=0.3))
    kept = Job(**{name: getattr(job, name) for name in Job.__slots__ if name != "lease"}, lease=LEASE)
    heartbeat(database, kept)
    time.sleep(0.35)  # longer than the first lease, which would have run out by now
    assert claim(database, "w2", LEASE) is None


def test_leases_do_not_follow_a_test_clock(database: Database, clock: TestClock) -> None:
    _promised(database, "a")
    _claimed(database)
    clock.advance(timedelta(days=400))
    assert claim(database, "w2", LEASE) is None


# Trouble


def test_a_poison_job_comes_back_later_and_later_and_is_parked(database: Database, clock: TestClock) -> None:
    _promised(database, "a")
    pauses = []
    for attempt in range(1, MOST_ATTEMPTS + 1):
        job = _claimed(database)
        assert job.attempt == attempt
        fail(database, job, ValueError("cannot be sent\x00"))
        assert claim(database, "w1", LEASE) is None
        if attempt < MOST_ATTEMPTS:
            pauses.append((_row(database, "a").run_at - clock.now()).total_seconds())
            clock.set(_row(database, "a").run_at)
    assert all(2 ** (n + 1) * 0.5 <= pause <= 2 ** (n + 1) * 1.5 for n, pause in enumerate(pauses)), pauses
    with database.reading() as tx:
        letters = dead_letters(tx)
        assert [(letter.key, letter.attempt, letter.error) for letter in letters] == [
            ("a", MOST_ATTEMPTS, "ValueError: cannot be sent")
        ]
        assert backlog(tx).dead == 1
    clock.advance(timedelta(days=30))
    assert claim(database, "w1", LEASE) is None


def test_pauses_are_spread_at_random(sqlite_database: Database) -> None:
    keys = [f"{n}" for n in range(8)]
    _promised(sqlite_database, *keys)
    for _ in keys:
        fail(sqlite_database, _claimed(sqlite_database), "no answer")
    assert len({_row(sqlite_database, key).run_at for key in keys}) > 1


def test_a_job_that_takes_every_worker_with_it_is_parked(database: Database) -> None:
    _promised(database, "poison", "fine")
    for _ in range(MOST_ATTEMPTS):
        assert _claimed(database, lease=RUN_OUT).key == "poison"
    assert _claimed(database).key == "fine"
    with database.reading() as tx:
        assert "no worker lived" in dead_letters(tx)[0].error


def test_a_dead_job_can_be_revived(database: Database) -> None:
    _promised(database, "a")
    for _ in range(MOST_ATTEMPTS):
        _claimed(database, lease=RUN_OUT)
    assert claim(database, "w1", LEASE) is None
    with database.writing() as tx:
        assert revive(tx, dead_letters(tx)[0].key) == "mail"
    job = _claimed(database)
    assert job.attempt == 1
    with pytest.raises(NotDead), database.writing() as tx:
        revive(tx, job.key)


def test_what_was_given_up_is_read_in_parts_by_an_index_of_its_own(database: Database) -> None:
    with database.writing() as tx:
        for n in range(3000):
            promise(tx, "mail", f"job-{n:04}", {})
        tx.connection.execute(update(Outbox).values(state="done", finished_at=tx.now))
        dead = [f"job-{n:04}" for n in range(0, 3000, 400)]
        tx.connection.execute(update(Outbox).where(Outbox.key.in_(dead)).values(state="dead", error="E: x"))
        tx.connection.exec_driver_sql("ANALYZE outbox")
    with database.reading() as tx, _plans(tx) as plans:
        found: list[str] = []
        while letters := dead_letters(tx, after=found[-1] if found else None, limit=3):
            assert len(letters) <= 3
            found += [letter.key for letter in letters]
        assert found == dead[::-1]
        assert [count_dead(tx, at_most=n) for n in (5, 8, 100)] == [5, 8, 8]
        with pytest.raises(LookupError):
            dead_letters(tx, after="nowhere")
    asked = [plan for statement, plan in plans if "'dead'" in statement]
    assert len(asked) == 4 + 3
    assert [plan for plan in asked if "ix_outbox_dead" not in plan] == []


@contextmanager
def _plans(tx: Tx) -> Iterator[list[tuple[str, str]]]:
    """Every statement of a block, with how the database goes about it."""
    plans: list[tuple[str, str]] = []
    explain = {"sqlite": "EXPLAIN QUERY PLAN ", "postgresql": "EXPLAIN "}[tx.dialect]

    def look(_: Any, cursor: Any, statement: str, parameters: Any, *__: Any) -> None:
        cursor.execute(explain + statement, parameters)
        plans.append((statement, str(cursor.fetchall())))

    event.listen(tx.connection, "before_cursor_execute", look)
    yield plans
    event.remove(tx.connection, "before_cursor_execute", look)


def test_a_long_error_is_cut(database: Database) -> None:
    _promised(database, "a")
    fail(database, _claimed(database), "ữ" * 5000 + "\ud800")
    assert _row(database, "a").error == "ữ" * LONGEST_ERROR


def test_the_backlog_says_what_waits_and_since_when(database: Database, clock: TestClock) -> None:
    _promised(database, "a", "b", run_at=SC_01_MORNING)
    _promised(database, "c", run_at=SC_01_MORNING + timedelta(days=9))
    _claimed(database)
    clock.advance(timedelta(hours=1))
    with database.reading() as tx:
        found = backlog(tx)
    assert (found.ready, found.running, found.dead) == (2, 1, 0)
    assert found.oldest_due == SC_01_MORNING


# Schedules


def _next_at(database: Database, key: str) -> datetime:
    with database.reading() as tx:
        moment: datetime = tx.connection.execute(
            select(Schedule.next_at).where(Schedule.key == key)
        ).scalar_one()
        return moment


def _scheduled(database: Database, cron: str = "0 7 * * *", zone: str = "Asia/Ho_Chi_Minh") -> None:
    with database.writing() as tx:
        put_schedule(tx, "daily", "remind", cron, zone, {"level": "district"})


def test_a_schedule_is_read_in_its_own_zone(database: Database) -> None:
    _scheduled(database)
    assert _next_at(database, "daily") == datetime(2024, 11, 19, 0, 0, tzinfo=UTC)  # 07:00 in Giang Thành


def test_a_schedule_promises_once_each_time(database: Database, clock: TestClock) -> None:
    _scheduled(database)
    assert run_due_schedules(database) == 0
    clock.set(datetime(2024, 11, 19, 0, 0, tzinfo=UTC))
    assert run_due_schedules(database) == 1
    assert run_due_schedules(database) == 0
    job = _claimed(database)
    assert (job.kind, job.payload) == ("remind", {"level": "district"})
    assert claim(database, "w1", LEASE) is None
    assert _next_at(database, "daily") == datetime(2024, 11, 20, 0, 0, tzinfo=UTC)


def test_what_passed_while_nobody_ran_is_made_good_once(database: Database, clock: TestClock) -> None:
    _scheduled(database)
    clock.advance(timedelta(days=30))
    assert run_due_schedules(database) == 1
    _claimed(database)
    assert claim(database, "w1", LEASE) is None
    assert _next_at(database, "daily") > clock.now()


def test_the_same_schedule_again_keeps_its_next_time(database: Database, clock: TestClock) -> None:
    _scheduled(database)
    clock.advance(timedelta(days=2))
    _scheduled(database)
    assert _next_at(database, "daily") == datetime(2024, 11, 19, 0, 0, tzinfo=UTC)
    _scheduled(database, cron="30 8 * * 1-5")
    assert _next_at(database, "daily") == datetime(2024, 11, 21, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cron", "zone", "error"),
    [("every day", "Asia/Ho_Chi_Minh", ValueError), ("0 7 * * *", "Asia/Giang_Thanh", ZoneInfoNotFoundError)],
)
def test_a_schedule_nobody_can_read_is_refused(
    sqlite_database: Database, cron: str, zone: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        _scheduled(sqlite_database, cron, zone)


def test_many_who_run_the_schedules_promise_once(database: Database, clock: TestClock) -> None:
    _scheduled(database)
    clock.advance(timedelta(days=1))
    together = threading.Barrier(4, timeout=20)
    ran: list[int] = []

    def run() -> None:
        together.wait()
        ran.append(run_due_schedules(database))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(ran) == 4
    with database.reading() as tx:
        assert backlog(tx).ready == 1


# Several workers


@contextmanager
def _worker(url: str, name: str, mode: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.storage.outbox_worker", url, name, mode],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def _go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


@pytest.fixture
def production_database(database_url: str, open_database: OpenDatabase) -> Database:
    """A database on the clock of production, with the table in which workers note what they did."""
    database = open_database(database_url)
    with database.writing() as tx:
        tx.connection.exec_driver_sql("CREATE TABLE effect (job_key text NOT NULL, worker text NOT NULL)")
    return database


def test_two_processes_do_three_hundred_jobs_once_each(
    migrated_postgres_url: str, open_database: OpenDatabase
) -> None:
    database = open_database(migrated_postgres_url)
    with database.writing() as tx:
        tx.connection.exec_driver_sql("CREATE TABLE effect (job_key text NOT NULL, worker text NOT NULL)")
    _promised(database, *(f"job {n}" for n in range(300)))
    with (
        _worker(migrated_postgres_url, "w1", "drain") as one,
        _worker(migrated_postgres_url, "w2", "drain") as two,
    ):
        for process in (one, two):
            _go(process)
        for process in (one, two):
            assert process.wait(60) == 0
    with database.reading() as tx:
        effects = tx.connection.execute(text("SELECT job_key, worker FROM effect")).all()
        attempts = set(tx.connection.execute(select(Outbox.attempt)).scalars())
    assert Counter(key for key, _ in effects) == Counter({f"job {n}": 1 for n in range(300)})
    assert {worker for _, worker in effects} == {"w1", "w2"}
    assert attempts == {1}  # nobody ever took a job from the other


def test_a_worker_killed_in_mid_job_is_replaced(production_database: Database, database_url: str) -> None:
    _promised(production_database, "a")
    with _worker(database_url, "w1", "hang") as process:
        _go(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "claimed\n"
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    deadline = time.monotonic() + 20
    while (job := claim(production_database, "w2", LEASE)) is None:
        assert time.monotonic() < deadline, "the job of a killed worker never came back"
        time.sleep(0.05)
    assert job.attempt == 2
    with production_database.writing() as tx:
        tx.connection.execute(NOTE, {"key": job.key, "worker": "w2"})
        finish(tx, job)
    with production_database.reading() as tx:
        assert tx.connection.execute(text("SELECT job_key, worker FROM effect")).all() == [("a", "w2")]
